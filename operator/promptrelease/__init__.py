"""Prompts for LLM applications, released through Kubernetes ConfigMaps: the reader.

::

    from promptrelease import Prompts

    prompts = Prompts("/etc/prompts")
    prompts["ticket-summary"].compile(ticket=ticket)

Importing this needs the standard library and nothing else. Operator and command line are extras,
in packages of their own below this one.
"""

from __future__ import annotations

from promptrelease.reader import (
    AmbiguousPromptError,
    ChatPrompt,
    Health,
    Message,
    Model,
    Problem,
    Prompt,
    PromptError,
    PromptKindError,
    PromptNotFoundError,
    Prompts,
    PromptsUnavailableError,
    TextPrompt,
    VariablesError,
)

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
    "__version__",
]


def __getattr__(name: str) -> str:
    """``__version__``, looked up when asked for: importlib.metadata costs more than all the rest.

    Raises:
        PackageNotFoundError: run from a source tree that is not installed.

    """
    if name == "__version__":
        from importlib.metadata import version

        return version("promptrelease")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
