"""The operator as a process, against a real API server."""

from __future__ import annotations

import itertools
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import yaml

from harness.api import VERSIONS, WATCHED, Api, condition, version, wait_for
from harness.components import free_port
from harness.controlplane import ControlPlane

ROOT = Path(__file__).parents[2]
PROBE = "operator-probe"
LOG_TAIL = 4000

_names = itertools.count(1)


class Operator:
    """Runs as a process of the control plane's supervisor, so that nothing is left behind.

    Args:
        kubeconfig: as whom; the administrator when none is given.
        namespace: work in this one only.
        wait: until it knows the whole cluster.
        options: more of the command line.

    """

    def __init__(
        self,
        control_plane: ControlPlane,
        kubeconfig: Path | None = None,
        namespace: str | None = None,
        *,
        wait: bool = True,
        options: Sequence[str] = (),
    ) -> None:
        self._control_plane = control_plane
        self._kubeconfig = kubeconfig or control_plane.kubeconfig()
        self._namespace = namespace
        self._wait = wait
        self._options = options
        self._name = f"operator-{next(_names)}"
        self._port = 0

    def __enter__(self) -> Operator:
        try:
            self.start(wait=self._wait)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self.running:
            self.kill()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return bool(self._port) and self._control_plane.running(self._name) is not None

    @property
    def pid(self) -> int:
        """Its process id. Raises AssertionError when it has ended."""
        pid = self._control_plane.running(self._name)
        assert pid is not None, f"the operator has ended:\n{self.logs[-LOG_TAIL:]}"
        return pid

    @property
    def logs(self) -> str:
        """All that it has written, over all its starts."""
        return self._control_plane.logs(self._name)

    def start(self, *, wait: bool = True) -> None:
        """Start, and wait until it knows the whole cluster."""
        self._port = free_port()
        command: list[str | Path] = [sys.executable, "-m", "promptrelease.controller.main"]
        command += ["--kubeconfig", self._kubeconfig, "--health-port", str(self._port)]
        if self._namespace:
            command += ["--namespace", self._namespace]
        command += self._options
        environment = {"PYTHONPATH": str(ROOT / "operator"), "PYTHONUNBUFFERED": "1"}
        self._control_plane.start_process(self._name, command, environment)
        if wait:
            wait_for(self._is_ready, "the operator to be ready", seconds=60)

    def stop(self) -> str:
        """SIGTERM; returns how it ended."""
        return self._control_plane.stop_component(self._name, signal.SIGTERM)

    def kill(self) -> str:
        """SIGKILL; returns how it ended."""
        return self._control_plane.stop_component(self._name, signal.SIGKILL)

    def probe(self, path: str, method: str = "GET") -> int:
        """HTTP status of a probe; 0 when nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as it:
                return int(it.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def catch_up(self) -> int:
        """Wait until all that it has heard of so far has had its turn.

        Keys have their turn in the order in which they came: a version that comes after them is
        judged after them. Twice, because several workers take turns side by side. Returns how
        many writes this took, by the test and by the operator together.
        """
        api = Api(self._control_plane, PROBE)
        for number in (_next(api), _next(api)):
            api.create(version(PROBE, number))
            wait_for(
                lambda n=number: condition(api.get(VERSIONS, f"{PROBE}-v{n}"), "Valid"),  # type: ignore[misc]
                "the probe to be judged",
                seconds=60,
            )
        return 4

    def _is_ready(self) -> bool:
        if not self.running:
            raise AssertionError(f"the operator has ended:\n{self.logs[-LOG_TAIL:]}")
        return self.probe("/readyz") == 200


_numbers = itertools.count(1)


def _next(api: Api) -> int:
    if (number := next(_numbers)) == 1:
        namespace = {"metadata": {"name": PROBE}}
        api.control_plane.request("POST", "/api/v1/namespaces", namespace)
    return number


_WRITES = re.compile(r"^apiserver_request_total\{([^}]*)\} (\d+)$", re.MULTILINE)


def writes(control_plane: ControlPlane) -> int:
    """Writes that the API server was asked for, those included that changed nothing."""
    total = 0
    for labels, count in _WRITES.findall(control_plane.request("GET", "/metrics")):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        reads = ("GET", "LIST", "WATCH")
        done = found["code"].startswith("2") and found["verb"] not in reads
        if done and found["resource"] in (*WATCHED, "pods"):
            total += int(count)
    return total


def install(control_plane: ControlPlane) -> Path | None:
    """Apply the CRDs and, where there are any, the shipped roles; returns as whom to run."""
    for crd in sorted((ROOT / "crds").glob("promptrelease.dev_*.yaml")):
        control_plane.kubectl("apply", "--server-side", "-f", crd)
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    base = ROOT / "manifests" / "base"
    if not (base / "kustomization.yaml").exists():
        return None
    rendered = control_plane.kubectl("kustomize", base).stdout
    objects = [obj for obj in yaml.safe_load_all(rendered) if obj]
    control_plane.kubectl("apply", "--server-side", "-f", "-", stdin=rendered)
    (account,) = [obj["metadata"] for obj in objects if obj["kind"] == "ServiceAccount"]
    return control_plane.kubeconfig_for_service_account(account["namespace"], account["name"])


@pytest.fixture(scope="session")
def shared_operator(control_plane: ControlPlane) -> Iterator[Operator]:
    """One operator for all namespaces, under the roles that are shipped."""
    with Operator(control_plane, install(control_plane)) as running:
        yield running


@pytest.fixture
def operator(shared_operator: Operator) -> Operator:
    """The shared operator, running: a test may stop and start it."""
    if not shared_operator.running:
        shared_operator.start()
    return shared_operator


@pytest.fixture
def api(control_plane: ControlPlane, namespace: str, operator: Operator) -> Iterator[Api]:
    """The test's own namespace, with the operator at work in it."""
    made = Api(control_plane, namespace)
    yield made
    made.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the operator wrote, beside a test's failure."""
    report = yield
    if report.failed:
        arguments: dict[str, Any] = getattr(item, "funcargs", {})
        for running in {it for it in arguments.values() if isinstance(it, Operator)}:
            report.sections.append(("log of the operator", running.logs[-LOG_TAIL:]))
    return report
