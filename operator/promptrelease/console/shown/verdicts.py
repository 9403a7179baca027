"""Evaluations for people: the candidate beside what it was compared with, case by case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptrelease.release import wire_evaluation
from promptrelease.release.evaluation import FINISHED, Evaluation, EvaluationStatus, Verdict
from promptrelease.release.times import moment

Json = Mapping[str, Any]

SAID = {
    "": "waiting",
    "Pending": "waiting",
    "Running": "running",
    "Passed": "passed",
    "Failed": "failed",
    "Error": "no verdict",
}
STYLES = {"Passed": "ok", "Failed": "bad", "Error": "bad"}


@dataclass(frozen=True)
class Result:
    """How one side did in a case; what is none was not told."""

    passed: bool | None = None
    score: float | None = None

    @property
    def said(self) -> str:
        """In words; empty where nothing was told."""
        word = {True: "passed", False: "failed", None: ""}[self.passed]
        score = "" if self.score is None else f"{self.score:g}"
        return f"{word}, {score}" if word and score else word or score

    @property
    def style(self) -> str:
        """Class of its chip."""
        return {True: "ok", False: "bad", None: "muted"}[self.passed]


@dataclass(frozen=True)
class Case:
    """A case of a suite: ``text`` says what was found."""

    name: str
    candidate: Result
    baseline: Result
    text: str = ""

    @property
    def change(self) -> str:
        """What is other than before: ``better``, ``worse``, or nothing."""
        now, before = _rank(self.candidate), _rank(self.baseline)
        if now is None or before is None or now == before:
            return ""
        return "better" if now > before else "worse"


@dataclass(frozen=True)
class Pair:
    """A prompt that was judged, and the version that it was compared with."""

    prompt: str
    version: int
    digest: str
    baseline: int | None = None
    same: bool = False


@dataclass(frozen=True)
class Shown:
    """An evaluation.

    Attributes:
        outside: whether somebody else than the operator made it.
        cases: worse ones first, then failed ones.
        seconds: that it took; none where that is not known.

    """

    name: str
    suite: str
    said: str
    style: str
    message: str
    by: str
    outside: bool
    status: EvaluationStatus
    verdict: Verdict
    members: tuple[Pair, ...]
    cases: tuple[Case, ...]
    created: str
    seconds: int | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more is going to happen."""
        return self.status.phase in FINISHED

    @property
    def compared(self) -> bool:
        """Whether there was anything to compare with."""
        return self.verdict.baseline_score is not None or any(
            member.baseline is not None for member in self.members
        )

    @property
    def link(self) -> str:
        """Where there is more to read; empty where that is no web address."""
        link = self.verdict.link
        return link if link.lower().startswith(("https://", "http://")) else ""

    @property
    def counts(self) -> Mapping[str, int]:
        """``total``, ``passed`` and ``failed``, as far as they were told."""
        return dict(self.verdict.counts)


def shown(raw: Json) -> Shown:
    """A PromptEvaluation."""
    found = wire_evaluation.evaluation(raw)
    status = found.status
    told = status.verdict or found.evidence or Verdict()
    return Shown(
        name=found.name,
        suite=found.suite,
        said=SAID.get(status.phase, status.phase),
        style=STYLES.get(status.phase, "wait"),
        message=status.message,
        by=found.by,
        outside=found.evidence is not None,
        status=status,
        verdict=told,
        members=_pairs(found),
        cases=cases(raw),
        created=raw["metadata"].get("creationTimestamp", ""),
        seconds=_seconds(status),
    )


def cases(raw: Json) -> tuple[Case, ...]:
    """The cases of a verdict, where the suite gave them; what got worse comes first."""
    status = raw.get("status") or {}
    both = [status.get("verdict") or {}, raw["spec"].get("verdict") or {}]
    told = next((verdict["cases"] for verdict in both if verdict.get("cases")), ())
    found = [
        Case(
            name=str(one.get("name", "")),
            candidate=Result(one.get("passed"), one.get("score")),
            baseline=Result(one.get("baselinePassed"), one.get("baselineScore")),
            text=str(one.get("text", "")),
        )
        for one in told
    ]
    urgency = {"worse": 0, "": 2, "better": 3}
    return tuple(
        sorted(
            found,
            key=lambda case: (
                1 if case.candidate.passed is False and not case.change else urgency[case.change]
            ),
        )
    )


def about(raws: Iterable[Json], prompt: str, digests: Sequence[str] = ()) -> list[Shown]:
    """Evaluations in which a prompt was judged, newest first.

    Args:
        raws: PromptEvaluations of a namespace.
        prompt: whose.
        digests: of its contents; all when none is given.

    """
    found = [
        raw
        for raw in raws
        if any(
            member["prompt"] == prompt and (not digests or member["digest"] in digests)
            for member in raw["spec"]["candidate"]
        )
    ]
    found.sort(
        key=lambda raw: (raw["metadata"].get("creationTimestamp", ""), raw["metadata"]["name"]),
        reverse=True,
    )
    return [shown(raw) for raw in found]


def _pairs(found: Evaluation) -> tuple[Pair, ...]:
    before = {member.prompt: member for member in found.baseline}
    return tuple(
        Pair(
            member.prompt,
            member.version,
            member.digest,
            before[member.prompt].version if member.prompt in before else None,
            member.prompt in before and before[member.prompt].digest == member.digest,
        )
        for member in found.candidate
    )


def _seconds(status: EvaluationStatus) -> int | None:
    if not status.started or not status.ended:
        return None
    return max(0, int((moment(status.ended) - moment(status.started)).total_seconds()))


def _rank(result: Result) -> tuple[bool, float] | None:
    if result.passed is None and result.score is None:
        return None
    return bool(result.passed), result.score or 0.0
