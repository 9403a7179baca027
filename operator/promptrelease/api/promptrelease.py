"""PromptRelease: the movable labels of one prompt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from promptrelease.api._base import (
    DNS_LABEL,
    Conditions,
    Digest,
    Identity,
    Model,
    ObjectMeta,
    Reason,
    Timestamp,
    VersionNumber,
    cel,
)

LATEST = "latest"
MAX_LABELS = 16
MAX_SERVED = 10

MAX_APPROVALS = 64
MAX_EVALUATIONS = 64

Evaluations = Annotated[
    list[Annotated[str, Field(max_length=253)]],
    Field(max_length=MAX_EVALUATIONS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]

ChangeKind = Literal["Promotion", "Rollback", "Follow", "Withdrawal"]


class LabelSpec(Model):
    """Where a label shall point, and why."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.version == oldSelf.version || self.reason != oldSelf.reason",
                "a move needs a new reason: say why this label moves",
            ),
            (
                # One that was left from the move before says nothing about the way back.
                "!has(self.from) || self.version == oldSelf.version || "
                "self.from == self.version || self.from == oldSelf.version",
                "from names another version than the label has now: somebody has moved it "
                "meanwhile; look at it again, or leave from out (from: null in a patch)",
            ),
        )
    )

    version: VersionNumber
    """The version to serve. Promotion and rollback are edits of this number."""
    reason: Annotated[
        Reason,
        Field(
            json_schema_extra=cel(
                ("self.matches('[^ \\t\\r\\n]')", "say why this label moves: reason is blank")
            )
        ),
    ]
    """Why it was moved there; a move needs a new one."""
    from_: Annotated[VersionNumber | None, Field(alias="from")] = None
    """The version that you want it moved away from: if something else is served by then, the move
    is refused. What equals version is ignored."""
    by: Identity | None = None
    """Who moved it, stamped by admission where that is installed."""


Labels = Annotated[
    dict[str, LabelSpec],
    Field(
        max_length=MAX_LABELS,
        json_schema_extra=cel(
            (
                f"!('{LATEST}' in self)",
                "latest can't be set: it follows the highest version number by itself",
            ),
            (
                f"self.all(name, name.matches('{DNS_LABEL}'))",
                "a label's name holds lower-case letters, digits and dashes, begins and ends "
                "with a letter or digit, and has at most 63 characters",
            ),
        ),
    ),
]


class PromptReleaseSpec(Model):
    """What shall be served."""

    labels: Labels | None = None
    """Label to version. A workload mounts the ConfigMap <release>.<label>."""


class Pending(Model):
    """A move that was asked for and is held back; what is served stays."""

    version: VersionNumber
    """The version that was asked for."""
    digest: Digest | None = None
    """Digest of the content that was asked for: what an approval must name."""
    waiting_for: Annotated[
        list[Annotated[str, Field(max_length=1024)]],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """What must happen first, in words."""


class FixedContainer(Model):
    """A container that shows the old content until it is restarted."""

    pod: Annotated[str, Field(max_length=253)]
    """Its pod."""
    container: Annotated[str, Field(max_length=63)]
    """Its name."""
    reason: Annotated[str, Field(max_length=63)]
    """How it takes the ConfigMap in: by subPath, or as environment variables."""


class Consumers(Model):
    """Who took this content in when it was moved."""

    revision: Annotated[int, Field(ge=1, json_schema_extra={"format": "int64"})]
    """The move that this was found out for."""
    pods: Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})] = 0
    """Running pods with the label promptrelease.dev/refresh=true that use the ConfigMap."""
    refreshed: Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})] = 0
    """How many of them were told, so that their files change at once."""
    never: (
        Annotated[
            list[FixedContainer],
            Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Containers that can't follow while they run."""
    message: Annotated[str, Field(max_length=1024)] | None = None
    """What kept pods from being told."""


class Consent(Model):
    """An approval that a move passed on."""

    name: Annotated[str, Field(max_length=253)]
    """The PromptApproval."""
    by: Identity | None = None
    """Who approved."""


class Retirement(Model):
    """Versions that nothing needs any more, as policies with a retention see it."""

    would_delete: Annotated[int, Field(ge=0, json_schema_extra={"format": "int32"})]
    """How many a policy would delete, were it not a dry run."""
    versions: Annotated[
        list[VersionNumber],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """The lowest of them."""


class ServedLabel(Model):
    """What a label serves now."""

    version: VersionNumber | None = None
    """The version that is served."""
    digest: Digest | None = None
    """Digest of the content that is served."""
    revision: Annotated[int, Field(ge=1, json_schema_extra={"format": "int64"})] | None = None
    """Number of the move that brought it here, counted over all labels of this release."""
    since: Timestamp | None = None
    """When it was moved."""
    reason: Annotated[str, Field(max_length=1024)] | None = None
    """Why it was moved."""
    by: Identity | None = None
    """Who moved it."""
    kind: ChangeKind | None = None
    """What kind of move it was."""
    from_: Annotated[VersionNumber | None, Field(alias="from")] = None
    """The version that was served before."""
    approvals: (
        Annotated[
            list[Consent],
            Field(max_length=MAX_APPROVALS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Approvals that the move passed on."""
    evaluations: Evaluations | None = None
    """PromptEvaluations that the move passed on."""
    break_glass: Annotated[str, Field(max_length=1024)] | None = None
    """Why the gates were skipped, when they were."""
    config_map: Annotated[str, Field(max_length=253)] | None = None
    """The ConfigMap to mount."""
    checksum: Digest | None = None
    """sha256 of the ConfigMap's files: anything else there is drift, and is repaired."""
    pending: Pending | None = None
    """A move that is held back."""
    consumers: Consumers | None = None
    """Which pods use it, and whether they were told of the move."""


class PromptReleaseStatus(Model):
    """What is served, and what keeps the rest from being served."""

    observed_generation: (
        Annotated[int, Field(ge=-1, json_schema_extra={"format": "int64"})] | None
    ) = None
    """The generation of the spec that this was said of; -1 before anything was said."""
    revision: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """The highest revision given out so far."""
    labels: Annotated[dict[str, ServedLabel], Field(max_length=MAX_LABELS + 1)] | None = None
    """What each label serves, latest included."""
    served: (
        Annotated[
            dict[
                str,
                Annotated[
                    list[VersionNumber],
                    Field(
                        max_length=MAX_SERVED,
                        json_schema_extra={"x-kubernetes-list-type": "atomic"},
                    ),
                ],
            ],
            Field(max_length=MAX_LABELS + 1),
        ]
        | None
    ) = None
    """Versions that each label has served, newest first: what a rollback may return to."""
    retention: Retirement | None = None
    """What a policy's retention would delete; absent when nothing, or when it is no dry run."""
    conditions: Conditions | None = None
    """Ready, Reconciling and Stalled, as kstatus defines them."""


class PromptRelease(Model):
    """The movable labels of one prompt; its name is the prompt's name."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                f"self.metadata.name.matches('{DNS_LABEL}')",
                "a release has its prompt's name: lower-case letters, digits and dashes, "
                "no dots, at most 63 characters",
            ),
        )
    )

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptRelease"] = "PromptRelease"
    metadata: ObjectMeta
    spec: PromptReleaseSpec
    """Which version each label shall serve."""
    # Else kstatus, and with it Flux, takes a release that nobody has looked at yet for done.
    status: Annotated[
        PromptReleaseStatus | None,
        Field(json_schema_extra={"x-default": {"observedGeneration": -1}}),
    ] = None
    """Written by the operator."""
