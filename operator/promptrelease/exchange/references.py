"""Langfuse's texts: variables, and references to other prompts, which are our includes."""

from __future__ import annotations

import re
from collections.abc import Callable

from promptrelease.content.template import Include, Segment, parse
from promptrelease.exchange.syntax import LANGFUSE, SyntaxProblem, joined, ours

_BEGIN = "@@@langfusePrompt:"
_REFERENCE = re.compile(f"{_BEGIN}(.*?)@@@", re.DOTALL)


def read_text(source: str, included: Callable[[str], str]) -> str:
    """Our template.

    Args:
        source: as Langfuse keeps it.
        included: what stands between ``@@@langfusePrompt:`` and ``@@@`` to our include's name.

    Raises:
        SyntaxProblem: it has more in it than variables and references.

    """
    pieces = _REFERENCE.split(source)
    made: list[Segment] = []
    for at, piece in enumerate(pieces):
        if at % 2:
            made.append(Include(included(piece)))
        else:
            segments = LANGFUSE.read(piece)
            if len(pieces) > 1:
                _no_open_braces(segments)
            made += segments
    return ours(made)


def write_text(template: str, reference: Callable[[str], str]) -> str:
    """Langfuse's source of our template.

    Args:
        template: ours.
        reference: an include's name to what stands between ``@@@langfusePrompt:`` and ``@@@``.

    Raises:
        SyntaxProblem: Langfuse would read it in another way.

    """
    segments = parse(template).segments
    referring = any(isinstance(s, Include) for s in segments)
    parts: list[str] = []
    between: list[Segment] = []
    for segment in (*segments, None):
        if segment is not None and not isinstance(segment, Include):
            between.append(segment)
            continue
        if referring:
            _no_open_braces(between)
        parts.append(LANGFUSE.write(joined(between)))
        between = []
        if segment is not None:
            parts.append(f"{_BEGIN}{reference(segment.name)}@@@")
    written = "".join(parts)
    if written.count(_BEGIN) != sum(isinstance(s, Include) for s in segments):
        raise SyntaxProblem(f"Langfuse would read {_BEGIN!r} as a reference")
    return written


def referred(source: str) -> list[tuple[str, int]]:
    """Prompts and version numbers that a text refers to."""
    found = re.findall(rf"{_BEGIN}name=([^|@]*)\|version=([0-9]+)@@@", source)
    return [(name, int(number)) for name, number in found]


def _no_open_braces(segments: list[Segment] | tuple[Segment, ...]) -> None:
    # Langfuse puts the other text in first, and then looks for the end of what these begin.
    if any("{{" in s for s in segments if isinstance(s, str)):
        raise SyntaxProblem("a '{{' that is not closed stands beside a reference to another prompt")
