"""Manifests in a folder: written once, and never over what somebody else has written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from promptrelease.api import PromptRelease, PromptVersion
from promptrelease.cli.manifests import load
from promptrelease.exchange import ExchangeError, Imported, Options, import_from, write
from promptrelease.exchange.frontmatter import dump
from promptrelease.exchange.manifests import version_manifest
from promptrelease.exchange.report import Report
from promptrelease.exchange.values import Prompt, System, Version
from unit.exchange.generated import versions

MODEL = {"provider": "openai", "name": "gpt"}
TEXT = "Hi {{name}},\n\n  - 'a': \"b\" # c\n日本語 🙂\n"


def imported(*texts: str, **labels: int) -> Imported:
    made = tuple(
        Version(
            number,
            {"text": text, "variables": {"name": {"type": "string"}}, "model": MODEL},
            f"try {number}",
            "ada",
            "2026-01-02T03:04:05Z",
            ["a", "b"],
        )
        for number, text in enumerate(texts, start=1)
    )
    return Imported("langfuse", (Prompt("greet", made, labels, "Greet"),), Report())


def test_they_are_manifests_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    given_ = imported(TEXT, "{{name}}", production=2)
    done = write(tmp_path, given_)
    files = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.yaml")}
    assert {str(path) for path in files} == {
        "greet/greet-v1.yaml",
        "greet/greet-v2.yaml",
        "greet/greet.yaml",
    }
    assert sorted(done.created) == sorted(str(tmp_path / path) for path in files)
    models = [manifest.model for manifest in load([tmp_path])]
    assert [type(model) for model in models] == [PromptVersion, PromptVersion, PromptRelease]
    assert [m.raw for m in load([tmp_path])] == [
        yaml.safe_load(content) for _, content in sorted(files.items())
    ]
    done = write(tmp_path, given_)
    assert (done.created, done.changed, done.conflicts) == ([], [], [])
    assert {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.yaml")} == files


def test_a_text_of_several_lines_can_be_read_by_people(tmp_path: Path) -> None:
    write(tmp_path, imported("Hi {{name}}.\n\nBe brief."))
    assert "  text: |-\n    Hi {{name}}.\n\n    Be brief.\n" in (
        tmp_path / "greet" / "greet-v1.yaml"
    ).read_text(encoding="utf-8")


@settings(max_examples=40)  # PyYAML's own loader takes its time
@given(versions())
def test_yaml_holds_every_manifest(version: Version) -> None:
    prompt = Prompt("p", (version,), {}, "p")
    obj = version_manifest(prompt, version, "langfuse")
    assert yaml.safe_load(dump(obj)) == obj


def test_another_version_of_that_number_stays_and_is_told(tmp_path: Path) -> None:
    write(tmp_path, imported("Hi {{name}}"))
    before = (tmp_path / "greet" / "greet-v1.yaml").read_bytes()
    done = write(tmp_path, imported("Bye {{name}}"))
    (entry,) = done.conflicts
    assert (entry.prompt, entry.version, entry.field) == ("greet", 1, "content")
    assert "greet-v1.yaml has other content, and a version can't be changed" in entry.why
    assert (tmp_path / "greet" / "greet-v1.yaml").read_bytes() == before


def test_a_file_that_says_the_same_in_other_words_stays(tmp_path: Path) -> None:
    write(tmp_path, imported("Hi {{name}}"))
    path = tmp_path / "greet" / "greet-v1.yaml"
    edited = "# ours\n" + path.read_text().replace("Hi {{name}}", '"Hi {{ name }}"')
    path.write_text(edited)
    done = write(tmp_path, imported("Hi {{name}}"))
    assert not done.conflicts
    assert path.read_text() == edited


def labels_in(folder: Path) -> dict[str, Any]:
    release = yaml.safe_load((folder / "greet" / "greet.yaml").read_text())
    return {name: at["version"] for name, at in release["spec"]["labels"].items()}


def test_a_label_is_added_and_moves_only_when_asked(tmp_path: Path) -> None:
    write(tmp_path, imported("a{{name}}", "b{{name}}", production=1))
    moved = imported("a{{name}}", "b{{name}}", production=2, staging=2)
    done = write(tmp_path, moved)
    assert [e.field for e in done.conflicts] == ["label production"]
    assert labels_in(tmp_path) == {"production": 1, "staging": 2}
    done = write(tmp_path, moved, move=True)
    assert not done.conflicts
    assert labels_in(tmp_path) == {"production": 2, "staging": 2}
    release = yaml.safe_load((tmp_path / "greet" / "greet.yaml").read_text())
    assert release["spec"]["labels"]["production"]["from"] == 1
    load([tmp_path])
    done = write(tmp_path, moved)
    assert (done.changed, done.conflicts) == ([], [])


@pytest.mark.parametrize("text", ["a: [", "kind: Other\nmetadata: {name: x}\n", "[]"])
def test_a_file_in_the_way_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "greet" / "greet-v1.yaml"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(ExchangeError, match=r"greet-v1\.yaml: "):
        write(tmp_path, imported("Hi {{name}}"))
    assert path.read_text() == text


@pytest.mark.parametrize("system", ["langfuse", "mlflow"])
def test_a_package_that_is_not_there_is_told(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, system, None)
    with pytest.raises(ExchangeError, match=rf"pip install 'promptrelease\[{system}\]'"):
        import_from(system, Options())
