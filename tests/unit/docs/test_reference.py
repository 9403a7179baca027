"""docs/reference: every field of every CRD is told, and the pages are those that are made now."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import reference

ROOT = Path(__file__).resolve().parents[3]
CRDS = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("promptrelease.dev_*")]


def paths(schema: dict[str, Any], here: str) -> Iterator[str]:
    """Every field of a schema, walked by another way than the generator's."""
    for name, sub in schema.get("properties", {}).items():
        yield f"{here}.{name}"
        yield from paths(sub, f"{here}.{name}")
    if isinstance(values := schema.get("additionalProperties"), dict):
        yield from paths(values, f"{here}.NAME")
    if items := schema.get("items"):
        yield from paths(items, f"{here}[]")


@pytest.mark.parametrize("crd", CRDS, ids=lambda crd: str(crd["spec"]["names"]["kind"]))
def test_every_field_rule_and_column_is_told(crd: dict[str, Any]) -> None:
    page = reference.page(crd)
    (version,) = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    for top in ("spec", "status"):
        for path in paths(schema["properties"].get(top, {}), top):
            assert f"### `{path}` {{ #" in page
    for column in version["additionalPrinterColumns"]:
        assert f"| {column['name']} |" in page
    for rule in _rules(schema):
        assert reference.plain(rule["message"]) in page
        assert " ".join(rule["rule"].split()) in page


def _rules(schema: Any) -> Iterator[dict[str, str]]:
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", ())
        for sub in schema.values():
            yield from _rules(sub)


def test_there_are_fields_to_tell() -> None:
    assert len(CRDS) == 7
    assert "### `spec.labels.NAME.version` {" in reference.pages()["promptrelease.md"]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 63}, ["1 to 63 characters"]),
        ({"type": "integer", "minimum": 1, "maximum": 2**31 - 1}, ["at least 1"]),
        ({"type": "integer", "minimum": 0, "maximum": 10}, ["0 to 10"]),
        ({"type": "boolean", "default": False}, ["default `false`"]),
        ({"type": "string", "enum": ["a", "b"]}, ["one of `a`, `b`"]),
        (
            {"type": "array", "maxItems": 9, "items": {"type": "string", "maxLength": 5}},
            ["each at most 5 characters", "at most 9 items"],
        ),
        ({"type": "string", "format": "date-time", "maxLength": 64}, ["RFC 3339"]),
    ],
)
def test_bounds_in_words(schema: dict[str, Any], told: list[str]) -> None:
    assert reference.bounds(schema) == told


def test_what_markdown_would_take_for_markup_is_shown() -> None:
    assert reference.plain("<prompt>-v<version>, \\{{") == r"&lt;prompt>-v&lt;version>, \\{{"


def test_check_fails_when_a_page_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in reference.pages().items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(reference, "OUT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["reference", "--check"])
    assert reference.main() == 0
    (tmp_path / "promptversion.md").write_text("old")
    assert reference.main() == 1
    assert (tmp_path / "promptversion.md").read_text() == "old"


def test_the_pages_are_those_that_are_made_now() -> None:
    done = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
