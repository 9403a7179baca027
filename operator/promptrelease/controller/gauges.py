"""What there is, collected at each scrape from what the operator knows: nothing here can go stale.

A release that was deleted leaves no series behind, and while nobody asks nothing is computed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric

import promptrelease
from promptrelease.controller.metrics import resource_of
from promptrelease.controller.queue import WorkQueue
from promptrelease.controller.waits import GATES, OTHER, gate_of
from promptrelease.controller.watch import Reflector
from promptrelease.release.evaluation import FINISHED, PENDING, RUNNING
from promptrelease.release.model import Condition
from promptrelease.state.store import Key, Store


class State:
    """Collects what is known; it has no await, so that one scrape is of one moment.

    Args:
        each_release: whether single releases have series, too.

    Attributes:
        working: whether this process writes; one that waits to lead knows everything and does not.

    """

    def __init__(
        self,
        store: Store,
        queue: WorkQueue[Key],
        reflectors: tuple[Reflector, ...],
        ready: asyncio.Event,
        *,
        each_release: bool = True,
    ) -> None:
        self.store = store
        self._queue = queue
        self._reflectors = reflectors
        self._ready = ready
        self.each_release = each_release
        self.working = False

    def collect(self) -> Iterator[Metric]:
        """All of it, as of now."""
        yield from self._operator()
        yield from self._objects()
        yield from self._evaluations()
        yield from self._releases()

    def _operator(self) -> Iterator[Metric]:
        now = asyncio.get_running_loop().time()
        build = InfoMetricFamily("promptrelease_build", "The operator's version.")
        build.add_metric([], {"version": _version()})
        yield build
        yield GaugeMetricFamily(
            "promptrelease_ready", "Whether everything has been listed.", self._ready.is_set()
        )
        yield GaugeMetricFamily(
            "promptrelease_working", "Whether this replica writes: it leads.", self.working
        )
        depth = GaugeMetricFamily(
            "promptrelease_queue_depth", "Prompts that wait for a turn.", labels=["lane"]
        )
        for lane, waiting in self._queue.waiting().items():
            depth.add_metric([lane.name.lower()], waiting)
        yield depth
        oldest = self._queue.oldest
        yield GaugeMetricFamily(
            "promptrelease_queue_oldest_seconds",
            "How long the prompt at the head of the queue has waited; 0 while another leads.",
            now - oldest if oldest is not None and self.working else 0.0,
        )
        silence = GaugeMetricFamily(
            "promptrelease_watch_silence_seconds",
            "Since the API server last said anything on a watch; it does once a minute.",
            labels=["resource"],
        )
        for reflector in self._reflectors:
            if reflector.last_heard:
                silence.add_metric([resource_of(reflector.path)], now - reflector.last_heard)
        yield silence

    def _objects(self) -> Iterator[Metric]:
        store = self.store
        objects = GaugeMetricFamily(
            "promptrelease_objects", "Objects that the operator knows.", labels=["resource"]
        )
        for resource, known in (
            ("promptreleases", store.releases()),
            ("promptversions", store.versions()),
            ("promptpolicies", store.policies()),
            ("promptapprovals", store.approvals()),
            ("promptsuites", store.scenes.suites()),
            ("configmaps", store.config_maps()),
        ):
            objects.add_metric([resource], sum(1 for _ in known))
        yield objects
        verdicts = (version.verdict for _, version in store.versions())
        yield GaugeMetricFamily(
            "promptrelease_versions_invalid",
            "PromptVersions that can't be served as they are.",
            sum(verdict is not None and not verdict.valid for verdict in verdicts),
        )

    def _evaluations(self) -> Iterator[Metric]:
        phases = dict.fromkeys((PENDING, RUNNING, *sorted(FINISHED)), 0)
        for _, evaluation in self.store.scenes.evaluations():
            phases[evaluation.status.phase or PENDING] += 1
        family = GaugeMetricFamily(
            "promptrelease_evaluations", "PromptEvaluations by their phase.", labels=["phase"]
        )
        for phase, count in phases.items():
            family.add_metric([phase], count)
        yield family

    def _releases(self) -> Iterator[Metric]:
        """Conditions and moves that wait: how many. Of which releases is told by ``series``."""
        holds: Counter[str] = Counter({"Ready": 0, "Reconciling": 0, "Stalled": 0})
        waits: Counter[str] = Counter(dict.fromkeys((*GATES, OTHER), 0))
        for _, release in self.store.releases():
            holds.update(found.type for found in release.status.conditions if _is_true(found))
            for status in release.status.labels.values():
                if status.pending is not None:
                    waits.update({gate_of(text) for text in status.pending.waiting_for})
        releases = GaugeMetricFamily(
            "promptrelease_releases",
            "PromptReleases of which a condition is True.",
            labels=["condition"],
        )
        for kind, count in holds.items():
            releases.add_metric([kind], count)
        yield releases
        moves = GaugeMetricFamily(
            "promptrelease_pending_moves",
            "Moves that are held back, by what they wait for; one may wait for several.",
            labels=["gate"],
        )
        for gate, count in waits.items():
            moves.add_metric([gate], count)
        yield moves


def _is_true(condition: Condition) -> bool:
    return condition.status == "True"


def _version() -> str:
    try:
        return promptrelease.__version__
    except PackageNotFoundError:
        return "unknown"
