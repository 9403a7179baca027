"""Suites, what they are asked, and what they found out, as plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

PASSED, FAILED, ERROR = "Passed", "Failed", "Error"
PENDING, RUNNING = "Pending", "Running"
FINISHED = frozenset({PASSED, FAILED, ERROR})

ALL = "*"
"""Stands for every suite, where a policy names suites."""


@dataclass(frozen=True, slots=True)
class Member:
    """A prompt with the exact content that it has in a set; ``consumes`` is part of the content."""

    prompt: str
    version: int
    digest: str
    consumes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Suite:
    """A PromptSuite.

    Attributes:
        digest: of all that makes it another question.
        job: the Job template, as written.
        min_score: none where any score will do.
        max_drop: none where the baseline does not matter.

    """

    name: str
    uid: str
    resource_version: str
    prompts: frozenset[str]
    digest: str
    job: Mapping[str, Any] = field(repr=False, compare=False)
    min_score: float | None = None
    max_drop: float | None = None
    baseline: str = "production"
    evaluate_on: frozenset[str] = frozenset()
    timeout: int = 600
    retries: int = 2
    parallel: int = 2
    accepts_evidence: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a suite; what was not told is none or empty."""

    name: str
    passed: bool | None = None
    score: float | None = None
    baseline_passed: bool | None = None
    baseline_score: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out; absent parts are none or empty.

    Attributes:
        cases: for people alone: nothing is decided by them, and of what the cluster holds they are
            not read again.

    """

    score: float | None = None
    baseline_score: float | None = None
    passed: bool | None = None
    counts: tuple[tuple[str, int], ...] = ()
    text: str = ""
    link: str = ""
    cases: tuple[Case, ...] = field(default=(), compare=False)

    @property
    def difference(self) -> float | None:
        """How much better the candidate is; negative when it is worse."""
        if self.score is None or self.baseline_score is None:
            return None
        return self.score - self.baseline_score


@dataclass(frozen=True, slots=True)
class EvaluationStatus:
    """What a PromptEvaluation's status says; times are RFC 3339."""

    phase: str = ""
    message: str = ""
    job: str = ""
    attempts: int = 0
    started: str = ""
    ended: str = ""
    verdict: Verdict | None = None

    @property
    def finished(self) -> bool:
        """Whether there is a verdict, or the certainty that there will be none."""
        return self.phase in FINISHED


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A PromptEvaluation.

    Attributes:
        by: who vouches for it; empty for the operator's own.
        evidence: the verdict that they brought along; none for the operator's own.

    """

    name: str
    uid: str
    resource_version: str
    suite: str
    suite_digest: str
    candidate: tuple[Member, ...]
    baseline: tuple[Member, ...] = ()
    by: str = ""
    evidence: Verdict | None = None
    status: EvaluationStatus = EvaluationStatus()

    @property
    def finished(self) -> bool:
        """Whether there is a verdict, or the certainty that there will be none."""
        return self.status.finished


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a set of contents is good enough for a suite; members are sorted by prompt."""

    suite: Suite
    candidate: tuple[Member, ...]
    baseline: tuple[Member, ...]

    @property
    def name(self) -> str:
        """Name of the evaluation that answers it: the same question has the same name."""
        return f"{self.suite.name}-{self.key[:12]}"

    @property
    def key(self) -> str:
        """sha256, in hex, of the suite and the digests of all that it is given."""
        return hashed(
            [
                self.suite.name,
                self.suite.digest,
                [[member.prompt, member.digest] for member in self.candidate],
                [[member.prompt, member.digest] for member in self.baseline],
            ]
        )

    def is_answered_by(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation is about this: our own by all that it was given, others' less so.

        Of our own, the baseline may have moved to what was judged: of several that move together
        one is the first, and a promoted combination need not be compared with itself.
        """
        if evaluation.suite != self.suite.name or not same(evaluation.candidate, self.candidate):
            return False
        if evaluation.evidence is not None:
            digests = ("", self.suite.digest)
            return self.suite.accepts_evidence and evaluation.suite_digest in digests
        asked = replace(self, candidate=evaluation.candidate, baseline=evaluation.baseline)
        if evaluation.name != asked.name:
            return False
        was, now, judged = map(_digests, (asked.baseline, self.baseline, self.candidate))
        return all(now.get(p) in (was.get(p), digest) for p, digest in judged.items())


@dataclass(frozen=True, slots=True)
class Proposal:
    """A move that waits.

    Attributes:
        ready: whether nothing but evaluations holds it back.
        suites: that its policies ask for; ``*`` stands for all.

    """

    member: Member
    ready: bool
    suites: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bench:
    """The suites of a namespace and what they have found out, by the suite's name."""

    suites: Mapping[str, Suite] = field(default_factory=dict)
    evaluations: Mapping[str, Collection[Evaluation]] = field(default_factory=dict)

    def answers(self, question: Question) -> list[Evaluation]:
        """Evaluations that are about a question.

        Finished ones first, our own before others', and among those the one made for it.
        """
        found = [
            evaluation
            for evaluation in self.evaluations.get(question.suite.name, ())
            if question.is_answered_by(evaluation)
        ]
        return sorted(
            found,
            key=lambda e: (
                not e.finished,
                e.evidence is not None,
                e.name != question.name,
                e.name,
            ),
        )


def same(one: Iterable[Member], other: Iterable[Member]) -> bool:
    """Whether two sets hold the same contents, whatever their versions are called."""
    return _digests(one) == _digests(other)


def _digests(members: Iterable[Member]) -> dict[str, str]:
    return {member.prompt: member.digest for member in members}


def hashed(value: Any) -> str:
    """sha256 of plain JSON, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Job:
    """A Job of ours.

    Attributes:
        owner: UID of the evaluation that it was made for.
        evaluation: its name.
        outcome: empty while it runs, else Complete or Failed.
        reason: of a failure, in the Job controller's word.

    """

    name: str
    uid: str
    owner: str
    evaluation: str
    suite: str
    created: datetime
    outcome: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """How the container that bears the verdict stands or ended.

    Attributes:
        exit_code: none while it has not ended, or nobody knows how.
        stuck: why it can't be started; empty when it can.

    """

    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    stuck: str = ""
