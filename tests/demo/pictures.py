"""``python -m demo.pictures``: the docs' screenshots of the console, from the demo's prompts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page

from demo import console, story
from demo.cluster import NAMESPACE, ROOT, embedded
from demo.console import APPROVER, AUTHOR, PROMPT
from harness.browser import chromium

FOLDER = ROOT / "docs" / "images" / "console"
HOME = f"/n/{NAMESPACE}"
TICKET = f"{HOME}/prompts/{PROMPT}"
# Name of the picture, who looks, and at what.
PAGES = (
    ("prompts", AUTHOR, f"{HOME}/prompts"),
    ("prompt", AUTHOR, TICKET),
    ("version", AUTHOR, f"{TICKET}/versions/3"),
    ("compare", AUTHOR, f"{TICKET}/compare?from=2&to=3"),
    ("promote", AUTHOR, f"{TICKET}/labels/staging/promote?to=2"),
    ("rollback", APPROVER, f"{TICKET}/labels/production/rollback"),
    ("progress", AUTHOR, f"{TICKET}/labels/production/progress"),
    ("approvals", APPROVER, f"{HOME}/approvals"),
    ("review", APPROVER, f"{TICKET}/labels/production/review"),
    ("editor", AUTHOR, f"{TICKET}/new?from=3"),
    ("history", AUTHOR, f"{TICKET}/history"),
    ("graph", AUTHOR, f"{HOME}/graph"),
)
LIGHT, DARK = {"width": 1280, "height": 800}, {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def main() -> int:
    """Take all of them, or those that are named."""
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        cluster = stack.enter_context(embedded())
        assert cluster.plane is not None
        story.install(cluster)
        stack.enter_context(cluster.operator())
        stack.enter_context(cluster.watching())
        console.prepare(cluster)
        links = stack.enter_context(console.running(cluster.plane))
        browser = stack.enter_context(chromium())
        for kind, page_of in _lookers(browser, links):
            for name, who, path in PAGES:
                if options.names and name not in options.names:
                    continue
                page = page_of[who]
                answer = page.goto(page.url.split("/n/")[0] + path)
                page.wait_for_timeout(300)  # live parts and times in the reader's zone
                file = options.folder / f"{name}-{kind}.png"
                page.screenshot(path=file, full_page=True)
                print(f"{answer.status if answer else '?'} {file}", flush=True)
    return 0


def _lookers(browser: Browser, links: dict[str, str]) -> Iterator[tuple[str, dict[str, Page]]]:
    """Yield each kind of picture with a signed-in page for each person."""
    for kind, size, scheme in (
        ("light", LIGHT, "light"),
        ("dark", DARK, "dark"),
        ("phone", PHONE, "light"),
    ):
        pages = {}
        for who, link in links.items():
            context = browser.new_context(
                viewport=size,  # type: ignore[arg-type]
                color_scheme=scheme,  # type: ignore[arg-type]
                timezone_id="Europe/Paris",
                locale="en-GB",
            )
            pages[who] = context.new_page()
            pages[who].goto(link)
        yield kind, pages


if __name__ == "__main__":
    sys.exit(main())
