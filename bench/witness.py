"""Who sees when ConfigMaps change."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from types import TracebackType
from typing import Any

from promptrelease.controller.kube import CONFIG_MAPS, FAILURES, Kube, Resource

PRODUCTION = (".production", ".floor")


class Witness:
    """Notes when each release's ConfigMap of production changed first, as a context manager.

    Attributes:
        seen: namespace and release to the time, as ``time.perf_counter`` tells it.

    """

    def __init__(self, kube: Kube, namespace: str | None = None, to: str = "") -> None:
        """Choose where to look.

        Args:
            kube: by whom.
            namespace: none for all.
            to: the version to be seen; any when empty.

        """
        self.seen: dict[tuple[str, str], float] = {}
        self._kube = kube
        self._path = CONFIG_MAPS.path(namespace)
        self._to = to
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Witness:
        version = await now(self._kube, CONFIG_MAPS, self._path)
        self._task = asyncio.create_task(self._watch(version))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()

    def check(self) -> None:
        """Raise what has ended the watch, if it has ended."""
        if self._task is not None and self._task.done():
            self._task.result()

    async def until(self, keys: Iterable[tuple[str, str]], seconds: float) -> None:
        """Wait until all have been seen. Raises TimeoutError."""
        missing = set(keys)
        end = time.perf_counter() + seconds
        while missing := missing - self.seen.keys():
            self.check()
            left = end - time.perf_counter()
            if left <= 0:
                raise TimeoutError(f"{len(missing)} were not served: {sorted(missing)[:3]} ...")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 1.0))
            except asyncio.TimeoutError:
                continue

    async def _watch(self, version: str) -> None:
        async for obj in follow(self._kube, self._path, version):
            self._note(obj["metadata"])

    def _note(self, meta: dict[str, Any]) -> None:
        release, dot, label = meta["name"].rpartition(".")
        serves = (meta.get("labels") or {}).get("promptrelease.dev/version", "")
        if dot + label in PRODUCTION and self._to in ("", serves):
            self.seen.setdefault((meta["namespace"], release), time.perf_counter())
            self._changed.set()


async def follow(kube: Kube, path: str, version: str) -> AsyncIterator[dict[str, Any]]:
    """What is added and changed, from a resource version on; broken connections are made anew.

    Raises:
        RuntimeError: the server no longer knows what has happened since.

    """
    while True:
        try:
            async for line in kube.watch(path, version):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(f"watch of {path}: {event['object'].get('message')}")
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
        except FAILURES as error:
            print(f"bench: watch of {path}: {error!r}; again", file=sys.stderr, flush=True)
            await asyncio.sleep(0.1)


async def now(kube: Kube, resource: Resource, path: str) -> str:
    """The resource version from which a watch hears all that happens from now on."""
    async for page in kube.pages(path, metadata_only=True, limit=1):
        version: str = page["metadata"]["resourceVersion"]
        return version
    raise RuntimeError(f"{resource.plural} can't be listed")
