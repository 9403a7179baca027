"""Bodies of versions: read when they are wanted, kept as far as memory allows."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from promptrelease.api import PromptVersionSpec
from promptrelease.api.promptversion import version_name
from promptrelease.content.files import Content
from promptrelease.controller.kube import VERSIONS, Kube, parse
from promptrelease.release.judge import MAX_DEPTH, Resolution, judge
from promptrelease.release.model import Problem, Verdict

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

CACHE_BYTES = 16 * 1024 * 1024


class BoundedCache(Generic[K, V]):
    """The most recently used values, up to a sum of sizes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, or none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value, at the cost of those that were not used for longest."""
        self.discard(key)
        self._entries[key] = (value, size)
        self._used += size
        while self._used > self._limit and self._entries:
            _, (_, freed) = self._entries.popitem(last=False)
            self._used -= freed

    def discard(self, key: K) -> None:
        """Forget a value."""
        _, freed = self._entries.pop(key, (None, 0))
        self._used -= freed


class Contents:
    """Specs and resolved contents of versions, from memory or from the API server."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        # Keyed by UID: a version that was deleted and created again is another one.
        self._bodies: BoundedCache[str, bytes] = BoundedCache(CACHE_BYTES)
        self._contents: BoundedCache[str, Content] = BoundedCache(CACHE_BYTES)

    def heard(self, obj: dict[str, Any]) -> None:
        """Keep the body of a version that nobody has judged: it will be wanted at once."""
        if obj.get("status"):
            return
        try:
            body = json.dumps(obj["spec"]).encode()
        except RecursionError:
            return  # it was read with less of Python's stack in use; it will be read again
        self._bodies.put(obj["metadata"]["uid"], body, len(body))

    def cached(self, uid: str, digest: str) -> Content | None:
        """The content of a version, if it is in memory and has that digest."""
        content = self._contents.get(uid)
        return content if content is not None and content.digest == digest else None

    async def resolve(self, namespace: str, name: str, uid: str) -> Resolution:
        """Read a version and what it includes, and judge it."""
        try:
            spec = await self._spec(namespace, name, uid)
            if spec is None:
                return _invalid("Gone", f"PromptVersion {name} does not exist")
            resolution = judge(spec, await self._closure(namespace, spec))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            return _invalid("SpecInvalid", f"spec.{where}: {first['msg']}")
        self._bodies.discard(uid)
        if resolution.content is not None:
            size = len(resolution.content.text or "") + len(str(resolution.content.messages))
            self._contents.put(uid, resolution.content, size + 1024)
        return resolution

    async def _closure(self, namespace: str, spec: PromptVersionSpec) -> Any:
        """A lookup over all that a version includes, directly or not."""
        known: dict[tuple[str, int], PromptVersionSpec | None] = {}
        frontier = [spec]
        for _ in range(MAX_DEPTH + 1):
            wanted = {(i.prompt, i.version) for s in frontier for i in (s.includes or {}).values()}
            frontier = []
            for target in sorted(wanted - known.keys()):
                known[target] = await self._spec(namespace, version_name(*target))
                if (found := known[target]) is not None:
                    frontier.append(found)
        return lambda prompt, number: known.get((prompt, number))

    async def _spec(self, namespace: str, name: str, uid: str = "") -> PromptVersionSpec | None:
        body = self._bodies.get(uid) if uid else None
        if body is not None:
            return PromptVersionSpec.model_validate(parse(body))
        path = VERSIONS.path(namespace, name)
        # However old, the spec of one UID is always the same.
        obj = await self._kube.get(path, maybe_old=True) if uid else None
        if obj is None or obj["metadata"]["uid"] != uid:
            obj = await self._kube.get(path)
        if obj is None or (uid and obj["metadata"]["uid"] != uid):
            return None
        return PromptVersionSpec.model_validate(obj["spec"])


def _invalid(reason: str, message: str) -> Resolution:
    return Resolution(Verdict(problems=(Problem(reason, message),)))
