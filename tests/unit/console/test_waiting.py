"""What moves wait for, in words: from what the gates really say."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from promptrelease.console.shown.waiting import (
    APPROVE,
    COMMAND,
    EVALUATION,
    EVALUATIONS,
    NEW,
    PROMOTE,
    TEXT,
    TIME,
    Step,
    Wait,
    wait,
)
from promptrelease.release import gates
from promptrelease.release.model import Change
from promptrelease.release.policy import Approval, Approvals, Freeze, Policy, ServedFrom
from promptrelease.release.times import timestamp

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
DIGEST = f"sha256:{7:064x}"
P = "ticket-summary"


def say(exact: str, label: str = "production") -> Wait:
    return wait(exact, P, label, 7)


def read(steps: tuple[Step, ...]) -> str:
    return "".join(f" {s.text}" if s.kind == TIME else s.text for s in steps)


def asked(policy: Policy, *approvals: Approval, log: tuple[Change, ...] = ()) -> list[Wait]:
    """What a policy has a move wait for."""
    candidate = gates.Candidate(P, "production", 7, DIGEST, "bob", "alice", returns=False)
    entries = {"staging": log}
    answer = gates.ask(candidate, [policy], approvals, entries, {"staging"}, NOW)
    return [say(exact) for exact in answer.waits]


def policy(**demands: object) -> Policy:
    return Policy("p", "", "", frozenset(), frozenset(), **demands)  # type: ignore[arg-type]


def approval(by: str, *, approves: bool = True, comment: str = "") -> Approval:
    return Approval(
        by, "", "1", P, "production", 7, DIGEST, approves, by, comment, NOW, expires=None
    )


def test_approvals() -> None:
    (one,) = asked(policy(approvals=Approvals(1, ("mover", "author"))))
    assert read(one.told) == "approval by one person other than alice and bob"
    assert [s.kind for s in one.todo] == [TEXT, APPROVE]
    assert one.todo[1].label == "production"
    assert one.exact == f"1 approval of {DIGEST[:19]}… by somebody else than alice and bob"
    (one,) = asked(policy(approvals=Approvals(3, ("mover",))), approval("dave"))
    assert read(one.told) == "approval by 2 more people other than bob"
    (one,) = asked(policy(approvals=Approvals(2, ())), approval("dave"))
    assert read(one.told) == "approval by one more person"
    (one,) = asked(policy(approvals=Approvals(2, ())))
    assert read(one.told) == "approval by 2 people"


def test_a_denial() -> None:
    waits = asked(
        policy(approvals=Approvals(1, ())),
        approval("dave", approves=False, comment="too terse: no"),
    )
    assert read(waits[0].told) == "dave, who denied it: too terse: no"


def test_a_freeze_and_a_soak_have_times() -> None:
    freeze = Freeze(NOW - timedelta(hours=1), NOW + timedelta(hours=1), "Black Friday")
    (one,) = asked(policy(freezes=(freeze,)))
    end = timestamp(freeze.end)
    assert [(s.kind, s.text) for s in one.told] == [
        (TEXT, "the end of a freeze at"),
        (TIME, end),
        (TEXT, ": Black Friday"),
    ]
    assert (TIME, end) in [(s.kind, s.text) for s in one.todo]
    soak = policy(served_from=ServedFrom("staging", 3600))
    (one,) = asked(soak)
    assert read(one.told) == "v7 to have been live on staging for 1 hour"
    assert one.todo[0] == Step(PROMOTE, "put v7 live on staging", label="staging", version=7)
    moved = Change(P, "staging", 1, "Promotion", None, 7, DIGEST, "", "", timestamp(NOW))
    (one,) = asked(soak, log=(moved,))
    assert read(one.told).endswith(timestamp(NOW + timedelta(hours=1)))


@pytest.mark.parametrize(
    ("exact", "told", "kinds"),
    [
        (
            "1 of 2 suites passed, failed: s (s-1): score 0.2",
            "evaluations, of which 1 of 2 passed, failed: s (s-1): score 0.2",
            [TEXT, EVALUATIONS],
        ),
        (
            "0 of 1 suites passed, not evaluated: s (s-123abc): no image",
            "evaluations, of which 0 of 1 passed, not evaluated: s (s-123abc): no image",
            [EVALUATION],
        ),
        (
            f"PromptVersion {P}-v7, which does not exist",
            f"{P}-v7, which does not exist yet",
            [TEXT],
        ),
        (
            f"PromptVersion {P}-v7, which is invalid: {{{{a}}}} is used",
            f"{P}-v7, which has mistakes: {{{{a}}}} is used",
            [TEXT],
        ),
        (
            f"ConfigMap {P}.production belongs to something else",
            f"ConfigMap {P}.production belongs to something else",
            [TEXT, COMMAND],
        ),
        ("something that nobody has thought of", "something that nobody has thought of", []),
    ],
)
def test_others(exact: str, told: str, kinds: list[str]) -> None:
    found = say(exact)
    assert read(found.told) == told
    assert [step.kind for step in found.todo] == kinds


def test_an_invalid_latest_asks_for_a_new_version() -> None:
    found = say(f"PromptVersion {P}-v7, which is invalid: x", "latest")
    assert found.todo[-1].kind == NEW
    assert found.command.endswith(f"kubectl prompt new {P}")


def test_links_name_the_evaluation() -> None:
    found = say("0 of 1 suites passed, not evaluated: s (s-123abc): no image")
    assert found.todo[0].name == "s-123abc"
