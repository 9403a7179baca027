"""What a workload imports: prompts from their mounts, in memory and always fresh.

Standard library only. ``Prompts`` keeps the mounts, ``Prompt`` is one version; the rest is what
they raise and report.
"""

from __future__ import annotations

from promptrelease.content.errors import PromptError
from promptrelease.content.variables import Message, VariablesError
from promptrelease.reader._errors import (
    AmbiguousPromptError,
    PromptKindError,
    PromptNotFoundError,
    PromptsUnavailableError,
)
from promptrelease.reader._health import Health, Problem
from promptrelease.reader._prompt import ChatPrompt, Model, Prompt, TextPrompt
from promptrelease.reader._prompts import Prompts

__all__ = [
    "AmbiguousPromptError",
    "ChatPrompt",
    "Health",
    "Message",
    "Model",
    "Problem",
    "Prompt",
    "PromptError",
    "PromptKindError",
    "PromptNotFoundError",
    "Prompts",
    "PromptsUnavailableError",
    "TextPrompt",
    "VariablesError",
]
