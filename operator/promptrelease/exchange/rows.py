"""What Langfuse's and MLflow's answers have in common: one row for each version of a prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from promptrelease.exchange.report import Entry
from promptrelease.exchange.values import UNREADABLE, Json, LeftOut, Note, Version

Rows = dict[str, list[Json]]
"""Prompt to its rows, ascending by version."""


def by_prompt(rows: Iterable[Json]) -> Rows:
    """The rows of each prompt, in order of their versions."""
    found: Rows = defaultdict(list)
    for row in rows:
        found[row["name"]].append(row)
    return {name: sorted(its, key=lambda row: int(row["version"])) for name, its in found.items()}


def versions(
    rows: list[Json], read: Callable[[Json, Note], Version], entries: list[Entry]
) -> tuple[Version, ...]:
    """Every row of one prompt that can be read; the rest, and what changes, in ``entries``."""
    made = []
    for row in rows:
        name, number = row["name"], row["version"]

        def note(field: str, why: str, name: str = name, number: int = number) -> None:
            entries.append(Entry(name, number, field, why, "changed"))

        try:
            made.append(read(row, note))
        except LeftOut as left:
            entries.append(Entry(name, number, left.field, left.why, "left out"))
        except UNREADABLE as error:
            why = f"it is not what it should be: {error!r}"
            entries.append(Entry(name, number, "content", why, "left out"))
    return tuple(made)


def number(row: Json, extras: Any) -> int:
    """Our number of a version: the one that it had before it was exported, else the row's."""
    kept = extras.get("version") if isinstance(extras, dict) else None
    return kept if type(kept) is int else int(row["version"])
