"""PromptApproval: one person's verdict on one exact content under one label."""

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


class PromptApprovalSpec(Model):
    """What is approved or denied, and by whom. Nothing of it can be changed."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self == oldSelf",
                "an approval can't be changed: create another one; your latest one counts",
            ),
            (
                "self.decision != 'deny' || "
                "(has(self.comment) && self.comment.matches('[^ \\t\\r\\n]'))",
                "say why: a denial needs a comment",
            ),
        )
    )

    release: DnsLabel
    """The release whose move it is about."""
    label: DnsLabel
    """The label that shall move."""
    version: VersionNumber
    """The version that it shall move to."""
    digest: ExactDigest
    """The content that was looked at: status.labels.<label>.pending.digest of the release."""
    decision: Literal["approve", "deny"]
    """Where a policy asks for approvals, a denial stops the move for good: until who denied it
    approves or removes the denial."""
    comment: Annotated[str, Field(max_length=1024)] | None = None
    """What led to it; required for a denial."""
    by: Identity | None = None
    """Who decided, stamped by admission where that is installed."""
    expires_at: Timestamp | None = None
    """From this moment on it no longer counts."""


class PromptApproval(Model):
    """One person's verdict on one exact content under one label. It can't be changed."""

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptApproval"] = "PromptApproval"
    metadata: ObjectMeta
    spec: PromptApprovalSpec
    """The verdict."""
