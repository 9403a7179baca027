"""What is counted under which name, and how much of it there can be."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from harness.monitored import metrics
from harness.simulation import BEGINNING, Cluster
from promptrelease.controller import series
from promptrelease.controller.exposition import exposed
from promptrelease.controller.gauges import State
from promptrelease.controller.metrics import (
    MAX_LABELS,
    OTHER,
    REGISTRY,
    RESULT_OF,
    bounded,
    resource_of,
)
from promptrelease.controller.queue import Lane, WorkQueue
from promptrelease.controller.waits import GATES, gate_of
from promptrelease.release import graph, render
from promptrelease.release.evaluation import Bench, Member, Proposal
from promptrelease.release.model import Obstacle, Served
from promptrelease.release.scene import Scene, find
from promptrelease.release.times import timestamp
from promptrelease.state.store import Key, Store

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "monitor.md"
ROW = re.compile(r"^\| `(promptrelease_\w+)` \|([^|]*)\|", re.MULTILINE)


@pytest.fixture
def cluster() -> Cluster:
    """Production serves 1; there are versions up to 3."""
    cluster = Cluster()
    cluster.create_release()
    for number in range(1, 4):
        cluster.create_version(number, f"text {number}", author="ada")
    cluster.set_label("production", 1, by="mia")
    cluster.settle()
    return cluster


def gates(cluster: Cluster) -> set[str]:
    """What production waits for, as the release's status says it."""
    cluster.settle()
    release = cluster.view().release
    assert release is not None
    pending = release.status.labels["production"].pending
    assert pending is not None
    return {gate_of(text) for text in pending.waiting_for}


class TestGates:
    """Every way to wait, in the words that the status has for it."""

    def test_a_policy_s(self, cluster: Cluster) -> None:
        begin, end = timestamp(BEGINNING), "2100-01-01T00:00:00Z"
        freeze = [{"start": begin, "end": end, "reason": "approvals of PromptVersion"}]
        staged = {"from": {"label": "staging", "seconds": 60}, "approvals": {"count": 2}}
        cluster.set_policy("all", freeze=freeze, require=staged)
        cluster.set_label("production", 2, by="mia")
        assert gates(cluster) == {"freeze", "served_from", "approvals"}

    def test_a_denial_and_an_unknown_mover_are_of_approvals(self, cluster: Cluster) -> None:
        cluster.set_policy("four-eyes", require={"approvals": {"count": 1}})
        cluster.set_label("production", 2)
        assert gates(cluster) == {"approvals"}
        cluster.approve("the end of\nthe world", "production", 2, decision="deny", comment="no")
        assert gates(cluster) == {"approvals"}

    def test_suites(self) -> None:
        member = Member("p", 2, "sha256:2")
        proposals = {"p": Proposal(member, ready=True)}
        scene = Scene(
            label="production",
            served={},
            graph=graph.build({}),
            proposals=proposals,
            bench=Bench({}, {}),
            baselines={},
            quiet_since=datetime.now(timezone.utc),
        )
        assert gate_of(find(scene, "p", ["missing"]).wait) == "evaluations"
        assert gate_of("1 of 2 suites passed, running: router") == "evaluations"
        assert gate_of("evaluations, which can't be looked at yet") == "evaluations"

    def test_versions(self, cluster: Cluster) -> None:
        cluster.set_label("production", 9, by="mia")
        assert gates(cluster) == {"version"}

    def test_who_was_overtaken(self, cluster: Cluster) -> None:
        cluster.set_label("production", 3, by="mia", **{"from": 2})
        assert gates(cluster) == {"overtaken"}

    @pytest.mark.parametrize(
        "message",
        [
            "ConfigMap p.production belongs to something else (it has no owner): delete it",
            "a ConfigMap p.production that promptrelease did not make is in the way",
            "the API server refused: configmaps is forbidden",
            "it is being tried again: 500 InternalError",
        ],
    )
    def test_config_maps(self, message: str) -> None:
        assert gate_of(Obstacle(message, lasting=True).message) == "config_map"

    def test_the_log(self) -> None:
        assert gate_of("its last 16 moves to be written down in the change log") == "log"

    def test_anything_else_has_a_name_too(self) -> None:
        assert gate_of("what nobody has thought of") == "other"


class TestBounds:
    def test_a_label_s_name_counts_until_there_are_too_many(self) -> None:
        names = [f"label-{number}" for number in range(MAX_LABELS)]
        found = [bounded(name) for name in (*names, "one-more")]
        assert found[:10] == names[:10]
        assert found[-1] == OTHER
        assert bounded("label-3") == "label-3"

    @pytest.mark.parametrize(
        ("path", "resource"),
        [
            ("/api/v1/configmaps?watch=1", "configmaps"),
            ("/api/v1/namespaces/shop/configmaps/a.b?force=true", "configmaps"),
            ("/api/v1/namespaces/shop/pods/x/status", "pods/status"),
            ("/apis/promptrelease.dev/v1alpha1/namespaces/a/promptreleases/b/status", None),
            ("/apis/batch/v1/namespaces/namespaces/jobs", "jobs"),
            ("/apis/events.k8s.io/v1/namespaces/shop/events", "events"),
        ],
    )
    def test_a_resource_is_named_without_its_objects(self, path: str, resource: str | None) -> None:
        assert resource_of(path) == (resource or "promptreleases/status")


class TestWaiting:
    """``since`` of the queue: from when a move's seconds are counted."""

    async def test_from_the_first_time_that_it_was_asked_for(self) -> None:
        queue: WorkQueue[str] = WorkQueue()
        loop = asyncio.get_running_loop()
        queue.add("a", Lane.RECORD)
        await asyncio.sleep(0.02)
        asked = loop.time()
        queue.add("a")
        await asyncio.sleep(0.02)
        queue.add("a")
        await queue.get()
        assert asked <= queue.since("a") < asked + 0.01

    async def test_through_failures_but_not_beyond_what_was_served(self) -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await queue.get()
        first = queue.since("a")
        queue.retry("a", since=first)
        queue.done("a")
        await queue.get()
        assert queue.since("a") == first
        queue.done("a")
        queue.add("a")
        await queue.get()
        assert queue.since("a") > first

    async def test_of_an_edit_that_comes_during_a_turn_from_then(self) -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        await queue.get()
        before = asyncio.get_running_loop().time()
        queue.add("a")
        after = asyncio.get_running_loop().time()
        await asyncio.sleep(0.02)
        queue.done("a")
        await queue.get()
        assert before <= queue.since("a") <= after

    async def test_who_waited_to_lead_counts_from_its_election(self) -> None:
        queue: WorkQueue[str] = WorkQueue()
        queue.add("a")
        queue.add("b", Lane.RECORD)
        await asyncio.sleep(0.02)
        began = asyncio.get_running_loop().time()
        queue.begin()
        assert queue.oldest is not None
        assert queue.oldest >= began
        await queue.get()
        assert queue.since("a") >= began


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0"])
async def test_a_scrape_reads_back_whatever_happens_meanwhile(accept: str) -> None:
    queue: WorkQueue[Key] = WorkQueue()
    store = Store(lambda _: None)
    for number in range(1000):
        store.put_config_map(config_map(number))
    store.put_release(RELEASE)
    state = State(store, queue, (), asyncio.Event())
    scrape = asyncio.create_task(exposed(state, {"Accept": accept}))
    turns = 0
    while not scrape.done():
        store.put_config_map(config_map(1000 + turns))
        store.drop_config_map("shop", f"p{turns}.production", f"u{turns}")
        await asyncio.sleep(0)
        turns += 1
    assert turns > 3, "others have their turn"
    text, _ = await scrape
    parse = parse_openmetrics if accept else parse_text
    families = {family.name: family for family in parse(text.decode())}
    suffix = "" if accept else "_info"
    served = families[f"promptrelease_served{suffix}"]
    assert served.type == ("info" if accept else "gauge")
    assert len(served.samples) >= 1000
    assert served.samples[-1].labels["digest"] == DIGEST
    conditions = families["promptrelease_release_condition"].samples
    assert {it.labels["condition"]: it.value for it in conditions} == {"Ready": 0, "Stalled": 1}
    waiting = families[f"promptrelease_pending{suffix}"].samples
    assert {it.labels["gate"] for it in waiting} == {"approvals", "freeze"}


WAITS = ["2 approvals of sha256:7", "1 approval of sha256:7", "the end of a freeze at dawn: no"]
STATUSES = {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
RELEASE: dict[str, Any] = {
    "metadata": {
        "name": "p",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
    },
    "spec": {"labels": {"production": {"version": 7, "reason": "why"}}},
    "status": {
        "labels": {"production": {"pending": {"version": 7, "waitingFor": WAITS}}},
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": "Because",
                "message": "",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-21T12:00:00Z",
            }
            for kind, status in STATUSES.items()
        ],
    },
}
DIGEST = "sha256:" + 64 * "a"


def config_map(number: int) -> dict[str, Any]:
    name = f"p{number}"
    served = Served(3, DIGEST, 1, "2026-11-21T12:00:00Z", "why", history=(3,), checksum="x")
    made = render.config_map("shop", name, "owner", "production", served, {}, ())
    made["metadata"] |= {"uid": f"u{number}", "resourceVersion": "1"}
    return made


@given(st.text())
def test_what_anybody_may_have_written_stays_a_label_s_value(text: str) -> None:
    sample = series.SERVED.head(openmetrics=False) + series.SERVED.line("a", "b", "c", "1", text)
    (family,) = parse_text(sample)
    (read,) = family.samples
    assert read.labels["digest"] == text


def test_what_is_counted_is_there_before_it_happens() -> None:
    for name, labels in (
        ("promptrelease_glass_broken_total", {}),
        ("promptrelease_drift_repairs_total", {"what": "edited"}),
        ("promptrelease_reconcile_retries_total", {"cause": "bug"}),
        ("promptrelease_evaluations_finished_total", {"phase": "Error"}),
    ):
        assert REGISTRY.get_sample_value(name, labels) is not None, f"{name}: no increase from 0"


def test_the_docs_have_every_metric_with_its_labels() -> None:
    rows = dict(ROW.findall(DOCS.read_text()))
    told = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()}
    assert told == metrics()


def test_the_docs_have_every_gate_and_every_result() -> None:
    text = DOCS.read_text()
    for word in (*GATES, *RESULT_OF.values()):
        assert f"`{word}`" in text, word
