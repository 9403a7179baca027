"""The console as a process, beside a control plane."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import httpx

from harness.api import wait_for
from harness.components import free_port
from harness.controlplane import ControlPlane
from harness.installation import ROOT

UNLIMITED = ("--requests-per-minute=0", "--sign-ins-per-minute=0")
"""A test asks oftener than people do."""


@contextmanager
def console(
    plane: ControlPlane,
    namespace: str,
    *arguments: str,
    port: int = 0,
    secret: str = "",
    environment: Mapping[str, str] | None = None,
    ready: Callable[[], bool] | None = None,
) -> Iterator[str]:
    """Run the console until the end of the with block; yields its URL, without a slash.

    Args:
        plane: whose API server it talks to.
        namespace: where people come who name none.
        arguments: more of the command line; they win over what is here.
        port: one that is free when none is given.
        secret: what it seals cookies with; a random one when none is given.
        environment: more of it.
        ready: how to ask whether it is, where its probes are elsewhere.

    It must end in peace, too.
    """
    port = port or free_port()
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
        *UNLIMITED,
        *arguments,
    ]
    env = {
        "PYTHONPATH": str(ROOT / "operator"),
        "PROMPTRELEASE_CONSOLE_SECRET": secret or secrets.token_hex(32),
        **(environment or {}),
    }
    name = f"console-{port}"
    plane.start_process(name, command, env)

    def is_ready() -> bool:
        assert plane.running(name) is not None, plane.logs(name)
        if ready:
            return ready()
        try:
            return httpx.get(f"{url}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    try:
        wait_for(is_ready, "the console to be ready", seconds=60)
        yield url
    finally:
        ended = plane.stop_component(name)
    # Where a machine is busy, Python itself may take longer to go than the supervisor waits.
    assert "Finished server process" in plane.logs(name), f"{ended}: {plane.logs(name)}"
