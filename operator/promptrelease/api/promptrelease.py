"""PromptRelease: the movable labels of one prompt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from promptrelease.api._base import (
    DNS_LABEL,
    Conditions,
    Digest,
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

Identity = Annotated[str, Field(max_length=1024)]


class LabelSpec(Model):
    """Where a label shall point, and why."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.version == oldSelf.version || self.reason != oldSelf.reason",
                "a move needs a new reason: say why this label moves",
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
        Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None
    ) = None
    """The generation of the spec that this was said of."""
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
    status: PromptReleaseStatus | None = None
    """Written by the operator."""
