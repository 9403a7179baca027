"""The site is built with warnings as errors, is whole without a network, and its commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tools import site

ROOT = Path(__file__).resolve().parents[3]
FETCHED = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("source", "src"),
    ("iframe", "src"),
}


def build(config: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run MkDocs as `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(out)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    done = build(ROOT / "mkdocs.yml", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


class Addresses(HTMLParser):
    """What a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if (tag, name) in FETCHED]


def test_nothing_is_fetched_from_elsewhere(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        parser = Addresses()
        parser.feed(page.read_text())
        for address in parser.found:
            assert not re.match(r"(https?:)?//", address), f"{page}: {address}"
        # For a diagram in Mermaid the theme would fetch a program.
        assert 'class="mermaid"' not in page.read_text(), page
    for sheet in built.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", sheet.read_text()), sheet


def test_each_reader_has_a_door(built: Path) -> None:
    home = (built / "index.html").read_text()
    for door in ("install", "release-prompts", "workloads", "architecture"):
        assert f'href="{door}.html"' in home


def test_a_file_of_the_repository_has_a_page_that_shows_it(built: Path) -> None:
    page = (built / "repository" / "manifests" / "examples" / "workload.yaml.html").read_text()
    assert "ticket-summary.production" in page
    folder = (built / "repository" / "manifests" / "examples" / "index.html").read_text()
    assert 'href="workload.yaml.html"' in folder
    assert 'href="repository/CONTRIBUTING.html"' in (built / "index.html").read_text()
    # A folder with a README shows both.
    example = (built / "repository" / "examples" / "gitops" / "index.html").read_text()
    assert "Prompts of the ticket service" in example
    assert 'href="ci/check.sh.html"' in example
    assert (built / "repository/examples/gitops/dot-github/workflows/prompts.yaml.html").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gone](gone.md)", "gone.md"),
        ("[gone](../manifests/gone.yaml)", "manifests/gone.yaml"),
        ("[gone](other.md#nowhere)", "nowhere"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, text: str, told: str) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# Home\n\n{text}\n")
    (docs / "other.md").write_text("# Other\n")
    config = tmp_path / "mkdocs.yml"
    config.write_text(
        f"site_name: test\nhooks: [{ROOT}/tools/site.py]\n"
        "validation: {links: {not_found: warn, anchors: warn}}\n"
    )
    done = build(config, tmp_path / "out")
    assert done.returncode == 1
    assert told in done.stderr


def test_links_in_code_are_left_alone() -> None:
    text = "[a](../x)\n\n```sh\n[b](../y)\n```\n\n[c](../z#top)\n"
    changed = site.with_links(text, str.upper)
    assert changed == "[a](../X)\n\n```sh\n[b](../y)\n```\n\n[c](../Z#top)\n"
