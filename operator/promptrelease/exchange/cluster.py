"""Manifests into a cluster, by whatever client the caller has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from promptrelease.exchange.compare import same_content
from promptrelease.exchange.merge import Merged, merged
from promptrelease.exchange.values import Json

REQUESTS_AT_ONCE = 8


class Cluster(Protocol):
    """One namespace. It may be used by several threads at once; other errors than those pass."""

    def list(self, kind: str) -> Iterable[Mapping[str, Any]]:
        """All objects of a kind, ``PromptVersion`` or ``PromptRelease``."""

    def create(self, obj: Json) -> bool:
        """Create an object; false when one of that name is there (409)."""

    def patch(self, kind: str, name: str, patch: Json) -> bool:
        """JSON merge patch; false when the object has another resourceVersion by now (409)."""


def apply(cluster: Cluster, objects: list[Json], *, move: bool) -> Merged:
    """Create what is not there; versions first, so that no release waits for one."""
    result = Merged()
    for kind in ("PromptVersion", "PromptRelease"):
        there = {obj["metadata"]["name"]: obj for obj in cluster.list(kind)}
        missing = []
        for obj in objects:
            name = obj["metadata"]["name"]
            if obj["kind"] != kind:
                continue
            if name not in there:
                missing.append(obj)
            elif kind == "PromptVersion":
                same = same_content(there[name]["spec"], obj["spec"])
                result.compared(f"{kind}/{name}", obj, same=same)
            else:
                _merge(cluster, result, dict(there[name]), obj, move=move)
        _create(cluster, result, missing)
    return result


def _create(cluster: Cluster, result: Merged, objects: list[Json]) -> None:
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        for obj, made in zip(objects, pool.map(cluster.create, objects), strict=True):
            where = f"{obj['kind']}/{obj['metadata']['name']}"
            if made:
                result.created.append(where)
            else:
                result.conflict(obj, "metadata.name", f"{where} was just created: run this again")


def _merge(cluster: Cluster, result: Merged, there: Json, obj: Json, *, move: bool) -> None:
    name = obj["metadata"]["name"]
    where = f"PromptRelease/{name}"
    patch = merged(result, where, there, obj, move=move)
    if not patch:
        return
    seen = {"resourceVersion": there["metadata"]["resourceVersion"]}
    if not cluster.patch("PromptRelease", name, {"metadata": seen, "spec": {"labels": patch}}):
        result.changed.remove(where)
        result.conflict(obj, "spec.labels", f"{where} was just changed: run this again")
