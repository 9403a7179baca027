"""JSON Schemas are checked in a time that their writer can't stretch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import _utils

from promptrelease.release import schemas

DRAFTS = ["draft-03", "draft-04", "draft-06", "draft-07"]


def words(schema: dict[str, Any]) -> str:
    return "; ".join(problem.message for problem in schemas.problems([("output", schema)]))


def unlike(count: int) -> list[Any]:
    return [value for i in range(count) for value in (i, str(i))]


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": unlike(20), "$schema": "http://json-schema.org/draft-04/schema#"},
        {"properties": {"a": {"type": unlike(20)}}},
        {"properties": {"a": {"required": [{"a": i} for i in range(20)]}}},
        {"required": unlike(20), "$schema": "https://json-schema.org/draft/2019-09/schema"},
    ],
)
def test_nothing_is_compared_with_everything(
    schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: object) -> bool:
        raise AssertionError("jsonschema's own way: each with each")

    monkeypatch.setattr(_utils, "uniq", never)
    monkeypatch.setattr("jsonschema._keywords.uniq", never)
    words(schema)


@pytest.mark.parametrize("values", [[1, 1.0], [{"a": 1}, {"a": 1}], ["a", 1, "a"], [None, None]])
def test_what_is_there_twice_is_found(values: list[Any]) -> None:
    schema = {"enum": values, "$schema": "http://json-schema.org/draft-04/schema#"}
    assert "non-unique" in words(schema)


def test_true_is_not_one() -> None:
    assert not words({"enum": [True, 1], "$schema": "http://json-schema.org/draft-04/schema#"})


@pytest.mark.parametrize("draft", DRAFTS)
@pytest.mark.parametrize("keyword", ["properties", "items", "extends", "dependencies", "not"])
def test_every_draft_ends_in_words(draft: str, keyword: str) -> None:
    schema: dict[str, Any] = {"$schema": f"http://json-schema.org/{draft}/schema#"}
    words({**schema, keyword: {"a": {"type": 5}}})
    words({**schema, keyword: 5})
    assert "is not JSON Schema" in words({**schema, "properties": {"a": {"minLength": "x"}}})


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"anyOf": [{}] * n},
        lambda n: {"properties": {str(i): i for i in range(n)}},
        lambda n: {"enum": list(range(n))},
    ],
)
def test_what_holds_too_much_is_refused_unread(make: Callable[[int], dict[str, Any]]) -> None:
    assert "more than 10000 values" not in words(make(schemas.MAX_VALUES // 2 - 10))
    assert "more than 10000 values: shorten" in words(make(schemas.MAX_VALUES))


def test_the_limit_is_for_all_of_them_together() -> None:
    half = {"enum": list(range(6000))}
    (problem,) = schemas.problems([("one", half), ("two", half), ("three", half)])
    assert problem.message.startswith("two: all schemas together")


def test_words_are_few_whatever_the_schema_says() -> None:
    assert len(words({"properties": ["x" * 300_000]})) < 700


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://203.0.113.1/schema"},
        {"$ref": "#"},
        {"$id": "http://[", "$dynamicRef": "#meta"},
        {"properties": {"a": {"pattern": "(a+)+$"}}},
        {"$schema": "urn:nobody-knows"},
    ],
)
def test_nothing_in_it_is_followed(schema: dict[str, Any]) -> None:
    assert words(schema) == ""
