"""How much memory operators hold, by their age."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from faults.scene import Seat

SAMPLE_SECONDS = 5.0
MOST_GROWTH = 1.05
"""The last quarter of a life, by the second: what is beyond that is called growth."""


@dataclass
class Life:
    """One run of an operator: seconds since it was first seen, and resident MB then."""

    name: str
    pid: int
    began: float
    samples: list[tuple[float, float]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it was seen."""
        return self.samples[-1][0] if self.samples else 0.0

    def quarter(self, number: int) -> float:
        """Median of a quarter of its life, from 1, in MB."""
        first, last = (number - 1) * self.seconds / 4, number * self.seconds / 4
        return statistics.median(mb for age, mb in self.samples if first <= age <= last)

    @property
    def growth(self) -> float:
        """The last quarter by the second; the first is of a process that warms up."""
        return self.quarter(4) / self.quarter(2)


@dataclass
class Memory:
    """Samples of all runs of some operators."""

    lives: dict[int, Life] = field(default_factory=dict)

    async def watch(self, seats: Iterable[Seat]) -> None:
        """Take samples; never returns."""
        while True:
            for seat in seats:
                if (pid := seat.operator.pid) is not None:
                    self._sample(seat.name, pid)
            await asyncio.sleep(SAMPLE_SECONDS)

    def _sample(self, name: str, pid: int) -> None:
        now = asyncio.get_running_loop().time()
        life = self.lives.setdefault(pid, Life(name, pid, now))
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            return  # it has just ended
        life.samples.append((round(now - life.began, 1), round(pages * 4096 / 1e6, 2)))

    @property
    def longest(self) -> Life | None:
        """The run that was seen longest."""
        return max(self.lives.values(), key=lambda life: life.seconds, default=None)

    def report(self) -> dict[str, Any]:
        """For a file: the longest life in full, and how it went by quarters."""
        life = self.longest
        if life is None or len(life.samples) < 8:
            return {}
        quarters = [round(life.quarter(number), 1) for number in (1, 2, 3, 4)]
        return {
            "life": asdict(life),
            "quarters": quarters,
            "growth": round(life.growth, 3),
            "bound": MOST_GROWTH,
            "lives": len(self.lives),
            "highest": max(mb for its in self.lives.values() for _, mb in its.samples),
        }
