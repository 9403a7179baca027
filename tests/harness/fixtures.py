"""Fixtures for tests that need a real API server; tests/conftest.py loads them."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Callable, Iterator

import pytest

from harness.controlplane import ControlPlane


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker for tests that take seconds; `-m "not slow"` leaves them out."""
    config.addinivalue_line("markers", "slow: takes seconds, mostly a control plane of its own")


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """Run one etcd and API server for all tests of the session, with no controllers.

    Nothing collects garbage or finishes the deletion of a namespace there; a test that needs that
    runs a ControlPlane of its own.
    """
    with ControlPlane() as running:
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """Make a namespace that has the test's name in its own, and is never the same twice."""
    test = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    name = f"{test}-{uuid.uuid4().hex[:8]}"
    control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.request("DELETE", f"/api/v1/namespaces/{name}")  # does not wait for the end


@pytest.fixture
def kubectl(
    control_plane: ControlPlane, namespace: str
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return ControlPlane.kubectl with the test's namespace as the default one."""

    def run(
        *args: str, user: str = "admin", stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        kubeconfig = control_plane.kubeconfig(user, namespace)
        return control_plane.kubectl(*args, user=kubeconfig, stdin=stdin, check=check)

    return run
