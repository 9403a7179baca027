"""What goes wrong in a soak, at random: the network's weather, kills, pauses, clocks."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults import weather
from faults.calls import Fault
from faults.observer import PREFIXES
from faults.plans import AFTER, BEFORE, Doubled, Lag, Lost, Past, Strike
from faults.scene import Scene, Seat
from faults.stage import LEASE_SECONDS
from faults.weather import refusal
from promptrelease.controller.kube import SILENCE_SECONDS

Act = Callable[[], Awaitable[None]]

CALM = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between two blows."""
CLOCKS = ("-30m", "-90s", "-3s", "+3s", "+90s", "+1d")
PAST_EVENTS = 40
"""How far back what a stale list shows may be."""
HOLES = 0.03
"""Of the weather: a hole costs half a minute."""

MILD: dict[str, Callable[[random.Random], Fault]] = {
    "409 at each write": lambda _: weather.Refused(refusal(409, "Conflict")),
    "429 with Retry-After at each write": lambda _: weather.Refused(
        refusal(429, "TooManyRequests", {"Retry-After": "1"})
    ),
    "500 at each write": lambda _: weather.Refused(refusal(500, "InternalError")),
    "503 to everything": lambda choose: weather.Outage(choose.uniform(0.3, 3.0)),
    "connections reset": lambda choose: weather.Resets(choose.uniform(0.2, 2.0)),
    "reset at a write": lambda choose: Strike(choose.randint(1, 6), choose.choice((BEFORE, AFTER))),
    "410 in mid-stream": lambda choose: weather.Interrupted(410, "Expired", choose.randint(1, 2)),
    "streams torn": lambda _: weather.Torn(),
    "bodies cut short": lambda _: weather.Bodies(0.5),
    "bodies cut to half": lambda _: weather.Bodies(0.5, said=False),
    "slow bodies": lambda _: weather.Bodies(pieces=4),
    "watches late": lambda choose: Lag(
        choose.sample(sorted(PREFIXES), choose.randint(1, len(PREFIXES))),
        choose.uniform(0.2, 2.0),
    ),
    "an event lost": lambda choose: Lost(choose.randint(1, 8), 1.0),
    "an event doubled": lambda choose: Doubled(choose.randint(1, 8)),
}
"""What an operator goes on in."""
ROUGH: dict[str, Callable[[random.Random], Fault]] = {
    "500 in mid-stream": lambda _: weather.Interrupted(500, "InternalError"),
    "token expired": lambda choose: weather.Expired(choose.uniform(0.3, 2.0)),
}
"""What may end an operator, which comes again."""


@dataclass
class Storm:
    """Blow after blow.

    Attributes:
        since: resource version; nothing older is ever shown.
        clock: file of libfaketime; none where clocks are left alone.
        kills: whether operators are killed, too, and paused.
        counts: how often what has struck.

    """

    where: Scene
    choose: random.Random
    since: int
    clock: Path | None = None
    kills: bool = True
    counts: Counter[str] = field(default_factory=Counter)

    async def blow(self) -> None:
        """Never returns; whoever cancels it clears the sky afterwards."""
        acts: dict[Act, float] = {self.bad_weather: 6}
        if self.kills:
            acts |= {
                self.kill_leader: 3,
                self.kill_other: 1,
                self.kill_all: 1,
                self.kill_at_a_write: 3,
                self.end_leader: 1,
                self.pause_leader: 1,
                self.show_the_past: 2,
            }
        if self.clock is not None:
            acts[self.set_clock] = 2
        while True:
            await asyncio.sleep(self.choose.choice(CALM))
            (act,) = self.choose.choices(list(acts), list(acts.values()))
            await act()

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        for seat in self.where.seats:
            seat.gate.begin(Fault())
            seat.gate.cut()  # what a hole has swallowed comes on no connection of that time
            seat.operator.signal(signal.SIGCONT)
        if self.clock is not None:
            self.clock.write_text("+0")

    # The weather

    async def bad_weather(self) -> None:
        """One of all kinds, for somebody or for all."""
        kinds = MILD | (ROUGH if self.kills else {})
        what = self.choose.choice(sorted(kinds))
        make = kinds[what]
        seconds = self.choose.uniform(1.0, 5.0)
        if self.choose.random() < HOLES:
            what, make = "black hole", lambda choose: weather.BlackHole(choose.uniform(0.5, 2.0))
            seconds = SILENCE_SECONDS + 5.0
        self.counts[what] += 1
        seats = self._some()
        for seat in seats:
            seat.gate.begin(make(self.choose))
        await self._pass(seats, seconds)

    def _some(self) -> Sequence[Seat]:
        """Who leads, mostly; or all, or the other."""
        leader, others = self.where.leader, self.where.others
        return self.choose.choice(([leader], [leader], self.where.seats, others or [leader]))

    async def _pass(self, seats: Sequence[Seat], seconds: float) -> None:
        await asyncio.sleep(seconds)
        for seat in seats:
            seat.gate.begin(Fault())

    # Kills

    async def kill_leader(self) -> None:
        """SIGKILL."""
        self.counts["leader killed"] += 1
        self.where.kill()

    async def kill_other(self) -> None:
        """SIGKILL of who stands by."""
        self.counts["standby killed"] += 1
        for seat in self.where.others:
            seat.kill()

    async def kill_all(self) -> None:
        """SIGKILL of both at once."""
        self.counts["both killed"] += 1
        for seat in self.where.seats:
            seat.kill()

    async def kill_at_a_write(self) -> None:
        """SIGKILL of who leads, right before or right after a write; of the next one, too."""
        number, when = self.choose.randint(1, 6), self.choose.choice((BEFORE, AFTER))
        for seat in self.where.seats:
            seat.gate.begin(Strike(number, when, lambda seat=seat: self._strike(seat)))  # type: ignore[misc]
        await self._pass(self.where.seats, self.choose.uniform(2.0, 2.0 * LEASE_SECONDS))

    def _strike(self, seat: Seat) -> None:
        self.counts["killed at a write"] += 1
        seat.kill()

    async def end_leader(self) -> None:
        """SIGTERM."""
        self.counts["leader ended"] += 1
        self.where.leader.operator.signal(signal.SIGTERM)

    async def pause_leader(self) -> None:
        """SIGSTOP for longer than a Lease lasts, mostly."""
        self.counts["leader paused"] += 1
        operator = self.where.leader.operator
        operator.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(self.choose.uniform(0.5, 2.0) * LEASE_SECONDS)
        finally:
            operator.signal(signal.SIGCONT)

    async def show_the_past(self) -> None:
        """Kill all, and show those who come the cluster as it was."""
        desk = self.where.desk
        events = desk.observer.events(desk.namespace)[-PAST_EVENTS:]
        events = [event for event in events if event.at >= self.since]
        if not events:
            return
        self.counts["both killed, then stale lists"] += 1
        version = str(self.choose.choice(events).at)
        for seat in self.where.seats:
            seat.kill()
            seat.gate.begin(Past(set(PREFIXES), self.choose.uniform(0.5, 2.0), version=version))
        await self._pass(self.where.seats, self.choose.uniform(4.0, 8.0))

    async def set_clock(self) -> None:
        """Set the operators' clocks, and leave them so for a while."""
        assert self.clock is not None
        self.counts["clock set"] += 1
        self.clock.write_text(self.choose.choice(CLOCKS))
        await asyncio.sleep(self.choose.uniform(1.0, 6.0))
        if self.choose.random() < 0.7:
            self.clock.write_text("+0")
