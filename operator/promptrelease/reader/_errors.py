"""What reading and compiling can raise.

::

    PromptError
    ├── PromptsUnavailableError       Prompts(path): nothing readable there, and no fallback
    ├── PromptNotFoundError           prompts[name] (a KeyError)
    │   └── AmbiguousPromptError      several labels of it are mounted: ask for name@label
    ├── PromptKindError               prompts.text(name), prompts.chat(name) (a TypeError)
    └── VariablesError                prompt.compile(...) (a ValueError)
"""

from __future__ import annotations

from promptrelease.content.errors import PromptError


class PromptsUnavailableError(PromptError):
    """At the first start there is no readable prompt. The text says what was looked at."""


class PromptNotFoundError(PromptError, KeyError):
    """No mount gives a prompt of that name."""

    def __str__(self) -> str:
        """The message: a KeyError alone would show it in quotes."""
        return str(self.args[0])


class AmbiguousPromptError(PromptNotFoundError):
    """Several labels of the prompt are mounted, so that its bare name means none of them."""


class PromptKindError(PromptError, TypeError):
    """A chat prompt was asked for as text, or a text prompt as chat."""
