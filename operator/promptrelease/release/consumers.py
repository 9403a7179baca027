"""Which pods take in a ConfigMap, and whether its files in them can change while they run.

kubelet swaps the files of a mounted ConfigMap; environment variables and ``subPath`` mounts stay
as they were when the container started ("Mounted ConfigMaps are updated automatically",
kubernetes.io/docs/concepts/configuration/configmap).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

OPT_IN = "promptrelease.dev/refresh"
"""Pods with this label, set to "true", are told at once when what they mount has changed."""

REFRESHED = "promptrelease.dev/refreshed"
"""The annotation by which they are told: a change of the pod makes its kubelet sync."""

MAX_NAMED = 16


@dataclass(frozen=True, slots=True)
class Fixed:
    """A container that shows the old content until it is restarted, and why."""

    pod: str
    container: str
    reason: str


@dataclass(frozen=True, slots=True)
class Consumers:
    """Who took in a served content when it was moved.

    Attributes:
        revision: of the move that this was found out for.
        pods: how many pods mount the ConfigMap or take variables from it.
        refreshed: how many of them were told.
        never: containers that can't follow, at most 16 of them.
        message: what kept pods from being told; empty when nothing did.
    """

    revision: int
    pods: int = 0
    refreshed: int = 0
    never: tuple[Fixed, ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """How one pod takes in one ConfigMap.

    Attributes:
        mounted: whether some container has it as files that kubelet swaps.
        never: containers that have it in a way that can't change.
    """

    pod: str
    mounted: bool
    never: tuple[Fixed, ...]


def usages(pods: Iterable[Json], config_map: str) -> list[Usage]:
    """How each running pod takes in a ConfigMap; pods that don't are left out."""
    found = (_usage(pod, config_map) for pod in pods if _runs(pod))
    return [usage for usage in found if usage.mounted or usage.never]


def _runs(pod: Json) -> bool:
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")


def _usage(pod: Json, config_map: str) -> Usage:
    name = pod["metadata"]["name"]
    spec = pod["spec"]
    volumes = {v["name"] for v in spec.get("volumes") or () if config_map in _sources(v)}
    mounted = False
    never: list[Fixed] = []
    for container in _containers(spec):
        for mount in container.get("volumeMounts") or ():
            if mount["name"] not in volumes:
                continue
            if mount.get("subPath") or mount.get("subPathExpr"):
                never.append(Fixed(name, container["name"], "subPath"))
            else:
                mounted = True
        if config_map in _variables(container):
            never.append(Fixed(name, container["name"], "environment variables"))
    return Usage(name, mounted, tuple(dict.fromkeys(never)))


def _containers(spec: Json) -> Iterator[Json]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind) or ()


def _sources(volume: Json) -> Iterator[str]:
    """Names of the ConfigMaps in a volume, projected ones included."""
    if "configMap" in volume:
        yield volume["configMap"].get("name", "")
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "configMap" in source:
            yield source["configMap"].get("name", "")


def _variables(container: Json) -> Iterator[str]:
    """Names of the ConfigMaps that a container takes environment variables from."""
    for variable in container.get("env") or ():
        yield variable.get("valueFrom", {}).get("configMapKeyRef", {}).get("name", "")
    for source in container.get("envFrom") or ():
        yield source.get("configMapRef", {}).get("name", "")
