"""JSON on the way in and on the way out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.controller.kube import MAX_RETRY_AFTER, _error, _yaml, asked_pause, parse


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=8), max_size=4))
def test_an_apply_reads_the_same_as_json_and_as_yaml(body: dict[str, Any]) -> None:
    text = _yaml(body)
    assert json.loads(text) == body
    assert yaml.safe_load(text.decode()) == body


@pytest.mark.parametrize(
    "text", ["🦊", "\u2028", "\x85", "\ufeff", "\ufffe", "\x7f", "\\ud83e", "\0"]
)
def test_characters_that_yaml_reads_in_its_own_way(text: str) -> None:
    assert yaml.safe_load(_yaml({"a": text}).decode()) == {"a": text}


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=8,
    )
)
def test_json_is_read_as_it_is(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


def test_json_too_deep_is_cut_and_the_rest_is_read() -> None:
    deep = '{"a":[' * 5000 + '"]}"' + "]}" * 5000
    found = parse(f'{{"before": "{{[\\"", "deep": {deep}, "after": [1]}}'.encode())
    assert found["before"] == '{["'
    assert found["after"] == [1]
    levels, value = 0, found["deep"]
    while value:
        levels, value = levels + 1, value["a"] if isinstance(value, dict) else value[0]
    assert 100 < levels < 300


@pytest.mark.parametrize(
    ("status", "told", "seconds"),
    [
        (429, "1", 1.0),
        (503, "7", 7.0),
        (429, "86400", MAX_RETRY_AFTER),
        (429, "", 0.0),
        (429, "-1", 0.0),
        (503, "Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        (500, "1", 0.0),
    ],
)
def test_the_pause_that_a_server_asks_for(status: int, told: str, seconds: float) -> None:
    for body in (b'{"reason": "Busy"}', b"<html>", b"[]"):
        assert asked_pause(_error(status, body, told)) == seconds
