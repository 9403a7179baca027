"""A control plane of its own for faults: no other operator is at work there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from faults import sweep
from faults.stage import Loop, Stage, loop
from harness.controlplane import ControlPlane
from harness.operator import install


@pytest.fixture(scope="package")
def plane() -> Iterator[ControlPlane]:
    """A control plane that nobody else uses."""
    with ControlPlane() as running:
        yield running


@pytest.fixture(scope="package")
def running() -> Iterator[Loop]:
    """Where coroutines run, for all tests."""
    with loop() as made:
        yield made


@pytest.fixture(scope="package")
def stage(
    plane: ControlPlane, running: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Where plans are played, with operators under the roles that are shipped."""
    kubeconfig = install(plane)
    assert kubeconfig is not None
    token = json.loads(kubeconfig.read_text())["users"][0]["user"]["token"]
    made = Stage(plane, token, tmp_path_factory.mktemp("operators"))
    running.run(made.__aenter__())
    try:
        yield made
    finally:
        running.run(made.__aexit__(None, None, None))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how many plans were played, and what came of them."""
    if sweep.ROWS:
        terminalreporter.section("faults")
        for line in sweep.table():
            terminalreporter.write_line(line)
