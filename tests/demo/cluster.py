"""The cluster that the demo runs on: its own, or one that a kubeconfig names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from demo import terminal
from harness import binary
from harness.components import free_port
from harness.controlplane import ControlPlane
from harness.installation import ACCOUNT, SYSTEM

ROOT = Path(__file__).parents[2]
NAMESPACE = "promptrelease-demo"
LOG = ROOT / ".demo" / "operator.log"
PATIENCE = 30.0


class DemoError(Exception):
    """Something did not come about; the text says what."""


class Cluster:
    """kubectl and the operator, as one identity in one namespace.

    Args:
        environment: of the programs that are started; has KUBECONFIG and PATH.
        context: of the kubeconfig; its current one when none is given.
        plane: the control plane, where it is ours.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        context: str | None = None,
        plane: ControlPlane | None = None,
    ) -> None:
        self.plane = plane
        self.environment = dict(environment)
        self._context = ["--context", context] if context else []
        self._seen: dict[str, dict[str, Any]] = {}
        self._news = threading.Condition()

    def kubectl(
        self, *words: str, stdin: str | None = None, check: bool = True, show: bool = True
    ) -> str:
        """Run kubectl in the demo's namespace, as a person would; returns all that it wrote.

        Raises:
            DemoError: it failed, and `check` is true.
        """
        if show:
            terminal.command(["kubectl", *words])
        done = subprocess.run(
            ["kubectl", *self._context, "--namespace", NAMESPACE, *words],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        written = done.stdout + done.stderr
        if check and done.returncode:
            raise DemoError(f"kubectl {' '.join(words)}: {written}")
        return written

    @contextmanager
    def operator(self) -> Iterator[None]:
        """Run the operator on this machine, for the demo's namespace."""
        port = free_port()
        environment = dict(self.environment)
        if self.plane:  # with the rights of an installation, and nobody's else
            account = self.plane.kubeconfig_for_service_account(SYSTEM, ACCOUNT)
            environment["KUBECONFIG"] = str(account)
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("w") as written:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "promptrelease.controller.main", *self._context),
                    *("--namespace", NAMESPACE, "--health-port", str(port)),
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._until_ready(process, port)
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()

    def _until_ready(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DemoError(f"the operator ended:\n{LOG.read_text()}")
            with suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1)
                return
            time.sleep(0.05)
        raise DemoError(f"the operator is not ready:\n{LOG.read_text()}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Follow the ConfigMaps that are served, so that `until` knows when one changes."""
        process = subprocess.Popen(
            [
                *("kubectl", *self._context, "--namespace", NAMESPACE, "get", "configmaps"),
                *("--selector", "app.kubernetes.io/managed-by=promptrelease"),
                *("--watch", "--output", "json"),
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        reader = threading.Thread(target=self._follow, args=(process,), daemon=True)
        reader.start()
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        decoder, buffer = json.JSONDecoder(), ""
        for line in process.stdout:
            buffer += line
            with suppress(json.JSONDecodeError):
                config_map, _ = decoder.raw_decode(buffer)
                buffer = ""
                with self._news:
                    self._seen[config_map["metadata"]["name"]] = config_map
                    self._news.notify_all()

    def until(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until a ConfigMap is as wanted.

        Raises:
            DemoError: it was not within 30 s.
        """
        with self._news:
            if not self._news.wait_for(
                lambda: name in self._seen and holds(self._seen[name]), PATIENCE
            ):
                raise DemoError(
                    f"ConfigMap {name} did not change within {PATIENCE:.0f} s; the operator:\n"
                    + LOG.read_text()[-2000:]
                )
            return self._seen[name]


@contextmanager
def embedded() -> Iterator[Cluster]:
    """Run a control plane for the demo."""
    with ControlPlane() as control_plane:
        environment = {**os.environ, **control_plane.environment()}
        yield Cluster(environment, plane=control_plane)


@contextmanager
def existing(context: str) -> Iterator[Cluster]:
    """Use a cluster that the kubeconfig knows."""
    environment = dict(os.environ)
    if not shutil.which("kubectl"):
        folder = ROOT / ".demo" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        binary.find().link_into(folder)
        environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
    cluster = Cluster(environment, context)
    cluster.kubectl("version", show=False)
    yield cluster
