"""Under which keys a prompt can be asked for.

``name@label`` always works. The bare name works while one label of the prompt is mounted. When
another label's mount comes later, the name stays with the label that it meant before: running code
must not start to fail because somebody filled an optional mount. (A process that starts then finds
it ambiguous, and says so.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from promptrelease.reader._errors import AmbiguousPromptError, PromptNotFoundError
from promptrelease.reader._prompt import Prompt


@dataclass(frozen=True)
class Index:
    """Prompts by key. Never changed once made: a refresh makes another.

    Attributes:
        by_key: every key that works.
        listed: each prompt once, under its shortest key.

    """

    by_key: dict[str, Prompt] = field(default_factory=dict)
    listed: dict[str, Prompt] = field(default_factory=dict)

    def not_found(self, key: str) -> PromptNotFoundError:
        """The error for a key that does not work."""
        several = sorted(listed for listed in self.listed if listed.startswith(f"{key}@"))
        if several:
            return AmbiguousPromptError(
                f"several labels of {key!r} are mounted, ask for one of {', '.join(several)}"
            )
        there = ", ".join(sorted(self.listed)) or "none"
        return PromptNotFoundError(f"no prompt {key!r} is mounted; there is {there}")


def full_key(prompt: Prompt) -> str:
    """The key that always works."""
    return f"{prompt.name}@{prompt.label}"


def index(prompts: Iterable[Prompt], fallbacks: Iterable[Prompt], before: Index) -> Index:
    """Index what is mounted, and fallbacks for the names that no mount gives.

    Of one label mounted twice the newer revision counts: swaps of two mounts don't coincide.
    """
    by_label: dict[str, dict[str, Prompt]] = {}
    for prompt in sorted(prompts, key=lambda prompt: prompt.revision):
        by_label.setdefault(prompt.name, {})[prompt.label] = prompt
    mounted = set(by_label)
    for prompt in fallbacks:
        if prompt.name not in mounted:
            by_label.setdefault(prompt.name, {})[prompt.label] = prompt
    made = Index()
    for name, labels in by_label.items():
        meant = next(iter(labels)) if len(labels) == 1 else None
        if meant is None and name in before.by_key:
            meant = before.by_key[name].label
        for label, prompt in labels.items():
            key = name if label == meant else full_key(prompt)
            made.listed[key] = made.by_key[key] = made.by_key[full_key(prompt)] = prompt
    return made
