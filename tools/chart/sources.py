"""What the chart is made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml
from tools.chart.text import Object

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
CRDS = ROOT / "crds"
CHART = ROOT / "charts" / "promptrelease"
SEVERAL = MANIFESTS / "high-availability" / "component"
"""What is different where there are several replicas."""

KNOWN = {
    *("apiVersion", "kind", "namespace", "resources", "labels", "patches"),
    *("configMapGenerator", "generatorOptions"),
}


def objects(folder: Path) -> Iterator[tuple[str, Object]]:
    """Yield the file name and object of each resource of a kustomization, with its labels.

    Its namespace and its patches are left to the caller. Raises ValueError for what kustomize knows
    and this does not.
    """
    file = folder / "kustomization.yaml"
    kustomization = yaml.safe_load(file.read_text())
    if unknown := kustomization.keys() - KNOWN:
        raise ValueError(f"{file} has {', '.join(unknown)}, which {__file__} has yet to learn")
    labels = {k: v for more in kustomization.get("labels", ()) for k, v in more["pairs"].items()}
    found = [(name, obj) for name in kustomization["resources"] for obj in documents(folder / name)]
    generated = kustomization.get("configMapGenerator", ())
    marks = kustomization.get("generatorOptions", {}).get("labels", {})
    found += [(f"{one['name']}.yaml", config_map(folder, one, marks)) for one in generated]
    for name, obj in found:
        if labels:
            obj["metadata"]["labels"] = obj["metadata"].get("labels", {}) | labels
        yield name, obj


def config_map(folder: Path, generator: Object, labels: Object) -> Object:
    """Return the ConfigMap that a generator makes of files, each given as ``key=path``."""
    files = dict(entry.split("=") for entry in generator["files"])
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": generator["name"], "labels": labels},
        "data": {key: (folder / path).read_text() for key, path in files.items()},
    }


def documents(file: Path) -> Iterator[Object]:
    """Yield the objects of one file."""
    yield from yaml.safe_load_all(file.read_text())


def added_variable(folder: Path) -> Object:
    """Return the environment variable that a kustomization adds to the operator's."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (patch,) = [patch["patch"] for patch in kustomization["patches"] if "target" in patch]
    (operation,) = yaml.safe_load(patch)
    value: Object = operation["value"]
    return value
