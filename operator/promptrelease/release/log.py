"""The change log: one entry for each content that was ever served.

A ConfigMap's annotations hold the entry of the move that made it, and entries of moves before it
that nobody has written down yet: whatever crashes, the entry can be written afterwards.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from promptrelease.api.promptrelease import MAX_SERVED
from promptrelease.release.model import Change, ConfigMap, Served
from promptrelease.release.times import moment

WITHDRAWAL = "Withdrawal"

WINDOW = 32
"""Entries that are kept in memory for each label: the newest."""

MAX_BACKLOG = 16
"""Moves that may wait to be written down before the next one has to wait itself."""

Interval = tuple[Change, datetime, "datetime | None"]
"""What was served, from when, until when; the last is none while it is served."""


def name_of(change: Change) -> str:
    """Name of the PromptChange, so that what is written twice collides instead of doubling."""
    name = f"{change.release}.{change.label}.{change.revision}"
    return f"{name}.withdrawn" if change.kind == WITHDRAWAL else name


def of_move(release: str, label: str, served: Served) -> Change:
    """The entry for what is served under a label."""
    return Change(
        release=release,
        label=label,
        revision=served.revision,
        kind=served.kind or "Promotion",
        before=served.before,
        to=served.version,
        digest=served.digest,
        reason=served.reason,
        by=served.by,
        at=served.since,
        approvals=served.approvals,
        evaluations=served.evaluations,
        break_glass=served.break_glass,
    )


def of_end(entry: Change, *, by: str, reason: str, at: str) -> Change:
    """The entry for the end of what another entry tells of: the label serves nothing since."""
    return Change(
        release=entry.release,
        label=entry.label,
        revision=entry.revision,
        kind=WITHDRAWAL,
        before=entry.to,
        to=None,
        digest="",
        reason=reason,
        by=by,
        at=at,
    )


def added(entries: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    """A label's entries with one more, newest first, bounded; the same when it is there."""
    if any(_place(entry) == _place(change) for entry in entries):
        return entries
    return tuple(sorted((*entries, change), key=_place, reverse=True)[:WINDOW])


def left_behind(
    before: tuple[Change, ...], after: tuple[Change, ...], change: Change
) -> Iterator[tuple[Hashable, Change]]:
    """What a label's entries lost when one more came, with what makes it worth a place elsewhere.

    One entry of each content, and of each approval and each broken glass that is spent.
    """
    for entry in (*before, change):
        if entry.kind != WITHDRAWAL and entry not in after:
            yield (entry.to, entry.digest, entry.approvals, entry.break_glass), entry


def is_logged(entries: Sequence[Change], change: Change) -> bool:
    """Whether a change is written down."""
    if any(_place(entry) == _place(change) for entry in entries):
        return True
    # What is older than all that is kept of a full window was there before it.
    return len(entries) >= WINDOW and _place(change) < _place(entries[-1])


def unended(entries: Sequence[Change]) -> Change | None:
    """What a label serves, as far as the log tells."""
    return entries[0] if entries and entries[0].kind != WITHDRAWAL else None


def has_ended(entries: Sequence[Change], revision: int) -> bool:
    """Whether a label serves nothing since that revision, as far as the log tells."""
    return bool(entries) and entries[0].kind == WITHDRAWAL and entries[0].revision >= revision


def last_served(known: Served, entries: Sequence[Change]) -> Served | None:
    """What a label served last, by status or log, whichever knows more; none once that has ended.

    Of words the entries that are kept know nothing.
    """
    if has_ended(entries, known.revision):
        return None
    entry = unended(entries)
    if entry is None or entry.to is None or entry.revision <= known.revision:
        return known
    return replace(
        known,
        version=entry.to,
        digest=entry.digest,
        revision=entry.revision,
        since=entry.at,
        reason=entry.reason,
        by=entry.by,
        history=history(entry.to, known, ()),
        kind=entry.kind,
        before=entry.before,
        approvals=entry.approvals,
        evaluations=entry.evaluations,
        break_glass=entry.break_glass,
        checksum="",
    )


def unlogged(
    release: str, config_map: ConfigMap, served: Served | None, entries: Sequence[Change]
) -> list[Change]:
    """Moves of a label that nobody has written down yet, oldest first."""
    known = list(config_map.backlog)
    if served is not None:
        known.append(of_move(release, config_map.label, served))
    return [change for change in known if not is_logged(entries, change)]


def has_served(entries: Sequence[Change], version: int, digest: str) -> bool:
    """Whether a label has served this very content before."""
    return any(e.to == version and e.digest == digest for e in entries)


def is_spent(entries: Sequence[Change], version: int, reason: str) -> bool:
    """Whether the glass was broken with these words before, for this version."""
    return any(e.to == version and e.break_glass == reason for e in entries)


def history(version: int, served: Served | None, entries: Sequence[Change]) -> tuple[int, ...]:
    """Numbers that a label has served, newest first, once it serves ``version``."""
    before = served.history if served is not None else tuple(e.to for e in entries if e.to)
    return tuple(dict.fromkeys((version, *before)))[:MAX_SERVED]


def intervals(entries: Sequence[Change]) -> Iterator[Interval]:
    """Who was served when, newest first.

    What ended by a withdrawal is left out: that may have been noticed long after it happened.
    """
    after: Change | None = None
    for entry in entries:
        if entry.kind != WITHDRAWAL and (after is None or after.kind != WITHDRAWAL):
            yield entry, moment(entry.at), None if after is None else moment(after.at)
        after = entry


def _place(change: Change) -> tuple[int, bool]:
    return change.revision, change.kind == WITHDRAWAL
