"""Whatever the API server lets through ends in words, and nobody else has to wait for it.

A quick sample runs with all other tests; `make hostile` sends thousands.
"""

from __future__ import annotations

import json
import os
import re
import statistics
from collections import Counter
from collections.abc import Iterator

import pytest

from cluster.hostile import nasties
from cluster.hostile.crowd import Customer, Sender, send_all, settle
from cluster.hostile.generated import Maker
from harness.api import (
    EVALUATIONS,
    RELEASES,
    SUITES,
    VERSIONS,
    Api,
    Json,
    condition,
    release,
    version,
    wait_for,
)
from harness.operator import Operator

SEED = int(os.environ.get("PROMPTRELEASE_SEED", "1"))
GENERATED = 6000 if nasties.FULL else 250
SETTLED_SECONDS = 240.0 if nasties.FULL else 60.0
# What blocks the operator blocks everybody. Most of this is for machines with other things to do:
# on two cores it took 3 s with ten processes wanting them, and 15 s with twenty-five.
LONGEST_WAIT = 20.0

KINDS = {
    "PromptVersion": 10,
    "PromptRelease": 4,
    "PromptPolicy": 2,
    "PromptSuite": 1,
    "PromptEvaluation": 2,
    "PromptApproval": 2,
    "PromptChange": 2,
}


class Watched:
    """The operator from now on: its process, what it writes into its log, who has to wait."""

    def __init__(self, api: Api, operator: Operator) -> None:
        self.api, self.operator = api, operator
        self.sender = Sender(api)
        self._pid, self._known = operator.pid, len(operator.logs)

    def ends_well(self, customer: Customer) -> None:
        """Ask whether all is clear and quiet by now, and was all the while."""
        left, tried = settle(self.api, self.sender, SETTLED_SECONDS)
        log = self.operator.logs[self._known :]
        waits = customer.waits
        told = {
            "accepted": self.sender.accepted,
            "refused": dict(self.sender.refused),
            "ended": _ends(self.sender),
            "good moves": len(waits),
            "median wait": round(statistics.median(waits), 3) if waits else None,
            "longest wait": round(max(waits, default=0), 3),
            "tries again": log.count("; again in"),
        }
        print(json.dumps(told, indent=1))
        assert not re.search("Traceback|a bug", log), log[-6000:]
        assert self.operator.pid == self._pid, "it had to start again"
        assert not left
        assert tried == 0, "it writes on and on"
        assert customer.error == ""
        assert waits
        assert max(waits) < LONGEST_WAIT


def _ends(sender: Sender) -> dict[str, int]:
    ends: Counter[str] = Counter()
    for found in sender.list(VERSIONS):
        ends["version " + condition(found, "Valid").get("reason", "none")] += 1
    for found in sender.list(RELEASES):
        ends["release " + condition(found, "Ready").get("reason", "none")] += 1
    for found in sender.list(EVALUATIONS):
        ends["evaluation " + (found.get("status") or {}).get("phase", "none")] += 1
    return dict(sorted(ends.items()))


@pytest.fixture
def watched(api: Api, operator: Operator) -> Iterator[Watched]:
    api.apply(version("good", 1), version("good", 2), release("good", production=(1, "first")))
    api.ready("good")
    made = Watched(api, operator)
    yield made
    for plural in (VERSIONS, SUITES):  # what nests too deeply for others to read
        made.sender.clear(plural)
    made.sender.close()
    for found in api.control_plane.request("GET", api.path(RELEASES))["items"]:
        if found["metadata"].get("finalizers"):
            api.merge(RELEASES, found["metadata"]["name"], {"metadata": {"finalizers": None}})


def test_whatever_the_schemas_let_through(watched: Watched) -> None:
    maker = Maker(SEED)
    kinds = maker.random.choices(list(KINDS), weights=list(KINDS.values()), k=GENERATED)
    with Customer(watched.api, "good") as customer:
        send_all(watched.sender, (maker.make(kind) for kind in kinds))
    watched.ends_well(customer)


def test_what_is_meant_to_hurt(watched: Watched) -> None:
    with Customer(watched.api, "good") as customer:
        for objects in (nasties.releases, nasties.policies, nasties.suites, nasties.forged):
            send_all(watched.sender, objects())
        send_all(watched.sender, nasties.versions())
        for plural, body in nasties.deep():
            assert watched.sender.post(plural, body), "the API server takes what is so deep"
    watched.ends_well(customer)
    refused = {re.sub(r"-v\d+$", "", name) for name in watched.sender.refused_names}
    assert refused == nasties.REFUSED
    reasons = _reasons_by_depth(watched.sender)
    assert reasons.keys() == set(nasties.DEEP)
    for depth, found in reasons.items():
        assert found == {"Valid" if depth <= nasties.NOT_TOO_DEEP else "TooDeep"}, depth


def _reasons_by_depth(sender: Sender) -> dict[int, set[str]]:
    reasons: dict[int, set[str]] = {}
    for found in sender.list(VERSIONS):
        if deep := re.match(r"deep-\w+-(\d+)-v", found["metadata"]["name"]):
            known = reasons.setdefault(int(deep[1]), set())
            known.add(condition(found, "Valid").get("reason", "none"))
    return reasons


@pytest.mark.parametrize("owned", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_config_maps_that_say_they_were_ours(watched: Watched, owned: bool, first: bool) -> None:
    labels = {f"l{i}": (1, "go") for i in range(16)}
    api = watched.api
    uid = "00000000-0000-0000-0000-000000000000"
    if not first or owned:
        made = api.create(release("claimed"))
        uid = made["metadata"]["uid"]
    with Customer(api, "good") as customer:
        send_all(watched.sender, nasties.config_maps("claimed", uid if owned else ""))
        api.apply(version("claimed", 1), version("claimed", 2), release("claimed", **labels))
        wait_for(lambda: condition(api.get(RELEASES, "claimed"), "Ready"), "some word")
        api.move("claimed", "l0", 2, "and on")
        api.move("claimed", "l6", 2, "and on")
    watched.ends_well(customer)


def test_more_approvals_than_a_status_holds(watched: Watched) -> None:
    api = watched.api
    api.create(
        {
            "apiVersion": "promptrelease.dev/v1alpha1",
            "kind": "PromptPolicy",
            "metadata": {"name": "two"},
            "spec": {
                "prompts": ["crowded"],
                "require": {"approvals": {"count": 16, "notBy": []}},
            },
        }
    )
    api.apply(version("crowded", 1), release("crowded", production=(1, "go")))
    api.release_with("crowded", "Ready", "False", "approvals")
    pending = api.get(RELEASES, "crowded")["status"]["labels"]["production"]["pending"]
    watched.operator.kill()  # so that all of them are there when it looks
    with Customer(api, "good") as customer:
        for number in range(100):
            spec: Json = {"release": "crowded", "label": "production", "decision": "approve"}
            spec |= {"version": 1, "digest": pending["digest"], "by": f"{number}@{'x' * 200}"}
            watched.sender.send(nasties._of("PromptApproval", f"a{number}", spec))
        watched.operator.start()
        watched._pid = watched.operator.pid
        api.ready("crowded")
    assert len(api.get(RELEASES, "crowded")["status"]["labels"]["production"]["approvals"]) == 64
    watched.ends_well(customer)
