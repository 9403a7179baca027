"""Between the API's JSON and the plain values of ``model``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from promptrelease.release import claims
from promptrelease.release.consumers import Consumers, Fixed
from promptrelease.release.model import (
    BreakGlass,
    Condition,
    ConfigMap,
    Consent,
    LabelStatus,
    Pending,
    Release,
    ReleaseStatus,
    Retirement,
    Served,
    Verdict,
    Version,
    VersionStatus,
    Wanted,
    config_map_name,
)
from promptrelease.release.render import (
    MANAGER,
    PREFIX,
    checksum,
    config_map_annotations,
    config_map_labels,
)

Json = Mapping[str, Any]

BREAK_GLASS = "breakglass.promptrelease.dev/"
"""An annotation of this prefix and a label's name skips the gates for one move of it."""

_LONGEST_NAME = 63
_BREAK_GLASS = re.compile(r"v([1-9][0-9]{0,9}): *(\S.*)", re.DOTALL)


def release(obj: Json) -> Release:
    """A PromptRelease."""
    meta = obj["metadata"]
    annotations = meta.get("annotations") or {}
    return Release(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=meta["generation"],
        labels={
            name: Wanted(label["version"], label["reason"], label.get("by", ""), label.get("from"))
            for name, label in (obj["spec"].get("labels") or {}).items()
        },
        status=_release_status(obj.get("status") or {}),
        deleting="deletionTimestamp" in meta,
        break_glass=_break_glass(annotations),
        withdrawn_by=_withdrawn_by(annotations.get(f"{PREFIX}withdrawn-by", "")),
        withdrawal_reason=annotations.get(f"{PREFIX}withdrawal-reason", "")[:1024],
    )


def version(obj: Json) -> Version:
    """A PromptVersion, without its body.

    What an earlier run found valid is taken as such, unless it hangs on other versions. Whatever
    is served is checked against its digest once more.
    """
    meta, spec = obj["metadata"], obj["spec"]
    includes = (spec.get("includes") or {}).values()
    status = _version_status(obj.get("status") or {})
    found_valid = status.valid is not None and status.valid.status == "True" and status.digest
    return Version(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        number=spec["version"],
        includes=tuple(sorted((i["prompt"], i["version"]) for i in includes)),
        verdict=Verdict(status.digest) if found_valid and not includes else None,
        status=status,
        author=(meta.get("annotations") or {}).get(f"{PREFIX}author", ""),
        created=meta.get("creationTimestamp", ""),
        consumes=tuple(sorted(spec.get("consumes") or ())),
    )


def config_map(obj: Json) -> ConfigMap:
    """A ConfigMap that is ours by its name, without its body."""
    meta = obj["metadata"]
    prompt, label = release_and_label(meta["name"])
    its_labels = meta.get("labels") or {}
    its_annotations = meta.get("annotations") or {}
    owner = _controller(meta)
    managed_fields = meta.get("managedFields") or ()
    served = claims.served(its_labels, its_annotations)
    return ConfigMap(
        name=meta["name"],
        label=label,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        owner=owner,
        served=served,
        checksum=_checksum(obj),
        intact=served is not None
        and bool(owner)
        and config_map_labels(prompt, label, served).items() <= its_labels.items()
        and config_map_annotations(served).items() <= its_annotations.items(),
        editor=_last_editor(managed_fields),
        authentic=_are_as_we_left_them(
            (name for name in (*its_labels, *its_annotations) if name.startswith(PREFIX)),
            managed_fields,
        ),
        backlog=claims.backlog(prompt, label, its_annotations.get(f"{PREFIX}backlog", ""))
        if _are_as_we_left_them([f"{PREFIX}backlog"], managed_fields)
        else (),
    )


def release_and_label(name: str) -> tuple[str, str]:
    """Whose a ConfigMap is; both are empty for a name that we never give.

    By its name and not by its labels: these may be what somebody has changed.
    """
    prompt, _, label = name.rpartition(".")
    is_ours = prompt and "." not in prompt and max(len(prompt), len(label)) <= _LONGEST_NAME
    return (prompt, label) if is_ours else ("", "")


def release_status(name: str, status: ReleaseStatus) -> dict[str, Any]:
    """The status of the PromptRelease of that name, as the API writes it."""
    result = {
        "observedGeneration": status.observed_generation,
        "revision": status.revision,
        "labels": {
            label: _label_status(config_map_name(name, label), its_status)
            for label, its_status in status.labels.items()
        },
        "served": {
            label: list(its_status.served.history)
            for label, its_status in status.labels.items()
            if its_status.served is not None
        },
        "conditions": [_condition(c) for c in status.conditions],
    }
    if status.retirement is not None:
        result["retention"] = {
            "wouldDelete": status.retirement.count,
            "versions": list(status.retirement.versions),
        }
    return result


def version_status(status: VersionStatus) -> dict[str, Any]:
    """The status of a PromptVersion, as the API writes it."""
    result: dict[str, Any] = {"labels": list(status.labels)}
    if status.digest:
        result["digest"] = status.digest
    if status.history:
        result["history"] = list(status.history)
    if status.included_by:
        result["includedBy"] = list(status.included_by)
    conditions = [c for c in (status.valid, status.chain) if c is not None]
    if conditions:
        result["conditions"] = [_condition(c) for c in conditions]
    return result


def _release_status(status: Json) -> ReleaseStatus:
    history = status.get("served") or {}
    return ReleaseStatus(
        observed_generation=status.get("observedGeneration", 0),
        revision=status.get("revision", 0),
        labels={
            name: LabelStatus(
                served=_served(label, tuple(history.get(name, ()))),
                pending=_pending(label.get("pending")),
                consumers=_consumers(label.get("consumers")),
            )
            for name, label in (status.get("labels") or {}).items()
        },
        conditions=tuple(_read_condition(c) for c in status.get("conditions") or ()),
        retirement=_retirement(status.get("retention")),
    )


def _version_status(status: Json) -> VersionStatus:
    conditions = {c["type"]: _read_condition(c) for c in status.get("conditions") or ()}
    return VersionStatus(
        digest=status.get("digest", ""),
        labels=tuple(status.get("labels") or ()),
        history=tuple(status.get("history") or ()),
        included_by=tuple(status.get("includedBy") or ()),
        valid=conditions.get("Valid"),
        chain=conditions.get("Chain"),
    )


def _controller(meta: Json) -> str:
    """UID of the controlling owner; empty when there is none."""
    owners = meta.get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def _served(label: Json, history: tuple[int, ...]) -> Served | None:
    if "version" not in label:
        return None
    return Served(
        version=label["version"],
        digest=label.get("digest", ""),
        revision=label.get("revision", 0),
        since=label.get("since", ""),
        reason=label.get("reason", ""),
        by=label.get("by", ""),
        history=history,
        kind=label.get("kind", ""),
        before=label.get("from"),
        approvals=_consents(label.get("approvals") or ()),
        evaluations=tuple(label.get("evaluations") or ()),
        break_glass=label.get("breakGlass", ""),
        checksum=label.get("checksum", ""),
    )


def _pending(pending: Json | None) -> Pending | None:
    if not pending:
        return None
    waiting_for = tuple(pending["waitingFor"])
    return Pending(pending["version"], waiting_for, pending.get("digest", ""))


def _retirement(retention: Json | None) -> Retirement | None:
    if not retention:
        return None
    return Retirement(retention["wouldDelete"], tuple(retention["versions"]))


def _consents(approvals: Any) -> tuple[Consent, ...]:
    return tuple(Consent(approval["name"], approval.get("by", "")) for approval in approvals)


def _consumers(consumers: Json | None) -> Consumers | None:
    if not consumers:
        return None
    return Consumers(
        revision=consumers["revision"],
        pods=consumers.get("pods", 0),
        refreshed=consumers.get("refreshed", 0),
        never=tuple(
            Fixed(fixed["pod"], fixed["container"], fixed["reason"])
            for fixed in consumers.get("never") or ()
        ),
        message=consumers.get("message", ""),
    )


def _label_status(name: str, label: LabelStatus) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if label.served is not None:
        served = label.served
        result = {
            "configMap": name,
            "version": served.version,
            "digest": served.digest,
            "revision": served.revision,
            "since": served.since,
            "checksum": served.checksum,
            **_told(served.reason, served.by, served.kind, served.before),
            **_passed(served),
        }
    if label.pending is not None:
        result["pending"] = {
            "version": label.pending.version,
            "waitingFor": list(label.pending.waiting_for),
        }
        if label.pending.digest:
            result["pending"]["digest"] = label.pending.digest
    if label.consumers is not None:
        consumers = asdict(label.consumers)
        result["consumers"] = {k: v for k, v in consumers.items() if v or k not in _OPTIONAL}
    return result


_OPTIONAL = ("never", "message")


def _told(reason: str, by: str, kind: str, before: int | None) -> dict[str, Any]:
    told = {"reason": reason, "by": by, "kind": kind, "from": before}
    return {name: value for name, value in told.items() if value}


def _passed(served: Served) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if served.approvals:
        result["approvals"] = [_consent(approval) for approval in served.approvals]
    if served.evaluations:
        result["evaluations"] = list(served.evaluations)
    if served.break_glass:
        result["breakGlass"] = served.break_glass
    return result


def _consent(approval: Consent) -> dict[str, str]:
    return {"name": approval.name, "by": approval.by} if approval.by else {"name": approval.name}


def _break_glass(annotations: Json) -> dict[str, BreakGlass]:
    result = {}
    for name, value in annotations.items():
        if name.startswith(BREAK_GLASS) and (found := _BREAK_GLASS.fullmatch(value)):
            reason = found[2].strip()[:1024]
            result[name.removeprefix(BREAK_GLASS)] = BreakGlass(int(found[1]), reason)
    return result


def _withdrawn_by(lines: str) -> dict[str, str]:
    """Lines of a label and who withdrew it."""
    pairs = (line.partition(" ") for line in lines.splitlines())
    return {label: who for label, _, who in pairs}


def _checksum(obj: Json) -> str:
    return checksum({**(obj.get("binaryData") or {}), **(obj.get("data") or {})})


def _last_editor(managed_fields: Any) -> str:
    """The manager of the newest write, where that is not us."""

    def when(entry: Json) -> tuple[str, bool]:
        return entry.get("time", ""), entry.get("manager") != MANAGER

    newest = max(managed_fields, key=when, default=None)
    manager: str = newest.get("manager", "") if newest else ""
    return "" if manager == MANAGER else manager


def _are_as_we_left_them(names: Iterable[str], managed_fields: Any) -> bool:
    """Whether labels and annotations are still ours.

    The API server gives one to whoever else changes its text.
    """
    if not managed_fields:
        return True
    ours: set[str] = set()
    for entry in managed_fields:
        if entry.get("manager") == MANAGER:
            metadata = entry.get("fieldsV1", {}).get("f:metadata", {})
            ours |= metadata.get("f:labels", {}).keys() | metadata.get("f:annotations", {}).keys()
    return all(f"f:{name}" in ours for name in names)


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "observedGeneration": condition.observed_generation,
        "lastTransitionTime": condition.last_transition_time,
        "reason": condition.reason,
        "message": condition.message,
    }


def _read_condition(condition: Json) -> Condition:
    return Condition(
        type=condition["type"],
        status=condition["status"],
        reason=condition.get("reason", ""),
        message=condition.get("message", ""),
        observed_generation=condition.get("observedGeneration", 0),
        last_transition_time=condition.get("lastTransitionTime", ""),
    )
