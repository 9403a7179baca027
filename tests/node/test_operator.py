"""The operator in a pod: the shipped manifests and image, and the rights they give."""

from __future__ import annotations

import urllib.request

import yaml

from harness.node import Node
from harness.node_fixtures import OPERATOR, SYSTEM
from harness.operator import ROOT
from harness.pods import Json


def operator_pod(node: Node) -> Json:
    path = f"/api/v1/namespaces/{SYSTEM}/pods"
    (pod,) = node.control_plane.request("GET", path)["items"]
    return dict(pod)


def test_it_is_ready_and_was_never_restarted(node: Node) -> None:
    (status,) = operator_pod(node)["status"]["containerStatuses"]

    assert status["ready"]
    assert status["started"]
    assert status["restartCount"] == 0


def test_its_probes_answer(node: Node) -> None:
    address = operator_pod(node)["status"]["podIP"]

    for path in ("livez", "readyz"):
        with urllib.request.urlopen(f"http://{address}:8080/{path}", timeout=5) as answer:
            assert answer.status == 200


def test_it_runs_as_shipped(node: Node) -> None:
    shipped = yaml.safe_load((ROOT / "manifests/operator/deployment.yaml").read_text())
    wanted = shipped["spec"]["template"]["spec"]
    spec = operator_pod(node)["spec"]
    (container,) = spec["containers"]

    assert spec["serviceAccountName"] == OPERATOR
    assert spec["securityContext"] == wanted["securityContext"]
    assert container["securityContext"] == wanted["containers"][0]["securityContext"]
    assert container["image"] == wanted["containers"][0]["image"]
    assert not spec.get("hostNetwork")


def test_its_process_is_neither_root_nor_privileged(node: Node) -> None:
    (status,) = operator_pod(node)["status"]["containerStatuses"]
    process = node.process_status(status["containerID"].removeprefix("containerd://"))

    assert process["Uid"].split() == ["65532"] * 4
    assert int(process["CapEff"], 16) == int(process["CapBnd"], 16) == 0
    assert process["NoNewPrivs"] == "1"
    assert process["Seccomp"] == "2"  # a filter
