"""What a person sees, and what a script reads."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

import yaml
from rich.console import Console, ConsoleDimensions, RenderableType
from rich.table import Table
from rich.text import Text

from promptrelease.release.times import EARLIEST, moment
from promptrelease.views.plain import CONTROL, safe


class Format(str, enum.Enum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


NAME_COLUMNS = 24
"""Cells up to this length are names, and not broken over lines, but in a table's last column."""

_ENDLESS = ConsoleDimensions(1_000_000, 25)


class _Console(Console):
    """Where there is no terminal, there is no width to keep to."""

    @property
    def size(self) -> ConsoleDimensions:
        return super().size if self.is_terminal else _ENDLESS

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


# Rich leaves colour out where the output is no terminal, and with NO_COLOR.
out = _Console(highlight=False, soft_wrap=True)
err = _Console(highlight=False, soft_wrap=True, stderr=True)


def emit(data: Any, form: Format, *, lines: bool = False) -> None:
    """Write plain values for a script: JSON or YAML, no colour, no wrapping.

    With ``lines`` JSON is on one line, for a stream of such values.
    """
    if form is Format.JSON:
        text = json.dumps(data, indent=None if lines else 2, ensure_ascii=False) + "\n"
    else:
        text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    # Escapes of both, within the quotes in which such characters always are.
    print(CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text), end="")


class _Dumper(yaml.SafeDumper):
    """Texts of more than one line as people write them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if CONTROL.search(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table without lines, as kubectl's; cells are taken as they are, never as markup."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    cells = [[c if isinstance(c, Text) else Text(safe(c)) for c in row] for row in rows]
    for i, head in enumerate(heads):
        names = i < len(heads) - 1 and all(len(row[i]) <= NAME_COLUMNS for row in cells)
        made.add_column(head, no_wrap=names or not out.is_terminal, overflow="fold")
    for row in cells:
        made.add_row(*row)
    return made


def show(made: RenderableType) -> None:
    """Print a table or the like; in a pipe without the blanks at the ends of its lines."""
    if out.is_terminal:
        out.print(made, soft_wrap=False)
        return
    with out.capture() as captured:
        out.print(made)
    for line in captured.get().splitlines():
        out.print(Text(line.rstrip()))


def say(text: str, style: str = "") -> None:
    """A line for a person."""
    out.print(Text(safe(text), style=style))


def note(text: str, style: str = "dim") -> None:
    """A line about progress: on standard error, out of a pipe's way."""
    err.print(Text(safe(text), style=style))


def complain(message: str, hint: str = "") -> None:
    """What is wrong, and what to do."""
    err.print(Text("error: ", style="bold red").append(Text(safe(message), style="default")))
    if hint:
        err.print(Text(f"  {safe(hint)}", style="dim"))


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
    "note",
    "out",
    "safe",
    "say",
    "show",
    "table",
]
