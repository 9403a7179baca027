"""Whether a suite's Job template has the shape that a Job is made from.

The API server takes any JSON there. What it makes of the rest of it shows when the Job is created.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MAX_NESTING = 64
"""Levels; a Job has fewer, and each is gone through by recursion."""


_TOO_DEEP = f"this nests more than {MAX_NESTING} levels"


def bounded(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """The template, or a stand-in for one that nobody could copy or write down."""
    level: list[Any] = [job]
    for _ in range(MAX_NESTING):
        level = [child for value in level for child in _children(value)]
        if not level:
            return job
    return {"spec": {"template": _TOO_DEEP}}


def problem(job: Mapping[str, Any]) -> str:
    """What keeps a Job from being made of a bounded template; empty when nothing does."""
    return next(_problems(job), "")


def _problems(job: Mapping[str, Any]) -> Iterator[str]:
    spec = job.get("spec", {})
    yield from _metadata(job.get("metadata"), "spec.job.metadata")
    where = "spec.job.spec.template"
    template = spec.get("template", {})
    if not isinstance(template, Mapping):
        yield f"spec.job: {_TOO_DEEP}" if template == _TOO_DEEP else f"{where} is no object"
        return
    yield from _metadata(template.get("metadata"), f"{where}.metadata")
    pod = template.get("spec", {})
    if not isinstance(pod, Mapping):
        yield f"{where}.spec is no object"
        return
    yield from _list(pod, "volumes", f"{where}.spec")
    for kind in ("containers", "initContainers"):
        yield from _list(pod, kind, f"{where}.spec")
        for number, container in enumerate(pod.get(kind) or ()):
            its_place = f"{where}.spec.{kind}[{number}]"
            if not isinstance(container, Mapping):
                yield f"{its_place} is no object"
                return
            yield from _list(container, "volumeMounts", its_place)
            yield from _list(container, "env", its_place)


def _metadata(metadata: Any, where: str) -> Iterator[str]:
    if not isinstance(metadata, Mapping | None):
        yield f"{where} is no object"
        return
    for name in ("labels", "annotations"):
        if not isinstance((metadata or {}).get(name), Mapping | None):
            yield f"{where}.{name} is no object"


def _list(holder: Mapping[str, Any], name: str, where: str) -> Iterator[str]:
    if not isinstance(holder.get(name), list | None):
        yield f"{where}.{name} is no list"


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
