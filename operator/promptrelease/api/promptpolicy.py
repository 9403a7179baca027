"""PromptPolicy: what a label demands before it moves, and which old versions may go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from promptrelease.api._base import (
    DnsLabel,
    Model,
    ObjectMeta,
    Timestamp,
    cel,
)
from promptrelease.api.promptrelease import LATEST

MAX_NAMES = 256
YEAR = 366 * 24 * 3600

SUITE = r"^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$"
"""A PromptSuite's name, or all of them."""

Seconds = Annotated[int, Field(ge=0, le=YEAR, json_schema_extra={"format": "int32"})]


class ServedFrom(Model):
    """Where the exact candidate must have been served before, and how long."""

    label: DnsLabel
    """The label that must have served it."""
    seconds: Seconds = 0
    """How long, without a break. 0: it must have been there at all."""


class Approvals(Model):
    """Whose consent a move needs."""

    count: Annotated[int, Field(ge=1, le=16, json_schema_extra={"format": "int32"})] = 1
    """How many people must approve."""
    not_by: (
        Annotated[
            list[Literal["mover", "author"]],
            Field(max_length=2, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Whose approval does not count: mover and author, unless this says otherwise. An empty list:
    everybody's counts."""


class Require(Model):
    """What must hold before a label moves; all of it."""

    from_: Annotated[ServedFrom | None, Field(alias="from")] = None
    """The exact version must have been served under another label first."""
    approvals: Approvals | None = None
    """People must have approved the exact content."""
    evaluations: (
        Annotated[
            list[Annotated[str, Field(pattern=SUITE, max_length=63)]],
            Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """PromptSuites that must have passed for exactly the combination that would be served: those
    of them that judge the prompt, or any prompt downstream of it. '*' names all."""


class Freeze(Model):
    """A time in which nothing moves."""

    model_config = ConfigDict(
        json_schema_extra=cel(("self.end > self.start", "a freeze ends after it starts"))
    )

    start: Timestamp
    """First moment of it, as in 2026-12-23T00:00:00Z."""
    end: Timestamp
    """First moment after it."""
    reason: Annotated[str, Field(min_length=1, max_length=256)]
    """Why, for the people who have to wait."""


class Retention(Model):
    """Which versions may be deleted: those that nothing needs, beyond both limits."""

    keep: Annotated[int, Field(ge=1, le=10000, json_schema_extra={"format": "int32"})] = 20
    """So many of a prompt's highest versions stay in any case."""
    older_than_days: Annotated[
        int, Field(ge=0, le=36500, json_schema_extra={"format": "int32"})
    ] = 90
    """A younger version stays in any case."""
    dry_run: bool = True
    """Only tell, in the release's status, what would be deleted. Set it to false to delete."""


class PromptPolicySpec(Model):
    """Which moves it is about, and what they need. Policies that match the same move add up."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                f"!has(self.labels) || !('{LATEST}' in self.labels)",
                "latest follows the highest version by itself: no policy can hold it",
            ),
        )
    )

    prompts: (
        Annotated[
            list[DnsLabel],
            Field(
                min_length=1,
                max_length=MAX_NAMES,
                json_schema_extra={"x-kubernetes-list-type": "set"},
            ),
        ]
        | None
    ) = None
    """Prompts that it is for; every prompt of the namespace when absent."""
    labels: (
        Annotated[
            list[DnsLabel],
            Field(min_length=1, max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Labels that it is for; every label but latest when absent."""
    require: Require | None = None
    """What must hold before a label moves."""
    rollback: Literal["immediate", "gated"] = "immediate"
    """Whether a return to what the label has served before must pass this policy, too."""
    freeze: (
        Annotated[
            list[Freeze],
            Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Times in which nothing moves, except back."""
    retention: Retention | None = None
    """Which versions may be deleted; none unless this is set."""


class PromptPolicy(Model):
    """What a label demands. Written by the platform team, kept by the operator for every writer."""

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptPolicy"] = "PromptPolicy"
    metadata: ObjectMeta
    spec: PromptPolicySpec
    """What it is about, and what it demands."""
