"""Which combination is asked about, and what the answers are worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from promptrelease.release import graph
from promptrelease.release.evaluation import (
    ERROR,
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
    Verdict,
)
from promptrelease.release.scene import (
    Scene,
    chain_problem,
    find,
    moved_upstreams,
    questions,
    unasked_on_move,
)

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
CONSUMES = {"summary": (), "router": ("summary",), "reply": ("router",), "other": ()}


def member(prompt: str, version: int = 1) -> Member:
    return Member(prompt, version, f"sha256:{prompt}{version}", CONSUMES[prompt])


def suite(prompt: str, **more: object) -> Suite:
    made = Suite(f"{prompt}-suite", f"u-{prompt}", "1", frozenset({prompt}), f"d-{prompt}", {})
    return replace(made, **more)  # type: ignore[arg-type]


SUITES = {s.name: s for s in map(suite, CONSUMES)}
SERVED = {prompt: member(prompt) for prompt in CONSUMES}


def scene(*proposals: Proposal, answers: tuple[Evaluation, ...] = (), **more: object) -> Scene:
    evaluations: dict[str, list[Evaluation]] = {}
    for answer in answers:
        evaluations.setdefault(answer.suite, []).append(answer)
    served = more.pop("served", SERVED)
    suites = more.pop("suites", SUITES)
    return Scene(
        label="production",
        served=served,  # type: ignore[arg-type]
        graph=graph.build({p: m.consumes for p, m in served.items()}),  # type: ignore[attr-defined]
        proposals={p.member.prompt: p for p in proposals},
        bench=Bench(suites, evaluations),  # type: ignore[arg-type]
        baselines={"production": SERVED},
        quiet_since=NOW,
    )


def answer(question: Question, phase: str, message: str = "words") -> Evaluation:
    return Evaluation(
        question.name,
        "u",
        "1",
        question.suite.name,
        question.suite.digest,
        question.candidate,
        question.baseline,
        status=EvaluationStatus(phase, message),
    )


def versions(question: Question) -> dict[str, int]:
    return {m.prompt: m.version for m in question.candidate}


NEW_SUMMARY = Proposal(member("summary", 2), ready=True)


def test_everything_downstream_is_asked_with_everything_upstream_of_it() -> None:
    asked = {q.suite.name: versions(q) for q in questions(scene(NEW_SUMMARY), "summary", ["*"])}
    assert asked == {
        "summary-suite": {"summary": 2},
        "router-suite": {"summary": 2, "router": 1},
        "reply-suite": {"summary": 2, "router": 1, "reply": 1},
    }
    named = questions(scene(NEW_SUMMARY), "summary", ["router-suite", "other-suite"])
    assert [q.suite.name for q in named] == ["router-suite"]


def test_the_baseline_is_the_same_prompts_as_they_are() -> None:
    (asked,) = questions(scene(NEW_SUMMARY), "summary", ["router-suite"])
    assert {m.prompt: m.version for m in asked.baseline} == {"summary": 1, "router": 1}


def test_what_is_promoted_together_is_asked_together() -> None:
    both = scene(NEW_SUMMARY, Proposal(member("router", 2), ready=True))
    (one,) = questions(both, "summary", ["router-suite"])
    (other,) = questions(both, "router", ["router-suite"])
    assert one.name == other.name
    assert versions(one) == {"summary": 2, "router": 2}


def test_what_is_held_back_by_something_else_does_not_come_along() -> None:
    held = scene(NEW_SUMMARY, Proposal(member("router", 2), ready=False))
    (alone,) = questions(held, "summary", ["router-suite"])
    assert versions(alone) == {"summary": 2, "router": 1}
    (with_it,) = questions(held, "router", ["router-suite"])
    assert versions(with_it) == {"summary": 2, "router": 2}


def test_a_proposal_may_consume_something_else() -> None:
    other = Proposal(Member("reply", 2, "sha256:x", ("other",)), ready=True)
    (asked,) = questions(scene(other), "reply", ["reply-suite"])
    assert versions(asked) == {"other": 1, "reply": 2}


@pytest.mark.parametrize(
    ("phases", "words", "hopeless"),
    [
        ({}, "0 of 3 suites passed, to be run: reply-suite, router-suite, summary-suite", False),
        (
            {"summary": PASSED, "router": RUNNING},
            "1 of 3 suites passed, running: router-suite, to be run: reply-suite",
            False,
        ),
        (
            {"summary": PASSED, "reply": PASSED, "router": FAILED},
            "2 of 3 suites passed, failed: router-suite",
            True,
        ),
        ({"router": ERROR}, "0 of 3 suites passed, not evaluated: router-suite", True),
        ({"summary": PASSED, "router": PASSED, "reply": PASSED}, "", False),
    ],
)
def test_what_is_said(phases: dict[str, str], words: str, hopeless: bool) -> None:
    asked = {q.suite.name: q for q in questions(scene(NEW_SUMMARY), "summary", ["*"])}
    answers = tuple(answer(asked[f"{p}-suite"], phase) for p, phase in phases.items())
    found = find(scene(NEW_SUMMARY, answers=answers), "summary", ["*"])
    assert found.wait.startswith(words)
    assert (found.wait == "") == (words == "")
    assert found.hopeless == hopeless
    assert len(found.unasked) == 3 - len(phases)
    passed = [p for p, phase in phases.items() if phase == PASSED]
    assert len(found.evaluations) == len(passed)


def test_any_changed_input_makes_a_verdict_void() -> None:
    asked = list(questions(scene(NEW_SUMMARY), "summary", ["router-suite"]))
    passed = tuple(answer(q, PASSED) for q in asked)
    assert not find(scene(NEW_SUMMARY, answers=passed), "summary", ["router-suite"]).wait
    moved = {**SERVED, "router": member("router", 9)}
    assert find(scene(NEW_SUMMARY, answers=passed, served=moved), "summary", ["router-suite"]).wait
    stricter = {**SUITES, "router-suite": suite("router", digest="d-2")}
    now = scene(NEW_SUMMARY, answers=passed, suites=stricter)
    assert find(now, "summary", ["router-suite"]).wait
    # But not what it was never given.
    reply = {**SERVED, "reply": member("reply", 9)}
    assert not find(
        scene(NEW_SUMMARY, answers=passed, served=reply), "summary", ["router-suite"]
    ).wait


def test_a_suite_that_is_not_there_stops_the_move() -> None:
    found = find(scene(NEW_SUMMARY), "summary", ["router-suite", "gone"])
    assert found.wait == "PromptSuite gone, which does not exist"
    assert found.hopeless


@pytest.mark.parametrize("accepts", [True, False])
def test_evidence_counts_where_the_suite_says_so(accepts: bool) -> None:
    suites = {"summary-suite": suite("summary", accepts_evidence=accepts)}
    (asked,) = questions(scene(NEW_SUMMARY, suites=suites), "summary", ["*"])
    brought = replace(
        answer(asked, PASSED), name="ci-1", suite_digest="", evidence=Verdict(1.0), by="ci"
    )
    found = find(scene(NEW_SUMMARY, suites=suites, answers=(brought,)), "summary", ["*"])
    assert (found.wait == "") == accepts
    assert found.evaluations == (("ci-1",) if accepts else ())


def test_staging_asks_at_once_about_what_it_serves() -> None:
    suites = {"router-suite": suite("router", evaluate_on=frozenset({"production"}))}
    now = scene(Proposal(member("router", 2), ready=True), suites=suites)
    (asked,) = unasked_on_move(now, "summary")
    assert versions(asked) == {"summary": 1, "router": 1}, "what is served, and no proposal"
    assert unasked_on_move(scene(suites=suites, answers=(answer(asked, FAILED),)), "summary") == []
    assert unasked_on_move(scene(), "summary") == []


ORDER = {"summary": 9, "router": 3, "reply": 4}


class TestNeedsReevaluation:
    def test_names_what_moved_since(self) -> None:
        assert [m.prompt for m in moved_upstreams(scene(), "reply", ORDER)] == ["summary"]
        assert moved_upstreams(scene(), "summary", ORDER) == ()
        assert moved_upstreams(scene(), "reply", {"summary": 3, "router": 3, "reply": 4}) == ()

    @pytest.mark.parametrize(
        ("judged", "phase", "covered"),
        [
            (("summary", "router", "reply"), PASSED, True),
            (("summary", "router", "reply"), FAILED, False),
            (("router", "reply"), PASSED, False),
        ],
    )
    def test_until_an_evaluation_has_passed(
        self, judged: tuple[str, ...], phase: str, covered: bool
    ) -> None:
        question = Question(SUITES["reply-suite"], tuple(map(member, judged)), ())
        now = scene(answers=(answer(question, phase),))
        assert (moved_upstreams(now, "reply", ORDER) == ()) == covered


def test_chains_that_are_wrong() -> None:
    assert chain_problem(scene(), member("reply")) is None
    assert chain_problem(scene(), Member("summary", 2, "", ("reply",))) == (
        "Cycle",
        "production: summary → router → reply → summary",
    )
    assert chain_problem(scene(), Member("summary", 2, "", ("nobody", "other"))) == (
        "UpstreamMissing",
        "production serves no nobody",
    )
