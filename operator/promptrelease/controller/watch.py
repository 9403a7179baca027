"""List, then watch, then list again when the server has forgotten: a reflector.

For kinds that need not pass through Kopf. Kopf keeps whole objects and asks for all of a kind;
this asks with a server-side selector and keeps nothing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from promptrelease.controller.kube import ApiError, Kube, parse

logger = logging.getLogger(__name__)

MAX_BACKOFF = 30.0


class Sink(Protocol):
    """Where objects go."""

    def put(self, obj: dict[str, Any]) -> None:
        """Take in an object as it is now."""

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Forget an object, if that is the one that is known."""

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget whatever a list of that resource version did not show."""


@dataclass
class Reflector:
    """Keeps a sink as the cluster is.

    Attributes:
        listed: set once the first list is in.
        last_heard: event loop's time of the last sign of life, in seconds.

    """

    kube: Kube
    path: str
    sink: Sink
    selector: str = ""
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    last_heard: float = 0.0

    async def run(self) -> None:
        """Never returns; what fails is tried again with growing pauses."""
        failures = 0
        resource_version = ""
        while True:
            try:
                if not resource_version:
                    resource_version = await self._list()
                resource_version = await self._watch(resource_version)
                failures = 0
            except ApiError as error:
                if error.status == 410:
                    logger.info("%s: the watch is too old, listing again", self.path)
                    resource_version = ""
                    continue
                failures = await self._pause(failures, error)
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError, OSError) as error:
                failures = await self._pause(failures, error)

    async def _list(self) -> str:
        version = await load(self.kube, self.path, self.sink, self.selector, self._heard)
        self.listed.set()
        return version

    async def _watch(self, resource_version: str) -> str:
        async for line in self.kube.watch(self.path, resource_version, selector=self.selector):
            self._heard()
            event = parse(line)
            obj = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(obj.get("code", 0), obj.get("reason", ""), obj.get("message", ""))
            meta = obj["metadata"]
            if event["type"] == "DELETED":
                self.sink.drop(meta["namespace"], meta["name"], meta["uid"])
            elif event["type"] != "BOOKMARK":
                self.sink.put(obj)
            resource_version = meta["resourceVersion"]
        return resource_version

    async def _pause(self, failures: int, error: Exception) -> int:
        delay = min(MAX_BACKOFF, 0.2 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311
        logger.warning("%s: %s; again in %.1f s", self.path, error or repr(error), delay)
        await asyncio.sleep(delay)
        self._heard()  # trying is a sign of life: a restart would not bring the server back
        return failures + 1

    def _heard(self) -> None:
        self.last_heard = asyncio.get_running_loop().time()


async def load(
    kube: Kube, path: str, sink: Sink, selector: str = "", heard: Callable[[], None] = lambda: None
) -> str:
    """Bring a sink to what a list shows; returns the list's resource version."""
    uids = set()
    page: dict[str, Any] = {}
    async for page in kube.pages(path, selector=selector):
        heard()
        for obj in page["items"]:
            uids.add(obj["metadata"]["uid"])
            sink.put(obj)
        await asyncio.sleep(0)  # thousands of objects: let others have their turn
    version: str = page["metadata"]["resourceVersion"]
    sink.keep_only(uids, version)
    return version
