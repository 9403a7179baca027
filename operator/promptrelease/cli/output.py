"""What a person sees, and what a script reads."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from promptrelease.release.times import EARLIEST, moment


class Format(str, enum.Enum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


# Rich leaves colour out where the output is no terminal, and with NO_COLOR.
out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def emit(data: Any, form: Format) -> None:
    """Write plain values for a script: JSON or YAML, no colour, no wrapping."""
    if form is Format.JSON:
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), end="")


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table without lines, as kubectl's; cells are taken as they are, never as markup."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in heads:
        made.add_column(head, no_wrap=not out.is_terminal, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return made


def say(text: str, style: str = "") -> None:
    """A line for a person."""
    out.print(Text(text, style=style))


def note(text: str, style: str = "dim") -> None:
    """A line about progress: on standard error, out of a pipe's way."""
    err.print(Text(text, style=style))


def complain(message: str, hint: str = "") -> None:
    """What is wrong, and what to do."""
    err.print(Text("error: ", style="bold red").append(Text(message, style="default")))
    if hint:
        err.print(Text(f"  {hint}", style="dim"))


def age(time: str | None, now: datetime | None = None) -> str:
    """How long ago an RFC 3339 time was, as kubectl writes it; empty when it is none."""
    at = moment(time) if time else EARLIEST
    if at == EARLIEST:
        return ""
    seconds = max(0, int(((now or datetime.now(timezone.utc)) - at).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size or (unit == "d" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


__all__ = [
    "Format",
    "age",
    "complain",
    "emit",
    "err",
    "escape",
    "note",
    "out",
    "say",
    "table",
]
