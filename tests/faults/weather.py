"""Faults that last: what the network and the API server do to everybody for a while."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace

from faults.calls import BOOKMARK, Answer, Call, Cut, Fault, Over
from faults.proxy import Gate

SWALLOWED_SECONDS = 45.0


def refusal(code: int, reason: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer as the API server refuses."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "metadata": {}}
    body = status | {"code": code, "reason": reason, "message": f"refused: {reason}"}
    told = {"Content-Type": "application/json", **(headers or {})}
    return Answer(code, json.dumps(body).encode(), told)


@dataclass
class Refused(Fault):
    """Each write is refused when it is first asked for, ``times`` times."""

    answer: Answer
    times: int = 1
    _seen: Counter[str] = field(default_factory=Counter)

    async def asked(self, gate: Gate, call: Call) -> Answer | None:
        if not call.write:
            return None
        what = str(call)
        self._seen[what] += 1
        return self.answer if self._seen[what] <= self.times else None


@dataclass
class Noted(Refused):
    """The first of all writes is refused, and when each was tried is noted: event loop's times."""

    writes: list[float] = field(default_factory=list)

    async def asked(self, gate: Gate, call: Call) -> Answer | None:
        if not call.write:
            return None
        self.writes.append(call.at)
        return self.answer if len(self.writes) <= self.times else None


@dataclass
class Spell(Fault):
    """Something that lasts for so many seconds from the beginning."""

    seconds: float
    end: float = 0.0

    def begin(self, gate: Gate) -> None:
        self.end = asyncio.get_running_loop().time() + self.seconds

    @property
    def lasts(self) -> bool:
        """Whether it has not ended yet."""
        return asyncio.get_running_loop().time() < self.end


@dataclass
class Outage(Spell):
    """Every request is answered so; connections that are open are reset at the beginning."""

    answer: Answer = field(default_factory=lambda: refusal(503, "ServiceUnavailable"))

    def begin(self, gate: Gate) -> None:
        super().begin(gate)
        gate.cut()

    async def asked(self, gate: Gate, call: Call) -> Answer | None:
        return self.answer if self.lasts else None


@dataclass
class BlackHole(Spell):
    """Nothing that was asked until its end is ever answered, and no connection is closed."""

    async def asked(self, gate: Gate, call: Call) -> Answer | None:
        if call.at < self.end:
            await self._swallow()
        return None

    async def answered(self, gate: Gate, call: Call, answer: Answer) -> Answer:
        if call.at < self.end:
            await self._swallow()
        return answer

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        if call.at >= self.end:
            yield line

    async def _swallow(self) -> None:
        """Longer than anybody waits for an answer."""
        await asyncio.sleep(SWALLOWED_SECONDS)
        raise Cut


@dataclass
class Resets(Spell):
    """All connections are reset again and again."""

    pause: float = 0.15
    _task: asyncio.Task[None] | None = None

    def begin(self, gate: Gate) -> None:
        super().begin(gate)
        self._task = asyncio.create_task(self._reset(gate))

    async def _reset(self, gate: Gate) -> None:
        while self.lasts:
            gate.cut()
            await asyncio.sleep(self.pause)


@dataclass
class Expired(Spell):
    """The token is none that the API server knows; connections must be made anew."""

    def begin(self, gate: Gate) -> None:
        super().begin(gate)
        gate.cut()

    def headers(self, call: Call, headers: dict[str, str]) -> dict[str, str]:
        return headers | {"Authorization": "Bearer expired"} if self.lasts else headers


@dataclass
class Bodies(Fault):
    """Bodies of answers: slow, not whole, or no JSON; each the first time it is asked for.

    Attributes:
        missing: part of the body that is lost, from 0 to 1.
        said: whether the length that is told is that of the whole.
        pieces: in how many it comes.

    """

    missing: float = 0.0
    said: bool = True
    pieces: int = 1
    _seen: set[str] = field(default_factory=set)

    def begin(self, gate: Gate) -> None:
        gate.cut()

    async def answered(self, gate: Gate, call: Call, answer: Answer) -> Answer:
        what = f"{call.method} {call.resource} {call.name}"
        if what in self._seen and self.missing:
            return answer
        self._seen.add(what)
        lost = int(len(answer.body) * self.missing)
        if self.said:
            return replace(answer, missing=lost, pieces=self.pieces)
        return replace(answer, body=answer.body[: len(answer.body) - lost])


@dataclass
class Interrupted(Fault):
    """Each watch ends in an error, in place of its first event, so many times for each kind."""

    code: int
    reason: str
    times: int = 1
    _seen: Counter[str] = field(default_factory=Counter)

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        if not line.startswith(BOOKMARK):
            self._seen[call.resource] += 1
            if self._seen[call.resource] <= self.times:
                status = json.loads(refusal(self.code, self.reason).body)
                yield json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
                raise Over
        yield line


@dataclass
class Slow(Fault):
    """Each event of these kinds keeps the next one waiting."""

    resources: Collection[str]
    seconds: float

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        if call.resource in self.resources:
            await asyncio.sleep(self.seconds)
        yield line


@dataclass
class Torn(Fault):
    """Each watch ends in the middle of a line, once for each kind."""

    _seen: set[str] = field(default_factory=set)

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        if line.startswith(BOOKMARK) or call.resource in self._seen:
            yield line
            return
        self._seen.add(call.resource)
        yield line[: len(line) // 2]
        raise Cut
