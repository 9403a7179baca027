"""100,000 versions in 500 namespaces, and some contents as long as a ConfigMap can hold."""

from __future__ import annotations

import asyncio
import statistics
import time

from bench import cluster
from bench.latency import release, version
from bench.population import Shape, say, settled
from bench.scale import move, restarts
from bench.table import Row
from bench.witness import Witness

from harness.controlplane import ControlPlane
from promptrelease.controller.kube import RELEASES, VERSIONS, Kube

SHAPE = Shape(namespaces=500, groups=1, prompts=20, versions=10)
LONG = "long"
PROMPTS = 20
MESSAGES, EACH = 7, 128_000
CHARACTERS = MESSAGES * EACH


def rows() -> list[Row]:
    """Restart and memory; and a move of the longest contents."""
    moves: list[float] = []

    def before(control_plane: ControlPlane) -> None:
        control_plane.kubectl("create", "namespace", LONG)
        with cluster.operator(control_plane, "--namespace", LONG):
            moves.extend(cluster.run(control_plane, _long))
        say(f"{PROMPTS} prompts of {CHARACTERS:,} characters are settled")

    result = restarts(SHAPE, "100,000 versions", limits=False, before=before)
    name = f"a label of {CHARACTERS:,} characters: edit to ConfigMap"
    return [*result, Row(name, statistics.median(moves), "s", note=f"median of {len(moves)}")]


async def _long(kube: Kube) -> list[float]:
    """Create them, and move each."""
    text = "Summarize the ticket for the team that will answer it. " * (EACH // 50)
    for number in range(PROMPTS):
        name = f"long-{number}"
        for v in (1, 2):
            content = f"{name} {v} {text}"[:EACH]
            body = version(name, v, messages=[{"role": "user", "content": content}] * MESSAGES)
            del body["spec"]["text"]
            await kube.create(VERSIONS.path(LONG), body)
        await kube.create(RELEASES.path(LONG), release(name, production=1))
    await settled(kube, LONG)
    seconds = []
    for number in range(PROMPTS):
        key = LONG, f"long-{number}"
        async with Witness(kube, LONG, "2") as witness:
            began = time.perf_counter()
            await move(kube, *key, 2, "the other one")
            await witness.until([key], 30)
            seconds.append(witness.seen[key] - began)
        await asyncio.sleep(0.2)
    await settled(kube, LONG)
    return seconds
