"""2,000 labels moved at once: until the last ConfigMap, and until log and status tell of all."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench import cluster, population
from bench.population import Shape, namespace, say
from bench.scale import MOST_SECONDS, at_rest, move
from bench.table import Row
from bench.witness import Witness, follow, now

from promptrelease.controller.kube import CHANGES, CONFIG_MAPS, RELEASES, VERSIONS, Kube, Resource

SHAPE = Shape(namespaces=2, groups=20, prompts=100, versions=2)
OURS, FLOOR = namespace(0), namespace(1)
LABELS = 2000
RUNS = 3
AT_ONCE = 32

Json = dict[str, Any]


def rows() -> list[Row]:
    """The operator and the floor in turns, each in its own namespace of one API server."""
    served, complete, least = [], [], []
    missing = 0
    with cluster.control_plane(arguments=population.JSON_IN_ETCD) as control_plane:
        population.populate(control_plane, SHAPE)
        # The first turn warms up, and does not count: the floor's ConfigMaps are new then.
        for turn in range(RUNS + 1):
            to = 2 - turn % 2
            with cluster.operator(control_plane, "--namespace", OURS) as process:
                asyncio.run(at_rest(process))
                ours = cluster.run(control_plane, partial(_move_all, namespace=OURS, to=to))
            with cluster.floor(control_plane, FLOOR):
                floor = cluster.run(control_plane, partial(_move_all, namespace=FLOOR, to=to))
            missing += cluster.run(control_plane, partial(_missing, to=to, turn=turn))
            say(f"turn {turn} of {RUNS}: {ours}, the floor: {floor}, {missing} missing")
            if turn:
                served.append(ours.served)
                complete.append(ours.complete - ours.served)
                least.append(floor.served)
    name = f"{LABELS:,} labels moved at once"
    note = f"median of {RUNS}"
    return [
        Row(
            f"{name}: to the last ConfigMap",
            statistics.median(served),
            "s",
            "bare watch and apply",
            statistics.median(least),
            limit=1.5,
            note=note,
        ),
        Row(
            f"{name}: from there to the last status and log entry", statistics.median(complete), "s"
        ),
        Row(
            f"{name}: ConfigMaps, statuses and log entries missing or wrong",
            missing,
            "",
            limit=0,
            note=f"each looked at after {RUNS + 1} bursts",
        ),
    ]


@dataclass
class Moved:
    """Seconds since the first edit was sent.

    Attributes:
        sent: until the API server had taken the last edit.
        served: until the last ConfigMap was seen.
        complete: until the last status and log entry was.

    """

    sent: float = 0.0
    served: float = 0.0
    complete: float = 0.0


async def _move_all(kube: Kube, namespace: str, to: int) -> Moved:
    limit = asyncio.Semaphore(AT_ONCE)
    names = [name for where, name in SHAPE.names() if where == namespace]
    result = Moved()

    async def one(name: str) -> None:
        async with limit:
            await move(kube, namespace, name, to, f"all to {to}, {time.time():.0f}")

    async with Witness(kube, namespace, str(to)) as witness, _Told(kube, namespace, to) as told:
        began = time.perf_counter()
        await asyncio.gather(*(one(name) for name in names))
        result.sent = time.perf_counter() - began
        keys = [(namespace, name) for name in names]
        await witness.until(keys, MOST_SECONDS)
        result.served = max(witness.seen[key] for key in keys) - began
        if namespace == OURS:
            await told.until(names, MOST_SECONDS)
            result.complete = time.perf_counter() - began
    return result


@dataclass
class _Told:
    """Sees what people are told: statuses of releases and versions, and the log."""

    kube: Kube
    namespace: str
    to: int
    releases: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> _Told:
        for resource in (RELEASES, VERSIONS, CHANGES) if self.namespace == OURS else ():
            path = resource.path(self.namespace)
            version = await now(self.kube, resource, path)
            self._tasks.append(asyncio.create_task(self._watch(resource, path, version)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()

    async def until(self, names: list[str], seconds: float) -> None:
        """Wait until all has been told of all. Raises TimeoutError."""
        end = time.perf_counter() + seconds
        wanted = {f"{name}-v{number}" for name in names for number in (1, 2)}
        while not (
            self.releases >= set(names) and self.changes >= set(names) and self.versions >= wanted
        ):
            if time.perf_counter() > end:
                told = len(self.releases), len(self.changes), len(self.versions)
                raise TimeoutError(f"statuses, log entries, versions that were told: {told}")
            await asyncio.sleep(0.05)

    async def _watch(self, resource: Resource, path: str, version: str) -> None:
        async for obj in follow(self.kube, path, version):
            self._note(resource, obj)

    def _note(self, resource: Resource, obj: Json) -> None:
        name, spec, status = obj["metadata"]["name"], obj["spec"], obj.get("status") or {}
        if resource is CHANGES:
            if spec["label"] == "production" and spec.get("to") == self.to:
                self.changes.add(spec["release"])
        elif resource is RELEASES:
            current = status.get("observedGeneration") == obj["metadata"]["generation"]
            if current and status["labels"]["production"]["version"] == self.to:
                self.releases.add(name)
        elif ("production" in status.get("labels", ())) == (spec["version"] == self.to):
            self.versions.add(name)


async def _missing(kube: Kube, to: int, turn: int) -> int:
    """How much is not as it should be, of everything, after the moves of all turns so far."""
    releases = await _all(kube, RELEASES)
    versions = await _all(kube, VERSIONS)
    config_maps = await _all(kube, CONFIG_MAPS)
    log: dict[str, dict[int, Json]] = {}
    for change in (await _all(kube, CHANGES)).values():
        if change["spec"]["label"] == "production":
            of_release = log.setdefault(change["spec"]["release"], {})
            of_release[change["spec"]["revision"]] = change["spec"]
    wrong = 0
    for name, release in releases.items():
        served = release["status"]["labels"]["production"]
        found = config_maps[f"{name}.production"]["metadata"]
        entries = [entry["to"] for _, entry in sorted(log[name].items())]
        # It served 1 to begin with, and then 2 and 1 in turns.
        expected = [1] + [2 - number % 2 for number in range(turn + 1)]
        wrong += found["labels"]["promptrelease.dev/version"] != str(to)
        wrong += served["version"] != to
        wrong += str(served["revision"]) != found["annotations"]["promptrelease.dev/revision"]
        wrong += entries != expected or max(log[name]) != served["revision"]
        wrong += any(
            ("production" in versions[f"{name}-v{number}"]["status"].get("labels", ()))
            != (number == to)
            for number in (1, 2)
        )
    return wrong + (len(releases) != LABELS)


async def _all(kube: Kube, resource: Resource) -> dict[str, Json]:
    return {
        item["metadata"]["name"]: item
        async for page in kube.pages(resource.path(OURS))
        for item in page["items"]
    }
