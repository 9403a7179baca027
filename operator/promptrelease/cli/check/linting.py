"""What is wrong with manifests, and what is unwise, by file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from promptrelease.api import (
    API_VERSION,
    GROUP,
)
from promptrelease.cli.check.findings import MISTAKE, Finding, Place
from promptrelease.cli.check.rules import violations
from promptrelease.cli.check.together import together
from promptrelease.cli.manifests import KINDS, Manifest, bare, documents, line_of, mistakes_of

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def lint(texts: Mapping[str, str]) -> tuple[list[Finding], list[Place]]:
    """Look at files.

    Args:
        texts: file name to what is in it.

    Returns:
        What was found, by file and line; and the manifests whose shape is right.

    """
    findings: list[Finding] = []
    places: list[Place] = []
    for file, text in texts.items():
        try:
            for raw, node in documents(text):
                findings += [Finding(MISTAKE, file, n, m) for n, m in _doubled_keys(node)]
                if found := _kind_problem(raw):
                    findings.append(Finding(MISTAKE, file, line_of(node, (found[0],)), found[1]))
                elif raw.get("apiVersion") == API_VERSION:
                    _take(raw, node, file, findings, places)
        except RecursionError:
            said = "not to be read: it nests too deeply, or an anchor refers to itself"
            findings.append(Finding(MISTAKE, file, 1, said))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = f"not YAML: {getattr(error, 'problem', error)}"
            findings.append(Finding(MISTAKE, file, mark.line + 1 if mark else 1, problem))
    findings += together(places)
    order = {file: i for i, file in enumerate(texts)}
    return sorted(set(findings), key=lambda f: (order[f.file], f.line, f.message)), places


def _take(
    raw: dict[str, Any],
    node: yaml.Node,
    file: str,
    findings: list[Finding],
    places: list[Place],
) -> None:
    try:
        model = KINDS[raw["kind"]].model_validate(_named(bare(raw)))
    except ValidationError as error:
        findings += [Finding(MISTAKE, file, n, m) for n, m in mistakes_of(node, error)]
        return
    if not _NAME.fullmatch(model.metadata.name):
        line = line_of(node, ("metadata", "name"))
        wrong = f"metadata.name: {model.metadata.name!r} is no name: lower-case letters, digits, -"
        findings.append(Finding(MISTAKE, file, line, wrong))
    for path, message in violations(raw["kind"], raw):
        where = ".".join(map(str, path))
        line = line_of(node, path or ("metadata", "name"))
        findings.append(Finding(MISTAKE, file, line, f"{where}: {message}" if where else message))
    places.append(Place(Manifest(raw, model, f"{file}:{line_of(node, ())}"), file, node))


def _named(raw: dict[str, Any]) -> dict[str, Any]:
    """With a name, where the server shall make one."""
    meta = raw.get("metadata")
    if isinstance(meta, dict) and "name" not in meta and isinstance(meta.get("generateName"), str):
        return {**raw, "metadata": {**meta, "name": f"{meta['generateName']}xxxxx"}}
    return raw


def _kind_problem(raw: Mapping[str, Any]) -> tuple[str, str] | None:
    """Field and words, where something is meant to be ours and is none of our kinds."""
    api_version, kind = str(raw.get("apiVersion", "")), raw.get("kind")
    group = api_version.partition("/")[0]
    if group == GROUP and api_version != API_VERSION:
        return "apiVersion", f"{api_version}: the version that is served is {API_VERSION}"
    if group == GROUP and kind not in KINDS:
        return "kind", f"there is no kind {kind} in {GROUP}: it has {', '.join(KINDS)}"
    if group != GROUP and kind in KINDS:
        return "apiVersion", f"a {kind} has the apiVersion {API_VERSION}, not {api_version!r}"
    return None


def _doubled_keys(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Fields that are written twice; YAML's readers take one of the two without a word."""
    waiting, looked_at = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:
            continue  # an alias
        looked_at.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if not isinstance(node, yaml.MappingNode):
            continue
        seen: set[str] = set()
        for key, child in node.value:
            waiting.append(child)
            if isinstance(key.value, str) and key.value != "<<":
                if key.value in seen:
                    yield key.start_mark.line + 1, f"{key.value} is written twice"
                seen.add(key.value)
