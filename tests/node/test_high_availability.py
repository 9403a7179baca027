"""Two operators in pods: one takes over from the other, and an upgrade waits for neither."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.api import Api, release, version, wait_for
from harness.installation import MANIFESTS, SYSTEM, history, now
from harness.node import Node
from harness.node_fixtures import OPERATOR, deployed

P = "ticket-summary"


@pytest.fixture
def pair(node: Node) -> Iterator[Node]:
    """The node, with manifests/high-availability; with manifests/base again afterwards."""
    kubectl = node.control_plane.kubectl
    apply = ("apply", "--server-side", "--force-conflicts", "-k")
    kubectl(*apply, MANIFESTS / "high-availability")
    deployed(node)
    yield node
    kubectl(*apply, MANIFESTS / "base")
    kinds = "poddisruptionbudget,role,rolebinding,lease"
    labelled = ("-l", "app.kubernetes.io/part-of=promptrelease")
    kubectl("delete", kinds, "-n", SYSTEM, *labelled, "--ignore-not-found")
    deployed(node)
    wait_for(lambda: len(operators(node)) == 1, "one operator", seconds=60)


def operators(node: Node) -> list[str]:
    """Return the names of the operator's pods, those that are ending included."""
    names = node.control_plane.kubectl("get", "pods", "-n", SYSTEM, "-o", "name").stdout
    return [name.removeprefix("pod/") for name in names.split()]


def leader(node: Node) -> str:
    """Return the pod that holds the Lease, or nothing."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{OPERATOR}"
    holder: str = node.control_plane.request("GET", path)["spec"].get("holderIdentity", "")
    return holder.rpartition("_")[0]


def test_one_takes_over_from_the_other(pair: Node) -> None:
    plane = pair.control_plane
    wait_for(lambda: len(operators(pair)) == 2, "the one without a Lease to be gone", seconds=60)
    plane.kubectl("create", "namespace", "pair")
    api = Api(plane, "pair")
    api.apply(version(P, 1), version(P, 2), version(P, 3), release(P, production=(1, "begin")))
    api.served(P, "production", f"{P} v1")

    first = wait_for(lambda: leader(pair), "a leader")
    plane.kubectl("delete", "pod", first, "-n", SYSTEM, "--timeout=60s")
    second = wait_for(lambda: leader(pair), "another leader")
    assert second != first
    api.move(P, "production", 2, "better")
    api.served(P, "production", f"{P} v2")

    api.ready(P)
    since = now(plane)
    plane.kubectl("rollout", "restart", f"deployment/{OPERATOR}", "-n", SYSTEM)
    deployed(pair)
    third = wait_for(lambda: {leader(pair)} - {"", first, second}, "a new leader", seconds=60)
    api.move(P, "production", 3, "better still")
    api.served(P, "production", f"{P} v3")
    assert third
    events = history(plane, "pair", since)
    written = [e["type"] for e in events if e["object"]["metadata"]["name"] == f"{P}.production"]
    assert written == ["MODIFIED"], "the move, and nothing else"
    plane.kubectl("delete", "namespace", "pair", "--timeout=60s")
