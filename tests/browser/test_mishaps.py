"""What goes wrong while somebody clicks: nothing is lost, and the page says what to do."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from browser.office import Come, Office
from harness.api import APPROVALS, RELEASES, policy, wait_for

PRODUCTION = "prompts/ticket-summary/labels/production"
STAGING = "prompts/ticket-summary/labels/staging"
REASON = "Two sentences are enough, said eleven of twelve agents"


def wanted(office: Office, label: str) -> int:
    """What the release asks for."""
    found: int = office.api.get(RELEASES, "ticket-summary")["spec"]["labels"][label]["version"]
    return found


def test_who_may_only_look_is_told_before_they_try(office: Office, come: Come) -> None:
    carol = come("carol", "prompts/ticket-summary")
    expect(carol.page.get_by_role("link", name="Go back to")).to_have_count(0)
    expect(carol.page.get_by_role("link", name="New version")).to_have_count(0)
    carol.fair()
    carol.go(office.path(f"{PRODUCTION}/promote?to=3"))
    carol.sees("You can't put this live here")
    expect(carol.page.get_by_role("button", name=re.compile("live"))).to_have_count(0)
    carol.fair()
    assert wanted(office, "production") == 2


def test_nobody_approves_their_own_move(office: Office, come: Come) -> None:
    require = {"approvals": {"count": 1, "notBy": ["mover"]}}
    office.api.apply(policy("production", labels=["production"], require=require))
    alice = come("alice", f"{PRODUCTION}/promote?to=3")
    wait_for(lambda: "Ask to put" in alice.go(alice_at(office)).content(), "the policy to count")
    alice.page.get_by_label("Why does it move?").fill(REASON)
    alice.press("Ask to put v3 live on production")
    alice.sees("v3 waits")
    alice.go(office.path(f"{PRODUCTION}/review"))
    expect(alice.page.get_by_role("button", name="Approve v3")).to_have_count(0)
    alice.sees(re.compile("asked for|your own|somebody else", re.IGNORECASE))
    alice.fair()


def alice_at(office: Office) -> str:
    return office.path(f"{PRODUCTION}/promote?to=3")


def test_somebody_moves_first(office: Office, come: Come) -> None:
    alice = come("alice", f"{PRODUCTION}/promote?to=3")
    alice.page.get_by_label("Why does it move?").fill(REASON)
    bob = come("bob", f"{PRODUCTION}/promote?to=1")
    bob.page.get_by_label("Why does it move?").fill("Compare with the first one")
    bob.press("Put v1 live on production")
    bob.sees("Done: v1 is live on production")

    alice.press("Put v3 live on production")
    alice.sees("v1")
    expect(alice.page.get_by_role("alert")).to_be_visible()
    expect(alice.page.get_by_label("Why does it move?")).to_have_value(REASON)
    assert wanted(office, "production") == 1
    alice.fair()
    alice.press("Put v3 live on production")
    alice.sees("Done: v3 is live on production")


def test_two_tabs(office: Office, come: Come) -> None:
    alice = come("alice", f"{STAGING}/promote?to=2")
    first, second = alice.page, alice.new_tab()
    first.get_by_label("Why does it move?").fill(REASON)
    alice.page = second
    alice.go(office.path(f"{STAGING}/promote?to=1"))
    alice.page.get_by_label("Why does it move?").fill("In the other tab")
    alice.press("Put v1 live on staging")
    alice.sees("Done: v1 is live on staging")
    alice.page = first
    alice.press("Put v2 live on staging")
    expect(alice.page.get_by_role("alert")).to_be_visible()
    expect(alice.page.get_by_label("Why does it move?")).to_have_value(REASON)
    assert wanted(office, "staging") == 1


def test_a_session_that_has_ended_loses_nothing(office: Office, come: Come) -> None:
    alice = come("alice", f"{STAGING}/promote?to=2")
    alice.page.get_by_label("Why does it move?").fill(REASON)
    alice.context.clear_cookies()
    alice.press("Put v2 live on staging")
    alice.sees("Nothing is lost")
    alice.sees(REASON)
    alice.fair()
    with alice.context.expect_page() as opened:
        alice.click("Sign in")
    tab = opened.value
    if tab.get_by_role("link", name=re.compile("Sign in with")).count():
        tab.get_by_role("link", name=re.compile("Sign in with")).click()
    if tab.get_by_label("Password").count():
        tab.get_by_label("Name").fill("alice")
        tab.get_by_label("Password").fill("alice-password")
        tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
    alice.press("Send it again")
    alice.sees("Done: v2 is live on staging")
    assert wanted(office, "staging") == 2


@pytest.mark.slow
def test_the_api_server_goes_and_comes_in_the_middle_of_a_page(office: Office, come: Come) -> None:
    require = {"approvals": {"count": 1, "notBy": ["mover"]}}
    office.api.apply(policy("production", labels=["production"], require=require))
    alice = come("alice", f"{PRODUCTION}/promote?to=3")
    wait_for(lambda: "Ask to put" in alice.go(alice_at(office)).content(), "the policy to count")
    alice.page.get_by_label("Why does it move?").fill(REASON)
    alice.press("Ask to put v3 live on production")
    alice.sees("v3 waits")
    bob = come("bob", f"{PRODUCTION}/review")

    office.world.plane.stop_component("kube-apiserver")
    bob.page.get_by_label("Comment").fill("Read ten of them. Fine.")
    bob.press("Approve v3")
    bob.sees("Not sent yet")
    bob.fair()
    alice.sees("v3 waits")
    office.world.plane.start_component("kube-apiserver")
    wait_for(lambda: office.operator.probe("/readyz") == 200, "the operator to be back", 60)

    # Who is told once more that there is no answer tries once more: what he wrote stays.
    def approved() -> bool:
        for button in ("Send it again", "Approve v3"):
            if bob.page.get_by_role("button", name=button).count():
                bob.press(button)
                bob.page.wait_for_load_state()
                break
        return "Approved" in bob.page.locator("main").inner_text()

    wait_for(approved, "the approval to get through", 60)
    (given,) = office.api.list(APPROVALS)
    assert given["spec"]["comment"] == "Read ten of them. Fine."
    expect(alice.page.locator("main")).to_contain_text(
        "Done: v3 is live on production", timeout=90_000
    )
    alice.fair()
