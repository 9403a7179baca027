"""PromptEvaluation: one run of a suite, and its verdict."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from promptrelease.api._base import (
    DnsLabel,
    ExactDigest,
    Identity,
    Model,
    ObjectMeta,
    Timestamp,
    VersionNumber,
    cel,
)
from promptrelease.api.promptsuite import Score

MAX_MEMBERS = 256

MAX_CASES = 64

FINISHED = ("Passed", "Failed", "Error")

Count = Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})]


class Member(Model):
    """One prompt of a set, with the exact content that it had."""

    prompt: DnsLabel
    """The prompt."""
    version: VersionNumber
    """Its version."""
    digest: ExactDigest
    """Digest of its content."""


Members = Annotated[
    list[Member],
    Field(
        max_length=MAX_MEMBERS,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["prompt"],
        },
    ),
]


class Counts(Model):
    """How many cases there were."""

    total: Count | None = None
    """Cases."""
    passed: Count | None = None
    """Those that passed."""
    failed: Count | None = None
    """Those that did not."""


class Case(Model):
    """One case of a suite, as it went for the candidate and for the baseline."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """By which people know it."""
    passed: bool | None = None
    """Whether the candidate passed it."""
    score: Score | None = None
    """How good the candidate was at it."""
    baseline_passed: bool | None = None
    """Whether the baseline passed it."""
    baseline_score: Score | None = None
    """How good the baseline was at it, by the same measure."""
    text: Annotated[str, Field(max_length=256)] | None = None
    """The finding, in a few words."""


class Verdict(Model):
    """What an evaluation found out."""

    score: Score | None = None
    """How good the candidate is; more is better."""
    baseline_score: Score | None = None
    """How good the baseline is, by the same measure."""
    difference: Score | None = None
    """The candidate's score less the baseline's."""
    passed: bool | None = None
    """What the evaluation itself says."""
    counts: Counts | None = None
    """How many cases there were."""
    text: Annotated[str, Field(max_length=1024)] | None = None
    """The finding, in a few words."""
    link: Annotated[str, Field(max_length=2048)] | None = None
    """Where there is more to read."""
    cases: (
        Annotated[
            list[Case],
            Field(max_length=MAX_CASES, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Case by case; those that matter most where there are more."""


class PromptEvaluationSpec(Model):
    """What was judged, and by which suite. Nothing of it can be changed."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("self == oldSelf", "an evaluation can't be changed: create another one"),
        )
    )

    suite: DnsLabel
    """The PromptSuite."""
    suite_digest: ExactDigest | None = None
    """Digest of the suite's spec: another suite asks another question. Absent in evidence from
    outside, which knows its suite by name."""
    candidate: Members
    """What was judged."""
    baseline: Members | None = None
    """What it was compared with."""
    by: Identity | None = None
    """Who vouches for the verdict, where somebody else than the operator does. Stamped by admission
    where that is installed."""
    verdict: Verdict | None = None
    """Evidence from outside: the verdict. Without it, the operator runs the suite's Job."""


class PromptEvaluationStatus(Model):
    """How far it is. Once there is a verdict, it stays."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(oldSelf.phase) || !(oldSelf.phase in ['Passed', 'Failed', 'Error']) || "
                "self == oldSelf",
                "a finished evaluation can't be changed; delete it to have it run again",
            ),
        )
    )

    phase: Literal["Pending", "Running", "Passed", "Failed", "Error"] | None = None
    """Passed and Failed are verdicts. Error: there is none, and the message says why."""
    message: Annotated[str, Field(max_length=1024)] | None = None
    """In words."""
    job: Annotated[str, Field(max_length=63)] | None = None
    """The Job of the last attempt."""
    attempts: Count | None = None
    """How many Jobs it took so far."""
    started_at: Timestamp | None = None
    """When the first Job was made."""
    finished_at: Timestamp | None = None
    """When the verdict was in."""
    verdict: Verdict | None = None
    """The verdict."""


class PromptEvaluation(Model):
    """One run of a suite on exact contents, and its verdict."""

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptEvaluation"] = "PromptEvaluation"
    metadata: ObjectMeta
    spec: PromptEvaluationSpec
    """What was judged."""
    status: PromptEvaluationStatus | None = None
    """Written by the operator."""
