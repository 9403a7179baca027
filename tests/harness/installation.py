"""An installation as a cluster has it: its objects, its operator, and what became of ConfigMaps."""

from __future__ import annotations

import itertools
import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from harness.api import Json, wait_for
from harness.components import free_port
from harness.controlplane import ControlPlane

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "promptrelease"
MANIFESTS = ROOT / "manifests"
SYSTEM = "promptrelease-system"
ACCOUNT = "promptrelease-operator"

_numbers = itertools.count(1)


def objects(text: str) -> dict[tuple[str, str], Json]:
    """Return what is in a stream of manifests, by kind and name; none may be there twice."""
    found: dict[tuple[str, str], Json] = {}
    for obj in filter(None, yaml.safe_load_all(text)):
        key = (obj["kind"], obj["metadata"]["name"])
        assert key not in found, f"twice: {key}"
        found[key] = obj
    return found


def overlay(folder: Path, namespace: str, *, several: bool = False, of: str = "namespaced") -> Path:
    """Write an overlay of manifests/namespaced as docs/install.md has it, or of another."""
    folder.mkdir()

    def way(target: Path) -> str:  # kustomize takes no absolute path
        up = [".."] * (len(folder.resolve().parts) - 1)
        return str(Path(*up, *target.parts[1:]))

    kustomization = {
        "namespace": namespace,
        "resources": [way(MANIFESTS / of)],
        "components": [way(MANIFESTS / "high-availability" / "component")] if several else [],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    return folder


@contextmanager
def running(
    plane: ControlPlane, namespace: str, source: Path = ROOT / "operator"
) -> Iterator[None]:
    """Run the operator as its Deployment on the cluster says, until the end of the with block.

    A process and not a pod, since there is no node: under the same service account, with the same
    arguments and environment. ``source`` is the folder that has the package.
    """
    name = f"installed-{next(_numbers)}"
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{ACCOUNT}"
    pod = plane.request("GET", path)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["serviceAccountName"] == ACCOUNT
    kubeconfig = plane.kubeconfig_for_service_account(namespace, ACCOUNT)
    port = free_port()
    command = [sys.executable, "-m", "promptrelease.controller.main", *container.get("args", ())]
    command += [f"--kubeconfig={kubeconfig}", f"--health-port={port}"]
    facts = {"metadata.namespace": namespace, "metadata.name": name}
    env = {one["name"]: _value(one, facts) for one in container["env"]}
    if "PROMPTRELEASE_LEADER_ELECT" in env:  # in a pod, a file says which namespace it is in
        env["PROMPTRELEASE_LEASE"] = f"{namespace}/{ACCOUNT}"
    plane.start_process(name, command, {**env, "PYTHONPATH": str(source)})

    def ready() -> bool:
        assert plane.running(name) is not None, plane.logs(name)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_for(ready, "the operator to be ready", seconds=60)
        yield
    finally:
        ended = plane.stop_component(name)
    assert ended == "exit status 0", plane.logs(name)


def _value(variable: Json, facts: dict[str, str]) -> str:
    if "valueFrom" in variable:
        return facts[variable["valueFrom"]["fieldRef"]["fieldPath"]]
    value: str = variable["value"]
    return value


def now(plane: ControlPlane) -> str:
    """Return the resource version that the cluster is at."""
    listed: Any = plane.request("GET", "/api/v1/configmaps?limit=1")
    return str(listed["metadata"]["resourceVersion"])


def history(plane: ControlPlane, namespace: str, since: str) -> list[Json]:
    """Return each event of the namespace's ConfigMaps since a resource version; none is missed."""
    query = f"watch=1&resourceVersion={since}&timeoutSeconds=1"
    path = f"/api/v1/namespaces/{namespace}/configmaps?{query}"
    lines = plane.kubectl("get", "--raw", path).stdout.splitlines()
    return [json.loads(line) for line in lines]


def mounted(plane: ControlPlane, namespace: str) -> dict[str, Json]:
    """Return the ConfigMaps that the operator made, by name: what workloads mount."""
    selector = "labelSelector=app.kubernetes.io/managed-by%3Dpromptrelease"
    path = f"/api/v1/namespaces/{namespace}/configmaps?{selector}"
    return {obj["metadata"]["name"]: obj for obj in plane.request("GET", path)["items"]}


def stayed(before: dict[str, Json], events: Sequence[Json]) -> None:
    """Check that no event took a ConfigMap away, or changed a byte of what workloads read."""
    for event in events:
        metadata = event["object"]["metadata"]
        if metadata["name"] not in before:
            continue
        was = before[metadata["name"]]
        assert event["type"] == "MODIFIED", event
        assert metadata["uid"] == was["metadata"]["uid"]
        assert "deletionTimestamp" not in metadata
        assert event["object"]["data"] == was["data"]
