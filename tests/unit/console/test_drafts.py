"""A version as a form and back, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.api import PromptVersionSpec
from promptrelease.console.acting import checking, drafts
from promptrelease.console.acting.checking import KEPT, NEW, UNUSED
from promptrelease.console.acting.drafts import Draft

BASE: dict[str, Any] = {
    "prompt": "greeting",
    "version": 3,
    "text": "Greet {{who}} in {{language}}.\n",
    "variables": {
        "who": {"type": "string", "description": "first name"},
        "language": {"type": "string", "default": ""},
    },
    "model": {
        "provider": "openai",
        "name": "gpt-5-2026-08-06",
        "parameters": {"temperature": 0.2, "maxTokens": 60, "stop": ["END"], "seed": 7},
    },
    "tools": [{"name": "look_up", "parameters": {"type": "object", "properties": {}}}],
    "output": {"type": "object", "properties": {"a": {"type": "string"}}},
    "consumes": ["names", "weather"],
    "message": "old",
}


PLAIN = (
    *("provider", "model", "temperature", "top_p", "max_tokens", "more", "tools"),
    *("output", "includes", "consumes", "message", "text", "kind"),
)
TONE = '{"tone": {"prompt": "tone", "version": 1}}'


def fields(draft: Draft) -> dict[str, str]:
    """What a browser sends of the form: line ends as browsers write them."""
    sent = {name: getattr(draft, name) for name in PLAIN} | {"number": str(draft.number)}
    for i, (role, content) in enumerate(draft.messages):
        sent |= {f"message-{i}-role": role, f"message-{i}-content": content}
    for name, its in draft.variables.items():
        sent |= {
            f"variable-{name}-type": its.kind,
            f"variable-{name}-description": its.description,
            f"variable-{name}-default": its.default,
        }
    return {name: value.replace("\n", "\r\n") for name, value in sent.items()}


def look(draft: Draft, before: dict[str, Any] | None = None) -> checking.Checked:
    return checking.check(draft, BASE["variables"] if before is None else before, lambda *_: None)


def edited(**changes: Any) -> Draft:
    draft = drafts.from_spec(BASE, 4)
    sent = fields(draft) | {"message": "new"} | changes
    return drafts.from_form(sent, "greeting", 3)


def test_what_nobody_touches_stays_as_it_is() -> None:
    assert look(edited()).spec == {**BASE, "version": 4, "message": "new"}


MESSAGES = [
    {"role": "system", "content": "Be kind.\n\n"},
    {"placeholder": "history"},
    {"role": "user", "content": "\nGreet {{who}}"},
]


def test_messages_stay_as_they_are() -> None:
    base = {k: v for k, v in BASE.items() if k != "text"} | {"messages": MESSAGES}
    base["variables"] = {"who": {"type": "string"}}
    sent = fields(drafts.from_spec(base, 4)) | {"message": "new"}
    found = look(drafts.from_form(sent, "greeting", 3), base["variables"])
    assert found.spec == {**base, "version": 4, "message": "new"}


TYPED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"))


@given(
    text=TYPED.map(lambda text: text.replace("{", "(")),
    default=TYPED,
    extra=st.dictionaries(st.sampled_from(["seed", "stop"]), st.integers() | st.booleans()),
)
def test_any_text_survives_the_form(text: str, default: str, extra: dict[str, Any]) -> None:
    spec = {
        "prompt": "p",
        "version": 1,
        "text": "{{who}}" + text,
        "variables": {"who": {"type": "string", "default": default}},
        "model": {"provider": "openai", "name": "m", "parameters": {"temperature": 0.5, **extra}},
        "message": "m",
    }
    sent = fields(drafts.from_spec(spec, 2)) | {"message": "n"}
    made = drafts.spec(drafts.from_form(sent, "p", 1))
    assert {**made, "version": 1, "message": "m"} == spec


def test_the_table_follows_the_text() -> None:
    found = look(edited(text="Greet {{who}} on {{day}}."))
    assert [(row.name, row.state) for row in found.rows] == [
        ("who", KEPT),
        ("day", NEW),
        ("language", UNUSED),
    ]
    assert found.new == ("day",)
    assert found.gone == ("language",)
    assert found.spec is not None
    assert found.spec["variables"].keys() == {"who", "day"}
    again = look(
        edited(
            text="Greet {{who}} on {{day}}.",
            **{"variable-day-type": "string", "variable-day-default": "Monday"},
        )
    )
    assert again.new == ()


def test_a_template_that_is_wrong_says_where() -> None:
    found = look(edited(text="Greet {{who}}\nin {{the language}}."))
    assert found.spec is None
    (mistake,) = found.mistakes
    assert mistake.field == "text"
    assert "line 2, column 4" in mistake.message
    assert {row.name for row in found.rows} >= {"language"}, "nothing typed is dropped meanwhile"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"message": "  "}, "message", "Say why"),
        ({"tools": "[{"}, "tools", "line 1, column 3: this is not JSON"),
        ({"tools": "{}"}, "tools", "a list in [ ]"),
        ({"tools": "[" * 5000}, "tools", ""),
        ({"output": '{"type": "array"}'}, "output", "output.type"),
        ({"output": '{"properties": 7}'}, "output", "output"),
        ({"temperature": "warm"}, "temperature", "'warm' is no number"),
        ({"temperature": "11"}, "temperature", "less than or equal to 10"),
        ({"top_p": "2"}, "top_p", "less than or equal to 1"),
        ({"max_tokens": "0.5"}, "max_tokens", "maxTokens"),
        ({"more": '{"temperature": 1}'}, "more", "a field of its own"),
        ({"model": ""}, "model", "fill it in"),
        ({"text": ""}, "text", "fill it in"),
        ({"consumes": "No Name"}, "consumes", ""),
        ({"includes": TONE}, "includes", "does not exist"),
        (
            {"variable-who-type": "integer", "variable-who-default": "x"},
            "variable-who-default",
            "3",
        ),
    ],
)
def test_each_mistake_is_at_its_field(changes: dict[str, str], field: str, said: str) -> None:
    if "includes" in changes:
        changes = {**changes, "text": "{{> tone}} {{who}} {{language}}"}
    found = look(edited(**changes))
    assert found.spec is None
    assert said in found.wrong(field), found.mistakes


def test_what_an_included_text_uses_is_not_thrown_away() -> None:
    tone = PromptVersionSpec.model_validate(
        {**BASE, "prompt": "tone", "version": 1, "text": "In {{language}}"}
        | {"variables": {"language": {"type": "string"}}, "consumes": None}
    )
    includes = '{"tone": {"prompt": "tone", "version": 1}}'
    draft = edited(
        text="{{who}} {{> tone}}", includes=includes, **{"variable-language-default": ""}
    )
    found = checking.check(draft, BASE["variables"], lambda *_: tone)
    assert found.mistakes == ()
    assert found.spec is not None
    assert "language" in found.spec["variables"]


def test_from_text_to_a_conversation_and_back() -> None:
    draft = edited()
    chat = drafts.pressed(draft, "chat")
    assert chat.messages == (("user", draft.text),)
    more = drafts.pressed(drafts.pressed(chat, "add"), "remove-0")
    assert more.messages == (("assistant", ""),)
    assert drafts.pressed(chat, "text").text == draft.text
    assert drafts.pressed(draft, "nonsense") == draft


def test_a_number_as_it_was_written() -> None:
    assert drafts.from_spec(BASE, 4).temperature == "0.2"
    assert json.loads(drafts.from_spec(BASE, 4).more) == {"stop": ["END"], "seed": 7}
