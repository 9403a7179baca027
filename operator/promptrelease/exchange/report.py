"""What could not be carried over as it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Effect = Literal["left out", "changed", "conflict"]


@dataclass(frozen=True, order=True)
class Entry:
    """One thing that could not be carried over as it was.

    Attributes:
        prompt: as its owner calls it.
        version: its number; 0 when it is about the whole prompt.
        field: what is in the way, as its owner calls it.
        why: in words, with what to do.
        effect: ``left out``: the version, label or prompt did not come along. ``changed``: it came
            in another form, or without something that a model is never sent. ``conflict``: what is
            there says something else, and stays.

    """

    prompt: str
    version: int
    field: str
    why: str
    effect: Effect

    def __str__(self) -> str:
        """One line."""
        number = f" v{self.version}" if self.version else ""
        return f"{self.prompt}{number}: {self.field}: {self.effect}: {self.why}"


@dataclass(frozen=True)
class Report:
    """Entries in order, each once."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Report:
        """A report of these."""
        return cls(tuple(sorted(set(entries))))

    def __iter__(self) -> Iterator[Entry]:
        """All entries, by prompt and version."""
        return iter(self.entries)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.entries)

    def __str__(self) -> str:
        """One line an entry."""
        return "\n".join(map(str, self.entries))

    def having(self, effect: Effect) -> tuple[Entry, ...]:
        """The entries of one effect."""
        return tuple(entry for entry in self.entries if entry.effect == effect)
