"""What there is to see: every metric of the operator, and every expression of the dashboard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from promptrelease.controller import metrics as counted
from promptrelease.controller import series
from promptrelease.controller.gauges import State
from promptrelease.controller.queue import WorkQueue
from promptrelease.state.store import Key, Store

FILE = Path(__file__).parents[2] / "manifests" / "monitoring" / "dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
INTERVAL = "30s"
"""What stands for Grafana's ``$__rate_interval`` where Prometheus is asked directly."""


def expressions() -> Iterator[tuple[str, str]]:
    """Titles of panels with what they ask, as Grafana would send it for all namespaces."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$__rate_interval", INTERVAL).replace("$namespace", ".*")
            yield panel["title"], text


def metrics() -> dict[str, tuple[str, ...]]:
    """Names, as Prometheus stores them, of all of our own metrics, with their labels.

    Of a histogram it is the name that ``_bucket``, ``_count`` and ``_sum`` are put behind.
    """
    found: dict[str, tuple[str, ...]] = {}
    for metric in vars(counted).values():
        if isinstance(metric, MetricWrapperBase):
            suffix = "" if isinstance(metric, Histogram) else "_total"
            found[metric._name + suffix] = tuple(metric._labelnames)
    for family in asyncio.run(_collected()):
        name = f"{family.name}_info" if family.type == "info" else family.name
        found[name] = tuple(family._labelnames)
    found["promptrelease_build_info"] = ("version",)
    return found | {family.sample: family.labels for family in series.FAMILIES}


async def _collected() -> list[Any]:
    queue: WorkQueue[Key] = WorkQueue()
    return list(State(Store(queue.add), queue, (), asyncio.Event()).collect())
