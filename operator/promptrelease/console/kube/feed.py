"""What a namespace holds, kept up to date by list and watch for all who look at it.

One copy for everybody who may see it; who asks for it is let in only after the API server has said
that they may read what is in it. The console has no rights of its own, so it lists and watches with
those of the people who look. When nobody does any more, it stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

from promptrelease.api.resources import RELEASES, VERSIONS
from promptrelease.console.identity.person import Person
from promptrelease.console.kube.client import Kube
from promptrelease.console.kube.known import Releases, Summary, Versions
from promptrelease.console.kube.reflector import Lenders, Reflector
from promptrelease.console.kube.rights import Remembered
from promptrelease.views.failures import Forbidden, Unreachable

__all__ = ["Feed", "Feeds", "Summary"]

SEEN_SECONDS = 20.0
"""How long somebody is shown what is in a feed before the API server is asked about them again."""

IDLE_SECONDS = 300.0
"""A feed ends so long after the last look at it."""

FILL_SECONDS = 30.0
"""How long a page waits until all has been read."""


class Feed:
    """A namespace, as far as it is known.

    Attributes:
        releases: name to release, without ``managedFields``; parsed anew at each access.
        versions: prompt to number to version.
        generation: grows with each change.

    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.generation = 0
        self.releases = Releases(self._changed)
        self.versions = Versions(self._changed)
        self.lenders = Lenders()
        self._readers = [
            Reflector(RELEASES, self.releases, self.lenders, self._tell),
            Reflector(VERSIONS, self.versions, self.lenders, self._tell),
        ]
        self._looked = time.monotonic()
        self._followers: list[set[str]] = []
        self._news = asyncio.Event()
        self._tasks = [asyncio.create_task(reader.run()) for reader in self._readers]

    @property
    def complete(self) -> bool:
        """Whether all that was there has been read."""
        return all(reader.listed for reader in self._readers)

    @property
    def behind(self) -> bool:
        """Whether the API server does not answer, so that this may be how things were."""
        return any(reader.behind for reader in self._readers)

    def follow(self) -> set[str]:
        """A set into which the name of each prompt goes that changes; at first, all of them."""
        names = {*self.releases, *self.versions}
        self._followers.append(names)
        return names

    async def changed(self, after: int, seconds: float) -> int:
        """Wait until ``generation`` is beyond ``after``, or for so many seconds; returns it.

        Whoever shows what is new asks ``Feeds.of`` again before: rights may have changed as well.
        """
        deadline = time.monotonic() + seconds
        while self.generation <= after and (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        return self.generation

    async def filled(self, seconds: float) -> bool:
        """Wait until all has been read, or for so many seconds; returns ``complete``."""
        deadline = time.monotonic() + seconds
        while not self.complete and (left := deadline - time.monotonic()) > 0:
            await self.changed(self.generation, left)
        return self.complete

    def look(self, kube: Kube) -> None:
        """Somebody looks, who may; their rights serve to read on."""
        self._looked = time.monotonic()
        self.lenders.lend(kube)

    def idle(self) -> bool:
        """Whether nobody has looked for long; lets go of those who have not."""
        self.lenders.forget(IDLE_SECONDS)
        return self._looked + IDLE_SECONDS < time.monotonic()

    async def stop(self) -> None:
        """Read no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changed(self, prompt: str) -> None:
        for names in self._followers:
            names.add(prompt)
        self._tell()

    def _tell(self) -> None:
        self.generation += 1
        self._news.set()
        self._news = asyncio.Event()


@dataclass
class Feeds:
    """The feeds of a program, by namespace."""

    _feeds: dict[str, Feed] = field(default_factory=dict)
    _seen: Remembered = field(default_factory=lambda: Remembered(SEEN_SECONDS))
    _reaper: asyncio.Task[None] | None = None

    async def of(self, kube: Kube, seconds: float = FILL_SECONDS, *, partly: bool = False) -> Feed:
        """The feed of a namespace, for somebody who may see it.

        Args:
            kube: who, and which namespace.
            seconds: how long to wait until all has been read.
            partly: whether what has been read until then will do; see ``Feed.complete``.

        Raises:
            Forbidden: they may not list prompts there, or have signed out.
            Unreachable: the API server does not answer, or not in time.

        """
        await self._check(kube)
        feed = self._feeds.get(kube.namespace)
        if feed is None:
            feed = self._feeds[kube.namespace] = Feed(kube.namespace)
            if self._reaper is None:
                self._reaper = asyncio.create_task(self._reap())
        feed.look(kube)
        if not feed.complete and not await feed.filled(seconds) and not partly:
            raise Unreachable(
                f"the prompts of {kube.namespace} are still being read; "
                f"{len(feed.releases)} so far",
                "load the page again in a moment",
            )
        return feed

    async def may(self, kube: Kube) -> bool:
        """Whether somebody may see the prompts of a namespace."""
        answers = await asyncio.gather(
            *(self._seen.may(kube, "list", resource) for resource in (RELEASES, VERSIONS))
        )
        return all(answers)

    def forget(self, person: Person) -> None:
        """Do nothing with somebody's rights any more: they have signed out."""
        self._seen.forget(person)
        for feed in self._feeds.values():
            feed.lenders.refuse(person)

    async def stop(self) -> None:
        """End all of them."""
        if self._reaper is not None:
            self._reaper.cancel()
        await asyncio.gather(*(feed.stop() for feed in self._feeds.values()))
        self._feeds.clear()

    async def _check(self, kube: Kube) -> None:
        if not await self.may(kube):
            raise Forbidden(
                f"you may not see the prompts in namespace {kube.namespace}",
                "whoever runs the platform can give you the role promptrelease-viewer there "
                "(list and watch on promptreleases and promptversions)",
            )

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(IDLE_SECONDS, 30.0))
            for namespace, feed in list(self._feeds.items()):
                if feed.idle():
                    del self._feeds[namespace]
                    await feed.stop()
