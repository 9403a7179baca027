"""Export, then import: the same version, for all that the target can hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import event, given

from promptrelease.exchange import files, langfuse, mlflow
from promptrelease.exchange.compare import same_content
from promptrelease.exchange.values import LeftOut, System, Version
from unit.exchange.generated import versions

Trip = Callable[[Version], Version]
Trim = Callable[[str], str]
NUMBER_THERE = 3


def silent(field: str, why: str) -> None:
    pass


def by_langfuse(version: Version) -> Version:
    body = langfuse.write_version(version, "folder/p", number=NUMBER_THERE)
    row = {**body, "version": NUMBER_THERE, "labels": [], "createdBy": "API"}
    row = json.loads(json.dumps(row))
    return langfuse.read_version(row, langfuse.as_written(row), silent)


def by_mlflow(version: Version) -> Version:
    row = mlflow.write_version(version, number=NUMBER_THERE)
    return mlflow.read_version({"version": NUMBER_THERE, **json.loads(json.dumps(row))}, silent)


def by_file(system: System, version: Version) -> Version:
    text = files.text_of(system, "p", version, ["production"], silent)
    back: Version
    name, back, labels = files.FORMATS[system].read(text, "other", "", silent)
    assert (name, labels) == ("p", ["production"])
    return back


def by_dotprompt(version: Version) -> Version:
    return by_file("dotprompt", version)


def by_prompty(version: Version) -> Version:
    return by_file("prompty", version)


TRIPS: dict[str, tuple[Trip, Trim]] = {
    "langfuse": (by_langfuse, str),
    "mlflow": (by_mlflow, str),
    "dotprompt": (by_dotprompt, str.strip),
    "prompty": (by_prompty, str.strip),
}


@pytest.mark.parametrize("target", TRIPS)
@given(version=versions())
def test_what_comes_back_is_the_same(target: str, version: Version) -> None:
    trip, trim = TRIPS[target]
    try:
        back = trip(version)
    except LeftOut:
        event("left out")
        return
    event("kept")
    assert same_content(back.content, version.content, trim=trim)
    told = ("number", "message", "author", "created")
    assert [getattr(back, n) for n in told] == [getattr(version, n) for n in told]
    assert back.content.get("consumes") == version.content.get("consumes")


FULL = Version(
    number=7,
    content={
        "messages": [
            {"role": "system", "content": 'Answer as {"queue": "..."}.'},
            {"role": "user", "content": "Route {{ticket}} for {{ company }}, please."},
        ],
        "variables": {
            "ticket": {"type": "string", "description": "its text"},
            "company": {"type": "string", "default": "Acme"},
        },
        "model": {
            "provider": "openai",
            "name": "gpt-4.1-2025-04-14",
            "parameters": {"temperature": 0.2, "maxTokens": 300, "stop": ["END"], "seed": 1},
        },
        "tools": [
            {
                "name": "lookup",
                "description": "State of an order",
                "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
            }
        ],
        "output": {"type": "object", "properties": {"queue": {"type": "string"}}},
    },
    message="Urgency and a reason",
    author="ada@example.com",
    created="2026-02-03T04:05:06Z",
)


@pytest.mark.parametrize("target", TRIPS)
def test_an_ordinary_version_is_not_left_out(target: str) -> None:
    back = TRIPS[target][0](FULL)
    assert same_content(back.content, FULL.content)
    assert (back.message, back.author, back.created) == (FULL.message, FULL.author, FULL.created)


@pytest.mark.parametrize("target", ["langfuse", "dotprompt", "prompty"])
def test_a_placeholder_comes_back(target: str) -> None:
    messages = [FULL.content["messages"][0], {"placeholder": "chat"}, FULL.content["messages"][1]]
    version = replace(FULL, content={**FULL.content, "messages": messages})
    assert same_content(TRIPS[target][0](version).content, version.content)


def test_mlflow_has_no_placeholders() -> None:
    version = replace(FULL, content={**FULL.content, "messages": [{"placeholder": "chat"}]})
    with pytest.raises(LeftOut, match="MLflow has no placeholders"):
        by_mlflow(version)
