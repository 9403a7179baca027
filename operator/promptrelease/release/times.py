"""Times as Kubernetes writes them."""

from __future__ import annotations

from datetime import datetime, timezone

EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(9000, 1, 1, tzinfo=timezone.utc)
"""Far enough from the ends of what can be represented that one can add to it."""


def timestamp(now: datetime) -> str:
    """RFC 3339 in UTC, to the second, as Kubernetes writes times."""
    return now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str, otherwise: datetime = EARLIEST) -> datetime:
    """The time that an RFC 3339 text says, as far as that can be reckoned with.

    The API server takes some for a date-time that Python does not: the year 0, or an offset of 24
    hours. Then it is ``otherwise``; so it is where there is no text at all.
    """
    try:
        found = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)
        aware = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
        return min(max(aware.astimezone(timezone.utc), EARLIEST), LATEST)
    except (ValueError, OverflowError, TypeError):
        return otherwise
