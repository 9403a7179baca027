"""Everything that was ever served is written down once, whatever crashes.

The judge is a watch on the namespace's ConfigMaps, open from before the first move: it is told of
every state of every one of them, however short that lasted.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import ssl
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from harness.api import (
    CHANGES,
    CONFIG_MAPS,
    EVENTS,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    Refused,
    holds,
    release,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.operator import Operator

ROLE = Path(__file__).parents[2] / "manifests" / "operator" / "role.yaml"
PROMPT = "ticket-summary"
PROMPTS = ["one", "two", "three"]
LABELS = ["canary", "production", "staging"]
FIRST_VERSIONS = 4
MOVES = 500
KILLS = 12
MAX_SERVED = 10
PREFIX = "promptrelease.dev/"


class Content(NamedTuple):
    """What was served by one move."""

    release: str
    label: str
    revision: int
    version: int
    digest: str


@dataclass
class Seen:
    """What a watch on ConfigMaps was told.

    Attributes:
        served: each content, however often its ConfigMap was written.
        ended: release, label and revision of ConfigMaps that were deleted.

    """

    served: set[Content] = field(default_factory=set)
    ended: set[tuple[str, str, int]] = field(default_factory=set)

    def note(self, event: Json) -> None:
        meta = event["object"]["metadata"]
        prompt, _, label = meta["name"].rpartition(".")
        revision = int(meta["annotations"][f"{PREFIX}revision"])
        if event["type"] == "DELETED":
            self.ended.add((prompt, label, revision))
            return
        assert event["type"] in ("ADDED", "MODIFIED"), event
        number = int(meta["labels"][f"{PREFIX}version"])
        digest = meta["annotations"][f"{PREFIX}digest"]
        self.served.add(Content(prompt, label, revision, number, digest))


@contextmanager
def watching(api: Api) -> Iterator[Seen]:
    """See all that happens to the namespace's ConfigMaps until the end of the with block."""
    plane, path, seen = api.control_plane, api.path(CONFIG_MAPS), Seen()
    start = plane.request("GET", path)["metadata"]["resourceVersion"]
    context = ssl.create_default_context(cafile=str(plane.ca_file))
    address = urllib.parse.urlsplit(plane.url).netloc
    end = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "the-end"}}

    def read() -> None:
        for line in answer:
            event = json.loads(line)
            if event["object"]["metadata"]["name"] == "the-end":
                return
            seen.note(event)

    with closing(http.client.HTTPSConnection(address, timeout=900, context=context)) as connection:
        url = f"{path}?watch=1&resourceVersion={start}&timeoutSeconds=3000"
        connection.request("GET", url, headers={"Authorization": f"Bearer {plane.token()}"})
        answer = connection.getresponse()
        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield seen
        finally:
            api.create(end)
            thread.join()
            api.delete(CONFIG_MAPS, "the-end")


@dataclass
class People:
    """Make random edits."""

    api: Api
    chance: random.Random
    highest: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PROMPTS, FIRST_VERSIONS))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self) -> None:
        """Some versions of each prompt, and a release without labels."""
        numbers = range(1, FIRST_VERSIONS + 1)
        self.api.apply(*(version(prompt, number) for prompt in PROMPTS for number in numbers))
        self.api.apply(*(release(prompt) for prompt in PROMPTS))

    def edit(self) -> None:
        """Move a label, mostly; or withdraw one, or write another version, which moves latest."""
        prompt, label = self.chance.choice(PROMPTS), self.chance.choice(LABELS)
        what = self.chance.random()
        if what < 0.04:
            self.highest[prompt] += 1
            self.api.create(version(prompt, self.highest[prompt]))
        elif what < 0.12:
            self.api.merge(RELEASES, prompt, {"spec": {"labels": {label: None}}})
        else:
            to = self.chance.randint(1, FIRST_VERSIONS)
            self.api.move(prompt, label, to, f"move {next(self._numbers)}")


def log(api: Api) -> list[Json]:
    """All entries, in the order in which they happened for each label."""
    found = []
    for obj in api.list(CHANGES):
        entry = obj["spec"]
        name = f"{entry['release']}.{entry['label']}.{entry['revision']}"
        end = ".withdrawn" if entry["kind"] == "Withdrawal" else ""
        assert obj["metadata"]["name"] == name + end
        found.append(entry)
    return sorted(found, key=lambda entry: (entry["revision"], entry["kind"] == "Withdrawal"))


def of_label(entries: list[Json], prompt: str, label: str) -> list[Json]:
    """Those of one label."""
    return [e for e in entries if (e["release"], e["label"]) == (prompt, label)]


def contents(entries: list[Json]) -> list[Content]:
    """What was served, as the entries say."""
    return [
        Content(e["release"], e["label"], e["revision"], e["to"], e["digest"])
        for e in entries
        if e["kind"] != "Withdrawal"
    ]


def settled(api: Api, prompt: str, latest: int) -> Json:
    """The release, once its status tells of all that its spec wants, and of nothing else."""

    def probe() -> Json:
        found = api.get(RELEASES, prompt)
        wanted = {label: it["version"] for label, it in (found["spec"].get("labels") or {}).items()}
        wanted["latest"] = latest
        told = {label: it["version"] for label, it in found["status"]["labels"].items()}
        return found if holds(found, "Ready") and told == wanted else {}

    return wait_for(probe, f"{prompt} to be settled", seconds=60)


def served(entries: list[Json]) -> list[int]:
    """What one label's status must show as served before, newest first, if it serves anything."""
    if entries[-1]["kind"] == "Withdrawal":
        return []
    return list(dict.fromkeys(e["to"] for e in reversed(entries) if "to" in e))[:MAX_SERVED]


def is_a_history(entries: list[Json], label: str) -> None:
    """One label's entries follow from each other, and their kinds are right."""
    before, known = None, set()
    for entry in entries:
        assert entry.get("from") == before, entry
        before, content = entry.get("to"), (entry.get("to"), entry.get("digest"))
        if entry["kind"] != "Withdrawal":
            kind = "Rollback" if content in known else "Promotion"
            assert entry["kind"] == ("Follow" if label == "latest" else kind), entry
            known.add(content)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5])
def test_five_hundred_moves_and_an_operator_that_is_killed(
    api: Api, operator: Operator, seed: int
) -> None:
    chance = random.Random(seed)
    people, kills = People(api, chance), set(chance.sample(range(MOVES), KILLS))
    with watching(api) as seen:
        people.begin()
        for number in range(MOVES):
            people.edit()
            # How far the operator gets with it, before the next edit or its end, is what is random.
            time.sleep(chance.choice([0, 0.01, 0.03]))
            if number in kills:
                operator.kill()
                operator.start(wait=chance.random() < 0.8)
        releases = {p: settled(api, p, latest) for p, latest in people.highest.items()}

    entries = log(api)
    assert sorted(contents(entries)) == sorted(seen.served)
    assert len(seen.served) > MOVES / 3  # or it was down for most of the time
    withdrawn = {
        (e["release"], e["label"], e["revision"]) for e in entries if e["kind"] == "Withdrawal"
    }
    assert withdrawn <= seen.ended
    for prompt, label in itertools.product(PROMPTS, [*LABELS, "latest"]):
        its_entries = of_label(entries, prompt, label)
        is_a_history(its_entries, label)
        assert releases[prompt]["status"]["served"].get(label, []) == served(its_entries)
    for prompt in PROMPTS:
        mine = [content.revision for content in contents(entries) if content.release == prompt]
        assert len(set(mine)) == len(mine)
        assert max(mine) == releases[prompt]["status"]["revision"]


@pytest.fixture
def shop(api: Api) -> Api:
    """Four versions, and production at the first."""
    api.apply(*(version(PROMPT, number) for number in range(1, FIRST_VERSIONS + 1)))
    api.apply(release(PROMPT, production=(1, "first")))
    api.ready(PROMPT)
    return api


def history(api: Api, label: str = "production") -> list[Json]:
    """The label's entries, which must follow from each other."""
    entries = of_label(log(api), PROMPT, label)
    is_a_history(entries, label)
    return entries


def served_as(api: Api, number: int, why: str = "") -> Json:
    """Move production there, and wait until the status tells so."""
    api.move(PROMPT, "production", number, why or f"because of {number}")
    api.served(PROMPT, "production", f"{PROMPT} v{number}")
    label: Json = api.ready(PROMPT)["status"]["labels"]["production"]
    return label


class TestEntries:
    def test_an_entry_tells_all_about_a_move(self, shop: Api) -> None:
        label = served_as(shop, 2, "better")
        (obj,) = [o for o in shop.list(CHANGES) if o["spec"].get("reason") == "better"]
        assert obj["metadata"]["name"] == f"{PROMPT}.production.{label['revision']}"
        assert obj["metadata"]["labels"] == {
            f"{PREFIX}prompt": PROMPT,
            f"{PREFIX}label": "production",
        }
        assert "ownerReferences" not in obj["metadata"]  # it outlives its release
        assert obj["spec"] == {
            "release": PROMPT,
            "label": "production",
            "revision": label["revision"],
            "kind": "Promotion",
            "from": 1,
            "to": 2,
            "digest": label["digest"],
            "reason": "better",
            "at": label["since"],
        }

    def test_kinds(self, shop: Api) -> None:
        for number in (2, 1, 3, 2):
            served_as(shop, number, f"to {number}")
        kinds = [(e.get("from"), e["to"], e["kind"]) for e in history(shop)]
        assert kinds == [
            (None, 1, "Promotion"),
            (1, 2, "Promotion"),
            (2, 1, "Rollback"),
            (1, 3, "Promotion"),
            (3, 2, "Rollback"),
        ]
        shop.apply(version(PROMPT, 7))
        shop.served(PROMPT, "latest", f"{PROMPT} v7")
        wait_for(lambda: len(history(shop, "latest")) == 2, "the entry of latest")

    def test_other_content_of_a_number_is_another_entry_and_no_rollback(self, shop: Api) -> None:
        served_as(shop, 2)
        shop.delete(VERSIONS, f"{PROMPT}-v1")
        shop.apply(version(PROMPT, 1, text="something else"))
        shop.version_with(f"{PROMPT}-v1", "True")
        shop.move(PROMPT, "production", 1, "try it again")
        shop.served(PROMPT, "production", "something else")
        shop.ready(PROMPT)
        first, _, last = history(shop)
        assert (first["to"], last["to"], last["kind"]) == (1, 1, "Promotion")
        assert first["digest"] != last["digest"]

    def test_a_withdrawal_is_told_once_with_who_and_why(self, shop: Api) -> None:
        annotations = {
            f"{PREFIX}withdrawn-by": "production mia",
            f"{PREFIX}withdrawal-reason": "nobody calls it any more",
        }
        labels = {"production": None}
        patch = {"metadata": {"annotations": annotations}, "spec": {"labels": labels}}
        shop.merge(RELEASES, PROMPT, patch)
        wait_for(lambda: len(history(shop)) == 2, "the entry")
        first, last = history(shop)
        told = ("kind", "from", "by", "reason", "revision")
        why = "nobody calls it any more"
        assert [last[key] for key in told] == ["Withdrawal", 1, "mia", why, first["revision"]]
        assert "to" not in last

        again = served_as(shop, 1, "it is called after all")
        assert (again["kind"], again.get("from")) == ("Rollback", None)
        assert len(history(shop)) == 3

    def test_the_log_can_not_be_edited(self, shop: Api) -> None:
        (entry,) = history(shop)
        name = f"{PROMPT}.production.{entry['revision']}"
        for spec in ({"reason": "I was never here"}, {"to": 3}, {"by": None, "breakGlass": "x"}):
            with pytest.raises(Refused, match="the log can't be changed"):
                shop.merge(CHANGES, name, {"spec": spec})

    def test_moves_that_follow_each_other_at_once(self, shop: Api) -> None:
        with watching(shop) as seen:
            for number in range(40):
                shop.move(PROMPT, "production", 1 + number % 3, f"in a hurry, {number}")
            shop.move(PROMPT, "production", 4, "and now?")
            served_as(shop, 2, "this is it")
        entries = contents(history(shop))
        assert set(entries[1:]) == seen.served
        assert len(entries) == len(seen.served) + 1

    def test_drift_that_is_repaired_is_no_move(self, shop: Api) -> None:
        before = log(shop)
        shop.delete(CONFIG_MAPS, f"{PROMPT}.production")
        shop.served(PROMPT, "production", f"{PROMPT} v1")
        wait_for(lambda: shop.events(PROMPT, "DriftRepaired"), "the event")
        assert log(shop) == before


class TestAReleaseThatIsCreatedAgain:
    def test_its_revisions_go_on(self, shop: Api) -> None:
        served_as(shop, 2)
        before = shop.get(RELEASES, PROMPT)["status"]["revision"]
        self.delete(shop)
        wait_for(lambda: history(shop)[-1]["kind"] == "Withdrawal", "the end to be told")
        self.create(shop, before)

    def test_its_revisions_go_on_when_nobody_saw_it_go(self, shop: Api, operator: Operator) -> None:
        served_as(shop, 2)
        before = shop.get(RELEASES, PROMPT)["status"]["revision"]
        operator.kill()
        self.delete(shop)
        shop.apply(release(PROMPT, production=(1, "again")))
        operator.start()
        self.create(shop, before)

    def delete(self, api: Api) -> None:
        """It goes, and what it owns, as with a garbage collector."""
        api.delete(RELEASES, PROMPT)
        for label in ("production", "latest"):
            api.delete(CONFIG_MAPS, f"{PROMPT}.{label}")

    def create(self, api: Api, before: int) -> None:
        """It comes again, and goes on where it was."""
        api.apply(release(PROMPT, production=(1, "again")))
        api.served(PROMPT, "production", f"{PROMPT} v1")
        found = api.ready(PROMPT)["status"]
        label = found["labels"]["production"]
        assert label["revision"] > before
        assert found["served"]["production"] == [1, 2]
        wait_for(lambda: history(api)[-1].get("reason") == "again", "the entry")
        assert [e["kind"] for e in history(api)][-2:] == ["Withdrawal", "Rollback"]


class TestSomethingElseInTheWay:
    def test_it_is_told_and_left_alone_and_the_move_goes_on(self, shop: Api) -> None:
        revision = shop.get(RELEASES, PROMPT)["status"]["revision"] + 1
        name = f"{PROMPT}.production.{revision}"
        at = "2026-01-01T00:00:00Z"
        spec = {"release": "other", "label": "x", "revision": 1, "kind": "Promotion", "at": at}
        forged = shop.create(change(name, **spec))
        label = served_as(shop, 2)
        assert label["revision"] == revision
        (event,) = wait_for(
            lambda: [e for e in shop.list(EVENTS) if e["reason"] == "LogMismatch"], "the event"
        )
        assert event["type"] == "Warning"
        assert f"PromptChange {name} was there before and says something else" in event["message"]
        assert shop.get(CHANGES, name) == forged
        after = served_as(shop, 3)
        assert shop.get(CHANGES, f"{PROMPT}.production.{after['revision']}")["spec"]["to"] == 3

    def test_the_same_entry_is_no_mismatch(self, shop: Api, operator: Operator) -> None:
        """As after a crash between the entry and the status."""
        (entry,) = history(shop)
        operator.kill()
        path = f"{shop.path(RELEASES, PROMPT)}/status"
        operations = [{"op": "remove", "path": "/status"}]
        shop.control_plane.request(
            "PATCH", path, operations, content_type="application/json-patch+json"
        )
        operator.start()
        shop.ready(PROMPT)
        operator.catch_up()
        assert history(shop) == [entry]
        assert not shop.events(PROMPT, "LogMismatch")


def change(name: str, **spec: object) -> Json:
    """A PromptChange."""
    api_version = "promptrelease.dev/v1alpha1"
    return {
        "apiVersion": api_version,
        "kind": "PromptChange",
        "metadata": {"name": name},
        "spec": spec,
    }


@dataclass
class Restricted:
    """The operator as shipped, in one namespace, but for the right to create PromptChanges."""

    operator: Operator
    give: Callable[[], object]


@pytest.fixture
def restricted(
    shop: Api,
    control_plane: ControlPlane,
    operator: Operator,
    kubectl: Callable[..., subprocess.CompletedProcess[str]],
) -> Iterator[Restricted]:
    operator.stop()
    (role,) = yaml.safe_load_all(ROLE.read_text())
    for rule in role["rules"]:
        if "promptchanges" in rule["resources"]:
            rule["verbs"].remove("create")
    name = role["metadata"]["name"]
    kubectl("create", "serviceaccount", name)
    kubectl("apply", "-f", "-", stdin=json.dumps(role))
    account = f"--serviceaccount={shop.namespace}:{name}"
    kubectl("create", "rolebinding", name, f"--role={name}", account)
    kubeconfig = control_plane.kubeconfig_for_service_account(shop.namespace, name)
    with Operator(control_plane, kubeconfig, shop.namespace) as running:
        yield Restricted(running, lambda: kubectl("apply", "-f", str(ROLE)))


def backlog(api: Api) -> list[Json]:
    """What waits to be written down, in production's ConfigMap."""
    annotations = api.get(CONFIG_MAPS, f"{PROMPT}.production")["metadata"]["annotations"]
    found: list[Json] = json.loads(annotations[f"{PREFIX}backlog"] or "[]")
    return found


class TestALogThatCanNotBeWritten:
    def test_moves_go_on_and_nothing_is_lost(self, shop: Api, restricted: Restricted) -> None:
        with watching(shop) as seen:
            for number in (2, 3, 1):
                served_as(shop, number)
            assert [entry["to"] for entry in backlog(shop)] == [2, 3]
            restricted.operator.kill()
            restricted.operator.start()
            served_as(shop, 2, "back again")
            assert [entry["to"] for entry in backlog(shop)] == [2, 3, 1]
            assert len(history(shop)) == 1
            restricted.give()
            wait_for(lambda: len(history(shop)) == 5, "the log to be written")
        assert set(contents(history(shop)[1:])) == seen.served
        served_as(shop, 4)
        assert backlog(shop) == []
        assert len(history(shop)) == 6

    def test_others_who_write_to_the_config_map_take_nothing_away(
        self, shop: Api, restricted: Restricted
    ) -> None:
        name = f"{PROMPT}.production"
        for number in (2, 3):
            served_as(shop, number)
        shop.merge(CONFIG_MAPS, name, {"metadata": {"annotations": {"seen-by": "a backup"}}})
        served_as(shop, 1)
        shop.merge(CONFIG_MAPS, name, {"data": {"prompt.txt": "drift"}})
        served_as(shop, 4)
        assert [entry["to"] for entry in backlog(shop)] == [2, 3, 1]
        restricted.give()
        wait_for(lambda: [e["to"] for e in history(shop)] == [1, 2, 3, 1, 4], "the log")

    def test_what_others_write_there_does_not_get_into_the_log(
        self, shop: Api, restricted: Restricted
    ) -> None:
        served_as(shop, 2)
        served_as(shop, 3)
        (waiting,) = backlog(shop)
        annotation = {f"{PREFIX}backlog": json.dumps([{**waiting, "by": "somebody else"}])}
        shop.merge(CONFIG_MAPS, f"{PROMPT}.production", {"metadata": {"annotations": annotation}})
        restricted.give()
        wait_for(lambda: contents(log(shop))[-1].version == 3, "the log to be written")
        assert not [entry for entry in log(shop) if entry.get("by")]

    def test_it_is_not_tried_all_the_time(self, shop: Api, restricted: Restricted) -> None:
        served_as(shop, 2)
        time.sleep(1)
        assert restricted.operator.logs.count("again in") < 10

    def test_moves_wait_before_there_are_too_many_to_remember(
        self, shop: Api, restricted: Restricted
    ) -> None:
        for number in range(16):
            served_as(shop, 2 + number % 2, f"move {number}")
        shop.move(PROMPT, "production", 1, "one too many")
        words = "its last 16 moves to be written down in the change log"
        shop.release_with(PROMPT, "Reconciling", "True", words)
        restricted.give()
        shop.served(PROMPT, "production", f"{PROMPT} v1")
        wait_for(lambda: len(history(shop)) == 18, "the log to be written")
