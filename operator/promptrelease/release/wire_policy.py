"""Between the API's JSON and the plain values of policies, approvals and the change log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptrelease.api import API_VERSION
from promptrelease.release.log import name_of
from promptrelease.release.model import Change, Consent
from promptrelease.release.policy import (
    AUTHOR,
    MOVER,
    Approval,
    Approvals,
    Freeze,
    Policy,
    Retention,
    ServedFrom,
)
from promptrelease.release.times import LATEST, moment

Json = Mapping[str, Any]


def policy(obj: Json) -> Policy:
    """A PromptPolicy, with the defaults of what it leaves out."""
    meta, spec = obj["metadata"], obj["spec"]
    require = spec.get("require") or {}
    retention = spec.get("retention")
    return Policy(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        prompts=frozenset(spec.get("prompts") or ()),
        labels=frozenset(spec.get("labels") or ()),
        served_from=_served_from(require.get("from")),
        approvals=_approvals(require.get("approvals")),
        evaluations=tuple(require.get("evaluations") or ()),
        freezes=tuple(
            # Where a time can't be read, it is frozen, and the approval is not valid any more.
            Freeze(moment(freeze["start"]), moment(freeze["end"], LATEST), freeze["reason"])
            for freeze in spec.get("freeze") or ()
        ),
        gates_rollbacks=spec.get("rollback") == "gated",
        retention=None
        if retention is None
        else Retention(
            keep=retention.get("keep", 20),
            days=retention.get("olderThanDays", 90),
            dry_run=retention.get("dryRun", True),
        ),
    )


def approval(obj: Json) -> Approval:
    """A PromptApproval."""
    meta, spec = obj["metadata"], obj["spec"]
    return Approval(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        release=spec["release"],
        label=spec["label"],
        version=spec["version"],
        digest=spec["digest"],
        approves=spec["decision"] == "approve",
        by=spec.get("by", ""),
        comment=spec.get("comment", ""),
        created=moment(meta["creationTimestamp"]),
        expires=moment(spec["expiresAt"]) if spec.get("expiresAt") is not None else None,
    )


def change(obj: Json) -> Change:
    """A PromptChange."""
    spec = obj["spec"]
    return Change(
        release=spec["release"],
        label=spec["label"],
        revision=spec["revision"],
        kind=spec["kind"],
        before=spec.get("from"),
        to=spec.get("to"),
        digest=spec.get("digest", ""),
        reason=spec.get("reason", ""),
        by=spec.get("by", ""),
        at=spec["at"],
        approvals=tuple(
            Consent(one["name"], one.get("by", "")) for one in spec.get("approvals") or ()
        ),
        evaluations=tuple(spec.get("evaluations") or ()),
        break_glass=spec.get("breakGlass", ""),
        # Of one kind they are comparable integers (KEP-5504), and an entry is never written again.
        order=int(obj["metadata"].get("resourceVersion") or 0),
    )


def change_manifest(namespace: str, entry: Change) -> dict[str, Any]:
    """The PromptChange to create. Nobody owns it: it outlives its release."""
    spec: dict[str, Any] = {
        "release": entry.release,
        "label": entry.label,
        "revision": entry.revision,
        "kind": entry.kind,
        "at": entry.at,
        "from": entry.before,
        "to": entry.to,
        "digest": entry.digest,
        "reason": entry.reason,
        "by": entry.by,
        "approvals": [
            {"name": one.name, "by": one.by} if one.by else {"name": one.name}
            for one in entry.approvals
        ],
        "evaluations": list(entry.evaluations),
        "breakGlass": entry.break_glass,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptChange",
        "metadata": {
            "name": name_of(entry),
            "namespace": namespace,
            "labels": {
                "promptrelease.dev/prompt": entry.release,
                "promptrelease.dev/label": entry.label,
            },
        },
        "spec": {field: value for field, value in spec.items() if value},
    }


def _served_from(demand: Json | None) -> ServedFrom | None:
    return ServedFrom(demand["label"], demand.get("seconds", 0)) if demand else None


def _approvals(demand: Json | None) -> Approvals | None:
    if demand is None:
        return None
    not_by = demand.get("notBy")
    return Approvals(demand.get("count", 1), (MOVER, AUTHOR) if not_by is None else tuple(not_by))
