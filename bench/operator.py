"""The operator beside the least that any operator must do, turn by turn in one run."""

from __future__ import annotations

import asyncio
import statistics
import time

from bench import cluster
from bench.floor import TEXT
from bench.latency import (
    Subject,
    alternate,
    copy_status,
    p99,
    promote_and_return,
    release,
    version,
)
from bench.table import Row

from promptrelease.controller.kube import CONFIG_MAPS, EVENTS, RELEASES, VERSIONS, Kube

RELEASES_AT_REST = 1000
VERSIONS_EACH = 3
RESYNCS = 100
NAMESPACE = "rest"


def rows() -> list[Row]:
    """Latency of moves; writes, restart and memory of a population at rest."""
    return [*_latency(), *_policies(), *_rest()]


def _latency() -> list[Row]:
    async def measure(kube: Kube) -> tuple[Subject, Subject, Subject]:
        ours, least, bare = (Subject(kube, name) for name in ("ours", "floor", "bare"))
        await alternate((ours, least, bare), TEXT, lambda: copy_status(ours, least))
        return ours, least, bare

    with (
        cluster.control_plane("ours", "floor", "bare") as control_plane,
        cluster.operator(control_plane, "--namespace", "ours"),
        cluster.floor(control_plane, "floor"),
        cluster.floor(control_plane, "bare"),
    ):
        ours, least, bare = cluster.run(control_plane, measure)
    note = f"{len(ours.seconds)} edits each, in turns"
    return [
        Row(
            f"label edit to ConfigMap, {name}",
            value(ours.seconds) * 1e3,
            "ms",
            peer,
            value(against.seconds) * 1e3,
            limit=limit,
            note=note,
        )
        for name, value, peer, against, limit in (
            ("p50", statistics.median, "bare watch and apply", least, 1.2),
            ("p99", p99, "bare watch and apply", least, None),
            ("p50", statistics.median, "the same, of a release without a status", bare, None),
            ("p99", p99, "the same, of a release without a status", bare, None),
        )
    ]


def _policies() -> list[Row]:
    """Promotions and rollbacks where a policy asks for an approval, beside promotions without."""

    async def measure(kube: Kube) -> tuple[list[float], list[float], list[float]]:
        free, gated = Subject(kube, "free"), Subject(kube, "gated")
        await promote_and_return(free, gated, TEXT)
        return free.seconds, gated.seconds[::2], gated.seconds[1::2]

    with cluster.control_plane("free", "gated") as control_plane, cluster.operator(control_plane):
        free, approved, returned = cluster.run(control_plane, measure)
    note = f"{len(returned)} each, in turns"
    return [
        Row(
            f"{name} to ConfigMap, {of}",
            value(seconds) * 1e3,
            "ms",
            "promotion, no policy",
            value(free) * 1e3,
            limit=limit if of == "p50" else None,
            note=note,
        )
        for name, seconds, limit in (
            ("approved promotion", approved, None),
            ("rollback past that policy", returned, 1.2),
        )
        for of, value in (("p50", statistics.median), ("p99", p99))
    ]


def _rest() -> list[Row]:
    size = f"{RELEASES_AT_REST} releases of {VERSIONS_EACH} versions"
    with cluster.control_plane(NAMESPACE) as control_plane:
        with cluster.operator(control_plane, "--namespace", NAMESPACE):
            start = time.perf_counter()
            cluster.run(control_plane, _populate)
            before = cluster.run(control_plane, _settled)
            took = time.perf_counter() - start
        start = time.perf_counter()
        arguments = ("--namespace", NAMESPACE, "--resync", "0.5")
        with cluster.operator(control_plane, *arguments, read_on=True) as process:
            restart = time.perf_counter() - start
            assert process.stderr is not None
            for line in process.stderr:
                if f"resync {RESYNCS}:" in line:
                    break
            after = cluster.run(control_plane, _state)
            memory = cluster.memory(process)
    written = sum(before.get(key) != value for key, value in after.items())
    return [
        Row(f"{size}: created and settled", took, "s"),
        Row(
            f"{size}: writes at a restart and {RESYNCS} resyncs",
            written,
            "objects",
            limit=0,
            note=f"of {len(after)}, by resourceVersion, Events included",
        ),
        Row(f"{size}: restart until ready", restart, "s"),
        Row(f"{size}: memory", memory, "MB"),
    ]


async def _populate(kube: Kube) -> None:
    limit = asyncio.Semaphore(32)

    async def create(path: str, body: dict[str, object]) -> None:
        async with limit:
            await kube.create(path, body)

    names = [f"prompt-{number:04}" for number in range(RELEASES_AT_REST)]
    await asyncio.gather(
        *(
            create(VERSIONS.path(NAMESPACE), version(name, number + 1, text=f"{number} {TEXT}"))
            for name in names
            for number in range(VERSIONS_EACH)
        )
    )
    await asyncio.gather(
        *(
            create(RELEASES.path(NAMESPACE), release(name, production=2, staging=3))
            for name in names
        )
    )


async def _settled(kube: Kube) -> dict[str, str]:
    async def state() -> dict[str, str]:
        return await _state(kube)

    return await cluster.settled(state, quiet=5.0)


async def _state(kube: Kube) -> dict[str, str]:
    """UID to resource version of everything that the operator may write to."""
    return {
        item["metadata"]["uid"]: item["metadata"]["resourceVersion"]
        for kind in (RELEASES, VERSIONS, CONFIG_MAPS, EVENTS)
        async for page in kube.pages(kind.path(NAMESPACE), metadata_only=True)
        for item in page["items"]
    }
