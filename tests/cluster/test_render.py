"""`promptrelease render` writes what the operator serves, to the byte."""

from __future__ import annotations

import json
from pathlib import Path

from harness.api import RELEASES, VERSIONS, Api, release, version
from promptrelease.cli.main import main

P = "greeting"


def rendered(api: Api, folder: Path) -> dict[str, dict[str, str]]:
    manifests = {"items": [*api.list(VERSIONS), *api.list(RELEASES)]}
    for item in manifests["items"]:
        item.setdefault("apiVersion", "promptrelease.dev/v1alpha1")
        item.setdefault("kind", "PromptVersion" if "text" in item["spec"] else "PromptRelease")
    (folder / "all.json").write_text(json.dumps(manifests))
    assert main(["render", str(folder / "all.json"), "--out", str(folder / "out")]) == 0
    return {
        one.name: {f.name: f.read_bytes().decode() for f in one.iterdir()}
        for one in (folder / "out").iterdir()
    }


def test_it_is_byte_equal(api: Api, tmp_path: Path) -> None:
    for obj in (
        version("tone", 1, text="Be kind to {{who}}.\r\n", variables={"who": {"default": "them"}}),
        version(
            P,
            1,
            text="Grüße 👋 {{> tone}}\n\n",
            includes={"tone": {"prompt": "tone", "version": 1}},
            model={"provider": "x", "name": "y", "parameters": {"temperature": 1.0, "k": [1e21]}},
            tools=[{"name": "t", "parameters": {"type": "object"}}],
            output={"type": "object", "properties": {"a": {"type": "number", "maximum": 0.1}}},
        ),
        version(P, 2, text="Second."),
        release(P, production=(1, "first"), staging=(2, "try"), canary=(1, "some")),
    ):
        api.create(obj)
    api.ready(P)
    api.move(P, "production", 2, "better")
    api.served(P, "production", "Second.")
    api.move(P, "production", 1, "worse")
    api.ready(P)
    api.served(P, "production", "Grüße 👋 Be kind to {{who}}.\r\n\n\n")
    files = rendered(api, tmp_path)
    for label in ("production", "staging", "canary", "latest"):
        assert files[f"{P}.{label}"] == api.files(P, label)
