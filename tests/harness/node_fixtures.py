"""Fixtures for tests that need real pods; tests/node/conftest.py takes them in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from harness.node import Node
from harness.operator import ROOT
from harness.packages import Unavailable
from harness.pods import Pods

SYSTEM = "promptrelease-system"
OPERATOR = "promptrelease-operator"


@pytest.fixture(scope="session")
def bare_node() -> Iterator[Node]:
    """One node for all tests of the session, with nothing installed.

    Skips where there can be none; what fails to build or to start is an error.
    """
    with contextlib.ExitStack() as stack:
        try:
            node = stack.enter_context(Node())
        except Unavailable as reason:
            pytest.skip(f"no real node here: {reason}")
        yield node


@pytest.fixture(scope="session")
def node(bare_node: Node) -> Node:
    """The node, with the operator in a pod, installed by what is shipped and nothing else."""
    install(bare_node)
    return bare_node


def install(node: Node) -> None:
    """Apply manifests/base and wait for the operator's pod to be ready."""
    node.control_plane.kubectl("apply", "--server-side", "--kustomize", ROOT / "manifests" / "base")
    deployed(node)


def deployed(node: Node) -> None:
    """Wait until as many of the operator's pods are ready as its Deployment asks for."""
    kubectl = node.control_plane.kubectl
    done = kubectl(
        *("rollout", "status", f"deployment/{OPERATOR}", "-n", SYSTEM, "--timeout=120s"),
        check=False,
    )
    if done.returncode != 0:
        pods = kubectl("describe", "pods", "-n", SYSTEM).stdout
        raise AssertionError(f"{done.stderr}\n{pods}\n{node.container_log(SYSTEM, '*')}")


@pytest.fixture
def pods(node: Node, request: pytest.FixtureRequest) -> Iterator[Pods]:
    """The test's own namespace on the node."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    made = Pods(node, name.removeprefix("test-"))
    yield made
    made.close()
