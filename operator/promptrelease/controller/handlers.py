"""Kopf's part: releases as they change, handed on at once.

Kopf carries events and is not the state machine: no annotations, no finalizers, no timers.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import kopf
from kubernetes.aio.client import Configuration

from promptrelease.api import GROUP, VERSION
from promptrelease.controller.kube import PAGE, RELEASES, WATCH_SECONDS, Kube
from promptrelease.controller.watch import load
from promptrelease.state.sinks import ReleaseSink
from promptrelease.state.store import Store

logger = logging.getLogger(__name__)

GHOST_DELAY = 2.0
"""Seconds of quiet after a repeated listing before what it did not show is looked for."""


class Handlers:
    """Registers with Kopf and feeds the store.

    Args:
        path: of the releases' collection, for listing.

    """

    def __init__(self, kube: Kube, store: Store, path: str) -> None:
        self._kube = kube
        self._sink = ReleaseSink(store)
        self._path = path
        self._ghost_hunt: asyncio.TimerHandle | None = None
        self._hunting: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Bring the store to what there is, before anything is decided."""
        await load(self._kube, self._path, self._sink)

    def register(self, registry: kopf.OperatorRegistry, client: Configuration) -> None:
        """Tell Kopf what to watch and as whom."""

        @kopf.on.login(registry=registry)
        def login(**_: Any) -> kopf.ConnectionInfo:
            return connection(client)

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


def settings() -> kopf.OperatorSettings:
    """Kopf's settings: nothing that writes, nothing that needs more rights than we have."""
    result = kopf.OperatorSettings()
    result.posting.enabled = False
    result.scanning.disabled = True
    result.peering.standalone = True
    result.watching.server_timeout = WATCH_SECONDS
    result.watching.connect_timeout = 10
    result.watching.chunk_size = PAGE
    result.networking.request_timeout = 30
    result.process.ultimate_exiting_timeout = 10
    result.persistence.diffbase_storage = _NoDiffs()
    result.persistence.progress_storage = _NoProgress()
    return result


def connection(client: Configuration) -> kopf.ConnectionInfo:
    """The same identity for Kopf as for our own calls; read anew when it was refused."""
    bearer: str | None = (client.api_key or {}).get("BearerToken")
    return kopf.ConnectionInfo(
        server=client.host,
        ca_path=client.ssl_ca_cert,
        insecure=not client.verify_ssl,
        certificate_path=client.cert_file,
        private_key_path=client.key_file,
        token=bearer.removeprefix("Bearer ").removeprefix("bearer ") if bearer else None,
        priority=1,
    )


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
