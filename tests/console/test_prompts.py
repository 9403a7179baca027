"""The list of prompts as people see it, and where they choose a namespace."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from console.browsing import Browser, Element, Page
from harness.api import Api, policy, release, version, wait_for

Browse = Callable[..., Browser]
Bind = Callable[..., None]

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)> {{ 7 * 7 }}"""


@pytest.fixture
def alice(browse: Browse, bind: Bind) -> Browser:
    bind("alice", "author")
    return browse("alice")


def listed(browser: Browser, api: Api, query: str = "", **headers: str) -> Page:
    page = browser.get(f"/n/{api.namespace}/prompts{query}", **headers)
    assert page.status in (200, 204), page
    return page


def lines(page: Page) -> dict[str, Element]:
    """Lines of the table, by prompt."""
    return {
        row.find("a", class_="name").text: row
        for table in page.all("tbody")
        for row in table.all("tr")
    }


def until(browser: Browser, api: Api, holds: Callable[[Page], object], query: str = "") -> Page:
    """The list, once something is so of it."""
    found: list[Page] = []

    def probe() -> bool:
        found[:] = [listed(browser, api, query)]
        return bool(holds(found[0]))

    wait_for(probe, "the list to show it")
    return found[0]


def test_labels_pending_moves_and_how_prompts_are(alice: Browser, api: Api) -> None:
    api.create(policy("asks", labels=["production"], require={"approvals": {"notBy": []}}))
    api.create(version("ticket", 1, message="Begins"))
    api.create(version("ticket", 2, message="Keeps the urgency"))
    api.create(version("broken", 1, text="{{nobody}}"))
    api.create(release("ticket", staging=(1, "try it"), production=(2, "now")))
    api.create(release("broken", staging=(1, "oops")))
    api.create(version("draft", 3))
    api.release_with("broken", "Stalled", "True")
    api.release_with("ticket", "Reconciling", "True", "production")
    page = until(alice, api, lambda it: "In trouble 1" in it.text and "by one person" in it.text)
    found = lines(page)
    assert list(found) == ["broken", "draft", "ticket"]
    chips = {chip.text: chip.attrs["class"] for chip in found["ticket"].all(class_="chip")}
    assert chips["production nothing → v2"] == "chip wait"
    assert chips["staging v1"] == "chip ok"
    assert "production waits for approval by one person" in found["ticket"].text
    review = found["ticket"].find(
        "a", href=f"/n/{api.namespace}/prompts/ticket/labels/production/review"
    )
    assert review.text == "Review"
    assert "Keeps the urgency" in found["ticket"].text
    assert "Waiting" in found["ticket"].find(class_="state").text
    assert found["broken"].find(class_="state").text == "Needs somebody"
    assert "{{nobody}} is used and not declared" in found["broken"].text
    assert "v3 is written, and no label serves it" in found["draft"].text
    assert page.find("a", aria_current="true").text.startswith("All")

    count = alice.get(f"/n/{api.namespace}/waiting")
    assert count.root.find(class_="count").text == "1 move waits for approval"


def test_found_by_what_one_remembers(alice: Browser, api: Api) -> None:
    for prompt, message in (("ticket", "Keeps the urgency"), ("invoice", "Größere Schrift")):
        api.create(version(prompt, 1, message=message))
        api.create(release(prompt, staging=(1, f"for {prompt}")))
        api.ready(prompt)
    until(alice, api, lambda it: "Fine 2" in it.text)
    for words in ("invoice", "GRÖßERE", "for inv", "schrift openai"):
        form = listed(alice, api).form("q")
        assert list(lines(form.submit(q=words))) == ["invoice"], words
    nothing = listed(alice, api).form("q").submit(q="zebra <b>")
    assert nothing.find("h2").text == "Nothing found"
    assert "“zebra <b>”" in nothing.text
    assert nothing.find("input", name="q").attrs["value"] == "zebra <b>"
    assert list(lines(nothing.follow("Show all 2"))) == ["invoice", "ticket"]

    waiting = listed(alice, api, "?q=invoice").follow("Waiting")
    assert waiting.find("h2").text == "Nothing found"
    assert list(lines(waiting.follow("Fine 1"))) == ["invoice"]
    backwards = listed(alice, api).follow("Prompt \u2191")
    assert list(lines(backwards)) == ["ticket", "invoice"]
    assert backwards.find("th", aria_sort="descending").text.startswith("Prompt")


def test_pages(alice: Browser, api: Api) -> None:
    for number in range(60):
        api.create(release(f"p{number:02}", staging=(1, "wait for it")))
    first = until(alice, api, lambda it: "of 60" in it.text)
    assert list(lines(first)) == [f"p{number:02}" for number in range(50)]
    second = first.follow("Next")
    assert list(lines(second)) == [f"p{number:02}" for number in range(50, 60)]
    assert "51\u201360 of 60" in second.text
    assert "Next" not in second.links
    for odd in ("?page=99", "?page=-1", "?page=٣", "?page=1e9", "?sort=evil&state=evil"):
        assert lines(listed(alice, api, odd)), odd


def test_as_one_types_the_list_alone_comes_back(alice: Browser, api: Api) -> None:
    api.create(release("ticket", staging=(1, "wait for it")))
    until(alice, api, lambda it: lines(it))
    part = listed(alice, api, "?q=tick", hx_request="true")
    assert list(lines(part)) == ["ticket"]
    assert "<html" not in part.html
    assert not part.all("h1")


def test_it_follows_by_itself_and_says_nothing_when_nothing_is_new(
    alice: Browser, api: Api
) -> None:
    api.create(version("ticket", 1))
    api.create(release("ticket", staging=(1, "begin")))
    api.ready("ticket")
    page = until(alice, api, lambda it: "Fine 1" in it.text and "try 1" in it.text)
    live = page.find(id="found")
    assert live.attrs["hx-get"] == f"/n/{api.namespace}/prompts"
    assert "every" in live.attrs["hx-trigger"]
    tag = live.attrs["hx-headers"].split('"')[3]

    def again() -> Page:
        return listed(alice, api, "", hx_request="true", x_seen=tag)

    assert again().status == 204
    assert listed(alice, api, "", x_seen=tag).status == 200  # a page is a page
    api.create(version("ticket", 2))
    api.move("ticket", "staging", 2, "better")
    wait_for(lambda: again().status == 200 and "v2" in lines(again())["ticket"].text, "news")


def test_who_may_not_look_is_told_whom_to_ask(browse: Browse, bind: Bind, api: Api) -> None:
    bind("alice", "viewer")
    api.create(release("secret-plan", staging=(1, "begin")))
    until(browse("alice"), api, lambda it: "secret-plan" in it.text)  # it is known now
    carol = browse("carol")
    for path in ("prompts", "prompts?q=secret", "waiting"):
        for headers in ({}, {"hx_request": "true"}):
            page = carol.get(f"/n/{api.namespace}/{path}", **headers)
            assert "secret" not in page.text
            if path != "waiting":
                assert page.status == 403
                assert "may not see the prompts" in page.alert
                assert "promptrelease-viewer" in page.text
            else:
                assert page.text == ""


@pytest.mark.slow
def test_a_right_that_is_taken_away_ends_the_look_within_half_a_minute(
    browse: Browse, bind: Bind, api: Api
) -> None:
    bind("bob", "viewer")
    bob = browse("bob")
    listed(bob, api)
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{api.namespace}/rolebindings/bob-viewer"
    api.control_plane.request("DELETE", path)
    began = time.monotonic()
    while bob.get(f"/n/{api.namespace}/prompts", hx_request="true").status != 403:
        assert time.monotonic() - began < 30
        time.sleep(1)


def test_empty(browse: Browse, bind: Bind, api: Api) -> None:
    bind("alice", "author")
    bind("bob", "viewer")
    page = listed(browse("alice"), api)
    assert page.find("h2").text == "No prompts yet"
    assert page.links["Write the first prompt"].endswith(f"/n/{api.namespace}/new")
    page = listed(browse("bob"), api)
    assert "promptrelease-author" in page.text
    assert "New prompt" not in page.links


def test_hostile_words_stay_words(alice: Browser, api: Api) -> None:
    api.create(version("ticket", 1, message=HOSTILE, model={"provider": "x", "name": HOSTILE[:60]}))
    api.create(version("ticket", 2, text="{{nobody}}", message=HOSTILE))
    api.create(release("ticket", production=(1, HOSTILE), staging=(2, HOSTILE)))
    api.release_with("ticket", "Stalled", "True")
    page = until(alice, api, lambda it: "Needs somebody" in it.text)
    for shown in (
        page,
        listed(alice, api, "?q=%3Cscript%3E%22%27%3E%3Cimg+src%3Dx+onerror%3Dalert(2)%3E"),
    ):
        assert "<script>alert" not in shown.html
        assert not shown.all("img")
        assert all(it.attrs.get("src", "").startswith("/static/") for it in shown.all("script"))
        assert not [it for it in shown.root.walk() for name in it.attrs if name.startswith("on")]
    assert HOSTILE in lines(page)["ticket"].text


def test_namespaces(browse: Browse, bind: Bind, api: Api) -> None:
    bind("alice", "viewer")
    alice = browse("alice")
    page = alice.get("/namespaces")
    assert "may not list the namespaces" in page.text
    there = page.form("go").submit(go=api.namespace)
    assert there.path == f"/n/{api.namespace}/prompts"
    for bad in ("../../etc", "a/b", "UPPER CASE", "x" * 63 + "-"):
        page = alice.get("/namespaces").form("go").submit(go=bad)
        assert (page.status, page.alert) == (400, page.alert), bad
        assert "can't be a namespace" in page.alert
        assert page.find("input", name="go").attrs["value"] == bad.lower()

    admin = browse("admin")
    page = admin.get(f"/namespaces?q={api.namespace}")
    assert page.follow(api.namespace).path == f"/n/{api.namespace}/prompts"
    assert page.find("input", name="q").attrs["value"] == api.namespace
    assert "No namespace has" in admin.get("/namespaces?q=zebra<b>").text
    assert admin.get("/").path == "/n/default/prompts"


def test_what_a_page_loads_is_there_and_is_the_consoles_own(alice: Browser, api: Api) -> None:
    page = listed(alice, api)
    loaded = [it.attrs["src"] for it in page.all("script")]
    loaded += [it.attrs["href"] for it in page.all("link")]
    assert "/static/vendor/htmx.min.js" in loaded
    for path in loaded:
        assert path.startswith("/static/"), path
        assert alice.http.get(path).status_code == 200, f"{path} is missing: make assets"
    assert "allowEval" in page.find("meta", name="htmx-config").attrs["content"]
