"""One evaluation from its first Job to its verdict, whatever the cluster does to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from promptrelease.release.evaluation import (
    ERROR,
    FAILED,
    FINISHED,
    PASSED,
    PENDING,
    RUNNING,
    Container,
    Evaluation,
    EvaluationStatus,
    Job,
    Member,
    Suite,
    Verdict,
)
from promptrelease.release.run import KEPT, Todo, attempt_of, decide, job_name

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
SUITE = Suite("s", "u", "1", frozenset({"p"}), "sha256:1", {}, min_score=0.9, retries=1, timeout=60)
EVALUATION = Evaluation("s-1", "e", "1", "s", "sha256:1", (Member("p", 1, "sha256:c"),))
GOOD = Container(0, "Completed", '{"score": 1}')


def job(attempt: int, outcome: str = "", reason: str = "", created: datetime = NOW) -> Job:
    return Job(
        job_name("s-1", attempt), f"job-{attempt}", "e", "s-1", "s", created, outcome, reason
    )


def at_work(attempts: int) -> Evaluation:
    name = job_name("s-1", attempts)
    return replace(EVALUATION, status=EvaluationStatus(RUNNING, "", name, attempts, "x"))


def decided(
    evaluation: Evaluation, *jobs: Job, container: Container | None = None, **kw: Any
) -> Todo:
    given = {"suite": SUITE, "has_room": True, "now": NOW, **kw}
    suite = given.pop("suite")
    return decide(evaluation, suite, jobs, container, **given)


def test_it_starts_when_there_is_room() -> None:
    todo = decided(EVALUATION)
    assert todo.start is not None
    assert (todo.start.attempt, todo.status.phase, todo.status.job) == (1, RUNNING, "s-1-1")
    todo = decided(EVALUATION, has_room=False)
    assert (todo.start, todo.status.phase) == (None, PENDING)


def test_a_job_that_is_there_is_not_made_again() -> None:
    todo = decided(EVALUATION, job(1))  # killed between the Job and the status
    assert todo.start is None
    assert (todo.status.attempts, todo.status.phase) == (1, RUNNING)


@pytest.mark.parametrize(
    ("container", "phase", "words"),
    [
        (GOOD, PASSED, "passed, score 1"),
        (Container(0, "Completed", '{"score": 0.5}'), FAILED, "score 0.5"),
        (Container(0, "Completed", ""), FAILED, "no score"),
        (Container(0, "Completed", "{"), ERROR, "not JSON"),
        (Container(0, "Completed", '{"score": NaN}'), ERROR, "not JSON"),
        (Container(1, "Error", '{"score": 1}'), FAILED, "exit code 1"),
        (
            Container(1, "Error", "Traceback ...\n  in it\nno luck\n"),
            FAILED,
            "exit code 1: no luck",
        ),
    ],
)
def test_how_it_ends(container: Container, phase: str, words: str) -> None:
    todo = decided(at_work(1), job(1, "Complete"), container=container)
    assert todo.status.phase == phase
    assert words in todo.status.message
    assert todo.start is None


@pytest.mark.parametrize(
    ("jobs", "container"),
    [
        ([job(1, "Failed", "BackoffLimitExceeded")], None),
        ([job(1, "Failed", "BackoffLimitExceeded")], Container(137, "OOMKilled")),
        ([], None),
    ],
)
def test_what_the_cluster_did_is_tried_again(jobs: list[Job], container: Container | None) -> None:
    todo = decided(at_work(1), *jobs, container=container)
    assert todo.start is not None
    assert todo.start.attempt == 2
    second = [job(2, "Failed", "BackoffLimitExceeded")] if jobs else []
    todo = decided(at_work(2), *jobs, *second, container=container)
    assert (todo.start, todo.status.phase) == (None, ERROR)
    assert "2 attempts, no verdict" in todo.status.message


def test_an_old_job_says_nothing_of_a_newer_attempt() -> None:
    todo = decided(at_work(2), job(1, "Complete"), container=GOOD)
    assert todo.status.phase == ERROR


@pytest.mark.parametrize(
    ("jobs", "container", "kw", "words"),
    [
        ([job(1, "Failed", "DeadlineExceeded")], None, {}, "no verdict in 60 s"),
        ([job(1)], None, {"now": NOW + timedelta(seconds=121)}, "no verdict in 60 s"),
        (
            [job(1)],
            Container(stuck="ErrImageNeverPull", message="no such image"),
            {},
            "can't start: ErrImageNeverPull: no such image",
        ),
        ([job(1, "Complete")], GOOD, {"suite": None}, "PromptSuite s does not exist"),
        ([job(1, "Complete")], GOOD, {"suite": replace(SUITE, digest="sha256:2")}, "is void"),
    ],
)
def test_no_verdict(jobs: list[Job], container: Container, kw: Any, words: str) -> None:
    todo = decided(at_work(1), *jobs, container=container, **kw)
    assert todo.status.phase == ERROR
    assert words in todo.status.message
    assert {job.name for job in todo.remove} == {job.name for job in jobs if not job.outcome}


def test_what_kept_it_from_starting_is_told_when_its_pod_is_gone() -> None:
    waiting = decided(at_work(1), job(1), container=Container(stuck="ImagePullBackOff"))
    assert waiting.status.message == "attempt 1 of 2, which can't start yet: ImagePullBackOff"
    evaluation = replace(EVALUATION, status=waiting.status)
    late = decided(evaluation, job(1, "Failed", "DeadlineExceeded"), container=Container())
    assert late.status.message == "no verdict in 60 s: its container can't start: ImagePullBackOff"
    started = decided(evaluation, job(1), container=Container())
    assert started.status.message == "attempt 1 of 2"


def test_where_nothing_is_served_yet_there_is_nothing_to_drop_below() -> None:
    suite = replace(SUITE, max_drop=0.0)
    todo = decided(at_work(1), job(1, "Complete"), container=GOOD, suite=suite)
    assert todo.status.phase == PASSED
    compared = replace(at_work(1), baseline=(Member("p", 2, "sha256:b"),))
    todo = decided(compared, job(1, "Complete"), container=GOOD, suite=suite)
    assert todo.status.phase == FAILED


def test_evidence_is_weighed_and_not_run() -> None:
    for score, phase in ((0.95, PASSED), (0.5, FAILED)):
        brought = replace(EVALUATION, suite_digest="", evidence=Verdict(score), by="ci")
        todo = decided(brought)
        assert (todo.start, todo.status.phase) == (None, phase)


def test_what_is_finished_stays_and_its_job_goes_after_a_while() -> None:
    ended = decided(at_work(1), job(1, "Complete"), container=GOOD).status
    done = replace(EVALUATION, status=ended)
    todo = decided(done, job(1, "Complete"), container=Container(1, "Error"))
    assert (todo.status, todo.remove, todo.again) == (ended, (), NOW + KEPT)
    todo = decided(done, job(1, "Complete"), now=NOW + KEPT)
    assert [job.name for job in todo.remove] == ["s-1-1"]
    assert decided(done, now=NOW + KEPT).remove == ()


class Runs(RuleBasedStateMachine):
    """A cluster that fails in every order, and an operator that is killed between its writes."""

    def __init__(self) -> None:
        super().__init__()
        self.evaluation = EVALUATION
        self.jobs: dict[str, Job] = {}
        self.made: list[str] = []
        self.container: Container | None = None
        self.now = NOW
        self.final: EvaluationStatus | None = None

    @rule(killed=st.booleans(), room=st.booleans())
    def it_reconciles(self, killed: bool, room: bool) -> None:
        jobs = list(self.jobs.values())
        todo = decide(self.evaluation, SUITE, jobs, self.container, has_room=room, now=self.now)
        if todo.start is not None:
            name = job_name("s-1", todo.start.attempt)
            if name not in self.jobs:
                assert name not in self.made, "an attempt was run twice"
                self.made.append(name)
                self.jobs[name] = job(todo.start.attempt, created=self.now)
                self.container = Container()
        if killed:
            return
        self.evaluation = replace(self.evaluation, status=todo.status)
        for gone in todo.remove:
            del self.jobs[gone.name]
        if self.evaluation.finished and self.final is None:
            self.final = self.evaluation.status

    @precondition(lambda self: self.running)
    @rule(container=st.sampled_from([GOOD, Container(1, "Error"), None, Container(9, "OOMKilled")]))
    def the_job_ends(self, container: Container | None) -> None:
        newest = max(self.jobs.values(), key=attempt_of)
        outcome = "Complete" if container == GOOD else "Failed"
        self.jobs[newest.name] = replace(newest, outcome=outcome)
        self.container = container

    @precondition(lambda self: self.jobs)
    @rule()
    def somebody_deletes_a_job(self) -> None:
        newest = max(self.jobs.values(), key=attempt_of)
        if self.evaluation.status.attempts >= attempt_of(newest):
            del self.jobs[newest.name]
            self.container = None

    @rule(seconds=st.integers(-100, 200))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @property
    def running(self) -> bool:
        return any(not job.outcome for job in self.jobs.values())

    @invariant()
    def a_verdict_stays(self) -> None:
        if self.final is not None:
            assert self.evaluation.status == self.final
            assert self.final.phase in FINISHED

    @invariant()
    def there_are_as_many_attempts_as_allowed(self) -> None:
        assert len(self.made) <= SUITE.retries + 1


Runs.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestRuns = Runs.TestCase
