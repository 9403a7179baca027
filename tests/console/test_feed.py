"""What people share: as the cluster is, for those alone who may see it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from harness.api import Api, release, version
from harness.controlplane import ControlPlane
from harness.installation import ROOT
from promptrelease.api.resources import RELEASES
from promptrelease.console.identity.person import Person
from promptrelease.console.kube import reflector
from promptrelease.console.kube.client import Expired, Kube, SignedOut
from promptrelease.console.kube.feed import Feed, Feeds
from promptrelease.console.kube.rights import Remembered
from promptrelease.console.kube.transport import Transport
from promptrelease.views.failures import Forbidden

SECONDS = 30.0
RBAC = "/apis/rbac.authorization.k8s.io/v1"

As = Callable[[str], Kube]


@asynccontextmanager
async def client(plane: ControlPlane, gate: asyncio.Event | None = None) -> AsyncIterator[As]:
    """Somebody's requests in a namespace; where there is a gate, none is sent before it opens."""

    async def wait(_: httpx.Request) -> None:
        if gate is not None:
            await gate.wait()

    async with httpx.AsyncClient(
        base_url=plane.url,
        transport=Transport(ssl.create_default_context(cafile=str(plane.ca_file))),
        timeout=30,
        event_hooks={"request": [wait]},
    ) as http:

        def of(who: str) -> Kube:
            user, _, namespace = who.partition("@")
            return Kube(http, Person(user, token=plane.token(user)), namespace)

        yield of


async def until(feed: Feed, holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait until something is so, as pages do. Raises AssertionError."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds():
        left = deadline - asyncio.get_running_loop().time()
        assert left > 0, (sorted(feed.releases), {k: dict(v) for k, v in feed.versions.items()})
        await feed.changed(feed.generation, left)


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """An API server that knows the kinds; no operator is needed here."""
    control_plane.kubectl("apply", "--server-side", "-k", ROOT / "crds")
    control_plane.kubectl("wait", "crd", "--all", "--for=condition=Established")
    control_plane.kubectl("apply", "-k", ROOT / "manifests" / "roles")
    return control_plane


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Api:
    return Api(installed, namespace)


@pytest.fixture
async def feeds() -> AsyncIterator[Feeds]:
    made = Feeds()
    yield made
    await made.stop()


@pytest.fixture
def viewers(installed: ControlPlane, namespace: str) -> None:
    """``alice`` and ``bob`` may look, by a binding each."""
    for user in ("alice", "bob"):
        bind(installed, namespace, user)


def bind(plane: ControlPlane, namespace: str, user: str) -> None:
    plane.request(
        "POST",
        f"{RBAC}/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": user},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "promptrelease-viewer",
            },
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        },
    )


def unbind(plane: ControlPlane, namespace: str, user: str) -> None:
    plane.request("DELETE", f"{RBAC}/namespaces/{namespace}/rolebindings/{user}")


async def test_what_is_there_and_what_changes(shop: Api, viewers: None, feeds: Feeds) -> None:
    shop.create(version("ticket", 1, message="the first", consumes=["tone"]))
    shop.create(release("ticket", production=(1, "begin")))
    async with client(shop.control_plane) as of:
        feed = await feeds.of(of(f"alice@{shop.namespace}"))
        first = feed.versions["ticket"][1]
        assert (first.message, first.model, first.consumes) == (
            "the first",
            "gpt-5-2026-08-06",
            ("tone",),
        )
        seen = feed.releases["ticket"]
        assert seen["spec"]["labels"]["production"]["version"] == 1
        assert "managedFields" not in seen["metadata"]

        before = feed.generation
        shop.create(version("ticket", 2))
        shop.move("ticket", "production", 2, "better")
        await until(
            feed,
            lambda: (
                2 in feed.versions["ticket"]
                and feed.releases["ticket"]["spec"]["labels"]["production"]["version"] == 2
            ),
        )
        assert feed.generation > before
        shop.delete("promptreleases", "ticket")
        await until(feed, lambda: "ticket" not in feed.releases)
        assert await feed.changed(feed.generation, 0.2) == feed.generation


async def test_line_ends_of_unicode_do_not_cut_an_event(
    shop: Api, viewers: None, feeds: Feeds
) -> None:
    hostile = "one\x85two\u2028three\u2029four \U0001f600"
    async with client(shop.control_plane) as of:
        feed = await feeds.of(of(f"alice@{shop.namespace}"))
        shop.create(version("ticket", 1, text=hostile, message=hostile))
        await until(feed, lambda: "ticket" in feed.versions)
        assert feed.versions["ticket"][1].message == hostile
        assert not feed.behind


async def test_nobody_sees_what_they_may_not_list(
    shop: Api, viewers: None, feeds: Feeds, installed: ControlPlane
) -> None:
    shop.create(release("ticket", production=(1, "begin")))
    async with client(installed) as of:
        assert await feeds.may(of(f"alice@{shop.namespace}"))
        await feeds.of(of(f"alice@{shop.namespace}"))  # it is there now, for those who may
        with pytest.raises(Forbidden, match="may not see"):
            await feeds.of(of(f"carol@{shop.namespace}"))
        nobody = of(f"alice@{shop.namespace}")
        with pytest.raises(SignedOut):
            await feeds.of(Kube(nobody.http, Person("alice", token="not hers"), shop.namespace))


async def test_rights_to_releases_alone_are_not_enough(
    shop: Api, viewers: None, feeds: Feeds, installed: ControlPlane
) -> None:
    group, place = "rbac.authorization.k8s.io", f"{RBAC}/namespaces/{shop.namespace}"
    rule = {"apiGroups": ["promptrelease.dev"], "resources": ["promptreleases"]}
    role = {"metadata": {"name": "half"}, "rules": [{**rule, "verbs": ["get", "list", "watch"]}]}
    installed.request("POST", f"{place}/roles", role)
    binding = {
        "metadata": {"name": "half"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "half"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "carol"}],
    }
    installed.request("POST", f"{place}/rolebindings", binding)
    async with client(installed) as of:
        await feeds.of(of(f"alice@{shop.namespace}"))
        with pytest.raises(Forbidden):
            await feeds.of(of(f"carol@{shop.namespace}"))


@pytest.mark.slow
async def test_rights_that_are_taken_away_end_it_within_half_a_minute(
    shop: Api, viewers: None, feeds: Feeds, installed: ControlPlane
) -> None:
    async with client(installed) as of:
        await feeds.of(of(f"alice@{shop.namespace}"))
        await feeds.of(of(f"bob@{shop.namespace}"))
        unbind(installed, shop.namespace, "bob")
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                await feeds.of(of(f"bob@{shop.namespace}"))
            except Forbidden:
                break
            assert loop.time() - began < 30
            await asyncio.sleep(0.5)
        await feeds.of(of(f"alice@{shop.namespace}"))


async def test_a_right_that_is_given_is_heeded_soon(
    shop: Api, feeds: Feeds, installed: ControlPlane
) -> None:
    async with client(installed) as of:
        with pytest.raises(Forbidden):
            await feeds.of(of(f"alice@{shop.namespace}"))
        bind(installed, shop.namespace, "alice")
        await asyncio.sleep(2.5)
        assert (await feeds.of(of(f"alice@{shop.namespace}"))).complete


@pytest.mark.slow
async def test_it_goes_on_with_the_rights_of_others(
    shop: Api, viewers: None, installed: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lent theirs first has lost them; watches are asked for anew with somebody else's."""
    monkeypatch.setattr(reflector, "WATCH_SECONDS", 1.0)
    feeds = Feeds(_seen=Remembered(0.5))
    async with client(installed) as of:
        alice, bob = (of(f"{name}@{shop.namespace}") for name in ("alice", "bob"))
        feed = await feeds.of(alice)
        unbind(installed, shop.namespace, "alice")
        # Until the next look the feed has nobody's rights, and stands still.
        await asyncio.sleep(3)
        shop.create(version("ticket", 1))
        await asyncio.sleep(1)
        assert "ticket" not in feed.versions
        assert await feeds.of(bob) is feed
        await until(feed, lambda: "ticket" in feed.versions)
        with pytest.raises(Forbidden):
            await feeds.of(alice)
        await feeds.stop()


async def test_what_is_being_asked_is_not_asked_again(shop: Api, viewers: None) -> None:
    asked: list[str] = []

    async def count(request: httpx.Request) -> None:
        asked.append(request.url.path)

    async with client(shop.control_plane) as of:
        alice, remembered = of(f"alice@{shop.namespace}"), Remembered()
        alice.http.event_hooks["request"].append(count)

        def ask() -> asyncio.Task[bool]:
            return asyncio.create_task(remembered.may(alice, "list", RELEASES))

        left, *others = [ask() for _ in range(10)]
        await asyncio.sleep(0)
        left.cancel()  # who goes takes it from nobody
        assert await asyncio.gather(*others) == [True] * 9
        assert len(asked) == 1
        assert await ask()
        assert len(asked) == 1
        remembered.forget(alice.person)
        assert await ask()
        assert len(asked) == 2


async def test_somebody_who_signs_out_lends_no_more(
    shop: Api, viewers: None, feeds: Feeds, installed: ControlPlane
) -> None:
    async with client(installed) as of:
        alice, bob = (of(f"{name}@{shop.namespace}") for name in ("alice", "bob"))
        feed = await feeds.of(bob)
        await feeds.of(alice)
        assert (await feed.lenders.one()).person == alice.person
        feeds.forget(alice.person)
        assert (await feed.lenders.one()).person == bob.person


@pytest.mark.slow
async def test_an_api_server_that_was_away_and_has_forgotten() -> None:
    """It comes back without the past: the feed lists again, and what went meanwhile is gone."""
    with ControlPlane() as plane:
        plane.kubectl("apply", "--server-side", "-k", ROOT / "crds")
        plane.kubectl("wait", "crd", "--all", "--for=condition=Established")
        plane.kubectl("create", "namespace", "shop")
        shop = Api(plane, "shop")
        for name in ("stays", "goes"):
            shop.create(release(name, production=(1, "begin")))
        gate = asyncio.Event()
        gate.set()
        async with client(plane, gate) as of:
            feeds = Feeds(_seen=Remembered(600))
            feed = await feeds.of(of("admin@shop"))
            since = feed.releases["goes"]["metadata"]["resourceVersion"]
            gate.clear()
            for number in range(20):  # of another kind: the past of this one ends before them
                config_map = {"metadata": {"name": f"c{number}"}}
                plane.request("POST", "/api/v1/namespaces/shop/configmaps", config_map)
            await asyncio.to_thread(plane.stop_component, "kube-apiserver")
            await asyncio.to_thread(plane.start_component, "kube-apiserver")
            shop.delete("promptreleases", "goes")
            shop.create(release("comes", production=(1, "begin")))
            assert sorted(feed.releases) == ["goes", "stays"]
            gate.set()
            with pytest.raises(Expired):
                async for _ in of("admin@shop").events(RELEASES, since=since, seconds=1):
                    pass
            await until(feed, lambda: sorted(feed.releases) == ["comes", "stays"])
            shop.create(release("later", production=(1, "begin")))
            await until(feed, lambda: "later" in feed.releases)
            await until(feed, lambda: not feed.behind)

            # And away for a while, without a word.
            await asyncio.to_thread(plane.stop_component, "kube-apiserver")
            await until(feed, lambda: feed.behind)
            assert await feeds.of(of("admin@shop")) is feed  # how things were, while that is known
            await asyncio.to_thread(plane.start_component, "kube-apiserver")
            await until(feed, lambda: not feed.behind)
            shop.create(release("latest-one", production=(1, "begin")))
            await until(feed, lambda: "latest-one" in feed.releases)
            await feeds.stop()
