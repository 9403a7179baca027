"""``python -m faults.soak``: an hour of random edits and random faults, judged at every moment.

Two namespaces at once. In one of them two operators share a Lease and are killed, paused, misled
and cut off; in the other a single one lives through an hour of bad weather, and its memory is
watched. The API server is killed for both. Each namespace goes through episodes: prompts are made,
people edit them at random while something goes wrong, then the sky is cleared, all must be well
and quiet, every event since the beginning is judged, and all is deleted.

The same seed gives the same people and the same storms; how they meet is a matter of the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults import judge, rules
from faults.edits import service_account
from faults.memory import Memory
from faults.observer import Event
from faults.operators import OPERATOR, Nursery
from faults.people import People
from faults.prompts import Prompts, named
from faults.scene import Scene
from faults.stage import Stage
from faults.storm import Storm
from harness.controlplane import ControlPlane
from harness.operator import install

BUILD = Path(__file__).parents[2] / "build"
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
EPISODE_SECONDS = (40.0, 90.0)
PATIENCE = 150.0
"""Seconds after the last fault until all must be well: a hole costs 30, a Lease 6, retries 60."""
QUIET_SECONDS = 1.5
GRACE_SECONDS = 1.0
"""Who wants a label back may cross with the deletion of its ConfigMap, which then comes again."""
OUTAGES = (240.0, 480.0)
"""Seconds between two kills of the API server."""


@dataclass
class Soak:
    """Counts of all that was done, and what was wrong."""

    stage: Stage
    seed: int
    edits: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    episodes: Counter[str] = field(default_factory=Counter)
    events: int = 0
    longest: float = 0.0
    violations: list[str] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    began: float = field(default_factory=time.monotonic)

    async def run(
        self, where: Scene, seconds: float, clock: Path | None, *, kills: bool, show: bool = True
    ) -> None:
        """Episode after episode, until the time is over; at least one."""
        await where.desk.create(service_account())
        end = time.monotonic() + seconds
        for number in range(1, 100_000):
            choose = random.Random(f"{self.seed}/{where.name}/{number}")
            length = min(choose.uniform(*EPISODE_SECONDS), end - time.monotonic())
            people = People(Prompts(where.desk, named(number)), choose)
            storm = Storm(where, random.Random(f"{choose.random()}"), 0, clock, kills)
            line = await self.episode(where, people, storm, length)
            self.episodes[where.name] += 1
            if show:
                print(f"{time.monotonic() - self.began:6.0f} s  {where.name} {number}: {line}")
                sys.stdout.flush()
            if end - time.monotonic() < EPISODE_SECONDS[0]:
                return

    async def episode(self, where: Scene, people: People, storm: Storm, seconds: float) -> str:
        """Play one; returns how it went."""
        clock = asyncio.get_running_loop().time
        found: list[str] = []
        cluster = asyncio.create_task(people.serve_cluster())
        try:
            await people.prepare()
            storm.since = people.since
            work = asyncio.create_task(people.work())
            blows = asyncio.create_task(storm.blow())
            await asyncio.sleep(seconds)
            people.over = True
            blows.cancel()
            await asyncio.wait((work, blows))
            storm.clear()
            work.result()
            cleared = clock()
            found += await people.finish(PATIENCE)
            well = clock() - cleared
            await where.desk.until(lambda: where.quiet(QUIET_SECONDS), "requests to end", 75.0)
        except AssertionError as error:
            found.append(str(error))
            well = PATIENCE
        finally:
            storm.clear()
            people.closed = True
            await cluster
        events = where.desk.observer.events(where.name)
        found += await asyncio.to_thread(self._judge, where, people)
        self._count(where, people, storm, events, found, well)
        await people.clear()
        where.desk.observer.forget(where.name)
        where.desk.edits.clear()
        where.desk.deleted.clear()
        edits, faults = sum(people.counts.values()), sum(storm.counts.values())
        return (
            f"{edits} edits, {faults} faults, {where.takeovers} takeovers so far, {len(events)} "
            f"events judged, well after {well:.1f} s, {len(found)} violations"
        )

    def _judge(self, where: Scene, people: People) -> list[str]:
        found = judge.complaints(where.desk, grace=GRACE_SECONDS)
        found += rules.passed_by(where.desk, people.there.rules, people.since)
        found += where.deposed
        where.deposed = []
        return found

    def _count(
        self,
        where: Scene,
        people: People,
        storm: Storm,
        events: Sequence[Event],
        found: list[str],
        well: float,
    ) -> None:
        self.edits += people.counts
        self.refused += people.refused
        self.faults += storm.counts
        self.events += len(events)
        self.longest = max(self.longest, well)
        if not found:
            return
        name = f"{where.name}-{self.episodes[where.name] + 1}"
        self.violations += [f"{name}: {words}" for words in found]
        BUILD.mkdir(exist_ok=True)
        file = BUILD / f"soak-{name}.json"
        logs = {seat.name: seat.operator.logs[-200_000:] for seat in where.seats}
        seen = [[event.at, event.resource, event.kind, event.object] for event in events]
        edited = sorted(where.desk.edits)
        file.write_text(
            json.dumps({"found": found, "edits": edited, "logs": logs, "events": seen}, indent=1)
        )
        print("\n".join(found[:20]), f"\nall of it is in {file}", flush=True)

    async def outages(self, scenes: Sequence[Scene]) -> None:
        """Kill the API server now and then; never returns."""
        choose = random.Random(f"{self.seed}/outages")
        plane = self.stage.control_plane
        gates = [seat.gate for where in scenes for seat in where.seats]
        while True:
            await asyncio.sleep(choose.uniform(*OUTAGES))
            async with self.lock:
                await asyncio.to_thread(plane.stop_component, "kube-apiserver", signal.SIGKILL)
                for gate in gates:
                    gate.closed = True
                await asyncio.sleep(choose.uniform(0.0, 3.0))
                await asyncio.to_thread(plane.start_component, "kube-apiserver")
                # It tells nobody what it was before its start: who judges must see all of it.
                await self.stage.observer.caught_up()
                for gate in gates:
                    gate.closed = False
            self.faults["API server killed"] += 1

    def report(self, seconds: float, memory: Memory, scenes: Sequence[Scene]) -> dict[str, Any]:
        """All of it, for a file."""
        restarts = {
            seat.name: dict(Counter(map(str, seat.operator.codes)))
            for where in scenes
            for seat in where.seats
        }
        return {
            "seed": self.seed,
            "seconds": round(seconds),
            "episodes": dict(self.episodes),
            "edits": dict(self.edits),
            "refused": dict(self.refused),
            "faults": dict(self.faults),
            "takeovers": {where.name: where.takeovers for where in scenes},
            "writes": {where.name: where.writes for where in scenes},
            "ends": restarts,
            "events judged": self.events,
            "longest until well": round(self.longest, 1),
            "violations": self.violations,
            "memory": memory.report(),
        }


async def soak(
    plane: ControlPlane, token: str, seconds: float, seed: int, source: Path
) -> dict[str, Any]:
    """Run it with operators of that source; returns the report."""
    folder = plane.folder / "operators"
    folder.mkdir()
    clock = folder / "clock"
    clock.write_text("+0")
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(Stage(plane, token, folder, source))
        made, lone_memory = Soak(stage, seed), Memory()
        nursery = await stack.enter_async_context(_nursery(source, clock)) if FAKETIME else None
        pair = await stack.enter_async_context(
            stage.scene("pair", operators=2, lock=made.lock, nursery=nursery)
        )
        lone = await stack.enter_async_context(stage.scene("lone", lock=made.lock))
        beside = [
            asyncio.create_task(lone_memory.watch(lone.seats)),
            asyncio.create_task(made.outages((pair, lone))),
        ]
        try:
            await asyncio.gather(
                made.run(pair, seconds, clock if FAKETIME else None, kills=True),
                made.run(lone, seconds, None, kills=False),
            )
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
        return made.report(time.monotonic() - made.began, lone_memory, (pair, lone))


def _nursery(source: Path, clock: Path) -> Nursery:
    """Whose operators have a clock of their own."""
    return Nursery(
        source,
        LD_PRELOAD=str(FAKETIME[0]),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )


def main() -> int:
    """Return 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", type=Path, default=OPERATOR, help="of the operators")
    args = parser.parse_args()
    print(f"soak: {args.seconds:.0f} s, seed {args.seed}", flush=True)
    with ControlPlane() as plane:
        kubeconfig = install(plane)
        assert kubeconfig is not None
        token = json.loads(kubeconfig.read_text())["users"][0]["user"]["token"]
        report = asyncio.run(soak(plane, token, args.seconds, args.seed, args.source))
    BUILD.mkdir(exist_ok=True)
    file = BUILD / "soak.json"
    file.write_text(json.dumps(report, indent=1) + "\n")
    memory = report["memory"]
    grown = bool(memory) and memory["growth"] > memory["bound"]
    known = {name: value for name, value in report.items() if name not in ("violations", "memory")}
    print(json.dumps(known, indent=1))
    if memory:
        shown = {name: value for name, value in memory.items() if name != "life"}
        print(f"memory of who was never killed, MB: {shown}")
    print(f"{len(report['violations'])} violations; written to {file}")
    return 1 if report["violations"] or grown else 0


if __name__ == "__main__":
    sys.exit(main())
