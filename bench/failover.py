"""Two operators, one Lease: leaders killed and ended under load, and how long nobody served.

All the while labels move. At the end the change log must have one entry for each revision that a
ConfigMap was seen to have, and the last versions that were asked for must be served.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench import cluster
from bench.latency import release, version
from bench.table import Row

from harness.controlplane import ControlPlane
from promptrelease.controller.kube import CHANGES, CONFIG_MAPS, RELEASES, VERSIONS, Kube

NAMESPACE = "failover"
PROMPTS = 20
PAUSE = 0.1
"""Seconds between two moves of the load."""

SUBJECT = "p0"
DEFAULT_KILLS = 8
SHORT_KILLS = 100
SHORT_SECONDS = 2
ENDS = 20

Operator = subprocess.Popen[str]


def rows() -> list[Row]:
    """Seconds until a label that was moved right after the leader's end is served."""
    killed, _ = _measure(signal.SIGKILL, DEFAULT_KILLS, ())
    ended, _ = _measure(signal.SIGTERM, ENDS, ())
    short, wrong = _measure(signal.SIGKILL, SHORT_KILLS, ("--lease-seconds", str(SHORT_SECONDS)))
    return [
        Row("SIGKILL to served by the other, p50", statistics.median(killed), "s"),
        Row("the same, slowest", max(killed), "s", limit=17, note=f"{len(killed)} kills"),
        Row("SIGTERM to served by the other, p50", statistics.median(ended), "s"),
        Row("the same, slowest", max(ended), "s", limit=2, note=f"{len(ended)} times"),
        Row(
            f"moves lost or doubled over {len(short)} kills of the leader under load",
            wrong,
            "",
            limit=0,
            note=f"Leases of {SHORT_SECONDS} s",
        ),
    ]


@dataclass
class _Load:
    """Moves labels all the time, and notes what was served."""

    kube: Kube
    wanted: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, int, str]] = field(default_factory=set)
    moves: int = 0

    async def run(self) -> None:
        """Never returns."""
        for turn in itertools.count(1):
            await self.move(f"p{1 + turn % (PROMPTS - 1)}", 1 + turn // PROMPTS % 2, f"t{turn}")
            await asyncio.sleep(PAUSE)

    async def move(self, name: str, number: int, reason: str) -> None:
        """Ask for a version."""
        patch = {"spec": {"labels": {"production": {"version": number, "reason": reason}}}}
        if self.wanted.get(name) != number:
            await self.kube.merge(RELEASES.path(NAMESPACE, name), patch)
            self.wanted[name] = number
            self.moves += 1

    async def watch(self) -> None:
        """Note each revision that is served, with its version; never returns."""
        path, since = CONFIG_MAPS.path(NAMESPACE), "0"
        while True:
            async for line in self.kube.watch(path, since):
                event = json.loads(line)
                since = event["object"]["metadata"]["resourceVersion"]
                annotations = event["object"]["metadata"].get("annotations") or {}
                if "promptrelease.dev/revision" in annotations:
                    name = event["object"]["metadata"]["name"]
                    number = event["object"]["metadata"]["labels"]["promptrelease.dev/version"]
                    self.seen.add((name, int(annotations["promptrelease.dev/revision"]), number))

    async def served(self, name: str, number: int) -> None:
        """Wait until a version is served."""
        path = CONFIG_MAPS.path(NAMESPACE, f"{name}.production")
        while True:
            found = await self.kube.get(path)
            labels = found["metadata"]["labels"] if found else {}
            if labels.get("promptrelease.dev/version") == str(number):
                return
            await asyncio.sleep(0.02)


def _measure(how: signal.Signals, times: int, options: tuple[str, ...]) -> tuple[list[float], int]:
    with ExitStack() as stack:
        plane = stack.enter_context(cluster.control_plane(NAMESPACE))
        operators = [stack.enter_context(_Seat(plane, str(i), options).kept()) for i in (1, 2)]

        async def measure(kube: Kube) -> tuple[list[float], int]:
            load = _Load(kube)
            await _populate(load)
            tasks = [asyncio.create_task(load.watch()), asyncio.create_task(load.run())]
            seconds = [await _turn(load, operators, turn, how) for turn in range(times)]
            tasks[1].cancel()
            for name, number in load.wanted.items():
                await asyncio.wait_for(load.served(name, number), 60)
            wrong = await asyncio.wait_for(_audit(load), 120)
            tasks[0].cancel()
            return seconds, wrong

        return cluster.run(plane, measure)


async def _turn(load: _Load, operators: list[_Seat], turn: int, how: signal.Signals) -> float:
    await asyncio.sleep(0.5 + turn % 7 / 10)  # not always at the same place of a renewal
    leader, other = operators
    start = time.perf_counter()
    leader.end(how)
    await load.move(SUBJECT, 1 + (turn + 1) % 2, f"turn {turn}")
    await asyncio.wait_for(load.served(SUBJECT, load.wanted[SUBJECT]), 60)
    seconds = time.perf_counter() - start
    await asyncio.to_thread(leader.start)
    operators[:] = [other, leader]
    return seconds


async def _populate(load: _Load) -> None:
    for i in range(PROMPTS):
        for number in (1, 2):
            await load.kube.create(VERSIONS.path(NAMESPACE), version(f"p{i}", number))
        await load.kube.create(RELEASES.path(NAMESPACE), release(f"p{i}", production=1))
        load.wanted[f"p{i}"] = 1
    for i in range(PROMPTS):
        await load.served(f"p{i}", 1)


async def _audit(load: _Load) -> int:
    """Entries of the log that were never served, and what was served without an entry."""

    async def log() -> set[tuple[str, int, str]]:
        found = set()
        async for page in load.kube.pages(CHANGES.path(NAMESPACE)):
            for change in page["items"]:
                spec = change["spec"]
                found.add((f"{spec['release']}.{spec['label']}", spec["revision"], str(spec["to"])))
        return found

    entries = await cluster.settled(log, 5)
    return len(entries ^ load.seen)


class _Seat:
    """A place for an operator, which can be ended and started again."""

    def __init__(self, plane: ControlPlane, name: str, options: tuple[str, ...]) -> None:
        self._plane = plane
        self._options = ("--leader-elect", "--lease", f"{NAMESPACE}/lease", *options)
        self._name = name
        self._open = ExitStack()
        self._process: Operator | None = None

    @contextmanager
    def kept(self) -> Iterator[_Seat]:
        """Running, until the block ends."""
        self.start()
        try:
            yield self
        finally:
            self._open.close()

    def start(self) -> None:
        """Start, and wait until it leads or stands by."""
        arguments = ("--namespace", NAMESPACE, *self._options, "--identity", self._name)
        self._process = self._open.enter_context(
            cluster.operator(self._plane, *arguments, ready=("serving", "standing by"))
        )

    def end(self, how: signal.Signals) -> None:
        """End it."""
        assert self._process is not None
        self._process.send_signal(how)
        self._open.close()
