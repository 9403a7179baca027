"""PromptChange: the log. One object for each content that was ever served."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from promptrelease.api._base import (
    Digest,
    DnsLabel,
    Identity,
    Model,
    ObjectMeta,
    Timestamp,
    VersionNumber,
    cel,
)
from promptrelease.api.promptrelease import MAX_APPROVALS, ChangeKind, Consent, Evaluations


class PromptChangeSpec(Model):
    """A move, as it was served. Nothing of it can be changed."""

    model_config = ConfigDict(
        json_schema_extra=cel(("self == oldSelf", "the log can't be changed"))
    )

    release: DnsLabel
    """The release that moved."""
    label: DnsLabel
    """The label that moved."""
    revision: Annotated[int, Field(ge=1, json_schema_extra={"format": "int64"})]
    """Number of the move, counted over all labels of the release. Of a withdrawal: of the move
    whose content it ended."""
    kind: ChangeKind
    """What it was. Rollback: a return to a content that the label had served before. Follow:
    latest, by itself."""
    from_: Annotated[VersionNumber | None, Field(alias="from")] = None
    """The version that was served before; absent when none was."""
    to: VersionNumber | None = None
    """The version that is served since; absent for a withdrawal."""
    digest: Digest | None = None
    """Digest of the content that is served since."""
    reason: Annotated[str, Field(max_length=1024)] | None = None
    """Why."""
    by: Identity | None = None
    """Who moved it."""
    at: Timestamp
    """When."""
    approvals: (
        Annotated[
            list[Consent],
            Field(max_length=MAX_APPROVALS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """The approvals that the move passed on. They are spent, and count for no other move."""
    evaluations: Evaluations | None = None
    """PromptEvaluations that the move passed on."""
    break_glass: Annotated[str, Field(max_length=1024)] | None = None
    """Why the gates were skipped, when they were."""


class PromptChange(Model):
    """One move of one label, as it was served. Written by the operator, changed by nobody."""

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptChange"] = "PromptChange"
    metadata: ObjectMeta
    spec: PromptChangeSpec
    """The move."""
