"""What others wrote is text, wherever it is shown: in no field of no object is it anything else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import httpx
import pytest

from console.addresses import addresses
from console.browsing import Browser, Form, Page, parse
from console.hostile import LONG, MARK, SHORT, Hostile
from harness.api import approval, policy, release, suite, version
from harness.console import console
from harness.controlplane import ControlPlane
from harness.operator import install

pytestmark = pytest.mark.slow

NAMESPACE = "hostile"
DIGESTS = {number: f"sha256:{number:064}" for number in range(1, 9)}
NOW = "2026-01-02T03:04:05Z"
PAGES = 200
READ_SECONDS = 3.0


def condition(kind: str, status: str, reason: str = "Because") -> dict[str, object]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "in words",
        "lastTransitionTime": NOW,
        "observedGeneration": 1,
    }


def valid(number: int, ok: bool = True) -> dict[str, object]:
    return {
        "digest": DIGESTS[number],
        "labels": [],
        "conditions": [condition("Valid", "True" if ok else "False")],
    }


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[ControlPlane, Hostile]]:
    """A namespace of hostile objects, and no operator: their status is what we say."""
    with ControlPlane() as plane:
        install(plane)
        plane.kubectl("create", "namespace", NAMESPACE)
        hostile = Hostile(plane, NAMESPACE)
        fill(hostile)
        events = f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events"
        plane.request(
            "POST",
            events,
            {
                "metadata": {"name": "greeting.1"},
                "eventTime": "2026-01-02T03:04:05.000000Z",
                "reportingController": "promptrelease.dev/operator",
                "reportingInstance": "one",
                "action": "Move",
                "reason": "Promoted",
                "type": "Normal",
                "note": LONG,
                "regarding": {
                    "kind": "PromptRelease",
                    "namespace": NAMESPACE,
                    "name": "greeting",
                    "apiVersion": "promptrelease.dev/v1alpha1",
                },
            },
        )
        yield plane, hostile


def fill(hostile: Hostile) -> None:
    """A prompt in each of its states."""
    tool = {"name": "look-up", "description": "looks it up", "parameters": {"type": "object"}}
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{who}}"}]
    who = {"who": {"type": "string", "description": "whom"}}
    output = {"type": "object", "properties": {"answer": {"type": "string"}}}
    full = {"variables": who, "tools": [tool], "output": output}
    model = {"provider": "openai", "name": "gpt-5-2026-08-06", "parameters": {"seed": 1}}
    hostile.create(version("greeting", 1, text="Hello {{who}}", **full, model=model), valid(1))
    chat = {"text": None, "messages": messages, **full, "model": model}
    hostile.create(version("greeting", 2, **chat), valid(2))
    hostile.create(version("greeting", 3, text="Hi {{who}}", variables=who), valid(3))
    hostile.create(version("greeting", 4, text="Hi {{whom}}"), valid(4, ok=False))
    hostile.create(
        version("after", 1, consumes=["greeting"], text="{{g}}", variables={"g": {}}), valid(5)
    )
    hostile.create(version("loose", 1), valid(6))
    pending = {
        "version": 2,
        "digest": DIGESTS[2],
        "waitingFor": ["approval by one more person", "suite judge"],
    }
    served = {
        "version": 1,
        "digest": DIGESTS[1],
        "revision": 1,
        "since": NOW,
        "reason": "begin",
        "by": "alice",
        "kind": "Promotion",
        "configMap": "greeting.production",
        "checksum": DIGESTS[1],
    }
    staging = {**served, "version": 2, "digest": DIGESTS[2], "revision": 2}
    status = {
        "revision": 2,
        "labels": {"production": {**served, "pending": pending}, "staging": staging},
        "conditions": [condition("Ready", "False"), condition("Progressing", "True")],
    }
    hostile.create(release("greeting", production=(2, "why"), staging=(2, "why")), status)
    hostile.create(
        release("after", production=(1, "why")),
        {
            "revision": 1,
            "labels": {
                "production": {**served, "digest": DIGESTS[5], "configMap": "after.production"}
            },
            "conditions": [condition("Ready", "True")],
        },
    )
    hostile.create(
        policy(
            "careful",
            prompts=["greeting"],
            labels=["production"],
            require={"approvals": {"count": 2}, "evaluations": ["judge"]},
            freeze=[{"start": NOW, "end": "2096-01-02T03:04:05Z", "reason": "holidays"}],
        )
    )
    of = {"release": "greeting", "label": "production"}
    hostile.create(approval("greeting-1", pending, "bob", **of, comment="fine"))
    hostile.create(approval("greeting-2", pending, "carol", **of, decision="deny", comment="no"))
    judge = suite("judge", "greeting", accept=True)
    hostile.create(judge)
    entries = [{"prompt": "greeting", "version": 2, "digest": DIGESTS[2]}]
    before = [{"prompt": "greeting", "version": 1, "digest": DIGESTS[1]}]
    verdict = {"score": 0.8, "text": "nearly", "link": "https://example.org/run"}
    for name, more in (
        ("judge-own", {}),
        ("judge-outside", {"by": "ci", "verdict": {"passed": False, **verdict}}),
    ):
        evaluation = {
            "apiVersion": "promptrelease.dev/v1alpha1",
            "kind": "PromptEvaluation",
            "metadata": {"name": name},
            "spec": {
                "suite": "judge",
                "suiteDigest": DIGESTS[7],
                "candidate": entries,
                "baseline": before,
                **more,
            },
        }
        hostile.create(
            evaluation,
            {
                "phase": "Failed",
                "message": "not good enough",
                "startedAt": NOW,
                "finishedAt": NOW,
                "verdict": {"passed": False, **verdict},
            },
        )
    for revision, kind in enumerate(("Promotion", "Rollback", "Withdrawal"), 1):
        hostile.create(
            {
                "apiVersion": "promptrelease.dev/v1alpha1",
                "kind": "PromptChange",
                "metadata": {"name": f"greeting-production-{revision}"},
                "spec": {
                    **of,
                    "revision": revision,
                    "kind": kind,
                    "from": 1,
                    "to": 2,
                    "digest": DIGESTS[2],
                    "reason": "because",
                    "by": "alice",
                    "at": NOW,
                    "approvals": [{"name": "greeting-1", "by": "bob"}],
                    "evaluations": ["judge-own"],
                    "breakGlass": "it burned",
                },
            }
        )


@pytest.fixture(scope="module")
def admin(filled: tuple[ControlPlane, Hostile]) -> Iterator[Browser]:
    plane, _ = filled
    with console(plane, NAMESPACE) as url:
        browser = Browser(url, {"admin": plane.token()})
        browser.sign_in("admin")
        yield browser
        browser.close()


def harmless(page: Page) -> Page:
    """Check that nothing of a hostile text is more than text."""
    assert page.status < 500, page
    whole = "text/html" in page.headers["content-type"]
    assert whole or "text/event-stream" in page.headers["content-type"], page.path
    assert f"<{MARK}" not in page.html, page.path
    assert "49&lt;" not in page.html.replace("&amp;lt;", "&lt;").replace("&#34;", ""), page.path
    for element in page.root.walk():
        assert element.tag != MARK, page.path
        for name, value in element.attrs.items():
            assert not name.startswith("on"), (page.path, element.tag, name)
            assert name != "style", (page.path, element.tag)
            if name in ("href", "src", "action", "formaction", "hx-get", "hx-post", "poster"):
                assert value.startswith(("/", "#", "?", "https://", "http://")), (page.path, value)
                assert not value.startswith(("//", "/\\")), (page.path, value)
        if element.tag == "script":
            assert not element.raw.strip(), page.path
            assert element.attrs["src"].startswith("/static/"), page.path
    if "<html" in page.html:
        assert page.html.rstrip().endswith("</html>"), page.path
        assert len(page.all("h1")) == 1, page.path
    return page


def walked(browser: Browser) -> dict[str, Page]:
    """All pages that can be reached from the first ones by links, by address."""
    names = {"namespace": NAMESPACE, "prompt": "greeting", "label": "production", "number": "1"}
    wanted = [it for it in addresses("GET", names) if "sign" not in it and "events" not in it]
    wanted = [it for it in wanted if it not in ("/healthz", "/readyz", "/metrics")]
    wanted += [
        f"/n/{NAMESPACE}/prompts/greeting/compare?from={a}&to={b}"
        for a, b in ((1, 2), (3, 1), (4, 3))
    ]
    wanted += [f"/n/{NAMESPACE}/evaluations/{name}" for name in ("judge-own", "judge-outside")]
    found: dict[str, Page] = {}
    while wanted and len(found) < PAGES:
        address = wanted.pop(0)
        if address in found:
            continue
        found[address] = page = browser.get(address)
        for link in page.links.values():
            place = urlsplit(link)
            if link.startswith(browser.url) and not place.path.startswith(("/static", "/sign")):
                wanted.append(place.path + (f"?{place.query}" if place.query else ""))
    return found


def test_each_kind_takes_hostile_texts(filled: tuple[ControlPlane, Hostile]) -> None:
    """Or there would be nothing to see on the pages."""
    _, hostile = filled
    taken = hostile.filled
    assert {
        "PromptVersion", "PromptRelease", "PromptApproval", "PromptSuite", "PromptEvaluation",
        "PromptChange", "PromptPolicy",
    } <= set(taken)  # fmt: skip
    for kind, some in {
        "PromptVersion": {"spec.text", "spec.message", "spec.model.name", "spec.messages.0.content",
                          "spec.variables.who.description", "spec.tools.0.description"},
        "PromptRelease": {"spec.labels.production.reason", "status.labels.production.by",
                          "status.labels.production.pending.waitingFor.0",
                          "status.conditions.0.message"},
        "PromptApproval": {"spec.comment", "spec.by"},
        "PromptEvaluation": {"status.verdict.text", "status.verdict.link", "status.message"},
        "PromptChange": {"spec.reason", "spec.by", "spec.breakGlass"},
        "PromptPolicy": {"spec.freeze.0.reason"},
    }.items():  # fmt: skip
        assert some <= taken[kind], (kind, sorted(taken[kind]))
    assert sum(map(len, taken.values())) > 60, taken


def test_every_page(admin: Browser) -> None:
    pages = walked(admin)
    for page in pages.values():
        harmless(page)
    assert len(pages) > 20
    shows = [address for address, page in pages.items() if f"<{MARK}" in page.text]
    assert len(shows) > 12, shows
    good = [address for address, page in pages.items() if page.status == 200]
    assert len(good) > 15, {address: page.status for address, page in pages.items()}


def test_every_part_that_htmx_asks_for(admin: Browser) -> None:
    parts = set()
    for page in walked(admin).values():
        for element in page.root.walk():
            for name in ("hx-get", "data-src"):
                if target := element.attrs.get(name):
                    parts.add(target)
    for target in parts:
        page = admin.get(target, hx_request="true")
        if page.status != 204:
            harmless(page)


def test_what_streams(admin: Browser) -> None:
    target = f"/n/{NAMESPACE}/prompts/greeting/labels/production/progress/events"
    received = ""
    with admin.http.stream("GET", target, timeout=READ_SECONDS) as answer:
        assert answer.status_code == 200
        with contextlib.suppress(httpx.ReadTimeout):  # it would stream for ever
            for text in answer.iter_text():
                received += text
    assert "data: " in received
    data = "\n".join(
        line.removeprefix("data: ") for line in received.splitlines() if line.startswith("data: ")
    )
    assert f"<{MARK}" not in data
    for element in parse(data).walk():
        assert element.tag != MARK
        assert not [name for name in element.attrs if name.startswith("on")]


def test_forms_that_come_back(admin: Browser) -> None:
    """With what somebody typed into them, and what was wrong with it."""
    seen = 0
    for page in walked(admin).values():
        for form in page.forms:
            if form.method == "post" and "/sign-out" not in form.action:
                harmless(send(form))
                seen += 1
    assert seen >= 5


def send(form: Form) -> Page:
    fields = {}
    for it in form.element.walk():
        name, kind = it.attrs.get("name", ""), it.attrs.get("type", "text")
        typed = it.tag == "textarea" or (it.tag == "input" and kind not in ("hidden", "radio"))
        if name and typed:
            fields[name] = LONG
    return form.submit(**fields)


def test_what_is_asked_for(admin: Browser) -> None:
    """Queries and addresses are written by others, too: by who makes a link."""
    base = f"/n/{NAMESPACE}"
    for text in (LONG, SHORT, '" autofocus onfocus="alert(1)', "javascript:alert(1)"):
        asked = quote(text, safe="")
        for address in (
            f"{base}/prompts?q={asked}&page={asked}&sort={asked}&label={asked}",
            f"{base}/graph?prompt={asked}&label={asked}",
            f"{base}/prompts/greeting?q={asked}&label={asked}",
            f"{base}/prompts/greeting/compare?from={asked}&to={asked}",
            f"{base}/prompts/greeting/labels/production/promote?to={asked}",
            f"{base}/prompts/greeting/labels/{asked}/promote?to=1",
            f"{base}/prompts/greeting/new?from={asked}",
            f"{base}/prompts/{asked}",
            f"{base}/evaluations/{asked}",
            f"/n/{asked}/prompts",
            f"/namespaces?namespace={asked}&to={asked}",
            f"/sign-in?next={asked}",
            f"/{asked}",
        ):
            harmless(admin.get(address))


def test_who_is_signed_in(filled: tuple[ControlPlane, Hostile]) -> None:
    """Names come from elsewhere as well."""
    plane, _ = filled
    with console(plane, NAMESPACE) as url:
        browser = Browser(url)
        page = browser.get("/sign-in").form("token").submit(token=SHORT.replace(" ", ""))
        harmless(page)
        browser.close()


def test_what_is_sent_again(admin: Browser, filled: tuple[ControlPlane, Hostile]) -> None:
    """A session that has ended in a form: its fields are shown, as text."""
    plane, _ = filled
    browser = Browser(admin.url, {"admin": plane.token()})
    address = f"/n/{NAMESPACE}/new"
    page = browser.post(address, {"text": LONG, f"name{SHORT}": LONG}, origin=browser.url)
    assert page.status == 401
    harmless(page)
    assert page.form("text").values["text"] == [LONG]
    browser.close()
