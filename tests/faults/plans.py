"""Faults that strike at one chosen moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from faults.calls import BOOKMARK, Answer, Call, Cut, Fault
from faults.proxy import Gate

BEFORE, AFTER = "before", "after"


@dataclass
class Strike(Fault):
    """At a write: right before the API server gets it, or right after it has answered.

    Attributes:
        number: of the write, from 1.
        when: BEFORE or AFTER.
        blow: what happens; the connection is reset in any case.
        then: the next fault, in force from then on.
        struck: what it has struck, once it has.

    """

    number: int
    when: str
    blow: Callable[[], None] = lambda: None
    then: Fault | None = None
    struck: Call | None = None

    async def asked(self, gate: Gate, call: Call) -> Answer | None:
        if self._is_now(call, BEFORE):
            self._strike(gate, call)
        return None

    async def answered(self, gate: Gate, call: Call, answer: Answer) -> Answer:
        if self._is_now(call, AFTER):
            self._strike(gate, call)
        return answer

    def _is_now(self, call: Call, when: str) -> bool:
        return self.when == when and call.number == self.number and self.struck is None

    def _strike(self, gate: Gate, call: Call) -> None:
        self.struck = call
        self.blow()
        if self.then is not None:
            gate.follow(self.then)
        raise Cut


@dataclass
class Lag(Fault):
    """Events of these resources come late, all at once, after so many seconds."""

    resources: Collection[str]
    seconds: float
    _over: asyncio.Task[None] | None = None

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        if call.resource in self.resources:
            if self._over is None:
                self._over = asyncio.create_task(asyncio.sleep(self.seconds))
            await asyncio.shield(self._over)
        yield line


@dataclass
class Past(Lag):
    """Lists show the cluster as it was, and for so long the watches don't go on from there.

    Attributes:
        version: resource version of that moment, once it has come.

    """

    version: str = ""

    def url(self, gate: Gate, call: Call) -> str:
        if call.method != "GET" or call.name or call.watch or self._is_over:
            return call.url
        if self._over is None:
            self._over = asyncio.create_task(asyncio.sleep(self.seconds))
        asked = urlsplit(call.url)
        query = dict(parse_qsl(asked.query))
        if call.resource not in self.resources or "continue" in query:
            return call.url
        query |= {"resourceVersion": self.version, "resourceVersionMatch": "Exact"}
        query.setdefault("limit", "500")
        return f"{asked.path}?{urlencode(query)}"

    @property
    def _is_over(self) -> bool:
        return self._over is not None and self._over.done()


@dataclass
class Snapshot(Strike):
    """Strikes like another, and remembers the moment right after the write ``at``."""

    at: int = 0
    past: Past | None = None

    async def answered(self, gate: Gate, call: Call, answer: Answer) -> Answer:
        assert self.past is not None
        if call.number == self.at and not self.past.version:
            self.past.version = _version(answer) or self.past.version
        return await super().answered(gate, call, answer)


def _version(answer: Answer) -> str:
    try:
        meta = json.loads(answer.body)["metadata"]
    except (ValueError, KeyError):
        return ""
    return str(meta.get("resourceVersion", ""))


@dataclass
class Lost(Fault):
    """One event never comes. After a while the server ends that watch: it is too old.

    Attributes:
        number: of the event, from 1, over all watches.
        seconds: until the watches of its kind are ended.

    """

    number: int
    seconds: float
    _count: int = 0

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        if not line.startswith(BOOKMARK):
            self._count += 1
            if self._count == self.number:
                loop = asyncio.get_running_loop()
                loop.call_later(self.seconds, gate.expire, call.resource)
                return
        yield line


@dataclass
class Doubled(Fault):
    """One event comes twice, and the one before it on the same watch once more after it."""

    number: int
    _count: int = 0
    _before: dict[str, bytes] = field(default_factory=dict)

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        yield line
        if line.startswith(BOOKMARK):
            return
        self._count += 1
        if self._count == self.number:
            yield line
            if call.resource in self._before:
                yield self._before[call.resource]
                yield line
        self._before[call.resource] = line
