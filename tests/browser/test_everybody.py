"""Every page: with a keyboard alone, on a phone, in the dark, for a screen reader."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from browser.office import Come, Office
from harness.api import policy

TICKET = "prompts/ticket-summary"
PAGES = (
    "prompts",
    "prompts?q=ticket",
    "prompts?q=nothing-has-this-name",
    TICKET,
    f"{TICKET}/versions/2",
    f"{TICKET}/compare?from=1&to=3",
    f"{TICKET}/history",
    f"{TICKET}/labels/staging/promote?to=2",
    f"{TICKET}/labels/production/rollback",
    f"{TICKET}/labels/staging/withdraw",
    f"{TICKET}/labels/production/progress",
    f"{TICKET}/labels/production/review",
    f"{TICKET}/new?from=3",
    "prompts/not-there",
    "new",
    "approvals",
    "graph",
    "graph?prompt=ticket-router&label=production",
)


def test_every_page_light_dark_and_narrow(office: Office, come: Come) -> None:
    require = {"approvals": {"count": 1, "notBy": ["mover"]}}
    office.api.apply(policy("production", labels=["production"], require=require))
    office.api.move("ticket-summary", "production", 3, "wait for somebody")
    alice = come("alice", viewport={"width": 360, "height": 740})
    wrong: dict[str, object] = {}
    for path in PAGES:
        page = alice.go(office.path(path))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            try:
                alice.fair()
            except AssertionError as error:
                wrong[f"{path} {scheme}"] = str(error)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > 360:
            wrong[f"{path} width"] = wide
        if page.locator("h1").count() != 1:
            wrong[f"{path} h1"] = page.locator("h1").count()
    for path in ("/namespaces", "/sign-in", "/signed-out", "/nowhere"):
        alice.go(path)
        try:
            alice.fair()
        except AssertionError as error:
            wrong[path] = str(error)
    assert wrong == {}


def test_with_a_keyboard_alone(office: Office, come: Come) -> None:
    office.api.move("ticket-summary", "production", 3, "so that there is a way back")
    office.api.ready("ticket-summary")
    bob = come("bob", TICKET)
    page = bob.page
    expect(page.get_by_role("link", name="Go back to v2")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    back = page.get_by_role("link", name="Go back to").first
    for _ in range(60):
        page.keyboard.press("Tab")
        if back.evaluate("it => it === document.activeElement"):
            break
    expect(back).to_be_focused()
    page.keyboard.press("Enter")
    bob.sees("Why?")
    button = page.get_by_role("button", name="Go back to")
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.first.evaluate("it => it === document.activeElement"):
            break
    expect(button.first).to_be_focused()
    page.keyboard.press("Enter")
    bob.sees("Done:")


def test_times_are_the_readers_own(office: Office, come: Come) -> None:
    away = come("carol", TICKET, timezone_id="Asia/Tokyo", locale="en-GB")
    shown = away.page.locator("main time").first
    expect(shown).to_be_visible()
    expect(shown).to_have_attribute("title", re.compile(r"GMT\+9"))


def test_the_list_is_searched_as_one_types(office: Office, come: Come) -> None:
    alice = come("alice", "prompts")
    found = alice.page.get_by_role("link", name="ticket-router")
    expect(found.first).to_be_visible()
    alice.page.get_by_role("searchbox").press_sequentially("no such prompt")
    expect(found).to_have_count(0)
    expect(alice.page).to_have_url(re.compile("q=no"))
    alice.fair()
    alice.page.get_by_role("searchbox").fill("")
    expect(found.first).to_be_visible()
