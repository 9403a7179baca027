"""The page of a prompt, and its history."""

from __future__ import annotations

import pytest

from console.conftest import Bind, Browse
from console.shop import HOSTILE, Kubectl, at, harmless, texts, tickets, until
from harness.api import CHANGES, RELEASES, Api, approval, policy, release, version, wait_for
from promptrelease.console.shown.timeline import PAGE

P = "ticket-summary"


def test_what_is_live_where_since_when_and_why(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind
) -> None:
    tickets(api, kubectl)
    bind("frank", "viewer")
    page = harmless(browse("frank").get(at(api, f"prompts/{P}")))
    assert page.status == 200
    assert page.find("h1").text == P
    cards = {card.find("h3").text: card for card in page.all("article", class_="label")}
    assert list(cards) == ["production", "staging", "latest"]
    served = api.get(RELEASES, P)["status"]["labels"]["production"]
    production = cards["production"]
    assert production.find("a", href=at(api, f"prompts/{P}/versions/2")).text == "v2"
    assert production.find("time", datetime=served["since"])
    assert "Urgency is kept in all of last week's outage tickets" in production.text
    assert "follows the newest" in cards["latest"].text
    rows = page.find("table", class_="versions").find("tbody").all("tr")
    assert texts(row.find("th") for row in rows) == ["v3", "v2", "v1"]
    assert texts(rows[0].all("li")) == ["latest", "staging"]
    assert texts(rows[1].all("li")) == ["production"]
    entries = page.find("ol", class_="timeline").all("li")
    assert sorted(entry.find("p").text for entry in entries) == [
        "latest began with v3",
        "production began with v2",
        "staging began with v3",
    ]
    compared = page.form("from").submit()
    assert (compared.status, compared.find("h1").text) == (200, "What changed from v2 to v3")


@pytest.mark.parametrize(
    ("role", "there", "absent"),
    [
        ("viewer", "You may look at production, and not move it.", "Put a version live"),
        ("on-call", "You may move production back, and not forward.", "Put a version live"),
        ("promoter", "Put a version live", "New version"),
        ("author", "New version", "Review"),
        ("approver", "Review", "New version"),
    ],
)
def test_what_one_may_do_is_shown_before_one_tries(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind, role: str, there: str, absent: str
) -> None:
    tickets(api, kubectl, "tone-of-voice", P)
    api.create(policy("four-eyes", labels=["production"], require={"approvals": {"notBy": []}}))
    api.move(P, "production", 3, "shorter")
    bind("alice", role)
    browser = browse("alice")
    page = until(lambda: browser.get(at(api, f"prompts/{P}")), "v3 was asked for", there)
    card = page.find(id=f"label-{'production'}")
    buttons = [it.text for it in page.all("a")]
    assert absent not in card.text
    assert not any(text.startswith(absent) for text in buttons)


def test_what_waits_what_for_and_what_to_do(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind
) -> None:
    tickets(api, kubectl, "tone-of-voice", P)
    api.create(policy("four-eyes", labels=["production"], require={"approvals": {"notBy": []}}))
    api.move(P, "production", 3, "shorter summaries")
    bind("dave", "approver")
    browser = browse("dave")
    page = until(lambda: browser.get(at(api, f"prompts/{P}")), "Waits for approval by one person")
    card = page.find(id="label-production")
    assert "v3 was asked for: shorter summaries" in card.text
    path = at(api, f"prompts/{P}/labels/production")
    assert card.find("a", href=f"{path}/review").text == "review what waits on production"
    assert card.find("a", href=f"{path}/progress")
    assert card.find("a", href=at(api, f"prompts/{P}/compare?from=2&to=3"))
    # The exact words and the command are there for those who type.
    engineers = page.find("details", class_="engineers")
    assert f"kubectl prompt approve {P} production" in engineers.text
    assert "kubectl" not in card.text


def test_a_way_back_is_offered_where_there_is_one(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind
) -> None:
    tickets(api, kubectl, "tone-of-voice", P)
    api.move(P, "production", 3, "shorter")
    bind("carol", "on-call")
    browser = browse("carol")
    page = until(lambda: browser.get(at(api, f"prompts/{P}")), "Go back to v2")
    links = page.find(id="label-production").all("a")
    href = at(api, f"prompts/{P}/labels/production/rollback")
    assert [it.text for it in links if it.attrs["href"] == href] == ["Go back to v2 on production"]
    assert not [it for it in page.find(id="label-staging").all("a") if "Go back" in it.text]


def test_what_comes_from_git_says_so(api: Api, browse: Browse) -> None:
    api.create(version("greeting", 1))
    made = release("greeting", production=(1, "begin"))
    app = f"shop:promptrelease.dev/PromptRelease:{api.namespace}/greeting"
    made["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": app}
    api.create(made)
    page = browse("admin").get(at(api, "prompts/greeting"))
    assert "greeting comes from Git, by Argo CD" in page.find("p", class_="note").text
    api.merge(RELEASES, "greeting", {"metadata": {"annotations": None}})
    assert "comes from Git" not in browse("admin").get(at(api, "prompts/greeting")).text


def test_versions_without_a_release(api: Api, browse: Browse) -> None:
    for number in range(1, 19):
        api.create(version("greeting", number, message=f"try {number}"))
    browser = browse("admin")
    page = browser.get(at(api, "prompts/greeting"))
    assert "Nothing of greeting is live yet" in page.text
    assert page.follow("Put v18 live on staging").url.endswith("/labels/staging/promote?to=18")
    assert len(page.find("table", class_="versions").all("tr")) == 16
    every = page.follow("All 18 versions")
    assert len(every.find("table", class_="versions").all("tr")) == 19


def test_there_is_no_such_prompt(api: Api, browse: Browse, bind: Bind) -> None:
    bind("frank", "viewer")
    browser = browse("frank")
    for path in ("prompts/absent", "prompts/absent/history", "prompts/absent/versions/1"):
        page = browser.get(at(api, path))
        assert page.status == 404
        assert f"there is no prompt absent in {api.namespace}" in page.alert
    for name in ("A", "a.b", "a,spec.version=1", "-", "x" * 64, "%2e%2e"):
        assert browser.get(at(api, f"prompts/{name}")).status == 404


def test_somebody_without_rights_sees_nothing(api: Api, kubectl: Kubectl, browse: Browse) -> None:
    tickets(api, kubectl, "tone-of-voice", P)
    browser = browse("frank")
    for path in ("", "/versions/1", "/compare?from=1&to=2", "/history"):
        page = browser.get(at(api, f"prompts/{P}{path}"))
        assert page.status == 403, path
        assert "Summarize" not in page.html


def test_hostile_texts_stay_texts(api: Api, browse: Browse) -> None:
    api.create(
        version(
            "greeting",
            1,
            message=HOSTILE,
            text=f"{HOSTILE} {{{{who}}}}",
            variables={"who": {"type": "string", "default": HOSTILE, "description": HOSTILE}},
            model={"provider": HOSTILE[:63], "name": HOSTILE[:63]},
            tools=[
                {
                    "name": "t",
                    "description": HOSTILE,
                    "parameters": {"type": "object", "description": HOSTILE},
                }
            ],
            output={"type": "object", "title": HOSTILE},
        )
    )
    api.create(
        version(
            "greeting",
            2,
            message=HOSTILE[::-1],
            text=f"{HOSTILE[::-1]} {{{{who}}}}",
            variables={"who": {"type": "string", "description": "other"}},
        )
    )
    api.create(release("greeting", production=(1, HOSTILE)))
    api.ready("greeting")
    api.merge(
        RELEASES,
        "greeting",
        {
            "spec": {
                "labels": {"production": {"version": 2, "reason": HOSTILE + "2", "by": HOSTILE}}
            }
        },
    )
    browser = browse("admin")
    page = until(lambda: browser.get(at(api, "prompts/greeting")), "moved from v1 to v2")
    harmless(page)
    assert HOSTILE.split("\u202e")[0] in page.find(class_="timeline").raw
    for path in (
        "/versions/1",
        "/versions/2",
        "/compare?from=1&to=2",
        "/compare?from=2&to=1",
        "/history",
        f"/history?person={HOSTILE}",
    ):
        page = harmless(browser.get(at(api, f"prompts/greeting{path}")))
        assert page.status == 200
    page = browser.get(at(api, "prompts/greeting/versions/1"))
    assert page.find("textarea").raw.strip() == HOSTILE
    sent = page.form("value.who").submit(**{"value.who": HOSTILE + "'"})
    assert HOSTILE + "'" in harmless(sent).find("mark").raw


def test_the_last_moves_whatever_labels_are_left(api: Api, browse: Browse) -> None:
    for number in (1, 2, 3):
        api.create(version("greeting", number))
    api.create(release("greeting", production=(1, "begin"), staging=(1, "begin")))
    api.ready("greeting")
    for number in (2, 3, 2):
        api.move("greeting", "production", number, f"to v{number}")
        api.ready("greeting")
    browser = browse("admin")

    def told() -> list[str]:
        page = browser.get(at(api, "prompts/greeting"))
        return [li.find("p").text for li in page.find("ol", class_="timeline").all("li")]

    every = [
        "production went back from v3 to v2",
        "production moved from v2 to v3",
        "production moved from v1 to v2",
    ]
    wait_for(lambda: len(told()) == 6, "all to be written down")
    assert set(told()) == {
        *every,
        "latest began with v3",
        "production began with v1",
        "staging began with v1",
    }
    assert [it for it in told() if it in every] == every
    api.merge(RELEASES, "greeting", {"spec": {"labels": {"staging": None}}})
    wait_for(lambda: "staging was withdrawn; it served v1" in told(), "its end to be told")
    assert {*every, "staging began with v1"} <= set(told())


# The history


def test_the_whole_history_page_by_page_and_filtered(api: Api, browse: Browse) -> None:
    for number in (1, 2, 3):
        api.create(version("greeting", number))
    api.create(release("greeting", production=(1, "begin")))
    for number in range(PAGE):
        asked = {"version": 1 + number % 2, "reason": f"try {number}", "by": "alice"}
        api.merge(RELEASES, "greeting", {"spec": {"labels": {"staging": asked}}})
        api.ready("greeting")
    api.create(policy("four-eyes", labels=["production"], require={"approvals": {}}))
    asked = {"version": 2, "reason": "approved, then", "by": "bob"}
    api.merge(RELEASES, "greeting", {"spec": {"labels": {"production": asked}}})
    api.release_with("greeting", "Reconciling", "True", "1 approval")
    waits = api.get(RELEASES, "greeting")["status"]["labels"]["production"]["pending"]
    api.create(approval("yes", waits, "dave", release="greeting", label="production"))
    api.ready("greeting")
    glass = {"breakglass.promptrelease.dev/production": "v3: outage at 2 a.m."}
    asked = {"version": 3, "reason": "in the night", "by": "erin"}
    api.merge(
        RELEASES,
        "greeting",
        {"metadata": {"annotations": glass}, "spec": {"labels": {"production": asked}}},
    )
    api.ready("greeting")
    browser = browse("admin")

    first = until(lambda: browser.get(at(api, "prompts/greeting/history")), "in the night")
    (broken,) = harmless(first).find(class_="timeline").all("li", class_="bad")
    assert "production moved from v2 to v3 past its gates" in broken.text
    assert "Why the gates were skipped: outage at 2 a.m." in broken.text
    assert broken.find("a", href=at(api, "prompts/greeting/compare?from=2&to=3"))
    approved = next(li for li in first.all("li") if "approved, then" in li.text)
    assert "by bob, approved by dave" in approved.text
    second = first.follow("Older")
    told = [li.text for page in (first, second) for li in page.find(class_="timeline").all("li")]
    assert len(told) == len(api.list(CHANGES))
    assert len(told) == len(set(told)) > PAGE
    assert second.follow("Newer").path.endswith("page=1")

    form = first.form("person")
    (only,) = form.submit(person="dave").find(class_="timeline").all("li")
    assert "approved, then" in only.text
    kept = form.submit(label="staging", kind="Rollback")
    assert kept.form("label").values["label"] == ["staging"]
    went_back = kept.find(class_="timeline").all("li")
    assert went_back
    assert all("staging went back from" in li.text for li in went_back)
    assert "Nothing of that kind" in form.submit(person="erin", label="staging").text
    assert "greeting" in form.submit(label="staging").follow("Show all").find("h1").text


def test_a_prompt_that_has_never_moved(api: Api, browse: Browse) -> None:
    api.create(version("greeting", 1))
    page = browse("admin").get(at(api, "prompts/greeting/history"))
    assert (page.status, page.find("section").find("h2").text) == (200, "Nothing has happened yet")
