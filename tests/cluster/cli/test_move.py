"""Moves by the command line: what it says before, what it does, and how it ends."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from cluster.cli.conftest import Call, P, Shop, demand, mount
from harness.api import CHANGES, POLICIES, RELEASES, Json, version, wait_for
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.move.fetching import known
from promptrelease.views.move.moving import Move
from promptrelease.views.move.preview import preview

FREEZE = {"start": "2020-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z", "reason": "feast"}


def label(shop: Shop, name: str = "production") -> Json:
    found: Json = shop.api.get(RELEASES, P)["status"]["labels"][name]
    return found


def test_a_promotion_is_waited_for_to_its_end(greeting: Shop, call: Call) -> None:
    code, out, err = call("alice", "promote", P, "staging", "v3", "-m", "third try", "--wait")
    assert code == 0, err
    assert out.splitlines()[0] == f"staging of {P}: v2 -> v3  (a promotion)"
    assert "nothing holds it back: served at once" in out
    assert "staging serves v3 since" in err
    assert label(greeting, "staging")["version"] == 3
    assert label(greeting, "staging")["by"] == "alice"
    assert call("alice", "promote", P, "staging", "latest", "-m", "again")[1] == (
        f"staging of {P} serves v3 already\n"
    )


def test_versions_by_all_their_names(greeting: Shop, call: Call) -> None:
    for name in ("2", "v2", "@staging", f"{P}-v2"):
        code, out, _ = call("bob", "plan", P, "production", name, "-o", "json")
        assert (code, json.loads(out)["to"]) == (0, 2)
    assert json.loads(call("bob", "plan", P, "production", "latest", "-o", "json")[1])["to"] == 3


def test_production_is_asked_about_and_pipes_need_yes(greeting: Shop) -> None:
    asked = greeting.run("bob", "promote", P, "production", "2", "-m", "better")
    assert asked.returncode == 2
    assert "There is no terminal to ask at" in asked.stderr
    assert "--yes" in asked.stderr
    assert "\x1b" not in asked.stdout + asked.stderr
    assert label(greeting)["version"] == 1
    done = greeting.run("bob", "promote", P, "production", "2", "-m", "better", "-y", "-w")
    assert done.returncode == 0, done.stderr
    assert label(greeting)["version"] == 2


def test_the_way_back_is_the_last_one_and_stands_in_the_log(greeting: Shop, call: Call) -> None:
    assert call("bob", "promote", P, "production", "3", "-m", "better", "-y", "-w")[0] == 0
    code, out, err = call("carol", "rollback", P, "production", "-m", "too cold", "-y", "--wait")
    assert code == 0, err
    assert "v3 -> v1  (a rollback)" in out
    found = label(greeting)
    assert (found["version"], found["kind"], found["by"]) == (1, "Rollback", "carol")
    entry = greeting.api.get(CHANGES, f"{P}.production.{found['revision']}")["spec"]
    assert (entry["from"], entry["to"], entry["reason"]) == (3, 1, "too cold")
    code, _, err = call("carol", "rollback", P, "production", "--to", "2", "-m", "x", "-y")
    assert code == 2
    assert f"kubectl prompt promote {P} production 2" in err


def test_a_withdrawal_says_who_and_why(greeting: Shop, call: Call) -> None:
    code, _, err = call("bob", "withdraw", P, "staging", "-m", "no longer tried", "-w")
    assert code == 0, err
    assert greeting.api.get("configmaps", f"{P}.staging") == {}
    (entry,) = wait_for(lambda: _log(greeting, "Withdrawal"), "the log")
    assert (entry["by"], entry["reason"], entry["from"]) == ("bob", "no longer tried", 2)


def test_a_denied_move_is_held_and_so_says_the_exit_code(four_eyes: Shop, call: Call) -> None:
    assert call("bob", "promote", P, "production", "2", "-m", "better", "-y")[0] == 0
    wait_for(lambda: label(four_eyes).get("pending"), "the gate")
    assert call("dave", "deny", P, "production", "-m", "too cold", "--wait")[0] == 0
    code, out, err = call("bob", "promote", P, "production", "2", "-m", "better", "-y", "--wait")
    assert code == 7, err
    assert "was asked for with these very words" in out
    assert "dave to take back a denial" in err
    code, out, _ = call("bob", "plan", P, "production", "2", "-o", "json")
    assert code == 7
    assert json.loads(out)["hopeless"] is True
    assert label(four_eyes)["version"] == 1


def test_waiting_ends_in_time(four_eyes: Shop, call: Call) -> None:
    args = ("promote", P, "production", "2", "-m", "better", "-y", "--wait", "--timeout", "1")
    code, _, err = call("bob", *args)
    assert code == 6
    assert "not served after 1 s: waits for 1 approval of sha256:" in err


def test_somebody_else_was_first(
    greeting: Shop, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the edit: held there, in the very request that comes before it."""
    whoami = Cluster.whoami

    def slow(self: Cluster) -> str:
        greeting.api.move(P, "staging", 1, "back to the first")
        greeting.api.ready(P)
        return whoami(self)

    monkeypatch.setattr(Cluster, "whoami", slow)
    code, _, err = call("bob", "promote", P, "staging", "3", "-m", "third try")
    assert code == 5
    assert "somebody else was first" in err
    assert "back to the first" in err
    assert label(greeting, "staging")["version"] == 1


def test_a_label_that_is_none_yet_is_not_taken_from_somebody_else(
    greeting: Shop, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ``from`` can't hold it, the resource version does; other labels may move meanwhile."""
    whoami = Cluster.whoami
    edits: list[tuple[str, int]] = [("staging", 1)]

    def slow(self: Cluster) -> str:
        for name, to in edits:
            greeting.api.move(P, name, to, f"{name} by somebody else")
        return whoami(self)

    monkeypatch.setattr(Cluster, "whoami", slow)
    assert call("admin", "promote", P, "canary", "3", "-m", "some")[0] == 0
    edits[:] = [("beta", 1)]
    code, _, err = call("admin", "promote", P, "beta", "3", "-m", "some")
    assert code == 5
    assert "beta by somebody else" in err


def test_overtaken_while_waiting(four_eyes: Shop, call: Call) -> None:

    def overtake() -> None:
        wait_for(lambda: label(four_eyes).get("pending"), "the move to wait")
        # Without from: what the move before has left there is not what this one saw.
        mine = {"version": 3, "reason": "mine is better", "from": None}
        four_eyes.api.merge(RELEASES, P, {"spec": {"labels": {"production": mine}}})

    other = threading.Thread(target=overtake)
    other.start()
    args = ("promote", P, "production", "2", "-m", "better", "-y", "--wait", "--timeout", "40")
    code, _, err = call("bob", *args)
    other.join()
    assert code == 5
    assert "production was set to v3 meanwhile by admin: mine is better" in err


def test_nobody_moves_what_they_may_not(greeting: Shop, call: Call) -> None:
    code, out, _ = call("alice", "plan", P, "production", "2")
    assert code == 4
    assert "the API server would refuse it" in out
    code, _, err = call("alice", "promote", P, "production", "2", "-m", "better", "-y")
    assert code == 4
    assert 'needs the verb "promote" on promptreleases/production' in err
    assert label(greeting)["version"] == 1


def test_broken_glass_takes_a_right_and_stands_in_the_log(four_eyes: Shop, call: Call) -> None:
    args = ("promote", P, "production", "2", "-y", "-w", "--break-glass", "all is down")
    code, _, err = call("bob", *args)
    assert code == 4, err
    code, out, err = call("erin", *args)
    assert code == 0, err
    assert "goes past the gates" in out
    assert label(four_eyes)["breakGlass"] == "all is down"


def test_the_same_reason_again_is_none(greeting: Shop, call: Call) -> None:
    code, _, err = call("bob", "promote", P, "staging", "3", "-m", "try")
    assert code == 1
    assert "a move needs a new reason" in err
    assert "give another --reason" in err


def test_dry_runs_change_nothing(greeting: Shop, call: Call) -> None:
    before = greeting.api.get(RELEASES, P)
    for args in (
        ("promote", P, "production", "3", "-m", "better"),
        ("withdraw", P, "staging", "-m", "off"),
        ("plan", P, "production", "3"),
        ("plan", P, "canary", "3"),
        ("plan", "other", "canary", "3"),
    ):
        dry = () if args[0] == "plan" else ("--dry-run",)
        code, _, err = call("bob", *args, *dry)
        assert code == (3 if "other" in args else 4 if "canary" in args else 0), err
    after = greeting.api.get(RELEASES, P)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_prompt_without_a_release_gets_one(shop: Shop, call: Call) -> None:
    shop.api.create(version("first", 1))
    code, out, err = call("alice", "promote", "first", "staging", "1", "-m", "begin", "--wait")
    assert code == 0, err
    assert "(the first move)" in out
    assert shop.api.get(RELEASES, "first")["status"]["labels"]["staging"]["by"] == "alice"


def test_the_plan_knows_the_pods(greeting: Shop, call: Call) -> None:
    mount(greeting, "one", "production", told=True)
    mount(greeting, "two", "production")
    mount(greeting, "three", "staging")
    code, out, _ = call("admin", "plan", P, "production", "2", "-o", "json")
    assert code == 0
    used = {"pods": 2, "toldAtOnce": 1, "never": [], "asOf": "now"}
    assert json.loads(out)["workloads"] == used
    greeting.api.move(P, "production", 3, "so that the pods are told")
    wait_for(lambda: _told(greeting, 3), "the pods to be told of v3")
    # Who may not see pods is told what the operator knows of the last move.
    code, out, _ = call("bob", "plan", P, "production", "2", "-o", "json")
    told = {"pods": 1, "toldAtOnce": 1, "never": [], "asOf": "the last move"}
    assert json.loads(out)["workloads"] == told


@pytest.mark.parametrize(
    "asked",
    [
        {"require": {"approvals": {"count": 2}}},
        {"require": {"from": {"label": "staging"}}},
        {"require": {"from": {"label": "staging", "seconds": 3600}}},
        {"require": {"evaluations": ["absent"]}},
        {
            "freeze": [
                {"start": "2020-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z", "reason": "x"}
            ]
        },
        {"rollback": "gated", "require": {"approvals": {"notBy": []}}},
        {"labels": ["staging"], "require": {"approvals": {}}},
    ],
    ids=lambda asked: "-".join([*asked, *asked.get("require", ())]),
)
def test_the_plan_says_what_the_operator_then_says(
    greeting: Shop, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    """To the letter, for a version that is new to the label, and for one that staging serves."""
    api = greeting.api
    demand(greeting, "p", **{"labels": ["production"], **asked})
    monkeypatch.setenv("KUBECONFIG", str(greeting.plane.kubeconfig("bob", greeting.namespace)))
    for to in (3, 2):
        cluster = Cluster()
        now = api.get(RELEASES, P)
        serves = now["status"]["labels"]["production"]["version"]
        wants = now["spec"]["labels"]["production"]["version"]
        move = Move(P, "production", to, f"to {to}", serves, wants)
        expected = preview(known(cluster, move), move, "bob", _now())
        labels = {"production": {"version": to, "reason": move.reason, "by": "bob"}}
        greeting.plane.request(
            "PATCH",
            api.path(RELEASES, P),
            {"spec": {"labels": labels}},
            user="bob",
            content_type="application/merge-patch+json",
        )
        generation = api.get(RELEASES, P)["metadata"]["generation"]
        seen = wait_for(lambda g=generation: _observed(greeting, g), "the operator")  # type: ignore[misc]
        waits = seen.get("pending", {}).get("waitingFor", [])
        assert waits == list(expected.waits)
        assert expected.kind == "Promotion"
        if not waits:
            assert seen["version"] == to
            assert seen["kind"] == expected.kind
    assert api.list(POLICIES)


def _observed(shop: Shop, generation: int) -> Json:
    status = shop.api.get(RELEASES, P)["status"]
    return status["labels"]["production"] if status["observedGeneration"] >= generation else {}


def _told(shop: Shop, number: int) -> bool:
    its = label(shop)
    return its["version"] == number and "consumers" in its


def _log(shop: Shop, kind: str) -> list[Json]:
    entries = (change["spec"] for change in shop.api.list(CHANGES))
    return [entry for entry in entries if entry["kind"] == kind]


def _now() -> datetime:
    return datetime.now(timezone.utc)
