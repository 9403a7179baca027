"""The console as a process, beside a control plane."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

from harness.api import wait_for
from harness.components import free_port
from harness.controlplane import ControlPlane
from harness.installation import ROOT


@contextmanager
def console(plane: ControlPlane, namespace: str, *arguments: str) -> Iterator[str]:
    """Run the console until the end of the with block; yields its URL, without a slash."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command: Sequence[str] = [
        sys.executable,
        "-m",
        "promptrelease.console.main",
        f"--server={plane.url}",
        f"--ca-file={plane.ca_file}",
        f"--url={url}",
        f"--port={port}",
        f"--namespace={namespace}",
        *arguments,
    ]
    env = {
        "PYTHONPATH": str(ROOT / "operator"),
        "PROMPTRELEASE_CONSOLE_SECRET": secrets.token_hex(32),
    }
    name = f"console-{port}"
    plane.start_process(name, command, env)

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/healthz").status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(ready, "the console")
    try:
        yield url
    finally:
        plane.stop_component(name)
