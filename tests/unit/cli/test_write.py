"""Drafts of versions: nothing is lost on the way to the editor and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.cli.check.linting import lint
from promptrelease.cli.manifests import documents
from promptrelease.views import drafting
from promptrelease.views.failures import UsageMistake

MODEL = {"provider": "openai", "name": "gpt-5-2026-08-06", "parameters": {"temperature": 0.2}}
BASE: dict[str, Any] = {
    "prompt": "a",
    "version": 3,
    "text": "Hi {{who}}",
    "variables": {"who": {"type": "string"}},
    "model": MODEL,
    "message": "third",
}
# What a prompt may hold and YAML may write; the API takes no NUL, and no halves of pairs.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60
)


def read(text: str) -> Any:
    ((raw, _),) = documents(text)
    return raw


@given(TEXTS, TEXTS)
def test_a_draft_holds_its_text_to_the_letter(text: str, message: str) -> None:
    made = drafting.manifest(drafting.spec("a", 4, BASE, text=text, message=message))
    found = read(drafting.draft(made, 3))
    assert found == made
    assert read(drafting.without_mistakes(drafting.draft(made, 3))) == made


@given(TEXTS, st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3))
def test_mistakes_come_and_go_and_leave_the_draft_as_it_was(
    text: str, first: list[str], second: list[str]
) -> None:
    if text.startswith(drafting.MARK):
        return
    draft = f"a: 1\n{text}"
    clean = drafting.without_mistakes(draft)
    once = drafting.with_mistakes(draft, first)
    assert drafting.without_mistakes(once) == clean
    twice = drafting.with_mistakes(once, second)
    assert twice == drafting.with_mistakes(draft, second)


def test_a_next_version_is_the_last_one_with_another_number_and_no_message() -> None:
    assert drafting.spec("a", 4, BASE) == {**BASE, "version": 4, "message": ""}
    assert drafting.spec("a", 4, BASE, message="x")["message"] == "x"


def test_a_first_version_is_right_but_for_its_message() -> None:
    made = drafting.manifest(drafting.spec("a", 1, None))
    (finding,) = lint({"a": drafting.draft(made, None)})[0]
    assert "message" in finding.message
    made = drafting.manifest(drafting.spec("a", 1, None, message="begin"))
    assert lint({"a": drafting.draft(made, None)})[0] == []


def test_a_text_takes_the_place_of_messages() -> None:
    chat = {**BASE, "messages": [{"placeholder": "history"}]}
    del chat["text"]
    made = drafting.spec("a", 4, chat, text="Hi")
    assert made["text"] == "Hi"
    assert "messages" not in made


def test_model_and_parameters() -> None:
    made = drafting.spec("a", 4, BASE, model="anthropic/claude", parameters=["topP=0.5"])
    assert made["model"]["provider"] == "anthropic"
    assert made["model"]["name"] == "claude"
    assert made["model"]["parameters"] == {"temperature": 0.2, "topP": 0.5}
    made = drafting.spec("a", 4, BASE, model="gpt", parameters=["temperature=", "stop=[a, b]"])
    assert made["model"] == {
        "provider": "openai",
        "name": "gpt",
        "parameters": {"stop": ["a", "b"]},
    }
    assert BASE["model"] == MODEL, "what it begins with stays as it is"


@pytest.mark.parametrize("given", ["temperature", "=1", "a=[", "a={b: }}"])
def test_a_parameter_that_is_none(given: str) -> None:
    with pytest.raises(UsageMistake, match="--set-parameter"):
        drafting.spec("a", 4, BASE, parameters=[given])


def test_a_draft_is_written_as_people_write() -> None:
    made = drafting.manifest(drafting.spec("a", 4, BASE, text="one\ntwo\n", message="m"))
    assert "  text: |\n    one\n    two\n" in drafting.draft(made, 3)
    assert yaml.safe_load(drafting.dump(made)) == json.loads(json.dumps(made))
