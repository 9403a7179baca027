"""What happens on the cluster, watched from outside: by the administrator, past every fault."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from harness.api import (
    API_VERSION,
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    EVALUATIONS,
    JOBS,
    POLICIES,
    RELEASES,
    SUITES,
    VERSIONS,
)
from harness.controlplane import ControlPlane

Json = dict[str, Any]

OURS = f"/apis/{API_VERSION}"
PREFIXES = {
    **dict.fromkeys((RELEASES, VERSIONS, POLICIES, APPROVALS, CHANGES, SUITES, EVALUATIONS), OURS),
    CONFIG_MAPS: "/api/v1",
    JOBS: "/apis/batch/v1",
}
LONGEST_LINE = 1 << 24


@dataclass(frozen=True)
class Event:
    """A change of an object.

    Attributes:
        at: resource version, one count over all objects.
        seen: event loop's time when it was heard of.

    """

    at: int
    resource: str
    kind: str
    object: Json
    seen: float

    @property
    def name(self) -> str:
        """Of the object."""
        name: str = self.object["metadata"]["name"]
        return name


class Observer:
    """Every change of every namespace since the start. An asynchronous context manager."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._url = control_plane.url
        self._token = control_plane.token()
        self._context = ssl.create_default_context(cafile=str(control_plane.ca_file))
        self._events: dict[str, list[Event]] = defaultdict(list)
        self._now: dict[str, dict[tuple[str, str], Json]] = defaultdict(dict)
        self._news: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._tasks: list[asyncio.Task[None]] = []
        self._deaf: set[str] = set()
        self._hears = asyncio.Event()

    async def __aenter__(self) -> Observer:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._context),
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=LONGEST_LINE,
        )
        for resource, prefix in PREFIXES.items():
            path = f"{self._url}{prefix}/{resource}"
            since = (await self._list(path))["metadata"]["resourceVersion"]
            self._tasks.append(asyncio.create_task(self._follow(resource, path, since)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def events(self, namespace: str, resource: str = "") -> list[Event]:
        """Of a namespace, in the order in which they happened."""
        found = [e for e in self._events[namespace] if resource in ("", e.resource)]
        return sorted(found, key=lambda event: event.at)

    def now(self, namespace: str) -> dict[tuple[str, str], Json]:
        """Resource and name to object, as it is now."""
        return self._now[namespace]

    def forget(self, namespace: str) -> None:
        """Keep nothing of a namespace any more."""
        self._events.pop(namespace, None)
        self._now.pop(namespace, None)
        self._news.pop(namespace, None)

    async def caught_up(self) -> None:
        """Return when every watch goes on again, after the API server was away."""
        await self._hears.wait()

    async def news(self, namespace: str, seconds: float) -> None:
        """Return when something has happened there, or after so long."""
        event = self._news[namespace]
        event.clear()
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except asyncio.TimeoutError:
            return

    async def _list(self, path: str) -> Json:
        """What is there; a kind may come a moment after the CRD."""
        while True:
            async with self._session.get(path) as answer:
                if answer.status == 200:
                    found: Json = await answer.json()
                    return found
                assert answer.status in (404, 429), await answer.text()
            await asyncio.sleep(0.1)

    async def _follow(self, resource: str, path: str, since: str) -> None:
        while True:  # the server ends a watch after an hour at most
            query = {"watch": "1", "resourceVersion": since, "timeoutSeconds": "3600"}
            try:
                async with self._session.get(path, params=query) as answer:
                    answer.raise_for_status()
                    self._hear(resource)
                    async for line in answer.content:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            self._hear(resource, going_on=False)
                            since = await self._catch_up(resource, path)
                            break
                        since = event["object"]["metadata"]["resourceVersion"]
                        self._take(resource, event["type"], event["object"])
            except (aiohttp.ClientError, OSError, ValueError, AssertionError):
                self._hear(resource, going_on=False)
                await asyncio.sleep(0.2)  # the API server is down

    def _hear(self, resource: str, *, going_on: bool = True) -> None:
        (self._deaf.discard if going_on else self._deaf.add)(resource)
        if self._deaf:
            self._hears.clear()
        else:
            self._hears.set()

    async def _catch_up(self, resource: str, path: str) -> str:
        """After a restart the API server does not know what was before; returns where to go on."""
        found = await self._list(path)
        version: str = found["metadata"]["resourceVersion"]
        there = {obj["metadata"]["uid"] for obj in found["items"]}
        for objects in list(self._now.values()):
            for (kind, _), obj in list(objects.items()):
                if kind == resource and obj["metadata"]["uid"] not in there:
                    gone = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
                    self._take(resource, "DELETED", gone)
        for obj in found["items"]:
            meta = obj["metadata"]
            known = self._now[meta["namespace"]].get((resource, meta["name"]))
            if known is None:
                self._take(resource, "ADDED", obj)
            elif known["metadata"]["resourceVersion"] != meta["resourceVersion"]:
                self._take(resource, "MODIFIED", obj)
        return version

    def _take(self, resource: str, kind: str, obj: Json) -> None:
        meta = obj["metadata"]
        meta.pop("managedFields", None)
        namespace, key = meta["namespace"], (resource, meta["name"])
        at, now = int(meta["resourceVersion"]), asyncio.get_running_loop().time()
        self._events[namespace].append(Event(at, resource, kind, obj, now))
        if kind == "DELETED":
            self._now[namespace].pop(key, None)
        else:
            self._now[namespace][key] = obj
        self._news[namespace].set()
