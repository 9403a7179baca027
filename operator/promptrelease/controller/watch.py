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

from promptrelease.controller.kube import ApiError, Kube, asked_pause, parse

logger = logging.getLogger(__name__)

MAX_BACKOFF = 30.0
LIST_PAGE = 250
"""Objects of a page: reading a longer one holds up everybody else for too long."""

AT_ONCE = 25
SOUND_SECONDS = 5.0
"""A watch that lived so long was no failure: the next pause is a short one again."""


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
        turns: to be held while listing; shared by those that must not all list at once.
        listed: set once the first list is in.
        last_heard: event loop's time of the last sign of life, in seconds.

    """

    kube: Kube
    path: str
    sink: Sink
    selector: str = ""
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    listed: asyncio.Event = field(default_factory=asyncio.Event)
    last_heard: float = 0.0
    _place: str = ""

    async def run(self) -> None:
        """Never returns; what fails is tried again with growing pauses."""
        failures = 0
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                if not self._place:
                    self._place = await self._list()
                await self._watch()
                failures = 0
            except ApiError as error:
                if error.status == 410:
                    logger.info("%s: the watch is too old, listing again", self.path)
                    self._place = ""
                    continue
                failures = await self._pause(failures, error, clock() - began)
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError, OSError) as error:
                failures = await self._pause(failures, error, clock() - began)

    async def _list(self) -> str:
        async with self.turns:
            version = await load(self.kube, self.path, self.sink, self.selector, self._heard)
        self.listed.set()
        return version

    async def _watch(self) -> None:
        """Take in what happens; its place is kept however the stream ends.

        Who begins again further back would see what is deleted come and go once more: for a moment
        there would be an approval that was taken back, or no policy.
        """
        async for line in self.kube.watch(self.path, self._place, selector=self.selector):
            self._heard()
            event = parse(line)
            obj = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(obj.get("code", 0), obj.get("reason", ""), obj.get("message", ""))
            meta = obj["metadata"]
            if event["type"] == "DELETED":
                self.sink.drop(meta["namespace"], meta["name"], meta["uid"])
            elif event["type"] != "BOOKMARK":
                put(self.sink, obj)
            self._place = meta["resourceVersion"]

    async def _pause(self, failures: int, error: Exception, lived: float) -> int:
        if lived >= SOUND_SECONDS:
            failures = 0
        delay = min(MAX_BACKOFF, 0.2 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311
        delay += asked_pause(error)
        logger.warning("%s: %s; again in %.1f s", self.path, error or repr(error), delay)
        await asyncio.sleep(delay)
        self._heard()  # trying is a sign of life: a restart would not bring the server back
        return failures + 1

    def _heard(self) -> None:
        self.last_heard = asyncio.get_running_loop().time()


def put(sink: Sink, obj: dict[str, Any]) -> None:
    """Hand an object over. One that is beyond understanding is told of, and stops no other."""
    try:
        sink.put(obj)
    except Exception:  # whatever it is, the next start would meet the same object
        meta = obj["metadata"]
        where = f"{obj.get('kind', '')} {meta['namespace']}/{meta['name']}"
        logger.exception("%s can't be understood, and is left out: a bug", where)


async def load(
    kube: Kube, path: str, sink: Sink, selector: str = "", heard: Callable[[], None] = lambda: None
) -> str:
    """Bring a sink to what a list shows; returns the list's resource version."""
    uids = set()
    page: dict[str, Any] = {}
    async for page in kube.pages(path, selector=selector, limit=LIST_PAGE):
        heard()
        for number, obj in enumerate(page["items"]):
            uids.add(obj["metadata"]["uid"])
            put(sink, obj)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)  # thousands of objects: let others have their turn
    version: str = page["metadata"]["resourceVersion"]
    sink.keep_only(uids, version)
    return version
