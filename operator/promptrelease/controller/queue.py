"""Keys that want attention: each once however often it was added, serving before recording.

As client-go's workqueue: a key that is added while it is worked on comes again afterwards, so
that two workers never hold the same key. It has lanes: in a burst, all ConfigMaps are written
before the first status, because workloads wait for the one and people for the other; and what has
just been edited goes before what a start has found.
"""

from __future__ import annotations

import asyncio
import enum
import random
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

MAX_BACKOFF = 60.0
PATIENCE = 5.0
"""Seconds after which the other lanes have their turns even when serving never ends."""


SHARE = 32
"""Of so many turns one is for what has waited that long, as long as there is something urgent."""


class Lane(enum.IntEnum):
    """What a key wants: lower is more urgent.

    LOOK is for prompts about which nothing urgent is known, as at a start: thousands, mostly with
    nothing to do. Whoever edits one of them does not wait for the others.
    """

    SERVE = 0
    LOOK = 1
    RECORD = 2

    def with_(self, other: Lane) -> Lane:
        """What a key wants that wants both. Who records looks, too."""
        return Lane.SERVE if Lane.SERVE in (self, other) else max(self, other)


class WorkQueue(Generic[Key]):
    """An asyncio queue that coalesces, prefers the urgent lane, and backs off per key."""

    def __init__(self) -> None:
        # Insertion order is waiting order; the value is when it was added.
        self._ready: dict[Lane, OrderedDict[Key, float]] = {lane: OrderedDict() for lane in Lane}
        self._again: dict[Key, Lane] = {}
        self._active: set[Key] = set()
        # When serving was first asked for: of keys that wait, and of those that are worked on.
        self._asked: dict[Key, float] = {}
        self._since: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._timers: dict[tuple[Key, Lane], asyncio.TimerHandle] = {}
        self._alarms: dict[Key, asyncio.TimerHandle] = {}
        # Loop time before which a key gets no turn: the server asked for that.
        self._held: dict[Key, float] = {}
        # How many in a row were of the most urgent lane there was.
        self._turns = SHARE
        self._looked = asyncio.Event()
        self._last_done = 0.0
        self._wakeup: asyncio.Queue[None] = asyncio.Queue()

    def __len__(self) -> int:
        """Keys that wait or are worked on."""
        return sum(map(len, self._ready.values())) + len(self._active)

    def waiting(self) -> dict[Lane, int]:
        """How many keys wait, by lane."""
        return {lane: len(keys) for lane, keys in self._ready.items()}

    @property
    def oldest(self) -> float | None:
        """Loop time at which the longest waiting key was added."""
        heads = [next(iter(lane.values())) for lane in self._ready.values() if lane]
        return min(heads, default=None)

    @property
    def stuck_since(self) -> float | None:
        """Loop time since which keys wait and none was given back; none when none waits."""
        oldest = self.oldest
        return None if oldest is None else max(oldest, self._last_done)

    def add(self, key: Key, lane: Lane = Lane.SERVE) -> None:
        """Ask for a key's turn. O(1)."""
        now = asyncio.get_running_loop().time()
        if lane is Lane.SERVE:
            self._asked.setdefault(key, now)
        if (held := self._held.get(key)) is not None:
            if held > now:
                if (key, lane) not in self._timers:
                    self._later(key, lane, held - now)
                return
            del self._held[key]
        if key in self._active:
            self._again[key] = lane.with_(self._again.get(key, lane))
            return
        for where, keys in self._ready.items():
            if key in keys:
                if (both := where.with_(lane)) is not where:
                    self._ready[both][key] = keys.pop(key)
                return
        self._ready[lane][key] = now
        self._wakeup.put_nowait(None)

    def begin(self) -> None:
        """Count the waiting of all that is queued from now: nobody was there to work on it."""
        now = asyncio.get_running_loop().time()
        for keys in (*self._ready.values(), self._asked):
            for key in keys:
                keys[key] = now

    def retry(
        self,
        key: Key,
        lane: Lane = Lane.SERVE,
        *,
        most: float = MAX_BACKOFF,
        least: float = 0.0,
        since: float | None = None,
    ) -> float:
        """Ask for another turn after a pause that doubles with each failure; returns seconds.

        Args:
            key: which.
            lane: what it wants.
            most: seconds that the pause does not exceed.
            least: seconds for which the key gets no turn, whatever happens: the server said so.
            since: when serving was first asked for, if what failed now is still meant.

        """
        if since is not None and lane is Lane.SERVE:
            self._asked[key] = min(since, self._asked.get(key, since))
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # Jitter, so that what failed together does not come again together.
        delay: float = min(most, 0.05 * 2 ** min(failures, 16)) * random.uniform(0.5, 1.0)  # noqa: S311
        if least:
            self._held[key] = asyncio.get_running_loop().time() + least
            delay += least
        if (timer := self._timers.pop((key, lane), None)) is not None:
            timer.cancel()
        self._later(key, lane, delay)
        return delay

    def wake(self, key: Key, seconds: float | None) -> None:
        """Give a key a turn after so many seconds, unless another time is set; none: no longer."""
        if (alarm := self._alarms.pop(key, None)) is not None:
            alarm.cancel()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._alarms[key] = loop.call_later(max(0.0, seconds), self._rings, key)

    async def looked(self) -> None:
        """Wait until there is a moment at which no key is only to be looked at."""
        if self._ready[Lane.LOOK]:
            self._looked.clear()
            await self._looked.wait()

    def is_wanted(self, key: Key) -> bool:
        """Whether serving a key that is worked on was asked for meanwhile."""
        return self._again.get(key) is Lane.SERVE

    def since(self, key: Key) -> float:
        """Loop time at which serving a key that is worked on was first asked for."""
        return self._since[key]

    def failures(self, key: Key) -> int:
        """How often in a row a key has failed."""
        return self._failures.get(key, 0)

    def forget(self, key: Key) -> None:
        """A key succeeded: its next failure starts with a short pause again."""
        self._failures.pop(key, None)
        self._held.pop(key, None)

    async def get(self) -> tuple[Key, Lane]:
        """The next key, and which lane it came by. It must be given back with ``done``."""
        await self._wakeup.get()
        lane = self._next_lane()
        key, added = self._ready[lane].popitem(last=False)
        if not self._ready[Lane.LOOK]:
            self._looked.set()
        self._active.add(key)
        self._since[key] = self._asked.pop(key, added) if lane is Lane.SERVE else added
        return key, lane

    def done(self, key: Key) -> None:
        """Give a key back; it has its turn again if it was added meanwhile."""
        self._last_done = asyncio.get_running_loop().time()
        self._active.discard(key)
        self._since.pop(key, None)
        lane = self._again.pop(key, None)
        if lane is not None:
            self.add(key, lane)

    def _next_lane(self) -> Lane:
        urgent, *others = [lane for lane, keys in self._ready.items() if keys]
        if others and self._turns >= SHARE - 1:
            head = {lane: next(iter(self._ready[lane].values())) for lane in others}
            longest = min(others, key=head.__getitem__)
            if asyncio.get_running_loop().time() - head[longest] > PATIENCE:
                self._turns = 0
                return longest
        self._turns += 1
        return urgent

    def _rings(self, key: Key) -> None:
        self._alarms.pop(key, None)
        self.add(key)

    def _later(self, key: Key, lane: Lane, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[key, lane] = loop.call_later(seconds, self._due, key, lane)

    def _due(self, key: Key, lane: Lane) -> None:
        self._timers.pop((key, lane), None)
        self.add(key, lane)
