"""An API server, the operator and the floor beside it, for one group of measures."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from kubernetes.aio.client import ApiClient

from harness.components import free_port
from harness.controlplane import ControlPlane
from promptrelease.controller.client import configuration
from promptrelease.controller.kube import Kube

ROOT = Path(__file__).parents[1]
T = TypeVar("T")


@contextmanager
def control_plane(
    *namespaces: str, arguments: Mapping[str, Sequence[str]] | None = None
) -> Iterator[ControlPlane]:
    """Run an API server with the CustomResourceDefinitions and some namespaces.

    Args:
        namespaces: to be created.
        arguments: more of the command line, by component.

    """
    with ControlPlane(arguments=arguments) as running:
        running.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
        running.kubectl("wait", "crd", "--all", "--for=condition=Established")
        for namespace in namespaces:
            running.kubectl("create", "namespace", namespace)
        yield running


@contextmanager
def operator(
    cluster: ControlPlane,
    *arguments: str,
    ready: tuple[str, ...] = ("serving",),
    read_on: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """Run the operator until the block ends; it has said ``ready`` when the block begins.

    Args:
        cluster: where.
        arguments: of its command line.
        ready: any of these words; without one the block begins at once.
        read_on: whether the block reads what more it says.

    """
    port = free_port()
    command = ["-m", "promptrelease.controller.main", "--health-port", str(port), *arguments]
    with _program(cluster, command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr if ready else ():
            if any(word in line for word in ready):
                break
        if not read_on:
            # A pipe that nobody empties would hold it up.
            threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process


@contextmanager
def floor(
    cluster: ControlPlane, namespace: str, *, wait: bool = True
) -> Iterator[subprocess.Popen[str]]:
    """Run the floor for a namespace until the block ends; for all where it is empty.

    Args:
        cluster: where.
        namespace: whose releases it serves.
        wait: until it has listed.

    """
    command = ["-m", "bench.floor", str(cluster.kubeconfig()), namespace]
    with _program(cluster, command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if wait:
            process.stdout.readline()
        yield process


@contextmanager
def _program(
    cluster: ControlPlane, command: list[str], **streams: int
) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig()), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        text=True,
        **streams,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def run(cluster: ControlPlane, measure: Callable[[Kube], Awaitable[T]]) -> T:
    """Run a coroutine with the administrator's client."""

    async def with_client() -> T:
        client = await configuration(cluster.kubeconfig(), None)
        async with ApiClient(client) as api:
            return await measure(Kube(api))

    return asyncio.run(with_client())


def memory(process: subprocess.Popen[str]) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


async def settled(state: Callable[[], Awaitable[T]], quiet: float = 2.0) -> T:
    """Wait until a state has not changed for ``quiet`` seconds, and return it."""
    last, since = await state(), time.monotonic()
    while time.monotonic() - since < quiet:
        await asyncio.sleep(0.25)
        now = await state()
        if now != last:
            last, since = now, time.monotonic()
    return last
