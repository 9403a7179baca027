"""One snapshot: compiling, immutability, what it looks like to others."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from harness.mounts import files_of
from promptrelease import ChatPrompt, Prompt, TextPrompt, VariablesError
from promptrelease.content.files import ContentError, from_files
from promptrelease.reader._prompt import prompt_of


def prompt_from(**content: Any) -> Prompt:
    return prompt_of(*from_files(files_of(7, **content)))


def chat() -> Prompt:
    return prompt_from(
        messages=[
            {"role": "system", "content": "You route tickets for {{product}}."},
            {"placeholder": "history"},
            {"role": "user", "content": "{{ticket}}"},
        ],
        variables={
            "ticket": {"type": "string"},
            "product": {"type": "string", "default": "Acme"},
        },
    )


def test_text() -> None:
    prompt = prompt_from(
        text=r"{{greeting}}, 100% of \{{these}} are {{count}}: {{items}}",
        variables={
            "greeting": {"type": "string", "default": "Hello"},
            "count": {"type": "integer"},
            "items": {"type": "array", "default": ["é"]},
        },
    )
    assert isinstance(prompt, TextPrompt)
    assert prompt.compile(count=2) == 'Hello, 100% of {{these}} are 2: ["é"]'
    assert (
        prompt.compile(count=-1, greeting="{{count}} %(count)s \\{{", items=[])
        == "{{count}} %(count)s \\{{, 100% of {{these}} are -1: []"
    )


def test_messages() -> None:
    prompt = chat()
    assert isinstance(prompt, ChatPrompt)
    history = [
        {"role": "user", "content": "{{ticket}}"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
    ]
    compiled = prompt.compile(ticket="Broken", history=history)
    assert compiled == [
        {"role": "system", "content": "You route tickets for Acme."},
        *history,
        {"role": "user", "content": "Broken"},
    ]
    assert prompt.compile(ticket="Broken", history=())[1:] == compiled[3:]


def test_compiled_messages_are_the_callers_own() -> None:
    history = [{"role": "user", "content": "before"}]
    prompt = chat()
    first = prompt.compile(ticket="a", history=history)
    assert isinstance(first, list)
    first[1]["content"] = "changed"
    first.append({"role": "assistant", "content": "b"})
    assert history == [{"role": "user", "content": "before"}]
    assert len(prompt.compile(ticket="a", history=history)) == 3


def test_errors_name_prompt_and_variables() -> None:
    with pytest.raises(VariablesError, match=r"^ticket-summary v7: history is missing; ") as raised:
        chat().compile(tikcet="x", product=3)
    assert raised.value.missing == ("history", "ticket")
    assert raised.value.unexpected == ("tikcet",)
    assert raised.value.invalid == {"product": "must be a string, got int"}
    assert isinstance(raised.value, ValueError)


def test_a_variable_may_be_called_self() -> None:
    assert prompt_from(text="{{self}}", variables={"self": {"type": "string"}}).compile(self="x")


@pytest.mark.parametrize(
    "change",
    [
        lambda p: setattr(p, "version", 8),
        lambda p: setattr(p.model, "name", "x"),
        lambda p: p.model.parameters.update(seed=1),
        lambda p: p.tools.append({}),
        lambda p: p.tools[0].pop("name"),
        lambda p: p.output["required"].append("x"),
        lambda p: p.variables["ticket"].setdefault("x", 1),
        lambda p: p.attributes.clear(),
    ],
)
def test_a_snapshot_refuses_changes(change: Any) -> None:
    prompt = prompt_from(output={"required": ["a"]})
    with pytest.raises((AttributeError, TypeError)):
        change(prompt)


def test_its_json_is_ordinary_json_to_others() -> None:
    prompt = prompt_from(output={"required": ["a"]})
    assert json.loads(json.dumps(prompt.output)) == {"required": ["a"]}
    assert isinstance(prompt.tools, list)
    own = copy.deepcopy(prompt.output)
    assert type(own) is dict
    own["required"].append("b")
    assert prompt.output == {"required": ["a"]}


@pytest.mark.parametrize("prompt", [prompt_from(), chat()])
def test_it_pickles(prompt: Prompt) -> None:
    loaded = pickle.loads(pickle.dumps(prompt))
    assert loaded == prompt
    assert loaded.tools == prompt.tools
    with pytest.raises(TypeError):
        loaded.tools.append({})
    assert pickle.loads(pickle.dumps(prompt.tools)) == prompt.tools


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"text": "{{ticket"}, "the template can't be read: line 1, column 1"),
        ({"text": "{{> tone}}"}, "unresolved include tone"),
        ({"text": "{{other}}"}, "undeclared variable other"),
        ({"variables": {"ticket": {"type": "date"}}}, "unknown type 'date'"),
        ({"variables": {"ticket": {"type": "integer", "default": "1"}}}, "the default of variable"),
    ],
)
def test_content_that_this_reader_cannot_use(content: Any, message: str) -> None:
    with pytest.raises(ContentError, match=message):
        prompt_from(**content)


def test_opentelemetry_takes_the_attributes(caplog: pytest.LogCaptureFixture) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    prompt = prompt_from()
    with provider.get_tracer("test").start_as_current_span("answer") as span:
        span.set_attributes(prompt.attributes)
    provider.shutdown()

    (exported,) = exporter.get_finished_spans()
    assert dict(exported.attributes or {}) == {
        "gen_ai.prompt.name": "ticket-summary",
        "promptrelease.prompt.version": 7,
        "promptrelease.prompt.label": "production",
        "promptrelease.prompt.digest": prompt.digest,
        "promptrelease.prompt.revision": 7,
    }
    assert not caplog.records
