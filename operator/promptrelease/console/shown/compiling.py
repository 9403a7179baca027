"""The preview of a compiled prompt: a field for each variable, and what the model would be sent.

What is filled in goes through the reader's own contract and templates: what one sees here is what a
workload would get.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.content.files import Content
from promptrelease.content.template import Variable, parse
from promptrelease.content.variables import Contract, VariablesError

PLACEHOLDER = "messages"
"""The type that a placeholder's field has."""

MOST = 100_000
"""Characters of one value."""

_EXAMPLES: Mapping[str, Any] = {
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "array": ["first", "second"],
    "object": {"key": "value"},
    PLACEHOLDER: [{"role": "user", "content": "An earlier message"}],
}
_JSON = ("array", "object", PLACEHOLDER)
_ARTICLE = {"integer": "an integer", "number": "a number", "boolean": "a boolean"}
_SAID = {
    "must be an integer": "this must be a whole number, such as 3",
    "must be a number": "this must be a number, such as 0.5",
    "must be a boolean": "this must be true or false",
    "must be a list of messages": 'this must be a list of messages: [{"role": …, "content": …}]',
    "must be a list": 'this must be a list in square brackets: ["first", "second"]',
    "must be a dict": 'this must be an object in braces: {"key": "value"}',
}


@dataclass(frozen=True)
class Field:
    """A variable, or a placeholder, in the form.

    Attributes:
        kind: one of the six types, or ``messages``.
        value: what is in the field, as text.
        default: as text; none where the caller must give a value.
        mistake: what is wrong with the value; empty when nothing is.

    """

    name: str
    kind: str
    value: str
    default: str | None = None
    description: str = ""
    mistake: str = ""

    @property
    def is_json(self) -> bool:
        """Whether it is written as JSON, over several lines."""
        return self.kind in _JSON


@dataclass(frozen=True)
class Stretch:
    """Text of the compiled prompt; ``name`` is of the variable that it came from, or empty."""

    text: str
    name: str = ""


@dataclass(frozen=True)
class Part:
    """A message of the compiled prompt, or its one text, which has no role.

    Attributes:
        placeholder: that the caller filled with this message; empty for the prompt's own.

    """

    role: str
    stretches: tuple[Stretch, ...]
    placeholder: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(stretch.text for stretch in self.stretches)


@dataclass(frozen=True)
class Preview:
    """Fields as they were filled in, and the parts; no parts where there is a mistake."""

    fields: tuple[Field, ...]
    parts: tuple[Part, ...]

    @property
    def mistakes(self) -> int:
        """How many fields are wrong."""
        return sum(bool(field.mistake) for field in self.fields)

    @property
    def length(self) -> int:
        """Characters that would be sent."""
        return sum(len(part.text) for part in self.parts)


def preview(content: Content, given: Mapping[str, str] | None = None) -> Preview:
    """Compile a prompt.

    Args:
        content: of a version, includes resolved.
        given: field to what was written into it; none for examples.

    """
    placeholders = [m["placeholder"] for m in content.messages or () if "placeholder" in m]
    contract = Contract(content.variables, placeholders)
    fields = [
        *(_field(name, its, given) for name, its in content.variables.items()),
        *(_placeholder(name, given) for name in placeholders),
    ]
    values: dict[str, Any] = {}
    mistakes: dict[str, str] = {}
    for field in fields:
        try:
            if _is_given(field):
                values[field.name] = _value(field)
        except ValueError as error:
            mistakes[field.name] = str(error)
    try:
        bound = contract.bind(values)
    except VariablesError as error:
        for name in error.missing:
            mistakes.setdefault(name, "fill this in: it has no default")
        for name, wrong in error.invalid.items():
            mistakes[name] = _said(wrong)
        bound = {}
    if mistakes:
        return Preview(tuple(_wrong(field, mistakes) for field in fields), ())
    return Preview(tuple(fields), tuple(_parts(content, bound)))


def _field(name: str, declared: Mapping[str, Any], given: Mapping[str, str] | None) -> Field:
    kind = declared["type"]
    default = _written(declared["default"], kind) if "default" in declared else None
    if given is None:
        example = _written(_EXAMPLES.get(kind, f"[{name}]"), kind)
        value = example if default is None else default
    else:
        value = given.get(name, "")[:MOST]
    return Field(name, kind, value, default, str(declared.get("description", "")))


def _placeholder(name: str, given: Mapping[str, str] | None) -> Field:
    example = _written(_EXAMPLES[PLACEHOLDER], PLACEHOLDER)
    value = example if given is None else given.get(name, "")[:MOST]
    return Field(name, PLACEHOLDER, value, None, "messages that the caller puts in here")


def _is_given(field: Field) -> bool:
    """Whether there is a value: an empty field stands for the default, or for an empty text."""
    if field.kind == "string":
        return bool(field.value) or field.default is None
    return bool(field.value.strip())


def _value(field: Field) -> Any:
    """What a caller would give. Raises ValueError, in words for who filled it in."""
    if field.kind == "string":
        return field.value.replace("\r\n", "\n")  # as browsers send line ends
    try:
        value = json.loads(field.value, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("this holds half a character, as in \\ud800") from None
    except RecursionError:
        raise ValueError("this nests too deeply") from None
    except ValueError as error:
        if not field.is_json:
            raise ValueError(_said(f"must be {_ARTICLE.get(field.kind, field.kind)}")) from None
        raise ValueError(f"this is not JSON: {error}") from None
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _said(wrong: str) -> str:
    return next((text for begin, text in _SAID.items() if wrong.startswith(begin)), wrong)


def _wrong(field: Field, mistakes: Mapping[str, str]) -> Field:
    told = mistakes.get(field.name, "")
    return Field(field.name, field.kind, field.value, field.default, field.description, told)


def _parts(content: Content, bound: Mapping[str, Any]) -> list[Part]:
    if content.messages is None:
        return [Part("", _filled(content.text or "", bound))]
    found: list[Part] = []
    for message in content.messages:
        if "placeholder" in message:
            name = message["placeholder"]
            found += [Part(str(m["role"]), (_said_by(m, name),), name) for m in bound[name]]
        else:
            found.append(Part(message["role"], _filled(message["content"], bound)))
    return found


def _filled(source: str, bound: Mapping[str, str]) -> tuple[Stretch, ...]:
    return tuple(
        Stretch(bound[segment.name], segment.name)
        if isinstance(segment, Variable)
        else Stretch(str(segment))
        for segment in parse(source).segments
    )


def _said_by(message: Mapping[str, Any], name: str) -> Stretch:
    said = message.get("content", "")
    return Stretch(said if isinstance(said, str) else _written(said, "object"), name)


def _written(value: Any, kind: str) -> str:
    if kind == "string" and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if kind in _JSON else None)
