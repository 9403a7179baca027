"""A real Prometheus that scrapes operators, and promtool: one package of Debian brings both."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.api import wait_for
from harness.components import free_port
from harness.controlplane import ControlPlane
from harness.packages import Unavailable, codename

Series = list[dict[str, Any]]

INSTALL_SECONDS = 600.0
SCRAPE_SECONDS = 1


def programs() -> tuple[str, str]:
    """Where prometheus and promtool are; Debian's package is installed where they are missing.

    Raises Unavailable, with what would help.
    """
    names = ("prometheus", "promtool")
    if not all(map(shutil.which, names)):
        _install()
    server, tool = map(shutil.which, names)
    if server is None or tool is None:
        raise Unavailable("there is no prometheus and promtool, even after the installation")
    return server, tool


def _install() -> None:
    if not codename() or os.geteuid() != 0:
        raise Unavailable("prometheus and promtool are missing: install them, and put them on PATH")
    print("monitoring: installing Debian's prometheus (once)", file=sys.stderr, flush=True)
    install = ["install", "--yes", "--no-install-recommends", "prometheus"]
    for arguments in (install, ["update"], install):  # the lists may be absent, or old
        done = subprocess.run(
            ["apt-get", "--option=DPkg::Lock::Timeout=300", "--quiet", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        if done.returncode == 0 and arguments is install:
            return
    raise Unavailable(f"apt-get install prometheus failed:\n{done.stdout[-2000:]}")


class Prometheus:
    """A server that scrapes the operator once a second and evaluates rules, as a context manager.

    Args:
        control_plane: whose supervisor keeps the process.
        folder: for its configuration and data.
        port: of the operator's /metrics.
        rules: files of rules.

    """

    def __init__(
        self, control_plane: ControlPlane, folder: Path, port: int, rules: Sequence[Path] = ()
    ) -> None:
        self._control_plane = control_plane
        self._folder = folder
        self._target = f"127.0.0.1:{port}"
        self._rules = rules
        self._port = free_port()
        self._name = f"prometheus-{self._port}"

    def __enter__(self) -> Prometheus:
        server, _ = programs()
        every = f"{SCRAPE_SECONDS}s"
        job = {"job_name": "promptrelease", "static_configs": [{"targets": [self._target]}]}
        configuration = {
            "global": {"scrape_interval": every, "evaluation_interval": every},
            "rule_files": [str(file) for file in self._rules],
            "scrape_configs": [job],
        }
        file = self._folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(configuration))
        command = [
            server,
            f"--config.file={file}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        self._control_plane.start_process(self._name, command)
        try:
            wait_for(self._is_ready, "Prometheus to be ready", seconds=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._control_plane.running(self._name) is not None:
            self._control_plane.stop_component(self._name)

    def query(self, expression: str, at: float | None = None) -> Series:
        """The series of an instant query. Raises AssertionError where it is not understood."""
        query = {"query": expression} | ({"time": str(at)} if at else {})
        found: Series = self._get("query", query)["result"]
        return found

    def range(self, expression: str, start: float, end: float, step: float) -> Series:
        """The series of a range query, times in seconds since the epoch."""
        span = {"start": str(start), "end": str(end), "step": str(step)}
        found: Series = self._get("query_range", {"query": expression, **span})["result"]
        return found

    def rules(self) -> Series:
        """Every rule that it has loaded, with its health and state."""
        groups = self._get("rules", {})["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def scraped(self, expression: str, seconds: float = 30.0) -> Series:
        """The series of an instant query, once there are any."""
        return wait_for(lambda: self.query(expression), f"data of {expression}", seconds)

    def _get(self, what: str, query: dict[str, str]) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._port}/api/v1/{what}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                data: dict[str, Any] = json.load(response)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{query}: {error.read().decode()}") from None
        return data

    def _is_ready(self) -> bool:
        if self._control_plane.running(self._name) is None:
            log = self._control_plane.logs(self._name)
            raise AssertionError(f"Prometheus has ended:\n{log[-4000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5) as it:
                return bool(it.status == 200)
        except OSError:
            time.sleep(0.1)
            return False
