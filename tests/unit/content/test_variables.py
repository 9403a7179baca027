"""The contract with the caller, and that compiling equals the naive model of it."""

from __future__ import annotations

import enum
import json
import math
import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.content.files import Content, ContentError, Metadata
from promptrelease.content.variables import Contract, VariablesError
from promptrelease.reader._prompt import prompt_of

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.sampled_from("ab{}%()s\\>é\n")),
    "integer": st.integers(),
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "array": st.lists(_json, max_size=3),
    "object": st.dictionaries(st.text(), _json, max_size=3),
}
_literals = st.text(st.sampled_from("ab}%()s é\n"), max_size=6)


@st.composite
def _calls(draw: st.DrawFn) -> tuple[list[tuple[str, str]], dict[str, Any], dict[str, Any]]:
    """Pieces of a template as (literal, variable), its contract, and a fitting call."""
    types = draw(
        st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(sorted(VALUES)), min_size=1)
    )
    contract: dict[str, dict[str, Any]] = {name: {"type": kind} for name, kind in types.items()}
    call = {}
    for name, kind in types.items():
        if draw(st.booleans()):
            contract[name]["default"] = draw(VALUES[kind])
        if "default" not in contract[name] or draw(st.booleans()):
            call[name] = draw(VALUES[kind])
    used = draw(st.lists(st.tuples(_literals, st.sampled_from(sorted(types)))))
    return used, contract, call


def naive(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(_calls())
def test_compile_is_the_naive_model(
    call: tuple[list[tuple[str, str]], dict[str, Any], dict[str, Any]],
) -> None:
    used, contract, values = call
    source = "".join(f"{literal}{{{{{name}}}}}" for literal, name in used)
    content = Content(text=source, variables=contract)
    prompt = prompt_of(content, Metadata("p", 1, "l", "sha256:", 1, "", "", ""))
    complete = {**{n: d["default"] for n, d in contract.items() if "default" in d}, **values}
    expected = "".join(literal + naive(complete[name]) for literal, name in used)
    assert prompt.compile(**values) == expected


@given(_calls(), st.data())
def test_a_missing_or_extra_variable_is_named(
    call: tuple[list[tuple[str, str]], dict[str, Any], dict[str, Any]], data: st.DataObject
) -> None:
    _, variables, values = call
    contract = Contract(variables)
    missing = data.draw(st.sets(st.sampled_from(sorted(contract.required) or ["a"])))
    missing &= contract.required
    unexpected = data.draw(st.sets(st.sampled_from(["x", "y"])))
    asked = {n: v for n, v in values.items() if n not in missing} | dict.fromkeys(unexpected, 1)
    if not missing and not unexpected:
        assert contract.bind(asked).keys() == variables.keys()
        return
    with pytest.raises(VariablesError) as raised:
        contract.bind(asked)
    assert set(raised.value.missing) == missing
    assert set(raised.value.unexpected) == unexpected
    assert raised.value.invalid == {}
    assert all(name in str(raised.value) for name in missing | unexpected)


class Color(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("string", Color.RED, "red"),
        ("integer", Level.HIGH, "3"),
        ("integer", 0, "0"),
        ("number", 1.0, "1.0"),
        ("boolean", True, "true"),
        ("array", ("a", 1), '["a",1]'),
        ("object", {"é": None}, '{"é":null}'),
    ],
)
def test_what_a_value_becomes(kind: str, value: Any, text: str) -> None:
    assert Contract({"x": {"type": kind}}).bind({"x": value}) == {"x": text}


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("string", 1, "must be a string, got int"),
        ("string", None, "must be a string, got NoneType"),
        ("string", b"x", "must be a string, got bytes"),
        ("integer", True, "must be an integer, got bool"),
        ("integer", 1.0, "must be an integer, got float"),
        ("number", False, "must be a number, got bool"),
        ("number", "1", "must be a number, got str"),
        ("number", math.nan, "can't be written as JSON"),
        ("boolean", 1, "must be a boolean, got int"),
        ("array", {"a"}, "must be a list, got set"),
        ("array", [date(2026, 8, 6)], "can't be written as JSON"),
        ("object", [], "must be a dict, got list"),
    ],
)
def test_a_value_of_another_type(kind: str, value: Any, reason: str) -> None:
    with pytest.raises(VariablesError) as raised:
        Contract({"x": {"type": kind}}).bind({"x": value})
    assert raised.value.invalid.keys() == {"x"}
    assert reason in raised.value.invalid["x"]


def test_placeholders_are_required_and_take_lists_of_messages() -> None:
    contract = Contract({}, ["history"])
    assert contract.required == {"history"}
    assert contract.bind({"history": []}) == {"history": []}
    with pytest.raises(VariablesError, match="history is missing"):
        contract.bind({})
    with pytest.raises(VariablesError, match="must be a list of messages, got str"):
        contract.bind({"history": "hello"})
    with pytest.raises(VariablesError, match=r"\[1\] must be a message with a role"):
        contract.bind({"history": [{"role": "user", "content": "x"}, {"content": "x"}]})


def test_an_error_crosses_processes() -> None:
    with pytest.raises(VariablesError) as raised:
        Contract({"x": {"type": "string"}}).bind({"y": 1})
    copied = pickle.loads(pickle.dumps(raised.value))
    assert str(copied) == str(raised.value)
    assert copied.missing == ("x",)
    assert copied.unexpected == ("y",)


def test_a_type_that_is_none() -> None:
    with pytest.raises(ContentError, match="unknown type None"):
        Contract({"x": {}})
