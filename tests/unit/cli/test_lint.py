"""`kubectl prompt lint`: every mistake with its line, as the API server would say it.

The manifests that are wrong are tried on a real API server, too: tests/cluster/cli/test_lint.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.cli.wrong import RIGHT, WRONG, Wrong
from harness.api import policy
from promptrelease.cli.check.findings import MISTAKE, WARNING
from promptrelease.cli.check.linting import lint
from promptrelease.cli.check.rules import expressions, like
from promptrelease.cli.main import main

VERSION = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptVersion
metadata: {name: %(prompt)s-v%(number)s}
spec:
  prompt: %(prompt)s
  version: %(number)s
  text: "%(text)s"
  model: {provider: openai, name: %(model)s}
  message: because
---
"""
RELEASE = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptRelease
metadata: {name: a}
spec:
  labels:
    production: {version: %s, reason: good}
---
"""
SNAPSHOT = "gpt-5-2026-08-06"


def version(prompt: str = "a", number: int = 1, text: str = "Hi", model: str = SNAPSHOT) -> str:
    return VERSION % {"prompt": prompt, "number": number, "text": text, "model": model}


def found(*texts: str) -> list[str]:
    return [str(f) for f in lint({f"{i}.yaml": text for i, text in enumerate(texts)})[0]]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_it_finds_what_the_api_server_refuses(case: Wrong) -> None:
    findings, _ = lint({"f.yaml": json.dumps(case.manifest)})
    mistakes = [finding.message for finding in findings if finding.level == MISTAKE]
    assert any(case.words in message for message in mistakes), mistakes


@pytest.mark.parametrize("manifest", RIGHT, ids=lambda m: str(m["metadata"].get("name")))
def test_it_finds_nothing_in_what_is_right(manifest: dict[str, object]) -> None:
    findings, places = lint({"f.yaml": json.dumps(manifest)})
    assert [f for f in findings if f.level == MISTAKE] == []
    assert len(places) == 1


def test_every_rule_of_the_schemas_is_known_or_compares_with_the_past() -> None:
    unknown = {rule for rule in expressions() if like(rule) is None}
    assert unknown == {rule for rule in unknown if "oldSelf" in rule}
    assert len(unknown) == 4, "what only a server can check is in the help of lint"


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    from promptrelease.cli.check.rules import _schemas

    messages: set[str] = set()

    def collect(node: object) -> None:
        if isinstance(node, dict):
            for rule in node.get("x-kubernetes-validations") or ():
                if "oldSelf" not in rule["rule"]:
                    messages.add(rule["message"])
            for child in node.values():
                collect(child)

    collect(_schemas())
    broken = {case.rule for case in WRONG if case.rule}
    assert {m for m in messages if not any(m.startswith(b) for b in broken)} == set()


def test_lines_are_those_of_the_field() -> None:
    text = version(text="{{who}}").replace("message: because", "message: ' '")
    assert found("# a comment\n" + text) == [
        "0.yaml:8: UndeclaredVariable: {{who}} is used and not declared: add it to "
        "spec.variables, or write \\{{who}} for the text itself",
        "0.yaml:10: spec.message: say why this version exists: message is blank",
    ]


def test_a_field_that_is_written_twice() -> None:
    text = version().replace("  version: 1\n", "  version: 2\n  version: 1\n")
    assert found(text) == ["0.yaml:7: version is written twice"]


def test_kinds_and_versions_of_the_api() -> None:
    wrong = "apiVersion: promptrelease.dev/v1\nkind: PromptVersion\n---\n"
    wrong += "apiVersion: promptrelease.dev/v1alpha1\nkind: PromptVersions\n---\n"
    wrong += "apiVersion: v1\nkind: PromptRelease\n---\n"
    wrong += "apiVersion: v1\nkind: ConfigMap\n"
    lines = found(wrong)
    assert [line.split(": ")[0] for line in lines] == ["0.yaml:1", "0.yaml:5", "0.yaml:7"]
    assert "the version that is served is promptrelease.dev/v1alpha1" in lines[0]
    assert "there is no kind PromptVersions" in lines[1]


def test_files_are_looked_at_together() -> None:
    tone = version("tone", 1, "kind")
    uses = version("a", 1, "{{> tone}}").replace(
        "  model:", "  includes: {tone: {prompt: tone, version: 1}}\n  model:"
    )
    assert found(tone, uses) == []
    (missing,) = found(tone.replace("tone-v1", "tone-v2").replace("version: 1", "version: 2"), uses)
    assert missing.startswith("1.yaml:")
    assert "IncludeMissing" in missing
    (elsewhere,) = found(uses)
    assert "warning:" in elsewhere
    assert "or is it in files that were not given?" in elsewhere


def test_labels_that_name_what_is_not_there() -> None:
    assert found(version(), RELEASE % 1) == []
    assert found(version(), RELEASE % 3) == [
        "1.yaml:6: production names v3 of a, which is not there: the files have v1"
    ]
    assert found(RELEASE % 3) == [], "its versions may be in other files"


def test_the_same_object_twice() -> None:
    (line,) = [f for f in found(version(), version()) if "too" in f]
    assert line == "1.yaml:1: PromptVersion a-v1 is in 0.yaml:1, too"


@pytest.mark.parametrize("model", ["gpt-5", "gpt-4o", "claude-sonnet-4-5", "my-model:latest"])
def test_a_moving_alias_is_a_warning(model: str) -> None:
    (line,) = found(version(model=model))
    assert f"warning: {model} may be a moving alias" in line


@pytest.mark.parametrize(
    "model",
    [SNAPSHOT, "claude-sonnet-4-5-20250929", "gpt-4-0613", "gemini-2.0-flash-001", "m@sha256:1f"],
)
def test_a_snapshot_is_none(model: str) -> None:
    assert found(version(model=model)) == []


def test_content_that_is_there_twice_and_prompts_that_nothing_serves() -> None:
    assert found(version(), version(number=2), RELEASE % 1) == [
        "1.yaml:3: warning: the content is that of a-v1"
    ]
    (line,) = found(version(), RELEASE % 1, version("b"))
    assert line.endswith("no PromptRelease in the files serves any version of b")


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: &x [*x]",
        "[" * 3000,
        "\0",
        "? [a]\n: b",
        "- a\n- b",
        "",
        "a: 1\x1b[31m",
        "!!python/x a",
    ],
)
def test_whatever_is_in_a_file_it_ends_with_a_line_for_it(text: str) -> None:
    findings, places = lint({"f.yaml": text})
    assert places == []
    assert all(finding.line >= 1 for finding in findings)


@pytest.mark.parametrize(
    ("time", "right"),
    [
        ("2026-01-01T00:00:00.5Z", True),
        ("2026-01-01t00:00:00z", True),
        ("2026-01-01T00:00:00+01:00", True),
        ("2026-02-30T00:00:00Z", False),
        ("2026-01-01T00:00:00", False),
        ("2026-01-01 00:00:00Z", False),
    ],
)
def test_times(time: str, right: bool) -> None:
    freeze = {"start": time, "end": "2030-01-01T00:00:00Z", "reason": "feast"}
    findings, _ = lint({"f.yaml": json.dumps(policy("p", freeze=[freeze]))})
    assert (findings == []) is right


def test_exit_codes_and_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "v.yaml"
    file.write_text(version(model="gpt-5"))
    assert main(["lint", str(file)]) == 0
    assert main(["lint", str(file), "--strict"]) == 1
    capsys.readouterr()
    assert main(["lint", str(file), "-o", "json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding["level"] == WARNING
    assert (finding["file"], finding["line"]) == (str(file), 8)
    assert main(["lint", str(file), "-o", "github"]) == 0
    assert capsys.readouterr().out.startswith(f"::warning file={file},line=8::gpt-5 may be")
    assert main(["lint", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml: No such file" in capsys.readouterr().err
    file.write_bytes(b"\xff\xfe")
    assert main(["lint", str(file)]) == 1
    assert "not UTF-8" in capsys.readouterr().err
