"""Manifests in a folder, as GitOps tools take them: ``<prompt>/<name>.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from promptrelease.exchange.compare import same_content
from promptrelease.exchange.frontmatter import dump, load
from promptrelease.exchange.merge import Merged, merged
from promptrelease.exchange.values import ExchangeError, Json


def write(folder: Path, objects: list[Json], *, move: bool) -> Merged:
    """Write what is not there; a version that is there is left alone.

    Files whose content is the same stay as they are, to the byte.

    Raises:
        ExchangeError: a file is there and is not the manifest that belongs there.

    """
    result = Merged()
    for obj in objects:
        path = folder / _prompt(obj) / f"{obj['metadata']['name']}.yaml"
        text = dump(obj)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            result.created.append(str(path))
            continue
        if path.read_bytes() == text.encode():
            result.unchanged.append(str(path))
            continue
        there = _read(path, obj)
        if obj["kind"] == "PromptVersion":
            result.compared(str(path), obj, same=same_content(there["spec"], obj["spec"]))
        elif patch := merged(result, str(path), there, obj, move=move):
            path.write_bytes(dump(_patched(there, patch)).encode())
    return result


def _prompt(obj: Json) -> str:
    prompt: str = obj["spec"].get("prompt") or obj["metadata"]["name"]
    return prompt


def _read(path: Path, obj: Json) -> Json:
    try:
        there: Any = load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ExchangeError(f"{path}: not YAML: {error}") from None
    if (
        not isinstance(there, dict)
        or there.get("kind") != obj["kind"]
        or (there.get("metadata") or {}).get("name") != obj["metadata"]["name"]
        or not isinstance(there.get("spec"), dict)
    ):
        raise ExchangeError(
            f"{path}: it is not the {obj['kind']} {obj['metadata']['name']}: move it away"
        )
    return dict(there)


def _patched(there: Json, labels: Mapping[str, Any]) -> Json:
    spec = {**there["spec"], "labels": {**(there["spec"].get("labels") or {}), **labels}}
    return {**there, "spec": spec}
