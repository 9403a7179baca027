"""How differences look: in a pipe, on a terminal, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from promptrelease.views.look.briefly import skipped, stretches
from promptrelease.views.look.comparing import Part, Value
from promptrelease.views.look.words import COME, GONE, SAME, Line, beside, differs, inline, shown
from promptrelease.views.plain import safe

WIDE = 140
"""From so many columns on, two texts fit side by side."""

_STYLES = {SAME: "", GONE: "red strike", COME: "green underline"}


def unified(parts: Sequence[Part]) -> Iterator[Text]:
    """Lines with what goes struck out and what comes underlined, in colour."""
    for part in parts:
        if isinstance(part, Value):
            yield Text.assemble(_heading(part.path), ": ", _valued(part))
            continue
        yield _heading(part.path)
        for line in stretches(inline(part.pieces)):
            yield Text(f"  {line}", "dim") if isinstance(line, str) else Text("  ") + _styled(line)


def side_by_side(parts: Sequence[Part], heads: tuple[str, str]) -> RenderableType:
    """Two columns, the old one to the left."""
    made = Table(box=None, pad_edge=False, expand=True, padding=(0, 1, 0, 0), show_header=True)
    for head in heads:
        made.add_column(Text(safe(head)), ratio=1, overflow="fold", header_style="bold")
    for part in parts:
        made.add_row(_heading(part.path), "")
        if isinstance(part, Value):
            made.add_row(Text(safe(part.old or ""), "red"), Text(safe(part.new or ""), "green"))
            continue
        rows = beside(part.pieces)
        end = 0
        for begin, stop in shown([differs(a) or differs(b) for a, b in rows]):
            if begin > end:
                made.add_row(Text(skipped(begin - end), "dim"), "")
            for left, right in rows[begin:stop]:
                made.add_row(_side(left), _side(right))
            end = stop
        if end < len(rows):
            made.add_row(Text(skipped(len(rows) - end), "dim"), "")
    return Group(made)


def _valued(part: Value) -> Text:
    made = Text()
    if part.old is not None:
        made.append(safe(part.old), _STYLES[GONE])
    if part.old is not None and part.new is not None:
        made.append(" -> ")
    if part.new is not None:
        made.append(safe(part.new), _STYLES[COME])
    return made


def _styled(line: Line) -> Text:
    return Text.assemble(*((safe(text), _STYLES[mark]) for mark, text in line))


def _side(line: Line | None) -> Text:
    return Text("") if line is None else _styled(line)


def _heading(path: str) -> Text:
    return Text(safe(path), "bold cyan")
