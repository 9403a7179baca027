"""`kubectl prompt lint` and the API server agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.cli.conftest import Call, P, Shop
from cluster.cli.wrong import RIGHT, WRONG
from harness.api import Refused, version


def test_the_api_server_refuses_what_lint_refuses_in_these_words(shop: Shop) -> None:
    for case in WRONG:
        with pytest.raises(Refused) as refused:
            shop.api.create(case.manifest)
        assert (case.server or case.words) in str(refused.value), case.name


def test_the_api_server_takes_what_lint_lets_pass(shop: Shop) -> None:
    for number, manifest in enumerate(RIGHT):
        named = manifest["kind"] in ("PromptVersion", "PromptRelease")
        name = manifest["metadata"]["name"] if named else f"right-{number}"
        shop.api.create({**manifest, "metadata": {"name": name}})


def test_the_server_says_what_only_it_knows(greeting: Shop, call: Call, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_text(json.dumps(version(P, 1, text="other", variables=None)))
    assert call("admin", "lint", file)[0] == 0
    code, out, _ = call("admin", "lint", file, "--server")
    assert code == 1
    assert "a PromptVersion can't be changed once created" in out
    assert greeting.api.files(P, "production")["prompt.txt"].startswith("Hello 1")
    file.write_text(json.dumps(version(P, 4)))
    assert call("admin", "lint", file, "--server")[0] == 0
    assert greeting.api.get("promptversions", f"{P}-v4") == {}, "it is a dry run"
