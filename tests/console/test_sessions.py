"""A session that ends while somebody writes: what they wrote stays, and is sent again."""

from __future__ import annotations

import pytest

from console.browsing import Browser, Page
from console.conftest import Bind, Browse
from harness.api import VERSIONS, Api, release, version

TEXT = 'Hello {{name}},\n\n  "two" lines & more: ä, 🙂 </textarea>'
SEEN = TEXT.replace("\n", "\r\n")  # how forms send line ends


@pytest.fixture
def greeting(api: Api, bind: Bind) -> Api:
    bind("alice", "platform")
    bind("bob", "platform")
    api.create(version("greeting", 1, text="Hello {{name}}", variables={"name": {}}))
    api.create(release("greeting", staging=(1, "begin")))
    api.ready("greeting")
    return api


def editor(browser: Browser, api: Api) -> Page:
    page = browser.get(f"/n/{api.namespace}/prompts/greeting/new?from=1")
    assert page.status == 200, page
    return page


def browsers_form(page: Page, **fields: str) -> dict[str, str | list[str]]:
    """What a browser would send of the editor's form, with these fields changed."""
    values: dict[str, str | list[str]] = {**page.form("text").values}
    return {**values, "do": "create", **fields}


def hidden(page: Page) -> dict[str, list[str]]:
    """What would be sent again."""
    return page.form("Send it again").values


def send(browser: Browser, page: Page, **fields: str) -> Page:
    """As a browser: with an Origin."""
    form = page.form("text")
    return browser.post(form.action, browsers_form(page, **fields), origin=browser.url)


def again(browser: Browser, page: Page) -> Page:
    form = page.form("Send it again")
    return browser.post(form.action, {**form.values}, origin=browser.url)


def test_what_was_written_survives_the_end_of_a_session(greeting: Api, browse: Browse) -> None:
    alice = browse("alice")
    page = editor(alice, greeting)
    alice.http.cookies.delete("promptrelease")
    ended = send(alice, page, text=TEXT, message="kept")
    assert ended.status == 401
    assert "Your sign-in has ended" in ended.alert
    kept = hidden(ended)
    assert [it.replace("\r\n", "\n") for it in kept["text"]] == [TEXT]
    assert kept["message"] == ["kept"]
    sent = browsers_form(page, text=TEXT, message="kept")
    assert {k for k in kept if k != "csrf"} == {k for k in sent if k != "csrf"}
    assert kept["csrf"] != sent["csrf"]
    # Not yet signed in: still nothing lost, and nothing done.
    assert again(alice, ended).status == 401
    assert not greeting.get(VERSIONS, "greeting-v2")
    alice.sign_in("alice")  # in another tab
    done = again(alice, ended)
    assert done.status == 200, done
    assert greeting.get(VERSIONS, "greeting-v2")["spec"]["message"] == "kept"


def test_somebody_signed_in_again_meanwhile(greeting: Api, browse: Browse) -> None:
    """Two tabs: the form in the first one is of the session before."""
    alice = browse("alice")
    page = editor(alice, greeting)
    alice.sign_in("alice")
    kept = send(alice, page, text=TEXT, message="kept")
    assert kept.status == 403
    assert "signed in again" in kept.alert
    done = again(alice, kept)
    assert done.status == 200, done
    assert greeting.get(VERSIONS, "greeting-v2")["spec"]["message"] == "kept"


def test_it_is_sent_by_the_same_browser_to_the_same_address(greeting: Api, browse: Browse) -> None:
    alice, mallory = browse("alice"), browse()
    page = mallory.post(
        f"/n/{greeting.namespace}/prompts/greeting/new", {"text": "x"}, origin=mallory.url
    )
    form = page.form("Send it again")
    before = greeting.state()
    assert alice.post(form.action, {**form.values}).status == 403  # a form that mallory was given
    assert greeting.state() == before
    mallory.sign_in("alice")
    elsewhere = f"/n/{greeting.namespace}/prompts/greeting/labels/staging/withdraw"
    fields = {**form.values, "reason": ["because"]}
    assert mallory.post(elsewhere, fields).status == 403
    assert greeting.state() == before


def test_a_page_of_others_is_offered_nothing(greeting: Api, browse: Browse) -> None:
    nobody = browse()
    address = f"/n/{greeting.namespace}/prompts/greeting/new"
    for headers in ({}, {"origin": "https://evil.example"}):
        page = nobody.post(address, {"text": "bait"}, **headers)
        assert page.status in (401, 403)
        assert "bait" not in page.html


def test_while_htmx_asks(greeting: Api, browse: Browse) -> None:
    """The page stays as it is: somebody is writing on it."""
    nobody = browse()
    for answer in (
        nobody.http.get(f"/n/{greeting.namespace}/prompts?q=x", headers={"HX-Request": "true"}),
        nobody.http.post(
            f"/n/{greeting.namespace}/new/check", data={"text": "x"}, headers={"HX-Request": "true"}
        ),
    ):
        assert answer.status_code == 401
        assert answer.headers["hx-trigger"] == "signed-out"
        assert "hx-redirect" not in answer.headers
