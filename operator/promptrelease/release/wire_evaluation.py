"""Between the API's JSON and the plain values of suites, evaluations and their Jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from promptrelease.api import API_VERSION
from promptrelease.release import job_template
from promptrelease.release.evaluation import (
    Case,
    Container,
    Evaluation,
    EvaluationStatus,
    Job,
    Member,
    Question,
    Suite,
    Verdict,
    hashed,
)
from promptrelease.release.run import DEADLINE
from promptrelease.release.times import moment
from promptrelease.release.verdict import LARGEST

Json = Mapping[str, Any]

EVALUATION_LABEL = "promptrelease.dev/evaluation"
SUITE_LABEL = "promptrelease.dev/suite"


def suite(obj: Json) -> Suite:
    """A PromptSuite, with the defaults of what it leaves out."""
    meta, spec = obj["metadata"], obj["spec"]
    rule = spec.get("pass") or {}
    baseline = spec.get("baseline", "production")
    job = job_template.bounded(spec["job"])
    asked = [sorted(spec["prompts"]), job, rule, baseline]
    return Suite(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        prompts=frozenset(spec["prompts"]),
        digest=f"sha256:{hashed(asked)}",
        job=job,
        min_score=rule.get("minScore"),
        max_drop=rule.get("maxDrop"),
        baseline=baseline,
        evaluate_on=frozenset(spec.get("evaluateOn") or ()),
        timeout=spec.get("timeoutSeconds", 600),
        retries=spec.get("retries", 2),
        parallel=spec.get("parallel", 2),
        accepts_evidence=spec.get("acceptEvidence", False),
    )


def evaluation(obj: Json) -> Evaluation:
    """A PromptEvaluation."""
    meta, spec = obj["metadata"], obj["spec"]
    return Evaluation(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        suite=spec["suite"],
        suite_digest=spec.get("suiteDigest", ""),
        candidate=_members(spec["candidate"]),
        baseline=_members(spec.get("baseline") or ()),
        by=spec.get("by", ""),
        evidence=_verdict(spec["verdict"]) if spec.get("verdict") is not None else None,
        status=_status(obj.get("status") or {}),
    )


def evaluation_manifest(namespace: str, question: Question) -> dict[str, Any]:
    """The PromptEvaluation to create for a question. It goes with its suite."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptEvaluation",
        "metadata": {
            "name": question.name,
            "namespace": namespace,
            "labels": {SUITE_LABEL: question.suite.name},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "PromptSuite",
                    "name": question.suite.name,
                    "uid": question.suite.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "suite": question.suite.name,
            "suiteDigest": question.suite.digest,
            "candidate": [_member(member) for member in question.candidate],
            "baseline": [_member(member) for member in question.baseline],
        },
    }


def status_manifest(status: EvaluationStatus) -> dict[str, Any]:
    """The status of a PromptEvaluation, as the API writes it."""
    result: dict[str, Any] = {
        "phase": status.phase,
        "message": status.message,
        "job": status.job,
        "attempts": status.attempts,
        "startedAt": status.started,
        "finishedAt": status.ended,
    }
    if status.verdict is not None:
        result["verdict"] = _verdict_manifest(status.verdict)
    return {field: value for field, value in result.items() if value}


def job(obj: Json) -> Job:
    """A Job of ours."""
    meta = obj["metadata"]
    outcome = reason = message = ""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        kind, why = condition["type"], condition.get("reason", "")
        # A Job that is too late has failed for us before its pod is gone, which may never be.
        late = kind == "FailureTarget" and why == DEADLINE
        if (late or kind in ("Complete", "Failed")) and condition["status"] == "True":
            outcome = "Failed" if late else kind
            reason, message = why, condition.get("message", "")
    return Job(
        name=meta["name"],
        uid=meta["uid"],
        owner=next(
            (o["uid"] for o in meta.get("ownerReferences") or () if o.get("controller")), ""
        ),
        evaluation=(meta.get("labels") or {}).get(EVALUATION_LABEL, ""),
        suite=(meta.get("labels") or {}).get(SUITE_LABEL, ""),
        created=moment(meta["creationTimestamp"]),
        outcome=outcome,
        reason=reason,
        message=message,
    )


def container(pods: Iterable[Json]) -> Container | None:
    """How the first container of a Job's newest pod stands; none when there is no pod."""
    newest = max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], default=None)
    if newest is None:
        return None
    status = newest.get("status") or {}
    name = newest["spec"]["containers"][0]["name"]
    statuses = [
        *(status.get("containerStatuses") or ()),
        *(status.get("initContainerStatuses") or ()),
    ]
    stuck = message = ""
    for one in statuses:
        waiting = (one.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            stuck, message = waiting["reason"], waiting.get("message", "")
    for one in statuses:
        ended = (one.get("state") or {}).get("terminated")
        if one["name"] == name and ended:
            return Container(ended["exitCode"], ended.get("reason", ""), ended.get("message", ""))
    return Container(stuck=stuck, message=message)


def _members(members: Iterable[Json]) -> tuple[Member, ...]:
    found = (Member(m["prompt"], m["version"], m["digest"]) for m in members)
    return tuple(sorted(found, key=lambda member: member.prompt))


def _member(member: Member) -> dict[str, Any]:
    return {"prompt": member.prompt, "version": member.version, "digest": member.digest}


def _status(status: Json) -> EvaluationStatus:
    return EvaluationStatus(
        phase=status.get("phase", ""),
        message=status.get("message", ""),
        job=status.get("job", ""),
        attempts=status.get("attempts", 0),
        started=status.get("startedAt", ""),
        ended=status.get("finishedAt", ""),
        verdict=_verdict(status["verdict"]) if "verdict" in status else None,
    )


def _verdict(verdict: Json) -> Verdict:
    counts = verdict.get("counts") or {}
    return Verdict(
        score=verdict.get("score"),
        baseline_score=verdict.get("baselineScore"),
        passed=verdict.get("passed"),
        counts=tuple(
            (name, counts[name]) for name in ("total", "passed", "failed") if name in counts
        ),
        text=verdict.get("text", ""),
        link=verdict.get("link", ""),
    )


def _bounded(difference: float) -> float:
    """Of two scores from the far ends, as far as a status can say it."""
    return max(-LARGEST, min(LARGEST, round(difference, 9)))


def _verdict_manifest(verdict: Verdict) -> dict[str, Any]:
    result: dict[str, Any] = {
        "score": verdict.score,
        "baselineScore": verdict.baseline_score,
        "difference": None if verdict.difference is None else _bounded(verdict.difference),
        "passed": verdict.passed,
        "counts": dict(verdict.counts) or None,
        "text": verdict.text or None,
        "link": verdict.link or None,
        "cases": [_case_manifest(case) for case in verdict.cases] or None,
    }
    return {field: value for field, value in result.items() if value is not None}


def _case_manifest(case: Case) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": case.name,
        "passed": case.passed,
        "score": case.score,
        "baselinePassed": case.baseline_passed,
        "baselineScore": case.baseline_score,
        "text": case.text or None,
    }
    return {field: value for field, value in result.items() if value is not None}
