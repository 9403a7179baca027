"""Template languages, as far as they are text with plain variables in it.

Each reads a source into the segments of `promptrelease.content.template`, and writes segments. What
is written is read again, and refused unless that gives the same: nothing is ever mangled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from promptrelease.content.template import (
    IDENTIFIER,
    Include,
    Segment,
    TemplateError,
    Variable,
    parse,
)

Segments = tuple[Segment, ...]


class SyntaxProblem(ValueError):
    """A template that has more than plain variables in it, or can't be written in a language."""


@dataclass(frozen=True)
class Language:
    """A template language.

    Attributes:
        name: for messages.
        read: source to segments; raises SyntaxProblem.
        variable: how a variable is written.
        literal: how text is written.

    """

    name: str
    read: Callable[[str], Segments]
    variable: str = "{{%s}}"
    literal: Callable[[str], str] = str

    def write(self, segments: Iterable[Segment]) -> str:
        """The source of these segments.

        Raises:
            SyntaxProblem: the language has no way to say it.

        """
        wanted = joined(segments)
        parts = []
        for segment in wanted:
            if isinstance(segment, Include):
                raise SyntaxProblem(f"{self.name} has no place for the include {segment.name}")
            if isinstance(segment, Variable):
                parts.append(self.variable % segment.name)
            else:
                parts.append(self.literal(segment))
        source = "".join(parts)
        try:
            same = self.read(source) == wanted
        except SyntaxProblem:
            same = False
        if not same:
            raise SyntaxProblem(
                f"{self.name} would read the braces or backslashes beside a variable, or a literal "
                "'{{', in another way: put a space between them"
            )
        return source


def ours(segments: Iterable[Segment]) -> str:
    r"""The template of these segments, a literal ``{{`` as ``\{{``.

    Raises:
        SyntaxProblem: there is a brace or backslash right before a variable.

    """
    wanted = joined(segments)
    parts = []
    for segment in wanted:
        if isinstance(segment, str):
            parts.append(_BRACES.sub(_escaped, segment))
        elif isinstance(segment, Variable):
            parts.append(f"{{{{{segment.name}}}}}")
        else:
            parts.append(f"{{{{> {segment.name}}}}}")
    source = "".join(parts)
    try:
        same = parse(source).segments == wanted
    except TemplateError:
        same = False
    if not same:
        raise SyntaxProblem(
            "a brace or a backslash stands right before a variable: put a space between them"
        )
    return source


_BRACES = re.compile(r"\{{2,}")


def _escaped(braces: re.Match[str]) -> str:
    """The odd one comes first: a variable may follow, which takes a brace right before it."""
    return "{" * (len(braces[0]) % 2) + r"\{{" * (len(braces[0]) // 2)


def canonical(template: str) -> str:
    """The template as `ours` writes it: white space inside of its tags does not matter."""
    return ours(parse(template).segments)


def variables_of(content: dict[str, Any]) -> list[str]:
    """Names of the variables that a content's templates use, in order."""
    texts = [content["text"]] if "text" in content else []
    texts += [m["content"] for m in content.get("messages") or () if "content" in m]
    return list(dict.fromkeys(v for text in texts for v in sorted(parse(text).variables)))


def joined(segments: Iterable[Segment]) -> Segments:
    """Neighbouring texts made one, empty ones gone."""
    made: list[Segment] = []
    for segment in segments:
        if isinstance(segment, str) and made and isinstance(made[-1], str):
            made[-1] += segment
        elif segment != "":
            made.append(segment)
    return tuple(made)


def _plain(tag: str, name: str, reserved: frozenset[str] = frozenset()) -> Variable:
    if not re.fullmatch(IDENTIFIER, name) or name in reserved:
        raise _not_plain(tag)
    return Variable(name)


def _tag_at(source: str, start: int) -> str:
    """What begins there, to its end or that of the line."""
    found = re.match(r"[^}\n]*\}{0,3}", source[start:])
    return found[0] if found else ""


def _not_plain(tag: str) -> SyntaxProblem:
    shown = tag if len(tag) <= 40 else f"{tag[:40]}..."
    return SyntaxProblem(f"{shown!r} is not a plain variable like {{{{name}}}}")


def _read_langfuse(source: str) -> Segments:
    """From ``{{`` to the next ``}}`` is a name; what is not closed is text."""
    made: list[Segment] = []
    at = 0
    while (start := source.find("{{", at)) >= 0 and (end := source.find("}}", start)) >= 0:
        tag = source[start : end + 2]
        made += [source[at:start], _plain(tag, tag[2:-2].strip())]
        at = end + 2
    return joined([*made, source[at:]])


_MLFLOW_VARIABLE = re.compile(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}")
_DOUBLE_BRACES = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def _read_mlflow(source: str) -> Segments:
    """Replaces just what looks like a variable; with ``{% %}`` in it, the whole is Jinja."""
    if "{%" in source and "%}" in source:
        raise SyntaxProblem("it has Jinja statements, '{% ... %}': there are only variables here")
    made: list[Segment] = []
    at = 0
    for tag in [*_MLFLOW_VARIABLE.finditer(source), None]:
        text = source[at : tag.start() if tag else len(source)]
        if odd := _DOUBLE_BRACES.search(text):
            raise _not_plain(odd[0])
        made.append(text)
        if tag:
            made.append(_plain(tag[0], tag[1]))
            at = tag.end()
    return joined(made)


_JINJA_WORDS = frozenset(
    {"true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if"}
    | {"else", "loop", "self", "super", "caller"}
)
_JINJA = re.compile(r"\{\{|\{%|\{#")
_JINJA_TAG = re.compile(r"\{\{\s*(?:(\w+)|\"([^\"\\]*)\"|'([^'\\]*)')\s*\}\}")


def _read_jinja(source: str) -> Segments:
    """Variables, and quoted texts, which is how Jinja writes a literal ``{{``."""
    made: list[Segment] = []
    at = 0
    while opening := _JINJA.search(source, at):
        made.append(source[at : opening.start()])
        tag = _JINJA_TAG.match(source, opening.start())
        if tag is None:
            raise _not_plain(_tag_at(source, opening.start()))
        quoted = tag[2] if tag[2] is not None else tag[3]
        made.append(_plain(tag[0], tag[1], _JINJA_WORDS) if tag[1] else quoted)
        at = tag.end()
    return joined([*made, source[at:]])


def _write_jinja_text(text: str) -> str:
    return _JINJA.sub(lambda opening: f'{{{{ "{opening[0]}" }}}}', text)


_HANDLEBARS_WORDS = frozenset(
    {"this", "else", "true", "false", "null", "undefined", "if", "unless", "each", "with"}
    | {"lookup", "log", "role", "history", "media", "section", "json", "ifEquals", "unlessEquals"}
)
_HANDLEBARS_OPENING = re.compile(r"\\*\{\{")
_HANDLEBARS_TAG = re.compile(r"\{\{\s*([^\s{}~]*)\s*\}\}(?!\})")


def _read_handlebars(source: str) -> Segments:
    r"""Variables; ``\{{`` is text, and ``\\{{`` a backslash before a variable."""
    made: list[Segment] = []
    at = 0
    while opening := _HANDLEBARS_OPENING.search(source, at):
        made.append(source[at : opening.start()])
        slashes, start = len(opening[0]) - 2, opening.end() - 2
        if slashes == 1:
            made.append("{{")
            at = opening.end()
            continue
        made.append("\\" * max(slashes - 1, 0))
        tag = _HANDLEBARS_TAG.match(source, start)
        if tag is None:
            raise _not_plain(_tag_at(source, start))
        made.append(_plain(tag[0], tag[1], _HANDLEBARS_WORDS))
        at = tag.end()
    return joined([*made, source[at:]])


LANGFUSE = Language("Langfuse", _read_langfuse)
MLFLOW = Language("MLflow", _read_mlflow)
JINJA = Language("Jinja", _read_jinja, literal=_write_jinja_text)
HANDLEBARS = Language(
    "Handlebars", _read_handlebars, literal=lambda text: text.replace("{{", r"\{{")
)
