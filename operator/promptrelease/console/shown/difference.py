"""What differs between two versions, part by part, ready to be read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from promptrelease.views.look.comparing import Part, Value, Words, differences
from promptrelease.views.look.words import (
    COME,
    GONE,
    Line,
    Piece,
    beside,
    differs,
    inline,
    pieces,
    shown,
)
from promptrelease.views.plain import safe

Row = tuple[Line | None, Line | None]
T = TypeVar("T")

LEAST_FOLDED = 2
"""Fewer lines than that are shown rather than folded away."""

_INDEX = re.compile(r"messages\[(\d+)\](?:\.(role)| \((.*)\))?")
_TITLES = (
    ("model.parameters.", "Model parameter: "),
    ("model.", "Model: "),
    ("variables.", "Variable: "),
    ("tools.", "Tool: "),
    ("includes.", "Include: "),
)
_WHOLE = {"text": "Text", "output": "Shape of the answer", "consumes": "Reads the output of"}


@dataclass(frozen=True)
class Stretch(Generic[T]):
    """Lines, or rows of two; ``folded`` ones are the same in both versions."""

    lines: tuple[T, ...]
    folded: bool


@dataclass(frozen=True)
class Shown:
    """A part that differs.

    Attributes:
        path: where, as in the version's spec.
        title: the same for people.
        unified: of a text: both versions in one.
        beside: of a text: the two next to each other.
        old, new: of a value; none where there is none.
        within: of a value: both in one, where they have words in common.
        added, removed: how many words come and go.

    """

    path: str
    title: str
    unified: tuple[Stretch[Line], ...] = ()
    beside: tuple[Stretch[Row], ...] = ()
    old: str | None = None
    new: str | None = None
    within: Line = ()
    added: int = 0
    removed: int = 0

    @property
    def is_text(self) -> bool:
        """Whether it is shown line by line."""
        return bool(self.unified)


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Shown]:
    r"""What differs between two PromptVersion specs; empty when they behave the same.

    Characters that one can't see are spelt out, as in ``\u202e``: they differ, too. Long texts take
    a second: call it in a thread.
    """
    return [_shown(part) for part in differences(old, new)]


def title(path: str) -> str:
    """``messages[1] (user)`` as people say it: ``Message 2, user``."""
    if found := _INDEX.fullmatch(path):
        about = ": role" if found[2] else f", {found[3]}" if found[3] else ""
        return f"Message {int(found[1]) + 1}{about}"
    for begin, said in _TITLES:
        if path.startswith(begin):
            return said + path.removeprefix(begin)
    return _WHOLE.get(path, path)


def _shown(part: Part) -> Shown:
    if isinstance(part, Value):
        return _value(part)
    return _text(part)


def _value(part: Value) -> Shown:
    old, new = (None if value is None else safe(value) for value in (part.old, part.new))
    return Shown(part.path, title(part.path), old=old, new=new, within=_within(old, new))


def _text(part: Words) -> Shown:
    spelt = [(mark, safe(text)) for mark, text in part.pieces]
    lines, rows = inline(spelt), beside(spelt)
    return Shown(
        part.path,
        title(part.path),
        unified=_folded(lines, [differs(line) for line in lines]),
        beside=_folded(rows, [differs(a) or differs(b) for a, b in rows]),
        added=_words(part.pieces, COME),
        removed=_words(part.pieces, GONE),
    )


def _within(old: str | None, new: str | None) -> Line:
    """One line for both, where that reads better than two: they begin or end alike."""
    if old is None or new is None or " " not in old or " " not in new:
        return ()
    found = tuple(pieces(old, new))
    same = sum(len(text) for mark, text in found if mark not in (GONE, COME))
    return found if same * 2 > min(len(old), len(new)) else ()


def _words(found: Sequence[Piece], kind: str) -> int:
    return sum(len(text.split()) for mark, text in found if mark == kind)


def _folded(lines: Sequence[T], changed: Sequence[bool]) -> tuple[Stretch[T], ...]:
    result: list[Stretch[T]] = []
    end = 0
    for begin, stop in (*shown(changed), (len(lines), len(lines))):
        if begin - end >= LEAST_FOLDED:
            result.append(Stretch(tuple(lines[end:begin]), folded=True))
        elif begin > end:
            result.append(Stretch(tuple(lines[end:begin]), folded=False))
        if stop > begin:
            result.append(Stretch(tuple(lines[begin:stop]), folded=False))
        end = stop
    return tuple(result)
