"""What the API server can't see: the operator says what to mend, and nothing served changes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from harness.api import CONFIG_MAPS, Api, Json, condition, release, version, wait_for
from harness.operator import Operator

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]

P = "ticket-summary"
PLACE = {"placeholder": "history"}


@pytest.fixture
def served(api: Api) -> Api:
    """Production serves v1."""
    api.apply(version(P, 1), release(P, production=(1, "first")))
    api.ready(P)
    return api


def tool(**parameters: Any) -> list[Json]:
    return [{"name": "t", "parameters": parameters}]


def chat(*messages: Json) -> Json:
    return {"text": None, "messages": list(messages)}


def say(text: str) -> Json:
    return {"role": "user", "content": text}


def model(**parameters: Any) -> Json:
    return {"model": {"provider": "o", "name": "m", "parameters": parameters}}


def include(prompt: str, number: int = 1) -> Json:
    return {"next": {"prompt": prompt, "version": number}}


def chain(length: int) -> list[Json]:
    """Versions of c1, c2, ... that each include the next; the last includes nothing."""
    return [
        version(f"c{n}", 1, text="{{> next}}", includes=include(f"c{n + 1}"))
        for n in range(1, length)
    ] + [version(f"c{length}", 1, text="end")]


NEXT = {"text": "{{> next}}"}
BAD = {"type": "text"}


def nested(depth: int) -> Json:
    value: Json = {}
    for _ in range(depth):
        value = {"a": value}
    return value


MISMATCH = "of variable b is not of its type"


@pytest.mark.parametrize(
    ("reason", "words", "spec"),
    [
        ("UndeclaredVariable", "{{b}} is used and not declared", {"text": "{{b}}"}),
        ("UnusedVariable", "b is declared and not used", {"variables": {"b": {}}}),
        (
            "TemplateSyntax",
            "messages[1], line 2, column 3: '{{name' is not closed",
            chat(say("hi"), say("hi\n, {{name")),
        ),
        ("TemplateSyntax", "text, line 1, column 200001", {"text": "a" * 200_000 + "{{"}),
        (
            "NameConflict",
            "history is both a variable and a placeholder",
            {**chat(PLACE, say("{{history}}")), "variables": {"history": {}}},
        ),
        (
            "DefaultType",
            f"{MISMATCH}, integer",
            {"text": "{{b}}", "variables": {"b": {"type": "integer", "default": "7"}}},
        ),
        (
            "DefaultType",
            f"{MISMATCH}, string",
            {"text": "{{b}}", "variables": {"b": {"default": 7}}},
        ),
        ("SchemaInvalid", "parameters.properties.q.type", {"tools": tool(properties={"q": BAD})}),
        ("SchemaInvalid", "tools[t].parameters.required", {"tools": tool(required="q")}),
        ("SchemaInvalid", "output.properties", {"output": {"properties": 5}}),
        ("SchemaInvalid", "$schema", {"tools": tool(**{"$schema": 5})}),
        ("SpecInvalid", "spec.output.type", {"output": {"type": "array"}}),
        ("SpecInvalid", "spec.model.parameters.temperature", model(temperature="hot")),
        ("SpecInvalid", "spec.model.parameters.topP", model(topP=2)),
        ("TooDeep", "nests too deeply", model(x=nested(70))),
        ("TooDeep", "nests too deeply", {"tools": tool(x=nested(70))}),
        ("TooLarge", "a ConfigMap has room for", {"text": "€" * 400_000}),
        ("IncludeUndeclared", "which spec.includes does not declare", {"text": "{{> next}}"}),
        ("IncludeUnused", "include next is declared and not used", {"includes": include(P)}),
        ("IncludeMissing", "nobody-v1 does not exist", NEXT | {"includes": include("nobody")}),
        ("IncludeNotText", "chat-v1 has messages", NEXT | {"includes": include("chat")}),
        ("IncludeCycle", f"{P}-v2 -> {P}-v2", NEXT | {"includes": include(P, 2)}),
        ("IncludeCycle", f"{P}-v2 -> back-v1 -> {P}-v2", NEXT | {"includes": include("back")}),
        ("IncludeTooDeep", "includes go deeper than 5", NEXT | {"includes": include("c1")}),
    ],
)
def test_a_version_that_the_operator_finds_invalid(
    served: Api, reason: str, words: str, spec: Json
) -> None:
    served.apply(
        version("chat", 1, **chat(say("hi"))),
        version("back", 1, text="{{> next}}", includes=include(P, 2)),
        *(chain(6) if reason == "IncludeTooDeep" else ()),
    )
    before = served.get(CONFIG_MAPS, f"{P}.production")
    served.create(version(P, 2, **spec))
    found = served.version_with(f"{P}-v2", "False", words)
    assert condition(found, "Valid")["reason"] == reason
    assert not found["status"].get("digest")

    served.move(P, "production", 2, "try it")
    served.release_with(P, "Ready", "False", words)
    assert wait_for(lambda: served.events(f"{P}-v2", reason), "the event")
    assert served.get(CONFIG_MAPS, f"{P}.production") == before

    # Nor does it keep anything else from being served.
    served.apply(version(P, 3))
    served.move(P, "production", 3, "rather this")
    served.served(P, "production", f"{P} v3")


def test_five_includes_deep_is_fine(api: Api) -> None:
    api.apply(
        *chain(5),
        version(P, 1, text="{{> next}}", includes=include("c1")),
        release(P, production=(1, "first")),
    )
    api.served(P, "production", "end")


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {"q": {"type": "string", "pattern": r"^\p{L}+$"}}},
        {"properties": {"q": {"type": "string", "pattern": "a{99999999999}"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"q": {}}},
        {"$schema": "http://[x", "properties": {"q": {}}},
        {"properties": {"q": {"$ref": "http://nowhere.invalid/schema"}}},
    ],
)
def test_a_schema_of_another_kind_of_mind_is_served_as_it_is(api: Api, parameters: Json) -> None:
    api.apply(version(P, 1, tools=tool(**parameters)), release(P, production=(1, "first")))
    api.ready(P)
    assert json.loads(api.files(P, "production")["tools.json"]) == tool(**parameters)


def test_json_too_deep_for_any_parser_stops_nobody(
    served: Api, operator: Operator, kubectl: Kubectl
) -> None:
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    manifest = json.dumps(version(P, 2, **model(x="DEEP"))).replace('"DEEP"', deep)
    kubectl("create", "-f", "-", stdin=manifest)
    try:
        reason = "jsonpath={.status.conditions[0].reason}"
        wait_for(
            lambda: kubectl("get", "pver", f"{P}-v2", "-o", reason).stdout == "TooDeep",
            "the version to be judged",
        )
        operator.kill()  # it must not stop a list either
        operator.start()
        served.apply(version(P, 3), version("other", 1), release("other", production=(1, "first")))
        served.move(P, "production", 3, "rather this")
        served.served(P, "production", f"{P} v3")
        served.served("other", "production", "other v1")
    finally:
        kubectl("delete", "pver", f"{P}-v2")


def test_an_include_bomb_is_refused(api: Api) -> None:
    laughs = " ".join(["{{> next}}"] * 10)
    api.apply(
        version("c5", 1, text="ha" * 1000),
        *(version(f"c{n}", 1, text=laughs, includes=include(f"c{n + 1}")) for n in range(1, 5)),
        version(P, 1, text=laughs, includes=include("c1")),
    )
    api.version_with(f"{P}-v1", "False", "with its includes")
    api.version_with("c3-v1", "True")


@pytest.mark.parametrize(
    "text",
    [
        "\r\nwindows\r\nlines\r\n",
        "trailing newlines\n\n\n",
        " \tspace around\t ",
        "grüße, 日本語, שלום, e\u0301",
        "🦊 👩‍👩‍👧 \U0010fffd",
        "\ufefffrom an editor with a mark",
        "line\u2028paragraph\u2029next\u0085end",
        "bell\x07 escape\x1b delete\x7f c1\x9b",
        "not characters \ufffe \uffff",
        "back\\slash \\{{literal}} \"quotes\" 'too' \\u0041",
        "%YAML 1.2\n---\n&anchor <<: *alias !!tag # comment\n...\n",
        "x" * 300_000,
    ],
    ids=lambda text: text[:16].encode("unicode_escape").decode(),
)
def test_a_text_is_served_byte_for_byte(api: Api, text: str) -> None:
    messages = [say(text[:100_000])]
    for obj in (
        version(P, 1, text=text, message=text[:1000]),
        version("chat", 1, **chat(*messages)),
        release(P, production=(1, text[:1000])),
        release("chat", production=(1, "first")),
    ):
        api.create(obj)
    files = api.served(P, "production", text)
    assert json.loads(files["metadata.json"])["reason"] == text[:1000]
    api.ready("chat")
    assert json.loads(api.files("chat", "production")["messages.json"]) == messages
    api.ready(P)
