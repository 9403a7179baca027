"""Moving labels from the browser: promote, follow, go back, withdraw."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from console.acting.world import P, Shop, judged
from console.browsing import Page, parse
from harness.api import CHANGES, RELEASES, Json, approval, release, suite, version, wait_for

FREEZE = {"start": "2020-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z", "reason": "feast"}


def pod(shop: Shop, name: str, *, told: bool) -> None:
    """A pod of a Deployment that mounts production; nothing runs it."""
    core = f"/api/v1/namespaces/{shop.api.namespace}"
    if not shop.plane.request("GET", f"{core}/serviceaccounts")["items"]:
        shop.plane.request("POST", f"{core}/serviceaccounts", {"metadata": {"name": "default"}})
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-6f7", "uid": "1"}
    mount = {"name": "prompts", "mountPath": "/etc/prompts"}
    shop.plane.request(
        "POST",
        f"{core}/pods",
        {
            "metadata": {
                "name": name,
                "labels": {"pod-template-hash": "6f7"}
                | ({"promptrelease.dev/refresh": "true"} if told else {}),
                "ownerReferences": [{**owner, "controller": True}],
            },
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [{"name": "app", "image": "none", "volumeMounts": [mount]}],
                "volumes": [{"name": "prompts", "configMap": {"name": f"{P}.production"}}],
            },
        },
    )


Events = list[tuple[str, str]]


def events(shop: Shop, who: str, path: str, into: Events | None = None) -> Events:
    """All events of a stream, until it ends; ``into`` has them as they come."""
    found = [] if into is None else into
    http = shop.browser(who).http
    with http.stream("GET", path, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        data: list[str] = []
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line and name:
                found.append((name, "\n".join(data)))
                name, data = "", []
                if found[-1][0] == "end":
                    break
    return found


@contextmanager
def following(shop: Shop, who: str, page: Page) -> Iterator[Events]:
    """What comes to a page that somebody leaves open, until it ends."""
    got: Events = []

    def read() -> None:
        with suppress(httpx.HTTPError):  # a test that fails closes the browser meanwhile
            events(shop, who, stream_of(page), got)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_for(lambda: got, "the first event")
    yield got
    reader.join(60)
    assert got[-1][0] == "end", got


def stream_of(page: Page) -> str:
    (element,) = [it for it in page.root.walk() if "sse-connect" in it.attrs]
    return element.attrs["sse-connect"]


def test_what_would_come_of_it_then_live_then_told(greeting: Shop) -> None:
    pod(greeting, "checkout-1", told=True)
    pod(greeting, "checkout-2", told=False)
    downstream = version("follow-up", 1, consumes=[P], text="{{a}}", variables={"a": {}})
    greeting.api.create(downstream)
    greeting.api.apply(
        {
            "apiVersion": "promptrelease.dev/v1alpha1",
            "kind": "PromptRelease",
            "metadata": {"name": "follow-up"},
            "spec": {"labels": {"production": {"version": 1, "reason": "begin"}}},
        }
    )
    greeting.api.ready("follow-up")
    page = greeting.browser("admin").get(greeting.at("promote") + "?to=2")
    assert page.status == 200, page
    assert "Put v2 live on production" in page.find("h1").text
    assert "checkout (2 pods)" in page.text
    assert "1 of 2 told at once" in page.text
    assert "follow-up" in page.links
    assert "At once. Nothing holds it back" in page.text
    assert [it.text for it in page.all("del")] != []
    done = page.form("reason").submit("Put v2 live on production", reason="kinder")
    assert done.path.startswith(greeting.at("progress") + "?to=2&generation=")
    label = greeting.serves(2)
    assert (label["reason"], label["by"]) == ("kinder", "admin")
    page = greeting.browser("admin").get(done.path)
    assert "Done: v2 is live on production" in page.text
    # What the progress leads to, in two clicks: back.
    back = page.follow("Go back to the version before")
    assert "Go back to v1 on production" in back.find("h1").text
    back.form("why").submit("Go back to v1")
    label = greeting.serves(1)
    assert label["kind"] == "Rollback"
    assert label["reason"] == "Answers got worse with v2, back to v1"


def test_progress_comes_as_events_and_ends(four_eyes: Shop) -> None:
    judged(four_eyes)
    four_eyes.demand("judged", prompts=[P], labels=["production"], require={"evaluations": ["*"]})
    page = four_eyes.browser("bob").get(four_eyes.at("promote") + "?to=2")
    assert "evaluations" in page.text
    assert "approval by one person other than" in page.text
    page = page.form("reason").submit("Ask to put v2 live on production", reason="kinder")
    pending = four_eyes.pending()
    with following(four_eyes, "bob", page) as got:
        four_eyes.evidence("politeness", pending, passed=True)

        def one_gate() -> bool:
            waits = four_eyes.label().get("pending", {}).get("waitingFor", [])
            return len(waits) == 1 and "approval" in waits[0]

        wait_for(one_gate, "the evaluation to count")
        review = four_eyes.browser("dave").get(four_eyes.at("review"))
        review.form("comment").submit("Approve v2", comment="read it")
    states = [parse(data) for name, data in got if name == "progress"]
    told = [it.find(class_="where").text for it in states]
    assert told[0] == "v2 waits"
    assert told[-1] == "Done: v2 is live on production"
    steps = [[p.find("b").text for p in it.find("ol").all("p") if p.all("b")] for it in states]
    assert "Approval" in steps[0]
    assert steps[-1][2:5] == ["Evaluations passed", "Approved", "Live on production"]
    last = four_eyes.browser("bob").get(page.path)
    assert "By dave" in last.text
    assert not [it for it in last.root.walk() if "sse-connect" in it.attrs], "it has ended"


def test_somebody_else_was_first_and_nothing_typed_is_lost(greeting: Shop) -> None:
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    greeting.api.move(P, "production", 3, "mine <b>first</b>")
    greeting.serves(3)
    refused = page.form("reason").submit(
        "Put v2 live on production", reason="kinder\n& 'shorter' </textarea>"
    )
    assert refused.status == 409
    assert "Somebody else was first: production was set to v3 by admin: mine <b>first</b>" in (
        refused.alert
    )
    assert greeting.label()["version"] == 3
    assert "now v3" in refused.find(class_="way").text
    # What is there now was shown: sent again it moves from there.
    again = refused.form("reason").submit("Put v2 live on production")
    assert "progress" in again.path
    assert greeting.serves(2)["reason"] == "kinder\n& 'shorter' </textarea>"


def test_two_at_once_do_not_overwrite_each_other(greeting: Shop) -> None:
    pages = [greeting.browser(who).get(greeting.at("promote") + "?to=2") for who in ("bob", "erin")]
    answers = [it.form("reason").submit(reason=f"by {n}") for n, it in enumerate(pages)]
    assert [it.status for it in answers] == [200, 409]
    assert greeting.serves(2)["reason"] == "by 0"


def test_who_may_not_is_told_before_and_after(greeting: Shop) -> None:
    page = greeting.browser("alice").get(greeting.at("promote") + "?to=2")
    assert page.status == 200
    assert "You can't put this live here" in page.text
    assert 'needs the verb "promote" on promptreleases/production' in page.text
    assert all("reason" not in form.values for form in page.forms)
    # Who sends it nevertheless is refused by the API server.
    allowed = greeting.browser("bob").get(greeting.at("promote") + "?to=2").form("reason")
    fields: dict[str, str | list[str]] = {**allowed.values, "reason": "x", "do": "move"}
    fields["csrf"] = page.form("csrf").values["csrf"]
    sent = greeting.browser("alice").post(greeting.at("promote"), fields)
    assert sent.status == 403
    assert "alice may not move production" in sent.alert
    assert greeting.label()["version"] == 1


def test_mistakes_keep_what_was_typed(greeting: Shop) -> None:
    bob = greeting.browser("bob")
    page = bob.get(greeting.at("promote") + "?to=2")
    empty = page.form("reason").submit("Put v2 live on production", reason="  ")
    assert (empty.status, "Say why" in empty.alert) == (400, True)
    same = page.form("reason").submit("Put v2 live on production", reason="begin")
    assert same.status == 422
    assert "a move needs a new reason" in same.alert
    assert same.form("reason").values["reason"] == ["begin"]
    assert bob.get(greeting.at("promote") + "?to=77").status == 404
    assert bob.get(greeting.at("promote") + "?to=abc").status == 400
    assert bob.get(greeting.at("promote", prompt="nothing")).status == 404
    assert bob.get(greeting.at("promote", label="latest") + "?to=2").status == 400
    assert greeting.label()["version"] == 1


def test_glass_is_broken_only_by_who_may(greeting: Shop) -> None:
    greeting.demand("feast", prompts=[P], labels=["production"], freeze=[FREEZE])
    bob = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    assert "the end of a freeze" in bob.text
    assert "go past the checks" not in bob.text
    page = greeting.browser("erin").get(greeting.at("promote") + "?to=2")
    button = "Skip the checks and put v2 live now"
    assert page.form("glass").submit(button, glass=" ").status == 400
    done = page.form("glass").submit(button, glass="checkout is down")
    assert "progress" in done.path
    label = greeting.serves(2)
    assert label["breakGlass"] == "checkout is down"
    assert "Went past its checks" in greeting.browser("erin").get(done.path).text


def test_a_frozen_move_waits_and_can_be_replaced(greeting: Shop) -> None:
    greeting.demand("feast", prompts=[P], labels=["production"], freeze=[FREEZE])
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=2")
    page.form("reason").submit("Ask to put v2 live on production", reason="kinder")
    greeting.pending()
    page = greeting.browser("bob").get(greeting.at("promote") + "?to=3")
    assert "A move to v2 waits there. This one would take its place." in page.text
    page.form("reason").submit("Ask to put v3 live on production", reason="shorter")
    wait_for(lambda: greeting.pending()["version"] == 3, "v3 to wait")
    lost = greeting.browser("bob").get(greeting.at("progress") + "?to=2")
    assert "something else came first" in lost.text


def test_the_way_back_of_who_is_on_call(greeting: Shop) -> None:
    greeting.api.move(P, "production", 3, "better")
    greeting.serves(3)
    carol = greeting.browser("carol")
    assert "You can't put this live here" in carol.get(greeting.at("promote") + "?to=2").text
    page = carol.get(greeting.at("rollback"))
    assert "a way back waits for nobody" in page.text
    page.form("why").submit("Go back to v1", why="other", words="in French it is rude")
    label = greeting.serves(1)
    assert (label["by"], label["reason"], label["kind"]) == (
        "carol",
        "in French it is rude",
        "Rollback",
    )
    (entry,) = [it["spec"] for it in greeting.api.list(CHANGES) if it["spec"]["kind"] == "Rollback"]
    assert entry["by"] == "carol"
    assert greeting.browser("frank").get(greeting.at("rollback")).status == 200
    assert "You can't go back here" in greeting.browser("frank").get(greeting.at("rollback")).text


def test_no_way_back(greeting: Shop) -> None:
    page = greeting.browser("carol").get(greeting.at("rollback"))
    assert page.status == 404
    assert "There is no way back on production" in page.text


def test_withdraw(greeting: Shop) -> None:
    page = greeting.browser("bob").get(greeting.at("withdraw", "staging"))
    done = page.form("reason").submit(reason="no longer tried")
    assert "progress" in done.path

    def entry() -> list[Json]:
        log = greeting.api.list(CHANGES)
        return [it["spec"] for it in log if it["spec"]["kind"] == "Withdrawal"]

    (told,) = wait_for(entry, "the log")
    assert (told["by"], told["reason"]) == ("bob", "no longer tried")
    wait_for(lambda: not greeting.label("staging"), "the end of it")
    assert "staging is withdrawn" in greeting.browser("bob").get(done.path).text


def test_a_label_that_is_none_yet(greeting: Shop) -> None:
    admin = greeting.browser("admin")
    page = admin.get(greeting.at("promote", "canary") + "?to=2")
    assert "Nothing is live there yet" in page.text
    page.form("reason").submit(reason="a few of them")
    greeting.serves(2, "canary")
    assert admin.get(greeting.at("promote", "a,b=c") + "?to=2").status == 404


def test_the_api_server_is_away_when_something_is_sent(four_eyes: Shop) -> None:
    form = four_eyes.browser("bob").get(four_eyes.at("promote") + "?to=2").form("reason")
    four_eyes.plane.stop_component("kube-apiserver")
    try:
        kept = form.submit("Ask to put v2 live on production", reason="shorter, & <kinder>")
        assert kept.status == 503
        assert "does not answer" in kept.alert
        again = kept.form("Send it again")
        assert again.values["reason"] == ["shorter, & <kinder>"]
    finally:
        four_eyes.plane.start_component("kube-apiserver")

    def sent() -> bool:
        """One that has just come back may be away once more: the form is there still."""
        return "progress" in again.submit("Send it again").path

    wait_for(sent, "it to be taken")
    four_eyes.pending()
    wanted = four_eyes.api.get(RELEASES, P)["spec"]["labels"]["production"]
    assert wanted["reason"] == "shorter, & <kinder>"


def test_the_api_server_goes_and_comes_back_while_one_looks(four_eyes: Shop) -> None:
    page = four_eyes.browser("bob").get(four_eyes.at("promote") + "?to=2")
    page = page.form("reason").submit("Ask to put v2 live on production", reason="kinder")
    pending = four_eyes.pending()
    with following(four_eyes, "bob", page) as got:
        four_eyes.plane.stop_component("kube-apiserver")
        try:
            told = wait_for(lambda: [data for name, data in got if name == "connection"], "a word")
            assert "does not answer just now" in told[0]
        finally:
            four_eyes.plane.start_component("kube-apiserver")
        wait_for(lambda: ("connection", "") in got, "it to be taken back", seconds=30)
        mine = approval("yes", pending, "erin", release=P, label="production")
        kubeconfig = four_eyes.plane.kubeconfig("erin", four_eyes.api.namespace)
        four_eyes.plane.kubectl("create", "-f", "-", user=kubeconfig, stdin=json.dumps(mine))
    assert "Done: v2 is live" in got[-2][1]


@pytest.mark.parametrize("to", ["", "?to=2"])
def test_no_script_is_needed_and_none_is_in_line(greeting: Shop, to: str) -> None:
    page = greeting.browser("bob").get(greeting.at("promote") + to)
    for element in page.root.walk():
        assert "style" not in element.attrs
        assert not [name for name in element.attrs if name.startswith("on")]
        assert element.tag != "script" or "src" in element.attrs
    labelled = {it.attrs.get("for") for it in page.all("label")}
    for control in (*page.all("textarea"), *page.all("select")):
        inside = [label for label in page.all("label") if control in list(label.walk())]
        assert control.attrs.get("id") in labelled or inside or "aria-label" in control.attrs


def test_events_end_where_the_release_is_gone(greeting: Shop) -> None:
    path = greeting.at("progress/events") + "?to=2&generation=1"
    greeting.api.delete(RELEASES, P)
    wait_for(lambda: not greeting.api.get(RELEASES, P), "the release to be gone")
    got = events(greeting, "bob", path)
    assert [name for name, _ in got] == ["progress", "end"]
    assert "was deleted meanwhile" in got[0][1]


def test_it_is_told_as_the_command_line_tells_it(shop: Shop) -> None:
    """Of all prompts the console looks at those only that have to do with the move: no less."""
    consumes = {"source": [], "middle": ["source"], "sink": ["middle"], "other": []}
    for prompt, upstream in consumes.items():
        for number in (1, 2):
            shop.api.create(version(prompt, number, consumes=upstream or None))
        shop.api.create(release(prompt, production=(1, "begin")))
        shop.api.ready(prompt)
    shop.api.create(suite("end-to-end", "sink", accept=True))
    shop.demand("judged", labels=["production"], require={"evaluations": ["*"]})
    shop.api.move("source", "production", 2, "together")
    shop.pending("source")
    for prompt in ("middle", "source", "other"):
        command = ("plan", prompt, "production", "2", "-o", "json")
        told = json.loads(shop.command("bob", *command))

        def same(prompt: str = prompt, told: Json = told) -> bool:
            page = shop.browser("bob").get(shop.at("promote", prompt=prompt) + "?to=2")
            said = [
                p.text.removeprefix("Waits for ")
                for p in page.find(class_="engineers").all("p")
                if p.text.startswith("Waits for ")
            ]
            links = page.links
            return said == told["waitingFor"] and all(it in links for it in told["downstream"])

        wait_for(same, f"{prompt}: {told}")
        assert ("judged together with source v2" in str(told)) == (prompt == "middle")
        assert told["downstream"] == {"middle": ["sink"], "source": ["middle", "sink"]}.get(
            prompt, []
        )
