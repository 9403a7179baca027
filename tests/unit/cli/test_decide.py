"""What is approved or denied: exactly what waits, by whom it may be."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import policy, version
from promptrelease.api import PromptApproval
from promptrelease.views.failures import Failure, Forbidden, NotFound
from promptrelease.views.move import reviewing
from promptrelease.views.move.reviewing import Candidate

P = "greeting"
DIGEST = "sha256:" + "ab" * 32
Json = dict[str, Any]


def released(**pending: Any) -> Json:
    label: Json = {"version": 1}
    if pending:
        label["pending"] = {"version": 2, "waitingFor": ["1 approval"], **pending}
    return {
        "metadata": {"name": P},
        "spec": {"labels": {"production": {"version": 2, "reason": "better", "by": "bob"}}},
        "status": {"labels": {"production": label}},
    }


def versions() -> dict[int, Json]:
    made = {n: version(P, n) for n in (1, 2)}
    made[2]["metadata"]["annotations"] = {"promptrelease.dev/author": "alice"}
    return made


def about(**changes: Any) -> Candidate:
    found = reviewing.candidate(released(digest=DIGEST), "production", versions())
    return Candidate(**{**vars_of(found), **changes})


def vars_of(found: Candidate) -> Json:
    return {name: getattr(found, name) for name in Candidate.__dataclass_fields__}


def test_the_candidate_is_what_waits() -> None:
    assert about() == Candidate(P, "production", 2, DIGEST, ("1 approval",), "bob", "alice")


def test_nothing_waits() -> None:
    with pytest.raises(NotFound, match="nothing waits on production of greeting: it serves v1"):
        reviewing.candidate(released(), "production", {})
    with pytest.raises(NotFound, match="it serves nothing"):
        reviewing.candidate(released(), "canary", {})


def test_what_has_no_content_can_be_judged_by_nobody() -> None:
    with pytest.raises(Failure, match="there is no content yet: 1 approval"):
        reviewing.candidate(released(note=1), "production", {})


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:20], DIGEST.removeprefix("sha256:")[:8]])
def test_a_digest_may_be_cut_short(digest: str) -> None:
    reviewing.candidate(released(digest=DIGEST), "production", {}, digest)


def test_another_digest_is_refused() -> None:
    with pytest.raises(Failure, match="and not sha256:cd"):
        reviewing.candidate(released(digest=DIGEST), "production", {}, "sha256:cd")


def four_eyes(**approvals: Any) -> list[Json]:
    made = policy("four-eyes", labels=["production"], require={"approvals": approvals})
    made["metadata"] |= {"uid": "u", "resourceVersion": "1", "namespace": "n"}
    return [made]


@pytest.mark.parametrize(("me", "deed"), [("bob", "moved it"), ("alice", "wrote it")])
def test_four_eyes_are_those_of_somebody_else(me: str, deed: str) -> None:
    with pytest.raises(Forbidden, match=deed):
        reviewing.check_eyes(about(), me, four_eyes())
    assert reviewing.check_eyes(about(), me, four_eyes(notBy=[])) == ""
    assert reviewing.check_eyes(about(), "dave", four_eyes()) == ""
    assert "opens nothing" in reviewing.check_eyes(about(), me, [])
    assert "opens nothing" in reviewing.check_eyes(about(label="eu"), me, four_eyes())


def test_unknown_people_are_nobody() -> None:
    assert reviewing.check_eyes(about(mover="", author=""), "", four_eyes()) == ""


def test_the_approval_names_exactly_that() -> None:
    made = reviewing.approval(about(), "deny", "too cold", "dave")
    PromptApproval.model_validate({**made, "metadata": {"name": "x"}})
    assert made["spec"]["digest"] == DIGEST
    assert made["metadata"]["generateName"] == "greeting-production-"
    assert "comment" not in reviewing.approval(about(), "approve", None, "")["spec"]


def test_a_review_shows_what_is_known_of_that_content_alone() -> None:
    def evaluation(name: str, digest: str, **status: Any) -> Json:
        candidate = [{"prompt": P, "version": 2, "digest": digest}]
        return {
            "metadata": {"name": name},
            "spec": {"suite": name, "candidate": candidate},
            "status": status,
        }

    def word(name: str, digest: str, **spec: Any) -> Json:
        exact = {"label": "production", "version": 2, "digest": digest, "by": name}
        return {"metadata": {"name": name}, "spec": {**exact, "decision": "approve", **spec}}

    other = DIGEST.replace("ab", "cd")
    lines = [
        line
        for line, _ in reviewing.review(
            about(),
            released(digest=DIGEST),
            versions(),
            [
                evaluation("tone", DIGEST, phase="Failed", message="rude", verdict={"score": 0.5}),
                evaluation("stale", other, phase="Passed"),
            ],
            [
                word("erin", DIGEST),
                word("carl", DIGEST, decision="deny", comment="no"),
                word("old", other),
            ],
        )
    ]
    text = "\n".join(lines)
    assert "moved by bob: better" in text
    assert "written by alice: try 2" in text
    assert "suite tone: Failed, score 0.5: rude" in text
    assert "approved by erin" in text
    assert "denied by carl: no" in text
    assert "stale" not in text
    assert "old" not in text
