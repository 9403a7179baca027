"""Moves that are judged together move together, and the halfway between them asks nothing anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from promptrelease.release import graph
from promptrelease.release.evaluation import (
    FAILED,
    PASSED,
    RUNNING,
    Bench,
    Evaluation,
    EvaluationStatus,
    Member,
    Proposal,
    Question,
    Suite,
)
from promptrelease.release.scene import Finding, Scene, find, questions, unasked_on_move

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
CONSUMES = {"summary": (), "router": ("summary",), "reply": ("router",), "other": ()}
ALL = frozenset("*")


def member(prompt: str, version: int = 1) -> Member:
    return Member(prompt, version, f"sha256:{prompt}{version}", CONSUMES[prompt])


def proposed(prompt: str, suites: frozenset[str] = ALL) -> Proposal:
    return Proposal(member(prompt, 2), ready=True, suites=suites)


SERVED = {prompt: member(prompt) for prompt in CONSUMES}
SUITES = {
    f"{prompt}-suite": Suite(
        f"{prompt}-suite", "u", "1", frozenset({prompt}), f"d-{prompt}", {}, min_score=0.9
    )
    for prompt in CONSUMES
}
BOTH = (proposed("summary"), proposed("router"))


def scene(
    *proposals: Proposal, answers: tuple[Evaluation, ...] = (), moved: tuple[str, ...] = ()
) -> Scene:
    """Production, with some prompts already at their second versions."""
    evaluations: dict[str, list[Evaluation]] = {}
    for answer in answers:
        evaluations.setdefault(answer.suite, []).append(answer)
    served = SERVED | {prompt: member(prompt, 2) for prompt in moved}
    return Scene(
        label="production",
        served=served,
        graph=graph.build({p: m.consumes for p, m in served.items()}),
        proposals={p.member.prompt: p for p in proposals},
        bench=Bench(SUITES, evaluations),
        baselines={"production": served},
        quiet_since=NOW,
    )


def answered(question: Question, phase: str) -> Evaluation:
    suite = question.suite
    return Evaluation(
        question.name,
        "u",
        "1",
        suite.name,
        suite.digest,
        question.candidate,
        question.baseline,
        status=EvaluationStatus(phase, "words"),
    )


def joint(**phases: str) -> tuple[Evaluation, ...]:
    """What the suites say of the new summary with the new router."""
    asked = {q.suite.name: q for q in questions(scene(*BOTH), "summary", ["*"])}
    return tuple(answered(asked[f"{p}-suite"], phase) for p, phase in phases.items())


def found(scene: Scene, prompt: str) -> Finding:
    return find(scene, prompt, ["*"])


def test_none_moves_before_all_have_passed() -> None:
    answers = joint(summary=RUNNING, router=PASSED, reply=PASSED)
    waits = found(scene(*BOTH, answers=answers), "router").wait
    assert waits == (
        "2 of 3 suites passed, running: summary-suite, judged together with summary v2"
    )
    answers = joint(summary=PASSED, router=PASSED, reply=PASSED)
    for prompt in ("summary", "router"):
        assert not found(scene(*BOTH, answers=answers), prompt).wait


def test_what_fails_one_holds_the_other() -> None:
    answers = joint(summary=FAILED, router=PASSED, reply=PASSED)
    for prompt in ("summary", "router"):
        finding = found(scene(*BOTH, answers=answers), prompt)
        assert "failed: summary-suite" in finding.wait
        assert finding.hopeless


def test_a_stranger_is_not_waited_for() -> None:
    now = scene(proposed("other"), *BOTH)
    assert {q.suite.name for q in questions(now, "other", ["*"])} == {"other-suite"}
    assert "together" not in found(now, "other").wait
    assert "other-suite" not in {q.suite.name for q in questions(now, "summary", ["*"])}


def test_each_waits_for_what_the_others_policies_ask_for() -> None:
    strict, lax = proposed("summary", ALL), proposed("router", frozenset({"router-suite"}))
    asked = {q.suite.name for q in questions(scene(strict, lax), "router", ["router-suite"])}
    assert asked == {"summary-suite", "router-suite", "reply-suite"}


@pytest.mark.parametrize(("first", "second"), [("summary", "router"), ("router", "summary")])
def test_the_second_of_two_finds_the_verdicts(first: str, second: str) -> None:
    """Which has moved first is in the baseline by then."""
    answers = joint(summary=PASSED, router=PASSED, reply=PASSED)
    now = scene(proposed(second), answers=answers, moved=(first,))
    assert not found(now, second).wait
    assert set(found(now, second).evaluations) <= {a.name for a in answers}


def test_what_has_been_promoted_is_not_compared_with_itself() -> None:
    answers = joint(summary=PASSED, router=PASSED, reply=PASSED)
    suites = {name: replace(s, evaluate_on=frozenset({"production"})) for name, s in SUITES.items()}
    now = scene(answers=answers, moved=("summary", "router"))
    asked = replace(now, bench=replace(now.bench, suites=suites))
    assert unasked_on_move(asked, "summary") == []


def test_a_baseline_that_has_moved_elsewhere_asks_anew() -> None:
    answers = joint(summary=PASSED, router=PASSED, reply=PASSED)
    now = scene(*BOTH, answers=answers)
    elsewhere = SERVED | {"summary": member("summary", 3)}
    now = replace(now, baselines={"production": elsewhere})
    assert found(now, "summary").wait.startswith("0 of 3 suites passed")


def test_only_a_name_that_fits_the_contents_is_ours() -> None:
    """Somebody else's evaluation of the same set, which has no verdict of its own to bring."""
    forged = tuple(replace(a, name="mine") for a in joint(summary=PASSED, router=PASSED))
    assert found(scene(*BOTH, answers=forged), "summary").wait.startswith("0 of 3 suites passed")
