"""A real Chromium, and what a person does with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from harness import npm, packages

AXE = Path(__file__).parent / "axe"
# Without the later ones Chromium looks for its maker's hosts, all the time.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium, headless, and end it after the with block.

    Raises packages.Unavailable where there is none and none can be installed.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        packages.install(["chromium"])
        found = packages.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with a page for those who don't see or point; empty is right."""
    if not page.evaluate("typeof axe === 'object'"):
        # By the debugger and not as an element, which the page's own policy would refuse.
        page.evaluate((npm.installed(AXE) / "axe-core" / "axe.min.js").read_text())
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {json.dumps([node['html'] for node in one['nodes']][:3])}"
        for one in found["violations"]
    ]
