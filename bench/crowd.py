"""Thousands of pods mount one prompt: how long until all are told, and at what rate.

The pods are objects that nobody runs: what is measured is the operator and the API server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench import cluster
from bench.latency import release, version
from bench.table import Row

from promptrelease.controller.kube import CONFIG_MAPS, PODS, RELEASES, VERSIONS, Kube
from promptrelease.controller.refresh import PER_SECOND

CROWD = 5000
NAMESPACE = "crowd"
PROMPT = "popular"


def rows() -> list[Row]:
    """Seconds from the edit to the status that counts every pod as told."""
    with (
        cluster.control_plane(NAMESPACE) as control_plane,
        cluster.operator(control_plane, "--namespace", NAMESPACE),
    ):
        served, told = cluster.run(control_plane, _measure)
    name = f"{CROWD} pods mount one prompt"
    return [
        Row(f"{name}: edit to ConfigMap", served * 1e3, "ms", note="does not wait for the pods"),
        Row(
            f"{name}: edit to the last one told",
            told,
            "s",
            f"{PER_SECOND:.0f} patches a second, the bound",
            CROWD / PER_SECOND,
        ),
    ]


async def _measure(kube: Kube) -> tuple[float, float]:
    await kube.create(
        f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}}
    )
    for number in (1, 2):
        await kube.create(VERSIONS.path(NAMESPACE), version(PROMPT, number))
    await kube.create(RELEASES.path(NAMESPACE), release(PROMPT, production=1))
    limit = asyncio.Semaphore(32)

    async def create(number: int) -> None:
        async with limit:
            await kube.create(PODS.path(NAMESPACE), _pod(number))

    await asyncio.gather(*(create(number) for number in range(CROWD)))
    await _until(lambda: _moved(kube, "1"), 0.1)
    start = time.perf_counter()
    patch = {"spec": {"labels": {"production": {"version": 2, "reason": "for all"}}}}
    await kube.merge(RELEASES.path(NAMESPACE, PROMPT), patch)
    await _until(lambda: _moved(kube, "2"), 0.002)
    served = time.perf_counter() - start
    await _until(lambda: _all_told(kube), 0.1)
    return served, time.perf_counter() - start


async def _moved(kube: Kube, number: str) -> bool:
    found = await kube.get(CONFIG_MAPS.path(NAMESPACE, f"{PROMPT}.production"))
    return found is not None and found["metadata"]["labels"]["promptrelease.dev/version"] == number


async def _all_told(kube: Kube) -> bool:
    found = await kube.get(RELEASES.path(NAMESPACE, PROMPT)) or {}
    label = found.get("status", {}).get("labels", {}).get("production", {})
    consumers = label.get("consumers", {})
    told: int = consumers.get("refreshed", 0)
    return consumers.get("revision") == label.get("revision") and told == CROWD


async def _until(holds: Callable[[], Awaitable[bool]], pause: float) -> None:
    while True:
        if await holds():
            return
        await asyncio.sleep(pause)


def _pod(number: int) -> dict[str, Any]:
    return {
        "metadata": {"name": f"app-{number}", "labels": {"promptrelease.dev/refresh": "true"}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "app",
                    "image": "app",
                    "volumeMounts": [{"name": "prompts", "mountPath": "/prompts"}],
                }
            ],
            "volumes": [{"name": "prompts", "configMap": {"name": f"{PROMPT}.production"}}],
        },
    }
