"""Differences as plain lines: for a pipe, a message, a preview."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptrelease.views.look.comparing import Part, Value, differences
from promptrelease.views.look.words import COME, GONE, SAME, Line, differs, inline, shown
from promptrelease.views.plain import safe

BRIEF = 16
"""Lines of a difference that are shown where it is not what was asked for."""

_BRACKETS = {SAME: ("", ""), GONE: ("[-", "-]"), COME: ("{+", "+}")}


def plain(parts: Sequence[Part]) -> Iterator[str]:
    """Lines as of ``git diff --word-diff=plain``."""
    for part in parts:
        if isinstance(part, Value):
            yield f"{part.path}: {''.join(_changed(part))}"
            continue
        yield f"@@ {part.path} @@"
        for line in stretches(inline(part.pieces)):
            yield line if isinstance(line, str) else "".join(_bracketed(line))


def brief(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The first lines of what differs between two specs; empty when they behave the same."""
    lines = list(plain(differences(old, new)))
    more = len(lines) - BRIEF
    return lines if more <= 0 else [*lines[:BRIEF], f"... {more} line{'s' * (more > 1)} more ..."]


def stretches(lines: Sequence[Line]) -> Iterator[Line | str]:
    """Lines around what differs, and a word about those between."""
    end = 0
    for begin, stop in shown([differs(line) for line in lines]):
        if begin > end:
            yield skipped(begin - end)
        yield from lines[begin:stop]
        end = stop
    if end < len(lines):
        yield skipped(len(lines) - end)


def skipped(count: int) -> str:
    return f"... {count} line{'s' if count > 1 else ''} the same ..."


def _bracketed(line: Line) -> Iterator[str]:
    for mark, text in line:
        before, after = _BRACKETS[mark]
        yield f"{before}{safe(text)}{after}"


def _changed(part: Value) -> Iterator[str]:
    if part.old is not None:
        yield f"[-{safe(part.old)}-]"
    if part.new is not None:
        yield f"{{+{safe(part.new)}+}}"
