"""The ConfigMap of a label: its files, and the annotations that say how it came about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from promptrelease.content.files import FORMAT, Content, Metadata, to_files
from promptrelease.release.model import Change, Served, config_map_name

MANAGER = "promptrelease"
MANAGED_BY = "app.kubernetes.io/managed-by"
PREFIX = "promptrelease.dev/"


def files(prompt: str, label: str, served: Served, content: Content) -> dict[str, str]:
    """File name to text, for ``promptrelease render`` and the operator alike."""
    return to_files(
        content,
        Metadata(
            prompt=prompt,
            version=served.version,
            label=label,
            digest=served.digest,
            revision=served.revision,
            reason=served.reason,
            by=served.by,
            since=served.since,
        ),
    )


def with_checksum(served: Served, data: Mapping[str, str]) -> Served:
    """The same, bound to the files that it comes with."""
    return replace(served, checksum=checksum(data))


def checksum(data: Mapping[str, str]) -> str:
    """``sha256:…`` of file names and bytes; lengths keep neighbours from running together."""
    total = hashlib.sha256()
    for name, text in sorted(data.items()):
        body = text.encode()
        total.update(f"{len(name)} {name} {len(body)} ".encode())
        total.update(body)
    return "sha256:" + total.hexdigest()


def config_map_labels(prompt: str, label: str, served: Served) -> dict[str, str]:
    """Labels to select by."""
    return {
        MANAGED_BY: MANAGER,
        f"{PREFIX}prompt": prompt,
        f"{PREFIX}label": label,
        f"{PREFIX}version": str(served.version),
    }


def config_map_annotations(served: Served) -> dict[str, str]:
    """All that is known of the move, so that the rest can be written after a crash."""
    return {
        f"{PREFIX}digest": served.digest,
        f"{PREFIX}revision": str(served.revision),
        f"{PREFIX}since": served.since,
        f"{PREFIX}reason": served.reason,
        f"{PREFIX}by": served.by,
        f"{PREFIX}history": ",".join(map(str, served.history)),
        f"{PREFIX}kind": served.kind,
        f"{PREFIX}from": "" if served.before is None else str(served.before),
        f"{PREFIX}approvals": _json([[one.name, one.by] for one in served.approvals]),
        f"{PREFIX}evaluations": ",".join(served.evaluations),
        f"{PREFIX}break-glass": served.break_glass,
        f"{PREFIX}checksum": served.checksum,
        f"{PREFIX}format": str(FORMAT),
    }


def backlog_annotation(backlog: Sequence[Change]) -> dict[str, str]:
    """Earlier moves that nobody has written down yet."""
    return {f"{PREFIX}backlog": _json([asdict(change) for change in backlog])}


def config_map(
    namespace: str,
    release: str,
    release_uid: str,
    label: str,
    served: Served,
    data: Mapping[str, str],
    backlog: Sequence[Change] = (),
) -> dict[str, Any]:
    """The manifest.

    Nothing of the release's own labels and annotations is taken over: a GitOps tool would take
    the ConfigMap for its own and prune it.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": config_map_name(release, label),
            "namespace": namespace,
            "labels": config_map_labels(release, label, served),
            "annotations": config_map_annotations(served) | backlog_annotation(backlog),
            "ownerReferences": [
                {
                    "apiVersion": "promptrelease.dev/v1alpha1",
                    "kind": "PromptRelease",
                    "name": release,
                    "uid": release_uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "data": dict(data),
    }


def _json(items: Sequence[Any]) -> str:
    """Compact JSON; nothing is an empty text, so that the annotation stays ours all the same."""
    return json.dumps(items, separators=(",", ":")) if items else ""
