"""Manifests in the docs are ones that the API takes, and that the operator would serve."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from promptrelease.api import PromptVersion
from promptrelease.cli.manifests import ManifestError, documents, load
from promptrelease.release.judge import judge

DOCS = Path(__file__).resolve().parents[3] / "docs"
FENCE = re.compile(r"^( *)```([a-z]*)[^\n]*\n(.*?)^\1```$", re.M | re.S)
# kubectl apply -f - <<'EOF' ... EOF
HERE = re.compile(r"<<'?EOF'?\n(.*?)^EOF$", re.M | re.S)
# What stands for a value that a shell or a reader puts in.
OPEN = {'"sha256:..."': f'"sha256:{"0" * 64}"', "$digest": f"sha256:{'0' * 64}"}
NAMELESS = re.compile(r"generateName: (\S+?)-(?=[,}\s])")


def blocks(text: str) -> list[str]:
    """The YAML of a page: its blocks of YAML, and what its commands read from a here document."""
    found = []
    for _, language, body in FENCE.findall(text):
        if language == "yaml":
            found.append(body)
        elif language == "sh":
            found += HERE.findall(body)
    return [block for block in found if re.search(r"^kind: Prompt", block, re.M)]


def with_values(block: str) -> str:
    """A block with its open places filled in."""
    for open_place, value in OPEN.items():
        block = block.replace(open_place, value)
    return NAMELESS.sub(r"name: \1-1", block)


PAGES = {
    str(path.relative_to(DOCS)): found
    for path in sorted(DOCS.rglob("*.md"))
    if (found := blocks(path.read_text()))
}


@pytest.mark.parametrize("page", PAGES)
def test_manifests_of_a_page_are_right(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(PAGES[page]):
        (tmp_path / f"{number}.yaml").write_text(with_values(block))
    manifests = load([tmp_path])
    wanted = sum(
        str(raw.get("kind")).startswith("Prompt")
        for block in PAGES[page]
        for raw, _ in documents(with_values(block))
    )
    assert len(manifests) == wanted > 0
    specs = {
        (m.model.spec.prompt, m.model.spec.version): m.model.spec
        for m in manifests
        if isinstance(m.model, PromptVersion)
    }
    for spec in specs.values():
        problems = judge(
            spec, lambda prompt, version: specs.get((prompt, version))
        ).verdict.problems
        assert [p for p in problems if p.reason != "IncludeMissing"] == []


def test_the_guides_are_among_the_pages() -> None:
    guides = {"quick-start.md", "release-prompts.md", "govern.md", "evaluate.md"}
    assert guides <= PAGES.keys()
    assert sum(len(found) for found in PAGES.values()) >= 15


def test_a_wrong_manifest_is_found(tmp_path: Path) -> None:
    page = "```sh\nkubectl apply -f - <<'EOF'\nkind: PromptRelease\nspec: {labels: 1}\nEOF\n```\n"
    (block,) = blocks(page)
    assert yaml.safe_load(block)["kind"] == "PromptRelease"
    (tmp_path / "0.yaml").write_text("apiVersion: promptrelease.dev/v1alpha1\n" + block)
    with pytest.raises(ManifestError, match="labels"):
        load([tmp_path])
