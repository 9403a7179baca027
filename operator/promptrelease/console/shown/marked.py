"""Templates for reading: text, variables and includes told apart, as they were written.

Characters that one can't see, and those that turn the direction of text around, are told apart as
well: a prompt could say another thing than it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from promptrelease.content.template import IDENTIFIER, INCLUDE_NAME, SPACE
from promptrelease.views.plain import CONTROL, safe

TEXT, VARIABLE, INCLUDE, UNSEEN = "text", "variable", "include", "unseen"

# What content.template reads; an escaped brace is text, and shown as it was written.
_TAG = re.compile(
    rf"\\\{{\{{|\{{\{{{SPACE}(?P<variable>{IDENTIFIER}){SPACE}\}}\}}"
    rf"|\{{\{{{SPACE}>{SPACE}(?P<include>{INCLUDE_NAME}){SPACE}\}}\}}"
)


class Mark(NamedTuple):
    """A stretch of a template; ``name`` is that of the variable or the include.

    Of a character that can't be seen, it is how it is spelt out.
    """

    kind: str
    source: str
    name: str = ""


def marks(source: str) -> list[Mark]:
    """The stretches of a template, in order; joined they are the template again."""
    found: list[Mark] = []
    end = 0
    for tag in _TAG.finditer(source):
        kind = tag.lastgroup
        if kind is None:
            continue
        if tag.start() > end:
            found += _text(source[end : tag.start()])
        found.append(Mark(kind, tag[0], tag[kind]))
        end = tag.end()
    if end < len(source):
        found += _text(source[end:])
    return found


def _text(source: str) -> Iterator[Mark]:
    end = 0
    for unseen in CONTROL.finditer(source):
        if unseen.start() > end:
            yield Mark(TEXT, source[end : unseen.start()])
        yield Mark(UNSEEN, unseen[0], safe(unseen[0]))
        end = unseen.end()
    if end < len(source):
        yield Mark(TEXT, source[end:])
