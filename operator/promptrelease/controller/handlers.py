"""Kopf's part: releases as they change, handed on at once.

Kopf carries events and is not the state machine: no annotations, no finalizers, no timers. At a
start a reflector of our own lists the releases, which Kopf would hand over at 2,500 a second, and
watches them until Kopf does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import kopf
from kubernetes.aio.client import Configuration

from promptrelease.api import GROUP, VERSION
from promptrelease.controller.client import Login
from promptrelease.controller.kube import PAGE, RELEASES, SILENCE_SECONDS, WATCH_SECONDS, Kube
from promptrelease.controller.watch import Reflector
from promptrelease.state.sinks import ReleaseSink
from promptrelease.state.store import Store

logger = logging.getLogger(__name__)

GHOST_DELAY = 2.0
"""Seconds of quiet after a repeated listing before what it did not show is looked for."""


class Handlers:
    """Registers with Kopf and feeds the store.

    Args:
        path: of the releases' collection, for listing.
        heard: called with each release that is heard of, before it is known.

    Attributes:
        reflector: lists the releases, and watches them until Kopf does.

    """

    def __init__(
        self, kube: Kube, store: Store, path: str, heard: Callable[[dict[str, Any]], None]
    ) -> None:
        self._kube = kube
        self._sink = ReleaseSink(store, heard)
        self._path = path
        self.reflector = Reflector(kube, path, self._sink)
        self._listening = asyncio.Event()
        self._ghost_hunt: asyncio.TimerHandle | None = None
        self._hunting: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """List, and watch until Kopf does; never returns."""
        watching = asyncio.create_task(self.reflector.run())
        listening = asyncio.create_task(self._listening.wait())
        try:
            done, _ = await asyncio.wait({watching, listening}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            watching.cancel()
            listening.cancel()
        self.reflector.last_heard = 0.0  # its silence means nothing now
        await asyncio.Event().wait()

    def register(self, registry: kopf.OperatorRegistry, client: Configuration) -> None:
        """Tell Kopf what to watch and as whom."""
        again = Login(client)

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.ConnectionInfo:
            return await again()

        @kopf.on.event(GROUP, VERSION, RELEASES.plural, registry=registry)
        async def release(event: kopf.RawEvent, **_: Any) -> None:
            self.heard(event["type"], dict(event["object"]))
            await asyncio.sleep(0)  # the worker first, then what Kopf does when a handler is done

    def heard(self, kind: str | None, obj: dict[str, Any]) -> None:
        """Take in an event; a kind of none means that Kopf has listed the object."""
        meta = obj["metadata"]
        if kind == "DELETED":
            self._sink.drop(meta["namespace"], meta["name"], meta["uid"])
            return
        self._sink.put(obj)
        if kind is None:
            # After a gap Kopf lists again, and says nothing of what went away meanwhile.
            if self._ghost_hunt is not None:
                self._ghost_hunt.cancel()
            loop = asyncio.get_running_loop()
            self._ghost_hunt = loop.call_later(GHOST_DELAY, self._hunt_ghosts)

    def _hunt_ghosts(self) -> None:
        self._hunting = asyncio.create_task(self._drop_ghosts())

    async def _drop_ghosts(self) -> None:
        uids = set()
        page: dict[str, Any] = {}
        try:
            async for page in self._kube.pages(self._path, metadata_only=True):
                uids |= {item["metadata"]["uid"] for item in page["items"]}
        except Exception as error:
            logger.warning("looking for deleted releases: %s; again soon", error)
            loop = asyncio.get_running_loop()
            self._ghost_hunt = loop.call_later(10 * GHOST_DELAY, self._hunt_ghosts)
            return
        self._sink.keep_only(uids, page["metadata"]["resourceVersion"])
        self._listening.set()


def settings() -> kopf.OperatorSettings:
    """Kopf's settings: nothing that writes, nothing that needs more rights than we have."""
    result = kopf.OperatorSettings()
    result.posting.enabled = False
    result.scanning.disabled = True
    result.peering.standalone = True
    result.watching.server_timeout = WATCH_SECONDS
    result.watching.inactivity_timeout = SILENCE_SECONDS
    result.watching.reconnect_backoff = 0.02
    result.watching.connect_timeout = 10
    result.watching.chunk_size = PAGE
    # Who is done with an event ends: it would hold on to the object for another 5 s.
    result.queueing.idle_timeout = 0.05
    result.networking.request_timeout = 30
    result.process.ultimate_exiting_timeout = 10
    result.persistence.diffbase_storage = _NoDiffs()
    result.persistence.progress_storage = _NoProgress()
    return result


class _NoDiffs(kopf.DiffBaseStorage):
    """Remembers nothing: Kopf would copy each object to compare it with its last state."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        """Write nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Remembers nothing: there are no handlers that could be half done."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Write nothing."""

    def purge(self, **_: Any) -> None:
        """Write nothing."""

    def touch(self, **_: Any) -> None:
        """Write nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence
