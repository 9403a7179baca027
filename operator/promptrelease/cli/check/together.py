"""Manifests beside one another: what one names must be there, and be right."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promptrelease.api import (
    PromptPolicy,
    PromptRelease,
    PromptSuite,
    PromptVersion,
    PromptVersionSpec,
)
from promptrelease.cli.check.findings import MISTAKE, WARNING, Finding, Place
from promptrelease.release.judge import judge

# A date, or a number of three or four digits at the end, as in gpt-4-0613 and gemini-2.0-flash-001.
_SNAPSHOT = re.compile(r"(19|20)\d\d-?\d\d-?\d\d|[-_@:]\d{3,4}$|sha256")

_PART = re.compile(r"(text|messages|output|model|tools|variables|includes)\b(?:\[(\d+)\])?")

_BY_INCLUDE = frozenset({"IncludeMissing"})


def together(places: list[Place]) -> Iterator[Finding]:
    """What is wrong between manifests: names, versions, includes, labels and policies."""
    yield from _same_names(places)
    spaces: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        spaces[place.manifest.namespace].append(place)
    for inside in spaces.values():
        yield from _versions(inside)
        yield from _releases(inside)
        yield from _policies(inside)


def _same_names(places: Iterable[Place]) -> Iterator[Finding]:
    first: dict[tuple[str, str, str], Place] = {}
    for place in places:
        manifest = place.manifest
        key = (manifest.namespace, manifest.raw["kind"], manifest.model.metadata.name)
        if key in first and "name" in manifest.raw["metadata"]:
            other = first[key].manifest.place
            yield Finding(MISTAKE, *place.at(), f"{key[1]} {key[2]} is in {other}, too")
        first.setdefault(key, place)


def _versions(places: list[Place]) -> Iterator[Finding]:
    bodies: dict[tuple[str, int], PromptVersionSpec] = {}
    for place in places:
        if isinstance(model := place.manifest.model, PromptVersion):
            bodies[model.spec.prompt, model.spec.version] = model.spec
    prompts = {prompt for prompt, _ in bodies}
    digests: dict[tuple[str, str], str] = {}
    for place in places:
        if not isinstance(model := place.manifest.model, PromptVersion):
            continue
        spec = model.spec
        verdict = judge(spec, lambda prompt, n: bodies.get((prompt, n))).verdict
        for problem in verdict.problems:
            at = place.at("spec", *_field(problem.message, spec))
            elsewhere = problem.reason in _BY_INCLUDE and not _includes(spec) & prompts
            if elsewhere:
                said = f"{problem.message} (or is it in files that were not given?)"
                yield Finding(WARNING, *at, said)
            else:
                yield Finding(MISTAKE, *at, f"{problem.reason}: {problem.message}")
        if not _SNAPSHOT.search(spec.model.name):
            yield Finding(
                WARNING,
                *place.at("spec", "model", "name"),
                f"{spec.model.name} may be a moving alias: a rollback brings back the text and "
                "not the behaviour; name a snapshot, as in gpt-4.1-mini-2025-04-14",
            )
        if verdict.digest:
            other = digests.setdefault((spec.prompt, verdict.digest), model.metadata.name)
            if other != model.metadata.name:
                yield Finding(
                    WARNING, *place.at("metadata", "name"), f"the content is that of {other}"
                )


def _includes(spec: PromptVersionSpec) -> set[str]:
    return {include.prompt for include in (spec.includes or {}).values()}


def _field(message: str, spec: PromptVersionSpec) -> tuple[Any, ...]:
    """The field that a message of the judge begins with, as in ``messages[2], line 3``."""
    found = re.match(
        r"(text|messages|output|model|tools|variables|includes)\b(?:\[(\d+)\])?", message
    )
    if found is None:
        return ("text",) if spec.text is not None else ("messages",)
    return (found[1], int(found[2])) if found[2] else (found[1],)


def _releases(places: list[Place]) -> Iterator[Finding]:
    versions: dict[str, set[int]] = defaultdict(set)
    for place in places:
        if isinstance(model := place.manifest.model, PromptVersion):
            versions[model.spec.prompt].add(model.spec.version)
    served = set()
    for place in places:
        if not isinstance(model := place.manifest.model, PromptRelease):
            continue
        name = model.metadata.name
        served.add(name)
        known = versions.get(name)
        for label, wanted in (model.spec.labels or {}).items():
            if known and wanted.version not in known:
                newest = ", ".join(f"v{n}" for n in sorted(known)[-5:])
                yield Finding(
                    MISTAKE,
                    *place.at("spec", "labels", label, "version"),
                    f"{label} names v{wanted.version} of {name}, which is not there: the files "
                    f"have {newest}",
                )
    if served:
        yield from _unserved(places, {p: max(n) for p, n in versions.items() if p not in served})


def _unserved(places: list[Place], newest: Mapping[str, int]) -> Iterator[Finding]:
    """Prompts without a release, unless they are there to be included."""
    for place in places:
        if not isinstance(model := place.manifest.model, PromptVersion):
            continue
        prompt, number = model.spec.prompt, model.spec.version
        if newest.get(prompt) == number and not _is_included(places, prompt):
            said = f"no PromptRelease in the files serves any version of {prompt}"
            yield Finding(WARNING, *place.at(), said)


def _is_included(places: Iterable[Place], prompt: str) -> bool:
    models = (place.manifest.model for place in places)
    return any(isinstance(m, PromptVersion) and prompt in _includes(m.spec) for m in models)


def _policies(places: list[Place]) -> Iterator[Finding]:
    models = [place.manifest.model for place in places]
    prompts = {m.spec.prompt for m in models if isinstance(m, PromptVersion)}
    prompts |= {m.metadata.name for m in models if isinstance(m, PromptRelease)}
    suites = {m.metadata.name for m in models if isinstance(m, PromptSuite)}
    for place in places:
        if not isinstance(model := place.manifest.model, PromptPolicy):
            continue
        spec = model.spec
        for i, name in enumerate(spec.prompts or ()):
            if prompts and name not in prompts:
                said = f"there is no prompt {name} in the files"
                yield Finding(WARNING, *place.at("spec", "prompts", i), said)
        require = spec.require
        if require is None:
            continue
        if require.from_ is not None and require.from_.label in (spec.labels or ()):
            at = place.at("spec", "require", "from", "label")
            said = f"{require.from_.label} waits for itself: nothing new can ever be served there"
            yield Finding(WARNING, *at, said)
        for i, name in enumerate(require.evaluations or ()):
            if suites and name != "*" and name not in suites:
                said = f"there is no PromptSuite {name} in the files"
                yield Finding(WARNING, *place.at("spec", "require", "evaluations", i), said)
