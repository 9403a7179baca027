"""What is written down of one prompt's moves, as far as decisions need it."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field, replace

from promptrelease.release import log
from promptrelease.release.model import Change


@dataclass(slots=True)
class History:
    """Log entries of one prompt.

    Attributes:
        entries: of each label the newest, newest first.
        revision: the highest that an entry has.

    """

    entries: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    revision: int = 0
    _older: dict[str, dict[Hashable, Change]] = field(default_factory=dict)
    # Names of entries that were deleted while there was something else of the prompt.
    _gone: frozenset[str] = frozenset()

    @property
    def older(self) -> dict[str, Collection[Change]]:
        """Of each label what has no place among the newest, and may still decide something."""
        return {label: found.values() for label, found in self._older.items()}

    def add(self, change: Change) -> bool:
        """Note that a change is written down, without its words; whether that was news."""
        before = self.entries.get(change.label, ())
        kept = replace(change, reason="", by="")
        after = log.added(before, kept)
        for what, lost in log.left_behind(before, after, kept):
            self._older.setdefault(change.label, {})[what] = lost
        if self._gone:
            self._gone -= {log.name_of(change)}
        if after == before:
            return False
        self.entries[change.label] = after
        self.revision = max(self.revision, change.revision)
        return True

    def drop(self, name: str) -> None:
        """Note that an entry was deleted. It is known all the same until ``forget``."""
        self._gone |= {name}

    def forget(self) -> None:
        """Forget what was deleted."""
        if not self._gone:
            return
        for label, changes in list(self.entries.items()):
            kept = tuple(change for change in changes if log.name_of(change) not in self._gone)
            if kept:
                self.entries[label] = kept
            else:
                del self.entries[label]
        self._gone = frozenset()
