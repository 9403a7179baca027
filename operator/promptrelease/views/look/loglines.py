"""The change log of a prompt, as it is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from promptrelease.release.model import Change
from promptrelease.release.times import EARLIEST, moment
from promptrelease.views.failures import UsageMistake

_AGO = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def chosen(
    changes: Iterable[Change],
    prompt: str,
    label: str | None = None,
    since: datetime = EARLIEST,
    limit: int = 0,
) -> list[Change]:
    """Changes of a prompt, newest first.

    Args:
        changes: of any prompts.
        prompt: whose.
        label: of one label only.
        since: not before that.
        limit: at most so many; 0 for all.

    """
    found = [
        change
        for change in changes
        if change.release == prompt and label in (None, change.label) and moment(change.at) >= since
    ]
    # A withdrawal bears the revision of the move that it ends.
    found.sort(key=lambda c: (moment(c.at), c.revision, c.to is None), reverse=True)
    return found[:limit] if limit else found


def since(text: str | None, now: datetime) -> datetime:
    """A time: RFC 3339, or how long ago, as in 90m, 24h, 7d. Raises UsageMistake."""
    if text is None:
        return EARLIEST
    if found := _AGO.fullmatch(text):
        try:
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        except OverflowError:
            return EARLIEST
    at = moment(text)
    if at == EARLIEST:
        raise UsageMistake(
            f"--since {text!r} is no time", "write 90m, 24h, 7d, or 2026-11-21T02:00:00Z"
        )
    return at


def passed_on(change: Change) -> str:
    """On what a move passed the gates, or why it went past them; empty when there were none."""
    parts = []
    if change.break_glass:
        parts.append(f"BROKE THE GLASS: {change.break_glass}")
    if change.approvals:
        parts.append(f"approved by {', '.join(c.by or c.name for c in change.approvals)}")
    if change.evaluations:
        parts.append(f"passed {', '.join(change.evaluations)}")
    return "; ".join(parts)


def arrow(change: Change) -> str:
    """From where to where: ``v6 -> v7``; ``-`` is nothing."""
    before, after = (f"v{v}" if v else "-" for v in (change.before, change.to))
    return f"{before} -> {after}"
