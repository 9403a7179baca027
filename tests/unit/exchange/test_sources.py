"""What each source's own forms become, and what is reported of what can't be carried over."""

from __future__ import annotations

from typing import Any

from promptrelease.exchange import Imported, Options, Report, langfuse, mlflow
from promptrelease.exchange.settle import Settling
from promptrelease.exchange.values import Prompt, Version

Json = dict[str, Any]
MODEL = {"provider": "openai", "model": "gpt-4.1"}


def row(name: str, number: int = 1, prompt: Any = "Hi {{name}}", **more: Any) -> Json:
    """A row of Langfuse's."""
    return {
        "name": name,
        "version": number,
        "type": "text" if isinstance(prompt, str) else "chat",
        "prompt": prompt,
        "config": MODEL,
        "labels": [],
        **more,
    }


def from_langfuse(*rows: Json, **options: Any) -> Imported:
    prompts, entries = langfuse.read(rows)
    settled, report = Settling("langfuse", entries, Options(**options)).settled(prompts)
    return Imported("langfuse", tuple(settled), report)


def settled(*prompts: Prompt, **options: Any) -> tuple[list[Prompt], Report]:
    return Settling("mlflow", [], Options(**options)).settled(prompts)


def lines(report: Report) -> list[str]:
    return [str(entry) for entry in report]


class TestLangfuse:
    def test_who_when_and_why(self) -> None:
        made = from_langfuse(
            row("p", commitMessage="be brief", createdBy="ada", createdAt="2026-01-02T03:04:05Z")
        )
        version, release = made.objects
        assert version["spec"]["message"] == "be brief"
        told = version["metadata"]["annotations"]
        assert told["promptrelease.dev/author"] == told["promptrelease.dev/source-author"] == "ada"
        assert told["promptrelease.dev/source-created"] == "2026-01-02T03:04:05Z"
        assert release["spec"] == {"labels": {}}
        assert not made.report.entries

    def test_labels_but_for_latest(self) -> None:
        made = from_langfuse(
            row("p", 1, labels=["production"]), row("p", 2, labels=["latest", "eu.Blue"])
        )
        labels = made.objects[-1]["spec"]["labels"]
        assert {name: at["version"] for name, at in labels.items()} == {
            "production": 1,
            "eu-blue": 2,
        }
        assert lines(made.report) == ["p: label eu.Blue: changed: it is called eu-blue here"]

    def test_a_reference_becomes_an_include_that_is_pinned(self) -> None:
        made = from_langfuse(
            row("team/Tone", 1, "Be kind."),
            row("team/Tone", 2, "Be brief.", labels=["production"]),
            row(
                "p",
                prompt="{{a}} @@@langfusePrompt:name=team/Tone|label=production@@@ and "
                "@@@langfusePrompt:name=team/Tone|version=1@@@",
            ),
        )
        spec = made.objects[-2]["spec"]
        assert spec["text"] == "{{a}} {{> team-tone-v2}} and {{> team-tone-v1}}"
        assert spec["includes"] == {
            "team-tone-v2": {"prompt": "team-tone", "version": 2},
            "team-tone-v1": {"prompt": "team-tone", "version": 1},
        }
        assert "p v1: prompt: changed: it took in 'team/Tone' by label production, and is" in str(
            made.report
        )

    def test_what_includes_a_version_that_is_left_out_is_left_out(self) -> None:
        made = from_langfuse(
            row("a", prompt="{{#if x}}y{{/if}}"),
            row("b", prompt="@@@langfusePrompt:name=a|version=1@@@"),
            row("c", prompt="@@@langfusePrompt:name=b|version=1@@@"),
            row("d"),
        )
        assert [p.name for p in made.prompts] == ["d"]
        left = {(e.prompt, e.field) for e in made.report.having("left out")}
        assert left == {("a", "prompt"), ("b", "IncludeMissing"), ("c", "IncludeMissing")}

    def test_a_chat_with_a_placeholder(self) -> None:
        chat = [
            {"type": "chatmessage", "role": "system", "content": "Hi {{ who }}"},
            {"type": "placeholder", "name": "history"},
            {"role": "user", "content": "{{q}}"},
        ]
        spec = from_langfuse(row("p", prompt=chat)).objects[0]["spec"]
        assert spec["messages"] == [
            {"role": "system", "content": "Hi {{who}}"},
            {"placeholder": "history"},
            {"role": "user", "content": "{{q}}"},
        ]
        assert spec["variables"] == {"who": {"type": "string"}, "q": {"type": "string"}}

    def test_settings(self) -> None:
        config = {
            "provider": "openai",
            "model": "gpt-4.1",
            "temperature": 0.5,
            "max_tokens": 9,
            "stop": "END",
            "seed": 7,
            "tools": [{"type": "function", "function": {"name": "f", "description": "d"}}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
            },
        }
        made = from_langfuse(row("p", config=config))
        spec = made.objects[0]["spec"]
        assert spec["model"]["parameters"] == {
            "temperature": 0.5,
            "maxTokens": 9,
            "stop": ["END"],
            "seed": 7,
        }
        assert spec["tools"] == [{"name": "f", "description": "d"}]
        assert spec["output"] == {"type": "object"}
        assert [e.field for e in made.report] == [
            "config.response_format.json_schema.name",
            "config.response_format.json_schema.strict",
        ]

    def test_what_has_no_model_gets_the_one_that_is_given(self) -> None:
        bare = row("p", config={})
        made = from_langfuse(bare)
        assert lines(made.report) == [
            "p v1: model.provider: left out: its source names none: say which, by --provider"
        ]
        made = from_langfuse(bare, provider="openai", model="gpt-4.1")
        assert made.objects[0]["spec"]["model"] == {"provider": "openai", "name": "gpt-4.1"}


class TestMlflow:
    def test_a_row(self) -> None:
        (prompt,), entries = mlflow.read(
            [
                {
                    "name": "p",
                    "version": 3,
                    "template": "Hi {{ name }}",
                    "commit_message": "be brief",
                    "creation_timestamp": 1767323045678,
                    "user_id": None,
                    "tags": {"author": "ada", "team": "x"},
                    "response_format": {"type": "object"},
                    "model_config": {"provider": "openai", "model_name": "gpt", "top_k": 4},
                    "aliases": ["production"],
                }
            ]
        )
        assert not entries
        assert prompt.labels == {"production": 3}
        (version,) = prompt.versions
        assert version == Version(
            number=3,
            content={
                "model": {"provider": "openai", "name": "gpt", "parameters": {"top_k": 4}},
                "text": "Hi {{name}}",
                "output": {"type": "object"},
                "variables": {"name": {"type": "string"}},
            },
            message="be brief",
            author="ada",
            created="2026-01-02T03:04:05.678Z",
            tags={"author": "ada", "team": "x"},
        )

    def test_what_it_leaves_out(self) -> None:
        common: Json = {"name": "p", "model_config": None, "tags": {}}
        _, entries = mlflow.read(
            [
                {**common, "version": 1, "template": "{% if a %}b{% endif %}"},
                {**common, "version": 2, "template": [{"role": "user", "content": [{"x": 1}]}]},
                {
                    **common,
                    "version": 3,
                    "template": [{"role": "user", "content": "x", "name": "ada"}],
                },
            ]
        )
        assert [(e.version, e.field, e.effect) for e in entries] == [
            (1, "template", "left out"),
            (2, "template[0]", "left out"),
            (3, "template[0]", "left out"),
        ]


def version(number: int = 1, **content: Any) -> Version:
    model = {"provider": "openai", "name": "gpt"}
    return Version(number, {"text": "Hi", "model": model, **content}, "why")


def prompt(name: str, *versions: Version, **labels: int) -> Prompt:
    return Prompt(name, versions or (version(),), labels, name)


class TestNames:
    def test_two_that_become_one_are_both_left_out(self) -> None:
        made, report = settled(prompt("A.b"), prompt("a_B"), prompt("c"))
        assert [p.name for p in made] == ["c"]
        why = "others become 'a-b', too: choose one by --name"
        assert lines(report) == [f"A.b: name: left out: {why}", f"a_B: name: left out: {why}"]

    def test_unless_a_name_is_chosen(self) -> None:
        made, report = settled(prompt("A.b"), prompt("a_B"), names={"a_B": "other"})
        assert sorted((p.name, p.source_name) for p in made) == [("a-b", "A.b"), ("other", "a_B")]
        assert not report.having("left out")

    def test_a_name_without_letters(self) -> None:
        made, report = settled(prompt("日本"))
        assert not made
        assert "no letter or digit is left of it" in str(report)

    def test_a_long_name_is_cut_and_stays_distinct(self) -> None:
        made, _ = settled(prompt("x" * 80 + "a"), prompt("x" * 80 + "b"))
        assert len({p.name for p in made}) == 2
        assert all(len(p.name) == 63 for p in made)

    def test_only_what_is_selected(self) -> None:
        made, report = settled(prompt("team/a"), prompt("日本"), select=("team/*",))
        assert [p.name for p in made] == ["team-a"]
        assert "日本" not in str(report)


class TestWhatTheApiServerWouldRefuse:
    def refused(self, made: Version) -> str:
        prompts, report = settled(prompt("p", made))
        assert not prompts
        (entry,) = report.having("left out")
        return f"{entry.field}: {entry.why}"

    def test_it_is_left_out_with_the_reason(self) -> None:
        assert self.refused(version(text="a\0b")).startswith("spec: a NUL character")
        assert self.refused(version(text="a\ud800b")).startswith("text: Input should be a valid")
        odd = {"provider": "o", "name": "g", "parameters": {"x": "\ud800"}}
        assert self.refused(version(model=odd)).startswith("spec: it can't be written as JSON")
        assert self.refused(version(text="")).startswith("text: String should have at least 1")
        twice = [{"placeholder": "a"}, {"placeholder": "a"}, {"role": "user", "content": "x"}]
        refused = version()
        del refused.content["text"]
        refused.content["messages"] = twice
        assert self.refused(refused) == "placeholder a: it is there more than once"
        assert self.refused(version(tools=[{"name": "a b"}])).startswith("tool a b: its name holds")
        many = {"provider": "o", "name": "g", "parameters": {f"k{i}": i for i in range(65)}}
        assert self.refused(version(model=many)) == "model.parameters: there are more than 64"
        hot = {"provider": "o", "name": "g", "parameters": {"temperature": 11}}
        assert self.refused(version(model=hot)).startswith("model.parameters.temperature: Input")
        assert self.refused(version(0)).startswith("version: Input should be greater")
        assert self.refused(version(output={"type": "array"})).startswith("output.type: ")
        assert self.refused(version(output={"required": 3})).startswith("SchemaInvalid: ")

    def test_an_escaped_nul_is_text(self) -> None:
        prompts, _ = settled(prompt("p", version(text=r"a \u0000 b")))
        assert prompts

    def test_a_number_that_is_there_twice(self) -> None:
        made, report = settled(prompt("p", version(1), version(2, text="a"), version(2, text="b")))
        assert [v.number for v in made[0].versions] == [1]
        assert "p v2: version: left out: there are several of that number" in lines(report)

    def test_a_long_message_is_cut(self) -> None:
        long = Version(1, version().content, "x" * 2000)
        (made,), report = settled(prompt("p", long))
        assert len(made.versions[0].message) == 1024
        assert "p v1: message: changed: it has 2000 characters, 1024 are kept" in lines(report)

    def test_labels(self) -> None:
        labels = {"latest": 1, "gone": 7, "A": 1, "a": 1, "ok": 1}
        (made,), report = settled(prompt("p", **labels))
        assert made.labels == {"ok": 1}
        assert {e.field for e in report.having("left out")} == {
            "label latest",
            "label gone",
            "label A",
            "label a",
        }
        many = {f"l{i:02d}": 1 for i in range(18)}
        (made,), report = settled(prompt("p", **many))
        assert len(made.labels) == 16
        assert len(report.having("left out")) == 2
