"""10,000 releases: how soon a restarted operator serves, what it holds in memory, 2,000 at once."""

from __future__ import annotations

import asyncio
import queue
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from bench import cluster, population
from bench.population import Shape, say
from bench.table import Row
from bench.witness import Witness

from harness.controlplane import ControlPlane
from harness.operator import writes
from promptrelease.controller.kube import RELEASES, Kube

SHAPE = Shape(namespaces=100, groups=1, prompts=100, versions=2)
RUNS = 3
EDIT_SECONDS = 0.1
"""Between two edits while a process starts, each of another release."""

DEMAND = 5.0
"""Seconds from a start to a fresh edit."""

MOST_SECONDS = 600.0
QUIET_SECONDS = 3.0

Process = Popen[str]


@dataclass
class Start:
    """What a process did that was started with edits coming in all the while; seconds from then.

    Attributes:
        first: until an edit was served, whichever.
        at_once: until the edit was served that was made when the process was started; of the floor
            none, which knows only what it hears.
        slowest: of all edits until the first was served, from the edit on.
        listed: until everything was known, as it said.
        memory: in MB, once it was at rest.

    """

    first: float
    at_once: float = 0.0
    slowest: float = 0.0
    listed: float = 0.0
    memory: float = 0.0


def rows() -> list[Row]:
    """Restart, memory and writes of a population at rest; its labels moved 2,000 at once."""
    from bench import burst

    return [*restarts(SHAPE, "10,000 releases, 20,000 versions", limits=True), *burst.rows()]


def restarts(
    shape: Shape,
    name: str,
    *,
    limits: bool,
    before: Callable[[ControlPlane], None] = lambda _: None,
) -> list[Row]:
    """Measure starts of the operator and of the floor, in turns.

    Args:
        shape: of the population.
        name: of it, for the table.
        limits: whether the demands hold for it.
        before: called with the control plane before it is populated.

    """
    with cluster.control_plane(arguments=population.JSON_IN_ETCD) as control_plane:
        before(control_plane)
        count = population.populate(control_plane, shape)
        edits = _edits(shape)
        asked, memory = _restart_at_rest(control_plane)
        ours, least = [], []
        for run in range(RUNS):
            ours.append(_start(control_plane, edits, lambda: _operator(control_plane), run))
            least.append(_start(control_plane, edits, lambda: _floor(control_plane), run))
    floor = statistics.median(start.first for start in least)
    note = f"median of {RUNS}; {count:,} objects in {shape.namespaces} namespaces"
    peer = "bare list of releases and versions, watch, apply"
    demand = DEMAND if limits else None

    def seconds(what: str, of: Callable[[Start], float], limit: float | None = None) -> Row:
        value = statistics.median(of(start) for start in ours)
        # A demand in seconds stands for itself; beside a peer it would be one on the ratio.
        if limit is not None:
            text = f"{note}; {value / floor:.2f} of the floor, {peer}: {floor:.2f} s"
            return Row(f"{name}: {what}", value, "s", limit=limit, note=text)
        return Row(f"{name}: {what}", value, "s", peer, floor, note=note)

    return [
        seconds("start to the first edit served", lambda s: s.first),
        seconds("start to that very moment's edit", lambda s: s.at_once, demand),
        seconds("slowest edit of those made meanwhile", lambda s: s.slowest),
        seconds("start to all listed", lambda s: s.listed),
        Row(
            f"{name}: writes asked for by a restart with nothing to do",
            asked,
            "",
            limit=0,
            note="as the API server counts, those included that change nothing",
        ),
        Row(
            f"{name}: memory at rest",
            memory,
            "MB",
            limit=250 if limits else None,
            note="the floor, which knows names and nothing else: "
            f"{statistics.median(start.memory for start in least):.0f} MB",
        ),
    ]


@dataclass
class Listener:
    """Reads what an operator says, and notes when it serves."""

    process: Process
    began: float
    _served: queue.Queue[float] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, daemon=True).start()

    def wait(self) -> float:
        """Seconds from the beginning until it served."""
        return self._served.get(timeout=MOST_SECONDS)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "serving" in line:
                self._served.put(time.perf_counter() - self.began)


def _operator(control_plane: ControlPlane) -> AbstractContextManager[Process]:
    return cluster.operator(control_plane, ready=(), read_on=True)


def _floor(control_plane: ControlPlane) -> AbstractContextManager[Process]:
    return cluster.floor(control_plane, "", wait=False)


def _edits(shape: Shape) -> Iterator[tuple[str, str]]:
    """Releases to be edited, each once, from all over the namespaces."""
    names = list(shape.names())
    step = 7919  # a prime: all are met before one comes again
    return (names[number * step % len(names)] for number in range(len(names)))


def _start(
    control_plane: ControlPlane,
    edits: Iterator[tuple[str, str]],
    start: Callable[[], AbstractContextManager[Process]],
    run: int,
) -> Start:
    async def measure(kube: Kube) -> Start:
        async with Witness(kube) as witness:
            began = time.perf_counter()
            with start() as process:
                listener = Listener(process, began) if process.stderr else None
                sent: dict[tuple[str, str], float] = {}
                while not witness.seen.keys() & sent.keys():
                    if time.perf_counter() - began > MOST_SECONDS:
                        raise TimeoutError(f"nothing was served in {MOST_SECONDS:.0f} s")
                    witness.check()
                    namespace, name = next(edits)
                    sent[namespace, name] = time.perf_counter()
                    await move(kube, namespace, name, 2, f"run {run}, edit {len(sent)}")
                    await asyncio.sleep(EDIT_SECONDS)
                first = min(witness.seen[key] for key in sent if key in witness.seen)
                result = Start(first - began)
                if listener is not None:
                    await witness.until(sent, MOST_SECONDS)
                    result.at_once = witness.seen[next(iter(sent))] - began
                    result.slowest = max(witness.seen[key] - at for key, at in sent.items())
                    result.listed = await asyncio.to_thread(listener.wait)
                await at_rest(process)
                result.memory = cluster.memory(process)
        return result

    result = cluster.run(control_plane, measure)
    who = "operator" if result.listed else "floor"
    say(f"{who}, start {run + 1} of {RUNS}: {result}")
    return result


def _restart_at_rest(control_plane: ControlPlane) -> tuple[int, float]:
    """Start the operator with nothing to do; returns writes that it asked for, and MB."""
    before = writes(control_plane)
    with cluster.operator(control_plane) as process:
        asyncio.run(at_rest(process))
        memory = cluster.memory(process)
        asked = writes(control_plane) - before
    say(f"at rest: {asked} writes, {memory:.0f} MB")
    return asked, memory


async def move(kube: Kube, namespace: str, name: str, to: int, reason: str) -> None:
    """Edit production of a release."""
    patch = {"spec": {"labels": {"production": {"version": to, "reason": reason}}}}
    await kube.merge(RELEASES.path(namespace, name), patch)


async def at_rest(process: Process) -> None:
    """Wait until a process has next to nothing to do."""
    used = _used(process)
    while True:
        await asyncio.sleep(QUIET_SECONDS)
        before, used = used, _used(process)
        if used - before < 0.03 * QUIET_SECONDS:
            return


def _used(process: Process) -> float:
    """Seconds of a core."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
