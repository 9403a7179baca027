"""Whether a version can be served: every reason for no, and no other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.api import PromptVersionSpec
from promptrelease.content.files import Metadata, from_files, to_files
from promptrelease.content.template import parse
from promptrelease.content.variables import Contract
from promptrelease.release.judge import MAX_BYTES, MAX_NESTING, Resolution, judge

Fields = dict[str, Any]
Specs = Mapping[tuple[str, int], PromptVersionSpec]


def spec(prompt: str = "p", version: int = 1, **fields: Any) -> PromptVersionSpec:
    full = {
        "prompt": prompt,
        "version": version,
        "text": "hi",
        "model": {"provider": "o", "name": "m"},
        "message": "why",
        **fields,
    }
    return PromptVersionSpec.model_validate({k: v for k, v in full.items() if v is not None})


def judged(it: PromptVersionSpec, *others: PromptVersionSpec) -> Resolution:
    known: Specs = {(other.prompt, other.version): other for other in (it, *others)}
    return judge(it, lambda prompt, number: known.get((prompt, number)))


def reasons(resolution: Resolution) -> list[str]:
    return [problem.reason for problem in resolution.verdict.problems]


def include(prompt: str, name: str = "next") -> Fields:
    return {"includes": {name: {"prompt": prompt, "version": 1}}}


def chain(length: int, end: str = "end") -> list[PromptVersionSpec]:
    """c1 includes c2, and so on; the last has only a text."""
    links = [spec(f"c{n}", text="({{> next}})", **include(f"c{n + 1}")) for n in range(1, length)]
    return [*links, spec(f"c{length}", text=end)]


class TestIncludes:
    def test_they_are_put_in_place(self) -> None:
        found = judged(spec(text="a {{> next}} b", **include("c1")), *chain(3))
        assert found.content is not None
        assert found.content.text == "a ((end)) b"

    @pytest.mark.parametrize(("length", "expected"), [(5, []), (6, ["IncludeTooDeep"])])
    def test_five_deep_and_no_deeper(self, length: int, expected: list[str]) -> None:
        found = judged(spec(text="{{> next}}", **include("c1")), *chain(length))
        assert reasons(found) == expected

    def test_depth_counts_on_the_longest_way_whichever_is_taken_first(self) -> None:
        both: Fields = {
            "includes": {n: {"prompt": p, "version": 1} for n, p in (("a", "c2"), ("b", "c1"))}
        }
        found = judged(spec(text="{{> a}}{{> b}}", **both), *chain(6))
        assert reasons(found) == ["IncludeTooDeep"]

    def test_one_used_twice_is_no_cycle(self) -> None:
        both: Fields = {
            "includes": {n: {"prompt": p, "version": 1} for n, p in (("a", "c1"), ("b", "c2"))}
        }
        found = judged(spec(text="{{> a}}{{> b}}{{> b}}", **both), *chain(2))
        assert found.content is not None
        assert found.content.text == "(end)endend"

    def test_a_cycle_names_its_way(self) -> None:
        back = spec("b", text="{{> next}}", **include("p"))
        (problem,) = judged(spec(text="{{> next}}", **include("b")), back).verdict.problems
        assert problem.reason == "IncludeCycle"
        assert "p-v1 -> b-v1 -> p-v1" in problem.message

    def test_a_cycle_among_the_included_is_seen_too(self) -> None:
        one = spec("a", text="{{> next}}", **include("b"))
        two = spec("b", text="{{> next}}", **include("a"))
        assert reasons(judged(spec(text="{{> next}}", **include("a")), one, two)) == [
            "IncludeCycle"
        ]

    def test_variables_come_along(self) -> None:
        tone = spec("tone", text="{{mood}}", variables={"mood": {"default": "kind"}})
        found = judged(spec(text="{{> next}}", **include("tone")), tone)
        assert found.content is not None
        assert found.content.variables == {"mood": {"type": "string", "default": "kind"}}

    def test_a_variable_of_two_types_is_refused(self) -> None:
        tone = spec("tone", text="{{n}}", variables={"n": {"type": "integer"}})
        found = judged(spec(text="{{n}} {{> next}}", variables={"n": {}}, **include("tone")), tone)
        assert reasons(found) == ["VariableConflict"]

    def test_an_included_default_of_the_wrong_type_is_refused(self) -> None:
        tone = spec("tone", text="{{n}}", variables={"n": {"type": "integer", "default": "x"}})
        found = judged(spec(text="{{> next}}", **include("tone")), tone)
        assert reasons(found) == ["DefaultType"]

    def test_an_included_escape_that_would_swallow_a_variable_is_refused(self) -> None:
        tail = spec("tail", text="ends in \\")
        found = judged(spec(text="{{> next}}{{a}}", variables={"a": {}}, **include("tail")), tail)
        assert reasons(found) == ["TemplateSyntax"]

    def test_a_bomb_is_refused_without_its_memory(self) -> None:
        big = spec("big", text="x" * 600_000)
        bomb = spec(text="{{> next}}" * 5000, **include("big"))
        tracemalloc.start()
        found = judged(bomb, big)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert reasons(found) == ["TooLarge"]
        assert peak < 20 * 1024 * 1024, "3 GB were meant"


class TestTheContract:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"text": "{{a}}"}, ["UndeclaredVariable"]),
            ({"text": "{{a}} {{b}}"}, ["UndeclaredVariable", "UndeclaredVariable"]),
            ({"variables": {"a": {}}}, ["UnusedVariable"]),
            ({"text": "\\{{a}}"}, []),
            ({"text": "\\{{a}}", "variables": {"a": {}}}, ["UnusedVariable"]),
            ({"text": "{{ a }}", "variables": {"a": {}}}, []),
            ({"text": "{{> x}}"}, ["IncludeUndeclared"]),
            (
                {"text": "{{a", "tools": [{"name": "t", "parameters": {"required": 1}}]},
                ["TemplateSyntax", "SchemaInvalid"],
            ),
        ],
    )
    def test_everything_that_is_wrong_is_said(
        self, fields: dict[str, Any], expected: list[str]
    ) -> None:
        assert reasons(judged(spec(**fields))) == expected

    @pytest.mark.parametrize(
        ("kind", "default", "fine"),
        [
            ("string", "x", True),
            ("string", 1, False),
            ("integer", 1, True),
            ("integer", 1.0, True),
            ("integer", 1.5, False),
            ("integer", 1e25, False),
            ("integer", True, False),
            ("number", 1, True),
            ("number", "1", False),
            ("boolean", False, True),
            ("boolean", 0, False),
            ("array", [], True),
            ("array", {}, False),
            ("object", {}, True),
            ("object", [], False),
            ("string", None, False),
        ],
    )
    def test_a_default_has_its_variable_s_type(self, kind: str, default: Any, fine: bool) -> None:
        found = judged(spec(text="{{a}}", variables={"a": {"type": kind, "default": default}}))
        assert found.verdict.valid == fine

    def test_messages_are_checked_each_by_itself(self) -> None:
        messages = [
            {"role": "system", "content": "{{a"},
            {"placeholder": "history"},
            {"role": "user", "content": "{{b}"},
        ]
        found = judged(spec(text=None, messages=messages))
        assert [problem.message[:11] for problem in found.verdict.problems] == [
            "messages[0]",
            "messages[2]",
        ]

    def test_a_placeholder_is_no_variable(self) -> None:
        messages = [{"placeholder": "a"}, {"role": "user", "content": "{{a}}"}]
        found = judged(spec(text=None, messages=messages, variables={"a": {}}))
        assert reasons(found) == ["NameConflict"]


class TestLimits:
    def test_a_text_that_fills_a_config_map(self) -> None:
        assert judged(spec(text="€" * (MAX_BYTES // 3 - 500))).verdict.valid
        assert reasons(judged(spec(text="€" * (MAX_BYTES // 3)))) == ["TooLarge"]

    @pytest.mark.parametrize("place", ["model", "output", "tools", "variables", "included"])
    @pytest.mark.parametrize(("levels", "fine"), [(MAX_NESTING - 2, True), (5000, False)])
    def test_json_is_as_deep_as_anybody_can_read(self, place: str, levels: int, fine: bool) -> None:
        deep: Any = 1
        for level in range(levels):
            deep = [deep] if level % 2 else {"a": deep}
        places: dict[str, Fields] = {
            "model": {"model": {"provider": "o", "name": "m", "parameters": {"x": deep}}},
            "output": {"output": {"x": deep}},
            "tools": {"tools": [{"name": "t", "parameters": {"x": deep}}]},
            "variables": {
                "text": "{{a}}",
                "variables": {"a": {"type": "object", "default": {"a": deep}}},
            },
            "included": {"text": "{{> next}}", **include("b")},
        }
        outer = spec(**places[place])
        inner = spec("b", text="{{a}}", variables={"a": {"type": "object", "default": {"a": deep}}})
        found = judged(outer, inner)
        assert reasons(found) == ([] if fine else ["TooDeep"])


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(max_size=3)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
types = st.sampled_from(["string", "integer", "number", "boolean", "array", "object"])


@given(
    kind=types,
    default=json_values,
    parameters=st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    schema=st.dictionaries(
        st.sampled_from(["type", "$schema", "required", "properties", "pattern", "$ref", "x"]),
        json_values,
        max_size=3,
    ),
)
def test_what_is_valid_can_be_read_and_nothing_is_too_strange_to_judge(
    kind: str, default: Any, parameters: dict[str, Any], schema: dict[str, Any]
) -> None:
    schema.pop("type", None)
    known = {"temperature", "topP", "maxTokens", "stop"}
    found = judged(
        spec(
            text="{{a}}",
            variables={"a": {"type": kind, "default": default}},
            model={
                "provider": "o",
                "name": "m",
                "parameters": {k: v for k, v in parameters.items() if k not in known},
            },
            tools=[{"name": "t", "parameters": schema}],
        )
    )
    assert found.verdict.valid == (found.content is not None)
    if found.content is not None:
        assert found.verdict.digest == found.content.digest
        facts = Metadata("p", 1, "production", found.verdict.digest, 1, "why", "", "now")
        content, _ = from_files(to_files(found.content, facts))
        assert content == found.content
        assert Contract(content.variables).bind({}).keys() == {"a"}


@given(st.text(st.sampled_from("a{}\\ >"), max_size=10))
def test_a_text_is_served_as_it_is_or_refused(text: str) -> None:
    found = judged(spec(text=text or "x", variables=None))
    if found.content is not None:
        assert found.content.text == (text or "x")
        assert not parse(text).variables


def test_includes_that_disagree_on_a_variable_are_refused() -> None:
    one = spec("one", text="{{x}}", variables={"x": {}})
    two = spec("two", text="{{x}}", variables={"x": {"type": "integer"}})
    both = {name: {"prompt": name, "version": 1} for name in ("one", "two")}
    text = judged(spec(text="{{> one}} {{> two}}", includes=both), one, two)
    said = [{"role": "user", "content": f"{{{{> {name}}}}}"} for name in both]
    chat = judged(spec(text=None, messages=said, includes=both), one, two)
    assert reasons(text) == reasons(chat) == ["VariableConflict"]
