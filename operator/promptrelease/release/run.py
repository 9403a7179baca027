"""What to do about one evaluation: start a Job, wait, try again, or say how it ended.

A Job's name says which evaluation and which attempt it is, so that none is started twice. A bad
verdict is final. What the cluster did to a run is not the candidate's fault, and is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from promptrelease.release import job_template
from promptrelease.release.evaluation import (
    ERROR,
    FAILED,
    PENDING,
    RUNNING,
    Container,
    Evaluation,
    EvaluationStatus,
    Job,
    Suite,
)
from promptrelease.release.times import moment, timestamp
from promptrelease.release.verdict import Unreadable, parse, weigh

DEADLINE = "DeadlineExceeded"
GRACE = timedelta(seconds=60)
"""After a run's time is over, so long may the cluster take to end its Job."""

KEPT = timedelta(minutes=10)
"""A finished Job stays so long, for people to read what it has written."""

LAST_WORDS = 300
"""Characters that are told of a log."""

NEVER_STARTS = frozenset(
    {"ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
)
"""Waiting reasons of a container that don't end by themselves."""

_STUCK = ", which can't start yet: "

CLUSTER_FAULTS = frozenset(
    {"OOMKilled", "ContainerStatusUnknown", "StartError", "ContainerCannotRun"}
)
"""Ends of a container that tell nothing of the candidate."""


@dataclass(frozen=True, slots=True)
class StartJob:
    """Make the Job of an attempt, counted from 1."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Todo:
    """What to do: perhaps a Job to make or to remove, and how the status must read after it.

    Attributes:
        status: as it should be; equal to the present one when there is nothing to tell.
        start: a Job to make before the status is written.
        remove: Jobs that are no longer wanted.
        again: when to look again, by the clock alone.

    """

    status: EvaluationStatus
    start: StartJob | None = None
    remove: tuple[Job, ...] = ()
    again: datetime | None = None


def job_name(evaluation: str, attempt: int) -> str:
    """Name of an attempt's Job."""
    return f"{evaluation}-{attempt}"


def decide(
    evaluation: Evaluation,
    suite: Suite | None,
    jobs: Sequence[Job],
    container: Container | None,
    *,
    has_room: bool,
    now: datetime,
) -> Todo:
    """Decide about one evaluation.

    Args:
        evaluation: it.
        suite: its suite; none when there is no such thing.
        jobs: those of its Jobs that are there.
        container: how the newest Job's container stands; none when its pod is gone.
        has_room: whether another Job may be started now.
        now: an aware time.

    """
    status = evaluation.status
    if evaluation.finished:
        return _cleaned_up(evaluation, jobs, now)
    if suite is None:
        return _ended(status, jobs, ERROR, f"PromptSuite {evaluation.suite} does not exist", now)
    if evaluation.suite_digest not in ("", suite.digest):
        return _ended(status, jobs, ERROR, "the suite has changed since: this is void", now)
    if evaluation.evidence is not None:
        phase, message = weigh(suite, evaluation.evidence)
        done = replace(status, verdict=evaluation.evidence)
        return _ended(done, jobs, phase, message, now)
    if problem := job_template.problem(suite.job):
        text = f"no Job can be made of PromptSuite {suite.name}: {problem}"
        return _ended(status, jobs, ERROR, text, now)
    newest = max(jobs, key=lambda job: attempt_of(job), default=None)
    if newest is None and status.attempts == 0:
        return _started(evaluation, suite, has_room, now)
    if newest is None or attempt_of(newest) < status.attempts:
        return _again(evaluation, suite, jobs, "its Job was deleted", has_room, now)
    attempt = attempt_of(newest)
    stuck = container.stuck if container is not None else ""
    if newest.outcome and not stuck:
        stuck = status.message.partition(_STUCK)[2]  # its pod has been taken away since
    status = replace(
        status,
        phase=RUNNING,
        message=_progress(attempt, suite, stuck),
        job=newest.name,
        attempts=attempt,
        started=status.started or timestamp(newest.created),
    )
    evaluation = replace(evaluation, status=status)
    if not newest.outcome:
        return _waiting(status, suite, jobs, newest, container, now)
    if newest.reason == DEADLINE:
        return _late(status, suite, jobs, stuck, now)
    return _finished(evaluation, suite, jobs, newest, container, has_room, now)


def attempt_of(job: Job) -> int:
    """Which attempt a Job is; 0 when its name is none of ours."""
    number = job.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _progress(attempt: int, suite: Suite, stuck: str = "") -> str:
    return f"attempt {attempt} of {suite.retries + 1}" + (f"{_STUCK}{stuck}" if stuck else "")


def _started(evaluation: Evaluation, suite: Suite, has_room: bool, now: datetime) -> Todo:
    status = evaluation.status
    if not has_room:
        text = f"waits until fewer runs of {suite.name} are under way"
        return Todo(replace(status, phase=PENDING, message=text))
    attempt = status.attempts + 1
    running = replace(
        status,
        phase=RUNNING,
        message=_progress(attempt, suite),
        job=job_name(evaluation.name, attempt),
        attempts=attempt,
        started=status.started or timestamp(now),
    )
    return Todo(running, StartJob(attempt))


def _again(
    evaluation: Evaluation,
    suite: Suite,
    jobs: Sequence[Job],
    why: str,
    has_room: bool,
    now: datetime,
) -> Todo:
    if evaluation.status.attempts > suite.retries:
        text = f"{why}; {evaluation.status.attempts} attempts, no verdict"
        return _ended(evaluation.status, jobs, ERROR, text, now)
    return _started(evaluation, suite, has_room, now)


def _waiting(
    status: EvaluationStatus,
    suite: Suite,
    jobs: Sequence[Job],
    job: Job,
    container: Container | None,
    now: datetime,
) -> Todo:
    if container is not None and container.stuck in NEVER_STARTS:
        text = f"its container can't start: {container.stuck}: {container.message}"
        return _ended(status, jobs, ERROR, text, now)
    end = job.created + timedelta(seconds=suite.timeout) + GRACE
    if now >= end:
        return _late(status, suite, jobs, container.stuck if container else "", now)
    return Todo(status, again=end)


def _late(
    status: EvaluationStatus,
    suite: Suite,
    jobs: Sequence[Job],
    stuck: str,
    now: datetime,
) -> Todo:
    why = f": its container can't start: {stuck}" if stuck else ""
    return _ended(status, jobs, ERROR, f"no verdict in {suite.timeout} s{why}", now)


def _finished(
    evaluation: Evaluation,
    suite: Suite,
    jobs: Sequence[Job],
    job: Job,
    container: Container | None,
    has_room: bool,
    now: datetime,
) -> Todo:
    if container is None or container.exit_code is None:
        why = job.message or "its pod is gone"
        return _again(evaluation, suite, jobs, why, has_room, now)
    if container.reason in CLUSTER_FAULTS:
        return _again(evaluation, suite, jobs, container.reason, has_room, now)
    status = evaluation.status
    try:
        verdict = parse(container.message)
    except Unreadable as error:
        if container.exit_code != 0:
            text = f"exit code {container.exit_code}: {_last_words(container.message)}"
            return _ended(status, jobs, FAILED, text, now)
        return _ended(status, jobs, ERROR, str(error), now)
    whole = {m.prompt for m in evaluation.candidate} <= {m.prompt for m in evaluation.baseline}
    phase, message = weigh(suite, verdict, container.exit_code, has_baseline=whole)
    return _ended(replace(status, verdict=verdict), jobs, phase, message, now)


def _last_words(log: str) -> str:
    """How a log ends: what went wrong is told there, after all that led to it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1][-LAST_WORDS:] if lines else ""


def _ended(
    status: EvaluationStatus, jobs: Sequence[Job], phase: str, message: str, now: datetime
) -> Todo:
    unfinished = tuple(job for job in jobs if not job.outcome)
    ended = replace(status, phase=phase, message=message[:1024], ended=timestamp(now))
    return Todo(ended, remove=unfinished, again=now + KEPT if jobs else None)


def _cleaned_up(evaluation: Evaluation, jobs: Sequence[Job], now: datetime) -> Todo:
    due = moment(evaluation.status.ended) + KEPT
    leaving = tuple(job for job in jobs if now >= due or not job.outcome)
    again = due if len(leaving) < len(jobs) else None
    return Todo(evaluation.status, remove=leaving, again=again)
