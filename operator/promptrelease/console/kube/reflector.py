"""List, then watch, then list again when the server has forgotten: with whose rights there are."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from promptrelease.api.resources import Resource
from promptrelease.console.identity.person import Person
from promptrelease.console.kube.client import Expired, Json, Kube, SignedOut
from promptrelease.views.failures import Failure, Forbidden

logger = logging.getLogger(__name__)

PAGE = 250
"""Objects that are asked for at once: parsing more of them would keep everybody else waiting."""

WATCH_SECONDS = 60.0
"""A watch lasts so long at most: then the API server is asked again whether the lender may."""

MAX_BACKOFF = 10.0

PATIENCE = 3
"""Refusals in a row after which all is read afresh."""


class Sink(Protocol):
    """Where objects go, by name."""

    def put(self, obj: Json) -> None:
        """Take in an object as it is now."""

    def drop(self, name: str) -> None:
        """Forget an object."""

    def keep_only(self, names: set[str]) -> None:
        """Forget whatever a list did not show."""


@dataclass
class Lenders:
    """People whose rights serve to read what they look at."""

    _known: dict[Person, tuple[float, Kube]] = field(default_factory=dict)
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def lend(self, kube: Kube) -> None:
        """Somebody looks, who may."""
        self._known[kube.person] = time.monotonic(), kube
        self._some.set()

    def refuse(self, person: Person) -> None:
        """Their rights are not taken any more, or they have signed out."""
        self._known.pop(person, None)
        if not self._known:
            self._some.clear()

    def forget(self, seconds: float) -> None:
        """Let go of who has not looked for so long."""
        for person, (at, _) in list(self._known.items()):
            if at + seconds < time.monotonic():
                self.refuse(person)

    def __bool__(self) -> bool:
        return bool(self._known)

    async def one(self) -> Kube:
        """Whoever looked last; waits until somebody does."""
        await self._some.wait()
        return max(self._known.values(), key=lambda its: its[0])[1]


@dataclass
class Reflector:
    """Keeps a sink as the namespace is.

    Args:
        tell: called when one of the attributes has changed.

    Attributes:
        listed: whether all that was there has been read.
        behind: whether the API server does not answer.

    """

    resource: Resource
    sink: Sink
    lenders: Lenders
    tell: Callable[[], None]
    listed: bool = False
    behind: bool = False
    _since: str = ""

    async def run(self) -> None:
        """Never returns; what fails is tried again with growing pauses."""
        failures = 0
        while True:
            kube = await self.lenders.one()
            try:
                if not self._since:
                    self._since = await self._list(kube)
                    self._set(listed=True, behind=False)
                await self._watch(kube)
                failures = 0
            except Forbidden as refused:
                self.lenders.refuse(kube.person)
                if not (self.lenders or isinstance(refused, SignedOut)):
                    # Whoever may list and not watch has it listed again, now and then.
                    self._since = ""
                    await asyncio.sleep(MAX_BACKOFF)
            except Expired:
                self._since = ""
                failures = await self._pause(failures)
            except Failure as failure:
                # Where there is an answer, it may be about the state to go on from.
                if failures >= PATIENCE and not isinstance(failure.__cause__, httpx.HTTPError):
                    self._since = ""
                logger.warning("%s: %s", kube.path(self.resource), failure)
                self._set(listed=self.listed, behind=True)
                failures = await self._pause(failures)
            except Exception:  # an object that nobody thought of must not end this for ever
                logger.exception("%s", kube.path(self.resource))
                self._since = ""
                self._set(listed=self.listed, behind=True)
                failures = await self._pause(failures)

    async def _list(self, kube: Kube) -> str:
        names: set[str] = set()
        since = ""
        async for page in kube.pages(self.resource, size=PAGE):
            since = page["metadata"]["resourceVersion"]
            for item in page["items"] or ():
                names.add(item["metadata"]["name"])
                self.sink.put(item)
            await asyncio.sleep(0)
        self.sink.keep_only(names)
        return since

    async def _watch(self, kube: Kube) -> None:
        events = kube.events(
            self.resource,
            since=self._since,
            seconds=WATCH_SECONDS,
            bookmarks=True,
            opened=lambda: self._set(listed=True, behind=False),
        )
        try:
            async for kind, obj in events:
                if kind == "DELETED":
                    self.sink.drop(obj["metadata"]["name"])
                elif kind != "BOOKMARK":
                    self.sink.put(obj)
                self._since = obj["metadata"]["resourceVersion"]
        finally:
            await events.aclose()

    def _set(self, *, listed: bool, behind: bool) -> None:
        if (listed, behind) != (self.listed, self.behind):
            self.listed, self.behind = listed, behind
            self.tell()

    async def _pause(self, failures: int) -> int:
        delay = min(MAX_BACKOFF, 0.2 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311
        await asyncio.sleep(delay)
        return min(failures + 1, 10)
