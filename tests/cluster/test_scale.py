"""What keeps a large population cheap: edits before lists, bodies on demand, bounded pages."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient

from harness.api import (
    CHANGES,
    CONFIG_MAPS,
    POLICIES,
    RELEASES,
    VERSIONS,
    Api,
    policy,
    release,
    suite,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.operator import Operator
from promptrelease.controller import kube as kubernetes
from promptrelease.controller.client import configuration
from promptrelease.controller.contents import Contents
from promptrelease.controller.early import Early
from promptrelease.controller.kube import Kube
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.watch import load
from promptrelease.state.sinks import VersionSink
from promptrelease.state.store import Store

PROMPT = "ticket-summary"
BODY = "a body that nobody serves, "
ON_LABEL = "promptrelease.dev/version"


@asynccontextmanager
async def client(control_plane: ControlPlane) -> AsyncIterator[Kube]:
    """The administrator's calls."""
    settings = await configuration(control_plane.kubeconfig(), None)
    async with ApiClient(settings) as api:
        yield Kube(api)


@asynccontextmanager
async def listening(control_plane: ControlPlane, api: Api) -> AsyncIterator[Early]:
    """What serves edits while an operator lists; nothing else runs."""
    async with client(control_plane) as kube:
        early = Early(kube, kubernetes.RELEASES.path(api.namespace), Contents(kube), Recorder(kube))
        task = asyncio.create_task(early.run())
        try:
            yield early
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def seen(probe: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_for, probe, what)


def serves(api: Api, label: str = "production") -> str:
    labels = api.get(CONFIG_MAPS, f"{PROMPT}.{label}").get("metadata", {}).get("labels", {})
    return str(labels.get(ON_LABEL, ""))


@pytest.fixture
def at_rest(api: Api, operator: Operator) -> Iterator[Api]:
    """Production at the first of three versions; the operator has ended."""
    api.apply(*(version(PROMPT, n) for n in (1, 2, 3)), release(PROMPT, production=(1, "first")))
    api.ready(PROMPT)
    operator.catch_up()
    operator.kill()
    yield api
    if not operator.running:
        operator.start()


async def test_an_edit_is_served_before_anything_is_listed(
    at_rest: Api, operator: Operator, control_plane: ControlPlane
) -> None:
    before = at_rest.state()
    async with listening(control_plane, at_rest):
        await asyncio.sleep(0.5)
        at_rest.move(PROMPT, "production", 2, "it can't wait")
        await seen(lambda: serves(at_rest) == "2", "the edit to be served")
    written = {key for key, value in at_rest.state().items() if before.get(key) != value}
    assert written == {(RELEASES, PROMPT), (CONFIG_MAPS, f"{PROMPT}.production")}

    operator.start()
    at_rest.ready(PROMPT)
    changes = [obj["spec"] for obj in at_rest.list(CHANGES) if obj["spec"]["label"] == "production"]
    assert sorted((c["from"], c["to"], c["reason"]) for c in changes if c.get("from")) == [
        (1, 2, "it can't wait")
    ]
    assert len(changes) == 2


async def test_an_edit_from_before_the_start_is_served_when_its_release_is_listed(
    at_rest: Api, control_plane: ControlPlane
) -> None:
    settled = at_rest.get(RELEASES, PROMPT)
    at_rest.move(PROMPT, "production", 3, "while nobody looked")
    async with listening(control_plane, at_rest) as early:
        early.heard(settled)
        await asyncio.sleep(0.5)
        assert serves(at_rest) == "1"
        early.heard(at_rest.get(RELEASES, PROMPT))
        await seen(lambda: serves(at_rest) == "3", "the edit to be served")


async def test_gates_hold_before_anything_is_listed(
    at_rest: Api, control_plane: ControlPlane
) -> None:
    at_rest.create(policy("four-eyes", labels=["production"], require={"approvals": {"count": 1}}))
    async with listening(control_plane, at_rest):
        await asyncio.sleep(0.5)
        at_rest.move(PROMPT, "production", 2, "nobody has approved this")
        at_rest.move(PROMPT, "staging", 2, "nobody has to approve this")
        await seen(lambda: serves(at_rest, "staging") == "2", "the other label to be served")
        await asyncio.sleep(0.5)
        assert serves(at_rest) == "1"


async def test_what_suites_have_a_say_in_waits_for_the_whole_picture(
    at_rest: Api, control_plane: ControlPlane
) -> None:
    at_rest.create(suite("tone", PROMPT, accept=True))
    at_rest.create(policy("judged", labels=["production"], require={"evaluations": ["tone"]}))
    async with listening(control_plane, at_rest):
        await asyncio.sleep(0.5)
        at_rest.move(PROMPT, "production", 2, "nobody has judged this")
        at_rest.move(PROMPT, "staging", 2, "nor this, which needs it not")
        await asyncio.sleep(1.5)
        assert (serves(at_rest), serves(at_rest, "staging")) == ("1", "")
        at_rest.delete(POLICIES, "judged")
        at_rest.move(PROMPT, "production", 2, "now it may")
        await seen(lambda: serves(at_rest) == "2", "the edit to be served")


def reachable(*roots: object) -> Iterator[Any]:
    """Every object that these hold on to; types, modules and functions are everybody's."""
    waiting, known = list(roots), set(map(id, roots))
    while waiting:
        yield (found := waiting.pop())
        for other in gc.get_referents(found):
            shared = isinstance(other, type) or type(other).__name__ in ("module", "function")
            if id(other) not in known and not shared:
                known.add(id(other))
                waiting.append(other)


async def test_bodies_that_nobody_serves_are_not_held(
    api: Api, operator: Operator, control_plane: ControlPlane
) -> None:
    numbers = range(1, 21)
    api.apply(*(version(PROMPT, n, text=f"{BODY}{n}. " * 500) for n in numbers))
    for number in numbers:
        api.version_with(f"{PROMPT}-v{number}", "True")
    async with client(control_plane) as kube:
        store, contents = Store(lambda _: None), Contents(kube)
        path = kubernetes.VERSIONS.path(api.namespace)
        await load(kube, path, VersionSink(store, contents.heard))
        caches = contents._bodies, contents._contents
        known = sorted(v.number for _, v in store.versions())
        assert known == list(numbers)
        held = [o for o in reachable(store, *caches) if isinstance(o, (str, bytes))]
        texts = [o if isinstance(o, str) else o.decode(errors="replace") for o in held]
        assert f"{PROMPT}-v7" in texts, "what is held is looked at"
        assert not [text[:80] for text in texts if BODY in text]


async def test_a_page_that_gets_too_long_is_asked_for_again(
    api: Api, control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = 40_000
    for number in range(1, 21):
        # Short ones, and long ones among them: the last is longer than any page may be.
        api.create(version(PROMPT, number, text="x" * (longest if number > 18 else 2_000)))
    sizes = []
    monkeypatch.setattr(kubernetes, "LONGEST_PAGE", longest)
    async with client(control_plane) as kube:
        found = []
        async for page in kube.pages(kubernetes.VERSIONS.path(api.namespace), limit=16):
            sizes.append(len(page["items"]))
            found += [item["metadata"]["name"] for item in page["items"]]
    assert found == sorted(f"{PROMPT}-v{number}" for number in range(1, 21))
    assert len(sizes) > 2
    assert api.list(VERSIONS)
