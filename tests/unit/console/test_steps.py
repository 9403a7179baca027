"""A move as steps, and what it waits for by kind."""

from __future__ import annotations

from typing import Any

import pytest

from promptrelease.console.acting import gates, steps
from promptrelease.console.acting.steps import DONE, NOW, STOPPED, TO_COME
from promptrelease.console.pages.rollback import told
from promptrelease.console.web.events import written
from promptrelease.release.policy import Approvals, Policy, ServedFrom
from promptrelease.views.move.progress import Goal, progress

D = "sha256:" + "a" * 64
GOAL = Goal("greeting", "production", 2, 5)
EYES = Policy("eyes", "u", "1", approvals=Approvals(1), evaluations=("*",))
SOAK = Policy("soak", "u", "1", served_from=ServedFrom("staging", 60))


@pytest.mark.parametrize(
    ("text", "kind", "refused"),
    [
        ("the end of a freeze at 2026-12-24T00:00:00Z: feast", gates.TIME, False),
        ("v2 to have been served by staging for 60 s, at 2026-12-24T00:00:00Z", gates.TIME, False),
        ("v2 to have been served by staging", gates.TIME, False),
        (f"1 approval of {D} by somebody else than bob", gates.APPROVALS, False),
        (f"2 approvals of {D} (so far 1)", gates.APPROVALS, False),
        ("dave to take back a denial (PromptApproval x): cold", gates.APPROVALS, True),
        ("a move by somebody who is known (by is empty): …", gates.APPROVALS, True),
        ("1 of 2 suites passed, running: kept", gates.SUITES, False),
        ("0 of 1 suites passed, failed: kept (x): 0.4 is too low", gates.SUITES, True),
        ("PromptSuite kept, which does not exist", gates.SUITES, True),
        ("evaluations, which can't be looked at yet", gates.SUITES, False),
        ("PromptVersion greeting-v2, which does not exist", gates.OTHER, False),
        ("", gates.OTHER, False),
    ],
)
def test_kinds_of_gates(text: str, kind: str, refused: bool) -> None:
    found = gates.gate(text, "greeting", "production", 2)
    assert (found.kind, found.refused) == (kind, refused)


def release(
    observed: int = 5, version: int = 1, waits: tuple[str, ...] = (), **status: Any
) -> dict[str, Any]:
    its: dict[str, Any] = {"version": version, "revision": 7, "since": "now", **status}
    if waits:
        its["pending"] = {"version": 2, "waitingFor": list(waits), "digest": D}
    return {
        "metadata": {"name": "greeting"},
        "spec": {"labels": {"production": {"version": 2, "reason": "better", "by": "bob"}}},
        "status": {"observedGeneration": observed, "labels": {"production": its}},
    }


def titles(obj: dict[str, Any] | None, *policies: Policy) -> list[tuple[str, str]]:
    found = steps.steps(GOAL, obj, progress(GOAL, obj), policies)
    return [(step.title, step.state) for step in found]


def test_nobody_has_looked_yet() -> None:
    assert titles(release(observed=4), EYES) == [
        ("Asked for", DONE),
        ("Taken up", NOW),
        ("Evaluations", TO_COME),
        ("Approval", TO_COME),
        ("To be live on production", TO_COME),
        ("To be told to everything that runs it", TO_COME),
    ]


def test_gates_one_by_one() -> None:
    approval = f"1 approval of {D}"
    assert titles(release(waits=("0 of 1 suites passed, running: s", approval)), EYES)[2:4] == [
        ("Evaluations", NOW),
        ("Approval", NOW),
    ]
    assert titles(release(waits=(approval,)), EYES)[2:4] == [
        ("Evaluations: nothing is missing", DONE),
        ("Approval", NOW),
    ]
    denied = release(waits=("dave to take back a denial (PromptApproval x): no", approval))
    assert titles(denied, EYES, SOAK)[2:5] == [
        ("The right time: nothing is missing", DONE),
        ("Evaluations: nothing is missing", DONE),
        ("Approval", STOPPED),
    ]


def test_served_and_told() -> None:
    served = release(version=2, approvals=[{"name": "x", "by": "dave"}], evaluations=["s-1"])
    assert titles(served, EYES)[2:] == [
        ("Evaluations passed", DONE),
        ("Approved", DONE),
        ("Live on production", DONE),
        ("To be told to everything that runs it", NOW),
    ]
    consumers = {"revision": 7, "pods": 2, "refreshed": 2}
    done = steps.steps(
        GOAL, release(version=2, consumers=consumers), progress(GOAL, release(version=2)), ()
    )
    assert [step.title for step in done][1:3] == ["Taken up", "Live on production"]


def test_a_way_back_shows_no_gates() -> None:
    back = release()
    back["status"]["served"] = {"production": [1, 2]}
    assert [title for title, _ in titles(back, EYES)] == [
        "Asked for",
        "Taken up",
        "To be live on production",
        "To be told to everything that runs it",
    ]


def test_somebody_else_and_nothing() -> None:
    other = release()
    other["spec"]["labels"]["production"] = {"version": 9, "reason": "mine"}
    assert titles(other)[1] == ("Overtaken", STOPPED)
    assert titles(None)[1] == ("Overtaken", STOPPED)


def test_reasons_of_a_rollback() -> None:
    assert told("Answers got worse", "", 7, 6) == "Answers got worse with v7, back to v6"
    assert told("Answers got worse", "in French", 7, 6) == "Answers got worse: in French"
    assert told("other", "in French", 7, 6) == "in French"
    assert told("other", "", 7, 6) == ""


def test_an_event_can_hold_any_text() -> None:
    assert written(("progress", "a\r\nb\rc\n")) == (
        "event: progress\ndata: a\ndata: b\ndata: c\ndata: \n\n"
    )
