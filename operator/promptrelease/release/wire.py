"""Between the API's JSON and the plain values of ``model``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from promptrelease.release.consumers import Consumers, Fixed
from promptrelease.release.model import (
    Condition,
    ConfigMap,
    LabelStatus,
    Pending,
    Release,
    ReleaseStatus,
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


def release(obj: Json) -> Release:
    """A PromptRelease."""
    meta = obj["metadata"]
    return Release(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=meta["generation"],
        labels={
            name: Wanted(label["version"], label["reason"], label.get("by", ""))
            for name, label in (obj["spec"].get("labels") or {}).items()
        },
        status=_release_status(obj.get("status") or {}),
        deleting="deletionTimestamp" in meta,
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
    )


def config_map(obj: Json) -> ConfigMap:
    """A ConfigMap that is ours by its name, without its body."""
    meta = obj["metadata"]
    prompt, label = release_and_label(meta["name"])
    its_labels = meta.get("labels") or {}
    its_annotations = meta.get("annotations") or {}
    owner = _controller(meta)
    served = _served_from_annotations(its_labels, its_annotations)
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
        editor=_last_editor(meta.get("managedFields") or ()),
    )


def release_and_label(name: str) -> tuple[str, str]:
    """Whose a ConfigMap is; both are empty for a name that we never give.

    By its name and not by its labels: these may be what somebody has changed.
    """
    prompt, _, label = name.rpartition(".")
    return (prompt, label) if prompt and "." not in prompt else ("", "")


def release_status(name: str, status: ReleaseStatus) -> dict[str, Any]:
    """The status of the PromptRelease of that name, as the API writes it."""
    return {
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


def version_status(status: VersionStatus) -> dict[str, Any]:
    """The status of a PromptVersion, as the API writes it."""
    result: dict[str, Any] = {"labels": list(status.labels)}
    if status.digest:
        result["digest"] = status.digest
    if status.valid is not None:
        result["conditions"] = [_condition(status.valid)]
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
    )


def _version_status(status: Json) -> VersionStatus:
    valid = [c for c in status.get("conditions") or () if c["type"] == "Valid"]
    return VersionStatus(
        digest=status.get("digest", ""),
        labels=tuple(status.get("labels") or ()),
        valid=_read_condition(valid[0]) if valid else None,
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
        checksum=label.get("checksum", ""),
    )


def _pending(pending: Json | None) -> Pending | None:
    return Pending(pending["version"], tuple(pending["waitingFor"])) if pending else None


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
        result = {"configMap": name, **asdict(label.served)}
        del result["history"]
        for optional in ("reason", "by"):
            if not result[optional]:
                del result[optional]
    if label.pending is not None:
        result["pending"] = {
            "version": label.pending.version,
            "waitingFor": list(label.pending.waiting_for),
        }
    if label.consumers is not None:
        consumers = asdict(label.consumers)
        result["consumers"] = {k: v for k, v in consumers.items() if v or k not in _OPTIONAL}
    return result


_OPTIONAL = ("never", "message")


def _served_from_annotations(its_labels: Json, its_annotations: Json) -> Served | None:
    def value(name: str) -> str:
        text: str = its_annotations[PREFIX + name]
        return text

    try:
        return Served(
            version=int(its_labels[f"{PREFIX}version"]),
            digest=value("digest"),
            revision=int(value("revision")),
            since=value("since"),
            reason=value("reason"),
            by=value("by"),
            history=tuple(int(v) for v in value("history").split(",")),
            checksum=value("checksum"),
        )
    except (KeyError, ValueError):
        return None


def _checksum(obj: Json) -> str:
    return checksum({**(obj.get("binaryData") or {}), **(obj.get("data") or {})})


def _last_editor(managed_fields: Any) -> str:
    """The manager of the newest write, where that is not us."""

    def when(entry: Json) -> tuple[str, bool]:
        return entry.get("time", ""), entry.get("manager") != MANAGER

    newest = max(managed_fields, key=when, default=None)
    manager: str = newest.get("manager", "") if newest else ""
    return "" if manager == MANAGER else manager


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
