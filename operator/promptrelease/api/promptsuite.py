"""PromptSuite: an evaluation that can be repeated."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptrelease.api._base import DnsLabel, Model, ObjectMeta, cel
from promptrelease.api.promptrelease import LATEST

MAX_JUDGED = 64
NAME = 40
"""Characters of a suite's name: names of evaluations, Jobs and pods are made from it."""

Score = Annotated[float, Field(ge=-1e9, le=1e9)]


class JobTemplate(Model):
    """A Job as Kubernetes knows it: metadata and spec. The API server judges it when it is run."""

    metadata: Annotated[dict[str, Any], Field(max_length=8)] | None = None
    """Labels and annotations for the Job."""
    spec: Annotated[
        dict[str, Any],
        Field(
            max_length=32,
            json_schema_extra={"required": ["template"]},
        ),
    ]
    """A Job's spec; its template is the pod that runs the evaluation."""


class PassRule(Model):
    """When a verdict is good enough; all of it must hold."""

    min_score: Score | None = None
    """The score must be at least this. Absent: the verdict's own passed decides, or, where the Job
    writes no verdict at all, its exit code."""
    max_drop: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """The score may be this much below the baseline's, which the verdict must tell."""


class PromptSuiteSpec(Model):
    """What is judged, how, and when that is good enough."""

    prompts: Annotated[
        list[DnsLabel],
        Field(
            min_length=1, max_length=MAX_JUDGED, json_schema_extra={"x-kubernetes-list-type": "set"}
        ),
    ]
    """The prompts that it judges. It gets these and everything upstream of them."""
    job: JobTemplate
    """A Job template: metadata and spec."""
    pass_: Annotated[PassRule | None, Field(alias="pass")] = None
    """When a verdict is good enough."""
    baseline: DnsLabel = "production"
    """The label whose versions are mounted beside the candidates, to compare with."""
    evaluate_on: (
        Annotated[
            list[DnsLabel],
            Field(
                max_length=16,
                json_schema_extra={"x-kubernetes-list-type": "set"}
                | cel((f"!('{LATEST}' in self)", "name labels that people move, not latest")),
            ),
        ]
        | None
    ) = None
    """Labels whose moves start it at once, so that a later promotion finds the verdict ready."""
    timeout_seconds: Annotated[
        int, Field(ge=1, le=86400, json_schema_extra={"format": "int32"})
    ] = 600
    """How long one run may take, from the creation of its Job."""
    retries: Annotated[int, Field(ge=0, le=10, json_schema_extra={"format": "int32"})] = 2
    """How often a run is tried again when the cluster failed it. A bad verdict is a verdict."""
    parallel: Annotated[int, Field(ge=1, le=100, json_schema_extra={"format": "int32"})] = 2
    """How many runs of it may be under way at once."""
    accept_evidence: bool = False
    """Whether a PromptEvaluation that somebody else has made, such as a CI system, counts."""


class PromptSuite(Model):
    """An evaluation that can be repeated: a Job, what it is given, and when its verdict is good."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (f"size(self.metadata.name) <= {NAME}", f"the name has at most {NAME} characters"),
            (
                "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
                "the name holds lower-case letters, digits and dashes, and no dots",
            ),
        )
    )

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptSuite"] = "PromptSuite"
    metadata: ObjectMeta
    spec: PromptSuiteSpec
    """What is judged, how, and when that is good enough."""
