"""Approvals from the browser: the inbox, the review, yes and no, and what is refused."""

from __future__ import annotations

import pytest

from console.acting.world import P, Shop, judged
from console.browsing import Page
from harness.api import APPROVALS, RELEASES, Json, wait_for


@pytest.fixture
def waiting(four_eyes: Shop) -> Shop:
    """Bob wants v2, which admin wrote, in production, and an approval is asked for."""
    page = four_eyes.browser("bob").get(four_eyes.at("promote") + "?to=2")
    page.form("reason").submit("Ask to put v2 live on production", reason="kinder")
    four_eyes.pending()
    return four_eyes


def inbox(shop: Shop, who: str, prompt: str = P) -> Page:
    """The inbox, once the move is in it: what is known of a namespace comes by a watch."""
    browser = shop.browser(who)

    def probe() -> Page | None:
        page = browser.get(f"{shop.base}/approvals")
        return page if prompt in page.links else None

    found = wait_for(probe, "the move to be in the inbox")
    assert found is not None
    return found


def sections(page: Page) -> dict[str, str]:
    return {it.find("h2").text: it.text for it in page.all("section") if it.all("h2")}


def test_an_empty_inbox_says_what_it_is_for(greeting: Shop) -> None:
    page = greeting.browser("dave").get(f"{greeting.base}/approvals")
    assert "Nothing waits for an approval" in page.text


def test_the_inbox_says_whose_turn_it_is(waiting: Shop) -> None:
    assert P in sections(inbox(waiting, "dave"))["For you to decide"]
    said = {
        "bob": "You may not approve on production here.",
        "admin": "You wrote v2: somebody else has to approve it.",
        "frank": "You may not approve on production here.",
    }
    for who, why in said.items():
        found = sections(inbox(waiting, who))
        assert "Nothing waits for you." in found["For you to decide"]
        assert why in found["For others"]
    erin = waiting.browser("erin").get(waiting.at("promote") + "?to=3")
    erin.form("reason").submit("Ask to put v3 live on production", reason="erin's own")
    wait_for(
        lambda: "You asked for this move" in sections(inbox(waiting, "erin")).get("For others", ""),
        "erin to be told so",
    )


def test_approved_with_the_digest_that_was_shown(waiting: Shop) -> None:
    judged(waiting)
    pending = waiting.pending()
    waiting.evidence("politeness", pending, passed=True)
    page = inbox(waiting, "dave").follow("Review")
    assert "May v2 of greeting go live on production?" in page.find("h1").text
    assert "kinder" in page.text
    assert [it.text for it in page.all("del")][:1] != []
    row = next(it for it in page.all("tr") if "politeness" in it.text)
    assert [cell.text for cell in row.all("td")][:3] == ["0.9", "0.93", "passed by erin"]
    done = page.form("comment").submit("Approve v2", comment="read it all")
    assert "progress" in done.path
    assert waiting.serves(2)["approvals"][0]["by"] == "dave"
    (made,) = waiting.api.list(APPROVALS)
    assert made["spec"] == {
        "release": P,
        "label": "production",
        "version": 2,
        "digest": pending["digest"],
        "decision": "approve",
        "comment": "read it all",
        "by": "dave",
    }
    gone = waiting.browser("dave").get(waiting.at("review"))
    assert (gone.status, "Nothing to decide" in gone.text) == (404, True)


def test_no_needs_a_comment_and_can_be_taken_back(waiting: Shop) -> None:
    dave = waiting.browser("dave")
    page = dave.get(waiting.at("review"))
    refused = page.form("comment").submit("Say no to v2", comment=" ")
    assert (refused.status, "Say why not" in refused.alert) == (400, True)
    page.form("comment").submit("Say no to v2", comment="too cold <script>alert(1)</script>")
    wait_for(lambda: "denial" in str(waiting.pending()["waitingFor"]), "the denial")
    progress = waiting.browser("bob").get(waiting.at("progress"))
    assert "It is held up" in progress.text
    assert "dave, who denied it: too cold <script>alert(1)</script>" in progress.text
    page = dave.get(waiting.at("review"))
    assert "You said no already; your last word counts." in page.text
    page.form("comment").submit("Approve v2")
    waiting.serves(2)


def test_nobody_approves_their_own(waiting: Shop) -> None:
    """Who wrote it, and who asked for it; also when they send what the page does not offer."""
    page = waiting.browser("admin").get(waiting.at("review"))
    assert "You wrote v2: somebody else has to approve it." in page.text
    assert "Approve v2" not in [it.text for it in page.all("button")]
    fields: dict[str, str | list[str]] = {**page.form("comment").values, "decision": "approve"}
    sent = waiting.browser("admin").post(waiting.at("review"), fields)
    assert sent.status == 403
    assert "you (admin) wrote it" in sent.alert
    assert waiting.api.list(APPROVALS) == []


def test_nobody_approves_without_the_right(waiting: Shop) -> None:
    page = waiting.browser("carol").get(waiting.at("review"))
    assert "You may not approve on production here." in page.text
    assert not [it for it in page.all("form") if it.all("textarea")]
    of_dave = waiting.browser("dave").get(waiting.at("review")).form("comment").values
    csrf = page.form("csrf").values["csrf"]
    fields: dict[str, str | list[str]] = {**of_dave, "csrf": csrf, "decision": "approve"}
    sent = waiting.browser("carol").post(waiting.at("review"), fields)
    assert sent.status == 403
    assert 'cannot create resource "promptapprovals"' in sent.alert
    assert waiting.api.list(APPROVALS) == []


def test_what_changed_since_the_look_is_not_approved(waiting: Shop) -> None:
    page = waiting.browser("dave").get(waiting.at("review"))
    other = {"version": 3, "reason": "mine", "from": None}
    waiting.api.merge(RELEASES, P, {"spec": {"labels": {"production": other}}})
    wait_for(lambda: waiting.pending()["version"] == 3, "v3 to wait")
    refused = page.form("comment").submit("Approve v2", comment="read all of v2")
    assert refused.status == 409
    assert "It has changed since you looked: v3 waits now" in refused.alert
    assert refused.form("comment").values["comment"] == ["read all of v2"]
    assert "May v3 of greeting" in refused.find("h1").text
    assert waiting.api.list(APPROVALS) == []
    mind = {"version": 1, "reason": "never mind", "from": None}
    waiting.api.merge(RELEASES, P, {"spec": {"labels": {"production": mind}}})
    wait_for(lambda: "pending" not in waiting.label(), "nothing to wait")
    refused = page.form("comment").submit("Approve v2", comment="read all of v2")
    assert refused.status == 409
    assert "read all of v2" in refused.text


def test_two_people_are_needed(greeting: Shop) -> None:
    greeting.demand("two", labels=["production"], require={"approvals": {"count": 2}})
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    assert "approval by 2 people other than admin and bob" in page.text
    page.form("reason").submit("Ask to put v2 live on production", reason="kinder")
    greeting.pending()
    greeting.browser("dave").get(greeting.at("review")).form("comment").submit("Approve v2")
    wait_for(lambda: "so far 1" in str(greeting.pending()["waitingFor"]), "the first one")
    assert "You approved it." in sections(inbox(greeting, "dave"))["For others"]
    review = greeting.browser("erin").get(greeting.at("review"))
    assert "approval by one more person" in review.text
    assert "yes dave" in review.text
    review.form("comment").submit("Approve v2")
    assert sorted(it["by"] for it in greeting.serves(2)["approvals"]) == ["dave", "erin"]


def test_where_no_policy_asks(greeting: Shop) -> None:
    """A move that waits for the clock: saying yes opens nothing, and the page says so."""
    feast: Json = {"start": "2020-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z"}
    greeting.demand("feast", labels=["production"], freeze=[{**feast, "reason": "feast"}])
    greeting.api.move(P, "production", 2, "kinder")
    greeting.pending()
    page = greeting.browser("dave").get(greeting.at("review"))
    assert "No policy asks for approvals on production: this one opens nothing" in page.text
    assert (
        "Nothing waits for an approval"
        in greeting.browser("dave").get(f"{greeting.base}/approvals").text
    )
