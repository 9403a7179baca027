"""The change log in sentences: who moved what, when and why, and on what it passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promptrelease.release.log import WITHDRAWAL
from promptrelease.release.model import Change
from promptrelease.views.look.loglines import chosen

PAGE = 25
"""Entries of one page."""

KINDS = {
    "Promotion": "put live",
    "Rollback": "went back",
    "Follow": "followed",
    "Withdrawal": "withdrawn",
}
"""Kinds of moves, and how they are told."""


@dataclass(frozen=True)
class Entry:
    """A move.

    Attributes:
        told: the sentence after the label: ``went back from v3 to v2``.
        approvers: who approved it.

    """

    change: Change
    told: str
    approvers: tuple[str, ...]

    @property
    def glass(self) -> str:
        """Why its gates were skipped; empty when they were not."""
        return self.change.break_glass

    @property
    def comparable(self) -> bool:
        """Whether there are two versions to compare."""
        change = self.change
        return bool(change.before and change.to and change.before != change.to)


@dataclass(frozen=True)
class Chosen:
    """What somebody asked for; what is empty is not asked for."""

    label: str = ""
    person: str = ""
    kind: str = ""

    def takes(self, change: Change) -> bool:
        """Whether a move is among what was asked for; a person moved it, or approved it."""
        people = (change.by, *(consent.by for consent in change.approvals))
        return (
            self.label in ("", change.label)
            and self.kind in ("", change.kind)
            and (not self.person or self.person in people)
        )


@dataclass(frozen=True)
class Timeline:
    """A page of the log, newest first.

    Attributes:
        page: from 1.
        total: entries on all pages.
        labels, people, kinds: what one can choose from, whatever is chosen.

    """

    entries: tuple[Entry, ...]
    page: int
    pages: int
    total: int
    labels: tuple[str, ...]
    people: tuple[str, ...]
    kinds: tuple[str, ...]


def timeline(
    changes: Sequence[Change], prompt: str, wanted: Chosen | None = None, page: int = 1
) -> Timeline:
    """A page of a prompt's log; a page beyond the last is the last."""
    wanted = wanted or Chosen()
    every = chosen(changes, prompt)
    found = [change for change in every if wanted.takes(change)]
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(1, page), pages)
    begin = (page - 1) * PAGE
    people = {c.by for c in every} | {consent.by for c in every for consent in c.approvals}
    return Timeline(
        entries=tuple(entry(change) for change in found[begin : begin + PAGE]),
        page=page,
        pages=pages,
        total=len(found),
        labels=_sorted(c.label for c in every),
        people=_sorted(people),
        kinds=_sorted(c.kind for c in every),
    )


def newest(changes: Sequence[Change], prompt: str, count: int) -> list[Entry]:
    """The last entries of a prompt's log, newest first."""
    return [entry(change) for change in chosen(changes, prompt, limit=count)]


def entry(change: Change) -> Entry:
    """One move, in words."""
    approvers = tuple(consent.by or consent.name for consent in change.approvals)
    return Entry(change, _told(change), approvers)


def _told(change: Change) -> str:
    before, to = change.before, change.to
    if change.kind == WITHDRAWAL or to is None:
        return f"was withdrawn; it served v{before}" if before else "was withdrawn"
    verb = {"Rollback": "went back", "Follow": "followed"}.get(change.kind, "moved")
    if before is None:
        return f"began with v{to}"
    if before == to:
        return f"serves v{to} again, with other content"
    return f"{verb} from v{before} to v{to}"


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))
