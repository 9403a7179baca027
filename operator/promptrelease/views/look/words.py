"""What differs between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

SAME, GONE, COME = "=", "-", "+"

Piece = tuple[str, str]
"""One of the three marks, and a stretch of text."""

Line = tuple[Piece, ...]
"""The pieces of one line, without its end."""

CONTEXT = 3
"""Lines that stay the same and are shown before and after what differs."""

MOST = 4_000_000
"""Beyond so many pairs of words, or of lines, they are not compared one by one."""

# A variable or an include is one word, whatever stands beside it.
_WORD = re.compile(r"\{\{[^{}]*\}\}|\n|[^\S\n]+|(?:(?!\{\{)\S)+|\S")


def pieces(old: str, new: str) -> list[Piece]:
    """Both texts in one: what is the same, what goes and what comes.

    Same and gone together are ``old``, same and come together are ``new``, to the character.
    Lines are compared first, then the words of those that differ.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    found: list[Piece] = []
    for same, a, b in _blocks(before, after):
        if same:
            found.append((SAME, "".join(a)))
        else:
            found += _of_words("".join(a), "".join(b))
    return _joined(found)


def inline(found: Sequence[Piece]) -> list[Line]:
    """The pieces, line by line."""
    lines: list[list[Piece]] = [[]]
    for mark, text in found:
        for i, part in enumerate(text.split("\n")):
            if i:
                lines.append([])
            if part:
                lines[-1].append((mark, part))
    return _without_last_end(lines, found)


def beside(found: Sequence[Piece]) -> list[tuple[Line | None, Line | None]]:
    """The two texts side by side, line by line; none where one has no line there."""
    left: list[list[Piece]] = [[]]
    right: list[list[Piece]] = [[]]
    rows: list[tuple[Line | None, Line | None]] = []

    def flush() -> None:
        for a, b in zip_longest(left, right):
            rows.append((None if a is None else tuple(a), None if b is None else tuple(b)))
        left[:], right[:] = [[]], [[]]

    for mark, text in found:
        for i, part in enumerate(text.split("\n")):
            if i and mark == SAME:
                flush()
            elif i:
                (left if mark == GONE else right).append([])
            if part:
                for side, absent in ((left, COME), (right, GONE)):
                    if mark != absent:
                        side[-1].append((mark, part))
    for side in (left, right):
        if len(side) > 1 and not side[-1]:
            side.pop()
    if left != [[]] or right != [[]]:
        flush()
    return rows


def shown(changed: Sequence[bool], context: int = CONTEXT) -> Iterator[tuple[int, int]]:
    """Which lines to show: begin and end of each stretch around what differs."""
    begin = end = -1
    for i, differs in enumerate(changed):
        if not differs:
            continue
        if begin >= 0 and i - context > end:
            yield begin, end
            begin = -1
        if begin < 0:
            begin = max(0, i - context)
        end = min(len(changed), i + context + 1)
    if begin >= 0:
        yield begin, end


def differs(line: Line | None) -> bool:
    """Whether a line is not the same in both texts."""
    return line is None or any(mark != SAME for mark, _ in line)


def _without_last_end(lines: list[list[Piece]], found: Sequence[Piece]) -> list[Line]:
    if found and found[-1][1].endswith("\n"):
        lines.pop()
    return [tuple(line) for line in lines]


def _of_words(old: str, new: str) -> list[Piece]:
    if not old or not new:
        return [(GONE, old), (COME, new)]
    found: list[Piece] = []
    for same, a, b in _blocks(_WORD.findall(old), _WORD.findall(new), junk=True):
        if same:
            found.append((SAME, "".join(a)))
        else:
            found += [(GONE, "".join(a)), (COME, "".join(b))]
    return _bridged(found)


def _bridged(found: Sequence[Piece]) -> list[Piece]:
    """A blank between two words that differ belongs to both: they read as one stretch."""
    result: list[Piece] = []
    for i, (mark, text) in enumerate(found):
        blank = mark == SAME and text.isspace() and "\n" not in text
        if blank and 0 < i < len(found) - 1:
            result += [(GONE, text), (COME, text)]
        else:
            result.append((mark, text))
    return result


def _joined(found: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one kind as one, what goes before what comes."""
    result: list[Piece] = []
    gone = come = ""
    for mark, text in (*found, (SAME, "")):
        if mark == GONE:
            gone += text
        elif mark == COME:
            come += text
        elif text or (gone or come):
            result += [(m, t) for m, t in ((GONE, gone), (COME, come)) if t]
            gone = come = ""
            if text and result and result[-1][0] == SAME:
                result[-1] = (SAME, result[-1][1] + text)
            elif text:
                result.append((SAME, text))
    return result


def _blocks(
    old: Sequence[str], new: Sequence[str], *, junk: bool = False
) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    """Stretches that are the same, and that differ, in order."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    yield True, old[:head], new[:head]
    a, b = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(a) * len(b) > MOST:
        yield False, a, b
    elif a or b:
        matcher = SequenceMatcher(str.isspace if junk else None, a, b)
        for tag, i, j, k, m in matcher.get_opcodes():
            yield tag == "equal", a[i:j], b[k:m]
    yield True, old[len(old) - tail :], new[len(new) - tail :]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    for i, (a, b) in enumerate(zip(old, new, strict=False)):
        if a != b:
            return i
    return min(len(old), len(new))
