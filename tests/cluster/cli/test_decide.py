"""Approvals and denials by the command line."""

from __future__ import annotations

import json

import pytest

from cluster.cli.conftest import Call, P, Shop
from harness.api import APPROVALS, RELEASES, Json, wait_for
from promptrelease.cli.cluster import Cluster


@pytest.fixture
def waiting(four_eyes: Shop, call: Call) -> Shop:
    """Bob wants v2 in production, and an approval is asked for."""
    assert call("bob", "promote", P, "production", "2", "-m", "better", "-y")[0] == 0
    pending(four_eyes)
    return four_eyes


def pending(shop: Shop) -> Json:
    def probe() -> Json:
        found: Json = shop.api.get(RELEASES, P)["status"]["labels"]["production"].get("pending", {})
        return found

    return wait_for(probe, "the move to wait")


def test_an_approval_is_shown_given_and_waited_for(waiting: Shop, call: Call) -> None:
    digest = pending(waiting)["digest"]
    code, out, err = call("dave", "approve", P, "production", "-m", "read all", "-y", "--wait")
    assert code == 0, err
    assert "moved by bob: better" in out
    assert "Hello [-1-]{+2+}" in out
    assert "approved by dave: PromptApproval greeting-production-" in out
    assert "production serves v2 since" in err
    (approval,) = waiting.api.list(APPROVALS)
    assert approval["spec"] == {
        "release": P,
        "label": "production",
        "version": 2,
        "digest": digest,
        "decision": "approve",
        "comment": "read all",
        "by": "dave",
    }


def test_pipes_need_yes_and_get_json(waiting: Shop) -> None:
    asked = waiting.run("dave", "approve", P, "production")
    assert asked.returncode == 2
    assert "There is no terminal to ask at" in asked.stderr
    assert waiting.api.list(APPROVALS) == []
    done = waiting.run("dave", "approve", P, "production", "-y", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["spec"]["decision"] == "approve"
    assert "\x1b" not in done.stdout + done.stderr


def test_a_denial_stops_it_and_is_taken_back(waiting: Shop, call: Call) -> None:
    code, _, err = call("dave", "deny", P, "production", "-m", "too cold", "--wait")
    assert code == 0, err
    assert f"production of {P} is stopped" in err
    code, out, err = call("dave", "approve", P, "production", "-y", "--wait")
    assert code == 0, err
    assert "denied by dave: too cold" in out


def test_a_denial_needs_a_comment(waiting: Shop, call: Call) -> None:
    code, _, err = call("dave", "deny", P, "production")
    assert code == 2
    assert "--comment is missing" in err
    assert call("dave", "deny", P, "production", "-m", " ")[0] == 2
    assert waiting.api.list(APPROVALS) == []


def test_whoever_moved_or_wrote_it_is_told_so(waiting: Shop, call: Call) -> None:
    code, _, err = call("bob", "approve", P, "production", "-y")
    assert code == 4
    assert "you (bob) moved it, and policy four-eyes asks for somebody else" in err
    code, _, err = call("admin", "approve", P, "production", "-y")
    assert code == 4
    assert "you (admin) wrote it" in err
    assert waiting.api.list(APPROVALS) == []


def test_nobody_approves_without_the_right(waiting: Shop, call: Call) -> None:
    code, _, err = call("carol", "approve", P, "production", "-y")
    assert code == 4
    assert 'carol" cannot create resource "promptapprovals"' in err


def test_nothing_waits(four_eyes: Shop, call: Call) -> None:
    code, _, err = call("dave", "approve", P, "staging", "-y")
    assert code == 3
    assert f"nothing waits on staging of {P}: it serves v2" in err


def test_what_changed_since_the_look_is_not_approved(
    waiting: Shop, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    whoami = Cluster.whoami

    def slow(self: Cluster) -> str:
        labels = {"production": {"version": 3, "reason": "mine", "from": None}}
        waiting.api.merge(RELEASES, P, {"spec": {"labels": labels}})
        wait_for(lambda: pending(waiting)["version"] == 3, "v3 to wait")
        return whoami(self)

    monkeypatch.setattr(Cluster, "whoami", slow)
    code, _, err = call("dave", "approve", P, "production", "-y")
    assert code == 5
    assert "it has changed since you looked: now v3" in err
    assert waiting.api.list(APPROVALS) == []


def test_a_digest_that_was_looked_at_before(waiting: Shop, call: Call) -> None:
    digest = pending(waiting)["digest"]
    code, _, err = call("dave", "approve", P, "production", "-y", "--digest", "sha256:0000")
    assert code == 1
    assert "look at it again" in err
    assert call("dave", "approve", P, "production", "-y", "--digest", digest[:20])[0] == 0
