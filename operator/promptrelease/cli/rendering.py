"""The files that workloads mount, without a cluster."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from promptrelease.api import PromptRelease, PromptVersion, PromptVersionSpec
from promptrelease.cli.manifests import Manifest, ManifestError
from promptrelease.content.files import Content
from promptrelease.release import render, wire
from promptrelease.release.judge import judge
from promptrelease.release.model import Version, View, config_map_name
from promptrelease.release.plan import plan
from promptrelease.release.steps import ApplyConfigMap
from promptrelease.views.failures import UsageMistake


@dataclass
class _Prompt:
    release: dict[str, Any] | None = None
    versions: dict[int, Version] = field(default_factory=dict)
    contents: dict[int, Content] = field(default_factory=dict)


def folders(manifests: list[Manifest], now: datetime) -> Iterator[tuple[str, dict[str, str]]]:
    """Folder name and files for each label, by the operator's own plan.

    Raises:
        ManifestError: a version is invalid, or a label names one that is not there.
    """
    mistakes: list[str] = []
    result = []
    for (namespace, name), prompt in sorted(_prompts(manifests, mistakes).items()):
        release = wire.release(prompt.release or _nothing_labelled(name))
        todo = plan(View(namespace, name, release, prompt.versions), now)
        steps = [step for step in todo.serve if isinstance(step, ApplyConfigMap)]
        for step in steps:
            content = prompt.contents[step.served.version]
            files = render.files(name, step.label, step.served, content)
            result.append((config_map_name(name, step.label), files))
        missing = sorted(release.labels.keys() - {step.label for step in steps})
        mistakes += [
            f"{name}: label {label} names version {release.labels[label].version}, which is not "
            "in the given files or not valid"
            for label in missing
        ]
    if mistakes:
        raise ManifestError("\n".join(mistakes))
    yield from result


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a folder whole; a reader sees each file old or new, and waits until all agree."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        part = folder / f".{name}.part"
        # Bytes, so that line endings stay what they are on every platform.
        part.write_bytes(text.encode())
        part.replace(folder / name)
    for path in folder.iterdir():
        if path.is_file() and path.name not in files:
            path.unlink()


def _prompts(manifests: list[Manifest], mistakes: list[str]) -> dict[tuple[str, str], _Prompt]:
    specs: dict[tuple[str, str, int], PromptVersionSpec] = {}
    for manifest in manifests:
        if isinstance(manifest.model, PromptVersion):
            spec = manifest.model.spec
            specs[manifest.namespace, spec.prompt, spec.version] = spec
    prompts: dict[tuple[str, str], _Prompt] = defaultdict(_Prompt)
    for manifest in manifests:
        if isinstance(manifest.model, PromptRelease):
            name = manifest.model.metadata.name
            prompts[manifest.namespace, name].release = _identified(manifest.raw)
        if not isinstance(manifest.model, PromptVersion):
            continue
        namespace, spec = manifest.namespace, manifest.model.spec
        resolution = judge(spec, partial(_lookup, specs, namespace))
        mistakes += [f"{manifest.place}: {p.message}" for p in resolution.verdict.problems]
        prompt = prompts[namespace, spec.prompt]
        prompt.versions[spec.version] = Version(
            manifest.model.metadata.name, "", "", spec.version, (), resolution.verdict
        )
        if resolution.content is not None:
            prompt.contents[spec.version] = resolution.content
    return prompts


def _lookup(
    specs: Mapping[tuple[str, str, int], PromptVersionSpec], namespace: str, name: str, number: int
) -> PromptVersionSpec | None:
    return specs.get((namespace, name, number))


def _identified(raw: dict[str, Any]) -> dict[str, Any]:
    """A manifest with what only a cluster gives an object."""
    given = {"uid": "", "resourceVersion": "", "generation": 1}
    return {**raw, "metadata": {**given, **raw["metadata"]}}


def _nothing_labelled(name: str) -> dict[str, Any]:
    return _identified({"metadata": {"name": name}, "spec": {}})


def first_moves(since: str | None) -> datetime:
    """The time that first moves get: as given, or ``$SOURCE_DATE_EPOCH``, or now.

    Raises UsageMistake.
    """
    if since is None:
        # reproducible-builds.org/docs/source-date-epoch
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        return datetime.fromtimestamp(int(epoch), timezone.utc) if epoch else _clock()
    try:
        return datetime.fromisoformat(since.replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        raise UsageMistake(f"--since {since!r} is not an RFC 3339 time") from None


def _clock() -> datetime:
    return datetime.now(timezone.utc)
