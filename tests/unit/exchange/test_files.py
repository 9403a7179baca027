"""Dotprompt and Prompty files, as people write them and as an export does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.exchange import Options, export_to, import_from
from promptrelease.exchange.frontmatter import dump
from promptrelease.exchange.values import ExchangeError, System

Json = dict[str, Any]

GREETING = """\
---
name: greetingPrompt
variant: formal
model: googleai/gemini-2.5-flash
tools: [timeOfDay]
config:
  temperature: 0.7
  topK: 20
  maxOutputTokens: 150
  stopSequences: [STOP]
input:
  default: {guest: Guest}
  schema:
    guest: string, who is greeted
    language?: string
    visits: integer
output:
  format: json
  schema:
    greeting: string, what to say
    tags(array, some words): string
    mood(enum): [GLAD, SAD]
metadata: {team: hotel}
---
{{role "system"}}
You greet guests.
{{history}}
{{role "user"}}
Greet {{guest}} in {{language}}, visit {{visits}}.
"""

PROMPTY_1 = """\
---
name: Support Bot
description: Answers customers
authors: [ada, grace]
model:
  api: chat
  configuration:
    type: azure_openai
    azure_endpoint: ${env:ENDPOINT}
    azure_deployment: gpt-35-turbo
  parameters:
    max_tokens: 128
    temperature: 0.2
inputs:
  question: {type: string, sample: Where is my order?}
sample: {question: x}
---
system:
You are kind.

user:
{{question}}
"""

PROMPTY_2 = """\
---
name: support
metadata: {authors: [ada], version: "4"}
model:
  id: claude-sonnet-4-5-20250929
  provider: anthropic
  connection: {kind: reference, name: here}
  options: {maxOutputTokens: 512, topK: 5, additionalProperties: {x: 1}}
inputs:
  - {name: question, kind: string, description: what they ask, required: true}
  - {name: company, kind: string, default: Acme}
  - {name: conversation, kind: thread}
outputs:
  - {name: city, kind: string, description: which, required: true}
  - {name: degrees, kind: float}
tools:
  - name: look
    kind: function
    description: Looks
    parameters: [{name: order, kind: string, required: true}]
---
system:
You work for {{ company }}.

{{conversation}}

user:
{{question}}
"""


def specs(system: System, folder: Path, **options: Any) -> tuple[list[Json], list[str]]:
    imported = import_from(system, Options(location=str(folder), **options))
    made = [obj["spec"] for obj in imported.objects if obj["kind"] == "PromptVersion"]
    return made, [str(entry) for entry in imported.report]


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_dotprompt_file(tmp_path: Path) -> None:
    (spec,), report = specs("dotprompt", written(tmp_path, a__prompt=GREETING))
    assert spec == {
        "prompt": "greetingprompt-formal",
        "version": 1,
        "model": {
            "provider": "googleai",
            "name": "gemini-2.5-flash",
            "parameters": {"temperature": 0.7, "maxTokens": 150, "stop": ["STOP"], "topK": 20},
        },
        "tools": [{"name": "timeOfDay"}],
        "output": {
            "type": "object",
            "properties": {
                "greeting": {"type": "string", "description": "what to say"},
                "tags": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "some words",
                },
                "mood": {"enum": ["GLAD", "SAD"]},
            },
            "required": ["greeting", "tags", "mood"],
            "additionalProperties": False,
        },
        "messages": [
            {"role": "system", "content": "\nYou greet guests.\n"},
            {"placeholder": "history"},
            {"role": "user", "content": "\nGreet {{guest}} in {{language}}, visit {{visits}}."},
        ],
        "variables": {
            "guest": {"type": "string", "description": "who is greeted", "default": "Guest"},
            "language": {"type": "string", "default": ""},
            "visits": {"type": "integer"},
        },
        "message": "Imported from dotprompt",
    }
    assert report == [
        "a.prompt: metadata: changed: a version has no place for it",
        "a.prompt: variant: changed: it is a prompt of its own here: greetingPrompt-formal",
        "greetingPrompt-formal: name: changed: it is called greetingprompt-formal here",
    ]


def test_a_prompty_file_of_the_first_version(tmp_path: Path) -> None:
    (spec,), report = specs("prompty", written(tmp_path, bot__prompty=PROMPTY_1))
    assert spec == {
        "prompt": "support-bot",
        "version": 1,
        "model": {
            "provider": "azure_openai",
            "name": "gpt-35-turbo",
            "parameters": {"temperature": 0.2, "maxTokens": 128},
        },
        "messages": [
            {"role": "system", "content": "You are kind."},
            {"role": "user", "content": "{{question}}"},
        ],
        "variables": {"question": {"type": "string"}},
        "message": "Answers customers",
    }
    fields = [line.split(": ")[1] for line in report]
    assert sorted(fields) == [
        "inputs.question.sample",
        "model.configuration.azure_endpoint",
        "name",
        "sample",
    ]


def test_a_prompty_file_of_the_second_version(tmp_path: Path) -> None:
    (spec,), report = specs("prompty", written(tmp_path, bot__prompty=PROMPTY_2))
    assert spec == {
        "prompt": "support",
        "version": 4,
        "model": {
            "provider": "anthropic",
            "name": "claude-sonnet-4-5-20250929",
            "parameters": {"maxTokens": 512, "topK": 5, "x": 1},
        },
        "messages": [
            {"role": "system", "content": "You work for {{company}}."},
            {"placeholder": "conversation"},
            {"role": "user", "content": "{{question}}"},
        ],
        "variables": {
            "company": {"type": "string", "default": "Acme"},
            "question": {"type": "string", "description": "what they ask"},
        },
        "output": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "which"},
                "degrees": {"type": "number"},
            },
            "required": ["city"],
        },
        "tools": [
            {
                "name": "look",
                "description": "Looks",
                "parameters": {
                    "type": "object",
                    "properties": {"order": {"type": "string"}},
                    "required": ["order"],
                },
            }
        ],
        "message": "Imported from prompty",
    }
    assert report == [
        "bot.prompty: model.connection: changed: where a model is reached is the workload's affair"
    ]


@pytest.mark.parametrize(
    ("system", "text", "told"),
    [
        ("dotprompt", "---\nmodel: a/b\n---\n{{#if x}}y{{/if}}", "template: left out: '{{#if x}}'"),
        ("dotprompt", "---\nmodel: a/b\n", "frontmatter: left out: it begins with '---'"),
        ("dotprompt", "---\nmodel: [\n---\nx", "frontmatter: left out: it is not YAML"),
        ("dotprompt", "---\n- a\n---\nx", "frontmatter: left out: it is not an object"),
        ("dotprompt", "---\nmodel: a/b\n---\n{{media url=x}}", "template: left out: '{{media"),
        ("dotprompt", "---\nmodel: b\n---\nx", "model.provider: left out: its source names none"),
        (
            "dotprompt",
            "---\nmodel: a/b\noutput: {schema: Answer}\n---\nx",
            "output.schema: left out: 'Answer' is a schema that is defined elsewhere",
        ),
        (
            "prompty",
            "---\nmodel: {id: m, provider: p}\ninputs: {i: {kind: image}}\n---\n{{i}}",
            "inputs.i: left out: there is no 'image' here",
        ),
        (
            "prompty",
            "---\nmodel: {id: m, provider: p, apiType: embedding}\n---\nx",
            "model.apiType: left out: 'embedding'",
        ),
        (
            "prompty",
            "---\nmodel: {id: m, provider: p}\ntools: [{name: a, kind: mcp}]\n---\nx",
            "tools[0]: left out: only functions",
        ),
        (
            "prompty",
            "---\nmodel: {id: m, provider: p}\n---\n{% for a in b %}{{a}}{% endfor %}",
            "template: left out: '{% for a in b %}'",
        ),
    ],
)
def test_what_is_left_out_is_told(system: System, text: str, told: str, tmp_path: Path) -> None:
    made, report = specs(system, written(tmp_path, **{f"p__{_suffix(system)}": text}))
    assert not made
    assert any(told in line for line in report), report


def _suffix(system: System) -> str:
    return {"dotprompt": "prompt", "prompty": "prompty"}[system]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "gpt/1", "${env:A}"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "kind", "schema", "default", "id"]), inner)
    ),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    [
        *("name", "model", "config", "input", "inputs", "output", "outputs", "tools", "toolDefs"),
        *("metadata", "template", "variant", "version", "promptrelease.version", "description"),
    ]
)


@pytest.mark.parametrize("system", ["dotprompt", "prompty"])
@given(values=st.dictionaries(FIELDS, ANYTHING, max_size=4))
def test_no_file_keeps_the_others_back(system: System, values: Json) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = "a/b" if system == "dotprompt" else "{id: m, provider: p}"
        files = {
            f"a__{_suffix(system)}": f"---\n{dump(values)}---\nHi {{{{x}}}}",
            f"b__{_suffix(system)}": f"---\nname: good\nmodel: {model}\n---\nHi",
        }
        imported = import_from(system, Options(location=str(written(Path(folder), **files))))
    assert "good" in [prompt.name for prompt in imported.prompts]


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ExchangeError, match="nowhere: there is no such file or folder"):
        import_from("prompty", Options(location="nowhere"))


def objects(*versions: Json, **labels: int) -> list[Json]:
    made: list[Json] = []
    for spec in versions:
        full = {
            "prompt": "greet",
            "version": 1,
            "model": {"provider": "openai", "name": "gpt"},
            "message": f"try {spec.get('version', 1)}",
            **spec,
        }
        made.append(
            {
                "apiVersion": "promptrelease.dev/v1alpha1",
                "kind": "PromptVersion",
                "metadata": {
                    "name": f"{full['prompt']}-v{full['version']}",
                    "creationTimestamp": "2026-01-01T00:00:00Z",
                },
                "spec": full,
            }
        )
    at = {label: {"version": number, "reason": "why"} for label, number in labels.items()}
    made.append(
        {
            "apiVersion": "promptrelease.dev/v1alpha1",
            "kind": "PromptRelease",
            "metadata": {"name": "greet"},
            "spec": {"labels": at},
        }
    )
    return made


@pytest.mark.parametrize("system", ["dotprompt", "prompty"])
class TestExport:
    def test_there_and_back(self, system: System, tmp_path: Path) -> None:
        wanted = objects(
            {"text": "Hi {{name}}", "variables": {"name": {"default": "you"}}},
            {"version": 2, "messages": [{"role": "user", "content": "Hello"}]},
            production=1,
            staging=2,
        )
        done = export_to(system, wanted, Options(location=str(tmp_path)))
        suffix = _suffix(system)
        assert done.created == [f"greet.v1.{suffix}", f"greet.v2.{suffix}"]
        assert not done.report.entries
        again = export_to(system, wanted, Options(location=str(tmp_path)))
        assert (again.created, again.unchanged) == ([], done.created)
        back = import_from(system, Options(location=str(tmp_path)))
        assert [p.labels for p in back.prompts] == [{"production": 1, "staging": 2}]
        assert [v.created for v in back.prompts[0].versions] == ["2026-01-01T00:00:00Z"] * 2
        specs = [o["spec"] for o in back.objects if o["kind"] == "PromptVersion"]
        assert [s["message"] for s in specs] == ["try 1", "try 2"]
        assert specs[0]["text"] == "Hi {{name}}"
        assert specs[0]["variables"] == {"name": {"type": "string", "default": "you"}}
        assert specs[1]["messages"] == [{"role": "user", "content": "Hello"}]

    def test_an_edited_file_stays_and_is_told(self, system: System, tmp_path: Path) -> None:
        wanted = objects({"text": "Hi"})
        export_to(system, wanted, Options(location=str(tmp_path)))
        (path,) = tmp_path.iterdir()
        path.write_text(path.read_text() + "more")
        edited = path.read_text()
        done = export_to(system, wanted, Options(location=str(tmp_path)))
        assert [entry.effect for entry in done.report] == ["conflict"]
        assert path.read_text() == edited

    def test_includes_become_part_of_the_text(self, system: System, tmp_path: Path) -> None:
        wanted = objects(
            {
                "text": "Hi {{name}}. {{> tone}}",
                "variables": {"name": {}},
                "includes": {"tone": {"prompt": "tone", "version": 3}},
            },
            {"prompt": "tone", "version": 3, "text": "Be {{how}}.", "variables": {"how": {}}},
        )
        done = export_to(system, wanted, Options(location=str(tmp_path)))
        assert [str(entry) for entry in done.report] == [
            "greet v1: includes: changed: their text is part of its own there"
        ]
        made, _ = specs(system, tmp_path)
        assert made[0]["text"] == "Hi {{name}}. Be {{how}}."

    def test_white_space_at_the_ends_is_told(self, system: System, tmp_path: Path) -> None:
        done = export_to(system, objects({"text": "Hi\n"}), Options(location=str(tmp_path)))
        assert [entry.field for entry in done.report] == ["text"]
        assert len(done.created) == 1

    def test_what_can_not_be_served_is_not_exported(self, system: System, tmp_path: Path) -> None:
        done = export_to(system, objects({"text": "{{x}}"}), Options(location=str(tmp_path)))
        assert not done.created
        assert "greet v1: UndeclaredVariable: left out" in str(done.report)
