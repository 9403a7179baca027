r"""The template language, which is small on purpose.

``{{name}}`` is a variable, ``{{> name}}`` an include, ``\{{`` a literal ``{{``. Nothing else is
interpreted: no expressions, no filters, no code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
INCLUDE_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,62}"
SPACE = r"[ \t\r\n]*"  # spelt out: \s differs between Python and the RE2 of the API server

_OPENING = re.compile(r"\\?\{\{")
_VARIABLE = re.compile(rf"\{{\{{{SPACE}({IDENTIFIER}){SPACE}\}}\}}")
_INCLUDE = re.compile(rf"\{{\{{{SPACE}>{SPACE}({INCLUDE_NAME}){SPACE}\}}\}}")


class TemplateError(ValueError):
    """A template that can't be read.

    Attributes:
        line, column: where it is, both from 1.

    """

    def __init__(self, message: str, source: str, position: int) -> None:
        """Point at ``position``, an index into ``source``."""
        self.line = source.count("\n", 0, position) + 1
        self.column = position - source.rfind("\n", 0, position)
        super().__init__(f"line {self.line}, column {self.column}: {message}")


@dataclass(frozen=True)
class Variable:
    """``{{name}}``."""

    name: str


@dataclass(frozen=True)
class Include:
    """``{{> name}}``."""

    name: str


Segment = str | Variable | Include


@dataclass(frozen=True)
class Template:
    """A parsed template: literals, variables and includes in order of appearance."""

    source: str
    segments: tuple[Segment, ...]

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names of the variables that the template uses itself, not through an include."""
        return frozenset(s.name for s in self.segments if isinstance(s, Variable))

    @cached_property
    def includes(self) -> frozenset[str]:
        """Names of the includes that the template uses."""
        return frozenset(s.name for s in self.segments if isinstance(s, Include))

    def substitute(self, values: Mapping[str, str]) -> str:
        """The text with every variable replaced.

        Values are data: braces in them stay braces.

        Raises:
            KeyError: a variable has no value, or the template has an include.

        """
        return "".join(s if isinstance(s, str) else values[s.name] for s in self.segments)


def parse(source: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: at the first ``{{`` that begins neither a variable nor an include.

    """
    segments: list[Segment] = []
    literal: list[str] = []
    position = 0
    while opening := _OPENING.search(source, position):
        literal.append(source[position : opening.start()])
        if opening[0].startswith("\\"):
            literal.append("{{")
            position = opening.end()
            continue
        tag = _VARIABLE.match(source, opening.start()) or _INCLUDE.match(source, opening.start())
        if tag is None:
            raise TemplateError(_why(source, opening.start()), source, opening.start())
        _flush(literal, segments)
        segments.append(Variable(tag[1]) if tag.re is _VARIABLE else Include(tag[1]))
        position = tag.end()
    literal.append(source[position:])
    _flush(literal, segments)
    return Template(source, tuple(segments))


def splice(template: Template, text_of: Callable[[str], Template]) -> Template:
    r"""Put the text of each include in its place.

    Raises:
        TemplateError: text and include would read differently once joined, as when an included
            text ends in a backslash and a variable follows.

    """
    if not template.includes:
        return template
    parts = [(s, text_of(s.name)) for s in template.segments if isinstance(s, Include)]
    included = iter(parts)

    def source_of(tag: re.Match[str]) -> str:
        return next(included)[1].source if tag[1] else tag[0]

    joined = parse(re.sub(rf"\\\{{\{{|{_INCLUDE.pattern}", source_of, template.source))
    expected: list[Segment] = []
    literal: list[str] = []
    by_name = {include.name: part for include, part in parts}
    for outer in template.segments:
        inner = by_name[outer.name].segments if isinstance(outer, Include) else (outer,)
        for segment in inner:
            if isinstance(segment, str):
                literal.append(segment)
            else:
                _flush(literal, expected)
                expected.append(segment)
    _flush(literal, expected)
    if joined.segments != tuple(expected):
        raise TemplateError(
            "the text around an include reads differently once joined: "
            "put a space between it and the braces or the backslash beside it",
            template.source,
            0,
        )
    return joined


def _flush(literal: list[str], segments: list[Segment]) -> None:
    text = "".join(literal)
    if text:
        segments.append(text)
    literal.clear()


def _why(source: str, start: int) -> str:
    shown = source[start : start + 24].splitlines()[0]
    if "}}" not in source[start + 2 :]:
        return f"{shown!r} is not closed by '}}}}'; for a literal '{{{{' write '\\{{{{'"
    return (
        f"{shown!r} is neither a variable like {{{{name}}}} nor an include like {{{{> name}}}}; "
        "for a literal '{{' write '\\{{'"
    )
