"""`promptrelease render`: what it writes, and what it says of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptrelease import Prompts
from promptrelease.cli.main import main

VERSION = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptVersion
metadata: {{name: greeting-v{number}}}
spec:
  prompt: greeting
  version: {number}
  text: "{text}"
  variables: {{name: {{}}}}
  model: {{provider: openai, name: gpt}}
  message: because
---
"""
RELEASE = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptRelease
metadata: {name: greeting}
spec:
  labels:
    production: {version: 1, reason: it works}
---
"""
TIME = "2026-01-02T03:04:05Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "in"


def render(folder: Path, *texts: str) -> int:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text)
    return main(["render", str(folder), "--out", str(folder.parent / "out"), "--since", TIME])


def test_a_reader_reads_what_is_rendered(folder: Path) -> None:
    one = VERSION.format(number=1, text="Hello {{name}}")
    two = VERSION.format(number=2, text="Hi {{name}}")
    assert render(folder, one + two, RELEASE) == 0
    with Prompts(folder.parent / "out") as prompts:
        assert prompts["greeting@production"].compile(name="Ada") == "Hello Ada"
        assert prompts["greeting@latest"].compile(name="Ada") == "Hi Ada"
        assert prompts["greeting@production"].since == TIME


def test_without_a_release_the_latest_is_rendered(folder: Path) -> None:
    assert render(folder, VERSION.format(number=3, text="Hey {{name}}")) == 0
    assert [p.name for p in (folder.parent / "out").iterdir()] == ["greeting.latest"]


def test_a_list_from_kubectl_is_taken(folder: Path) -> None:
    items = (VERSION.format(number=1, text="Hello {{name}}") + RELEASE).split("---\n")
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        "- " + item.replace("\n", "\n  ").rstrip() + "\n" for item in items if item
    )
    assert render(folder, listed) == 0
    assert (folder.parent / "out" / "greeting.production" / "prompt.txt").exists()


def test_files_that_are_no_longer_rendered_go(folder: Path) -> None:
    text = VERSION.format(number=1, text="Hello {{name}}") + RELEASE
    assert render(folder, text) == 0
    stray = folder.parent / "out" / "greeting.production" / "tools.json"
    stray.write_text("[]")
    assert render(folder, text) == 0
    assert not stray.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (VERSION.format(number=1, text="{{name}} {{nmae}}"), "0.yaml:1: {{nmae}} is used and not"),
        (VERSION.format(number=0, text="{{name}}"), "0.yaml:6: spec.version: "),
        (VERSION.format(number=1, text="x").replace("message:", "mesage:"), "0.yaml:10: spec.mesa"),
        (VERSION.format(number=1, text="x").replace("-v1", "-v2"), "'greeting-v1'"),
        (RELEASE, "label production names version 1, which is not in the given files"),
        ("a: [", "0.yaml:1: not YAML"),
        ("kind: Other\n", "no PromptVersion or PromptRelease"),
    ],
)
def test_mistakes_are_told_with_their_place(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    assert render(folder, text) == 1
    assert told in capsys.readouterr().err
    assert not (folder.parent / "out").exists()


def test_a_missing_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(tmp_path / "none.yaml"), "--out", str(tmp_path)]) == 1
    assert "none.yaml: No such file" in capsys.readouterr().err


def test_a_time_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(folder), "--out", str(folder), "--since", "yesterday"]) == 2
    assert "RFC 3339" in capsys.readouterr().err
