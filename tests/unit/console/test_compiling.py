"""The preview is what the reader compiles, and mistakes are told at their fields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.console.shown.compiling import Preview, preview
from promptrelease.content.files import Content, Metadata
from promptrelease.reader._prompt import prompt_of

META = Metadata("p", 1, "production", "", 1, "", "", "")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(),
    "integer": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "array": st.lists(st.text() | st.integers(), max_size=3),
    "object": st.dictionaries(st.text(), st.integers(), max_size=3),
}
ALL = "".join(f"{kind}: {{{{{kind}}}}} \\{{{{x}}}} %s\n" for kind in VALUES)
TEXT = Content(text=ALL, variables={kind: {"type": kind} for kind in VALUES})
CHAT = Content(
    messages=[
        {"role": "system", "content": "For {{company}}"},
        {"placeholder": "history"},
        {"role": "user", "content": "{{ticket}}"},
    ],
    variables={
        "company": {"type": "string", "default": "Acme", "description": "whose"},
        "ticket": {"type": "string"},
    },
)


def written(kind: str, value: Any) -> str:
    return value if kind == "string" else json.dumps(value)


@given(st.fixed_dictionaries(VALUES))
def test_what_is_shown_is_what_a_workload_gets(values: dict[str, Any]) -> None:
    # Line ends come from browsers as CRLF, and are one character again in what is sent.
    values["string"] = values["string"].replace("\r\n", "\n")
    found = preview(TEXT, {kind: written(kind, value) for kind, value in values.items()})
    assert not found.mistakes, found.fields
    (part,) = found.parts
    assert part.text == prompt_of(TEXT, META).compile(**values)


def test_a_chat_prompt_with_the_callers_messages() -> None:
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello {{x}}"}]
    given = {"company": "", "history": json.dumps(history), "ticket": "{{company}}\r\nhelp"}
    found = preview(CHAT, given)
    compiled = prompt_of(CHAT, META).compile(history=history, ticket="{{company}}\nhelp")
    assert [{"role": part.role, "content": part.text} for part in found.parts] == compiled
    assert [part.placeholder for part in found.parts] == ["", "history", "history", ""]
    assert [s.name for s in found.parts[0].stretches] == ["", "company"]


def test_examples_compile() -> None:
    for content in (TEXT, CHAT):
        found = preview(content)
        assert not found.mistakes
        assert found.parts
        assert found.length == sum(len(part.text) for part in found.parts)


def mistakes(found: Preview) -> dict[str, str]:
    return {field.name: field.mistake for field in found.fields if field.mistake}


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("integer", "1.5", "whole number"),
        ("integer", "three", "whole number"),
        ("integer", "", "fill this in"),
        ("integer", "9" * 5000, "whole number"),
        ("number", "NaN", "number, such as"),
        ("number", "true", "number, such as"),
        ("boolean", "yes", "true or false"),
        ("boolean", "1", "true or false"),
        ("array", '{"a": 1}', "list in square brackets"),
        ("array", '["a"', "not JSON"),
        ("array", "[" * 100_000, "not JSON|nests"),
        ("array", '["\\ud800"]', "half a character"),
        ("object", "[]", "object in braces"),
        ("object", '{"a": Infinity}', "not JSON"),
    ],
)
def test_mistakes_are_told_at_the_field_and_nothing_is_lost(
    kind: str, value: str, words: str
) -> None:
    given = {name: written(name, _good(name)) for name in VALUES} | {kind: value}
    found = preview(TEXT, given)
    assert list(mistakes(found)) == [kind]
    assert any(word in mistakes(found)[kind] for word in words.split("|"))
    assert found.parts == ()
    assert {field.name: field.value for field in found.fields} == given


def test_all_mistakes_at_once() -> None:
    found = preview(TEXT, {"integer": "x", "array": "y", "string": "fine"})
    assert mistakes(found).keys() == VALUES.keys() - {"string"}
    assert found.mistakes == 5


def test_messages_of_the_caller_are_checked() -> None:
    found = preview(CHAT, {"history": "[{}]", "ticket": "t"})
    assert mistakes(found) == {"history": "[0] must be a message with a role"}
    found = preview(CHAT, {"history": "", "ticket": "t"})
    assert mistakes(found) == {"history": "fill this in: it has no default"}


def test_an_empty_text_is_a_value_and_an_empty_field_the_default() -> None:
    found = preview(CHAT, {"company": "", "history": "[]", "ticket": ""})
    assert [part.text for part in found.parts] == ["For Acme", ""]


def test_fields_say_what_they_take() -> None:
    company, ticket, history = preview(CHAT).fields
    assert (company.value, company.default, company.description) == ("Acme", "Acme", "whose")
    assert (ticket.default, ticket.is_json) == (None, False)
    assert history.is_json


def _good(kind: str) -> Any:
    return {
        "string": "s",
        "integer": 1,
        "number": 1.5,
        "boolean": True,
        "array": [],
        "object": {},
    }[kind]
