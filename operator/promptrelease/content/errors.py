"""The root of the errors that a caller of this package can meet."""

from __future__ import annotations


class PromptError(Exception):
    """Base of every error that reading or compiling a prompt raises."""
