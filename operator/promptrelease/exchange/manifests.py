"""Prompts as manifests, and manifests as prompts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from promptrelease.api import API_VERSION
from promptrelease.api.promptversion import version_name
from promptrelease.content.canonical import normalized
from promptrelease.exchange.settle import MAX_MESSAGE, spec_of
from promptrelease.exchange.values import Json, Prompt, Version

PREFIX = "promptrelease.dev/"
_SPEC_ONLY = ("prompt", "version", "message")


def version_manifest(prompt: Prompt, version: Version, source: str) -> Json:
    """The PromptVersion, with what is known of its origin in annotations.

    ``author`` is what policies look at, and is stamped over where admission is installed;
    ``source-author`` stays.
    """
    annotations = {
        "source": source,
        "source-name": prompt.source_name,
        "author": version.author,
        "source-author": version.author,
        "source-created": version.created,
        "source-tags": json.dumps(version.tags, sort_keys=True) if version.tags else "",
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptVersion",
        "metadata": {
            "name": version_name(prompt.name, version.number),
            "annotations": {f"{PREFIX}{name}": text for name, text in annotations.items() if text},
        },
        "spec": normalized(spec_of(prompt.name, version)),
    }


def release_manifest(prompt: Prompt, source: str) -> Json:
    """The PromptRelease, with a label for each of the source's."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptRelease",
        "metadata": {
            "name": prompt.name,
            "annotations": {
                f"{PREFIX}source": source,
                f"{PREFIX}source-name": prompt.source_name,
            },
        },
        "spec": {"labels": {label: label_spec(prompt, label, source) for label in prompt.labels}},
    }


def label_spec(prompt: Prompt, label: str, source: str) -> Json:
    """Where a label points, and why; the reason differs from version to version."""
    number = prompt.labels[label]
    version = prompt.version(number)
    why = f"As in {source}: version {number}, {version.message if version else ''}"
    return {"version": number, "reason": why if len(why) <= MAX_MESSAGE else why[:MAX_MESSAGE]}


def prompts_of(objects: Iterable[Mapping[str, Any]], system: str) -> list[Prompt]:
    """The prompts of these PromptVersions and PromptReleases; other kinds are passed over.

    Their ``source_name`` is what ``system`` called them, should they be from there.
    """
    versions: dict[str, list[Version]] = defaultdict(list)
    names: dict[str, str] = {}
    labels: dict[str, dict[str, int]] = {}
    for obj in objects:
        if obj.get("apiVersion") != API_VERSION:
            continue
        annotations = obj["metadata"].get("annotations") or {}
        spec = obj["spec"]
        if obj.get("kind") == "PromptVersion":
            versions[spec["prompt"]].append(_version(obj, annotations))
            from_there = annotations.get(f"{PREFIX}source") == system
            called = annotations.get(f"{PREFIX}source-name") if from_there else None
            names[spec["prompt"]] = called or spec["prompt"]
        elif obj.get("kind") == "PromptRelease":
            given = spec.get("labels") or {}
            labels[obj["metadata"]["name"]] = {name: at["version"] for name, at in given.items()}
    return [
        Prompt(name, tuple(sorted(its, key=lambda v: v.number)), labels.get(name, {}), names[name])
        for name, its in sorted(versions.items())
    ]


def _version(obj: Mapping[str, Any], annotations: Mapping[str, str]) -> Version:
    def told(*names: str) -> str:
        return next(filter(None, (annotations.get(PREFIX + name, "") for name in names)), "")

    spec = obj["spec"]
    created = told("source-created") or obj["metadata"].get("creationTimestamp") or ""
    tags = told("source-tags")
    return Version(
        number=spec["version"],
        content={name: value for name, value in spec.items() if name not in _SPEC_ONLY},
        message=spec["message"],
        author=told("source-author", "author"),
        created=created,
        tags=json.loads(tags) if tags else None,
    )
