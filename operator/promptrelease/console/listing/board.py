"""All lines of a namespace: found, sorted and cut into pages without looking at prompts again."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from promptrelease.console.kube.feed import Feed
from promptrelease.console.listing.row import ANY, BAD, FINE, TROUBLE, WAIT, WAITING, Row, row

PAGE = 50
"""Lines of a page."""

AT_ONCE = 50
"""Lines that are made before others have their turn."""

SHOWN = (ANY, WAITING, TROUBLE, FINE)
"""What a list can be narrowed to."""

_WORST = {BAD: 0, WAIT: 1}

ORDERS: Mapping[str, tuple[Callable[[Row], Any], bool]] = {
    "name": (lambda it: it.name, False),
    "-name": (lambda it: it.name, True),
    "state": (lambda it: (_WORST.get(it.kind, 2), it.name), False),
    "-state": (lambda it: (_WORST.get(it.kind, 2), it.name), True),
    "changed": (lambda it: (it.moved, it.name), True),
    "-changed": (lambda it: (it.moved, it.name), False),
}
"""Sort keys; a dash turns the order around."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see.

    Attributes:
        words: all of which a line has, in lower case.

    """

    words: tuple[str, ...] = ()
    state: str = ANY
    order: str = "name"


@dataclass(frozen=True)
class Page:
    """A page of lines.

    Attributes:
        rows: its lines.
        number, pages: which of how many, from 1.
        total: lines of all pages.
        counts: how many lines there were under each state.
        everything: how many prompts the namespace has.
        tag: differs where what is shown differs.

    """

    rows: tuple[Row, ...]
    number: int
    pages: int
    total: int
    counts: Mapping[str, int]
    everything: int
    tag: str

    @staticmethod
    def direction(order: str) -> str:
        """Which way an order runs, as ``aria-sort`` says it."""
        return "descending" if ORDERS[order][1] else "ascending"

    @property
    def first(self) -> int:
        """Number of its first line, from 1."""
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        """Number of its last line."""
        return self.first + len(self.rows) - 1


class Board:
    """The lines of one feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._dirty = feed.follow()
        self._rows: dict[str, Row] = {}
        self._sorted: dict[str, list[Row]] = {}
        self._found: dict[Asked, tuple[list[Row], dict[str, int]]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def page(self, asked: Asked, number: int) -> Page:
        """A page, as things are now; beyond the last one, the last."""
        await self.catch_up()
        found, counts = self._find(asked)
        pages = max(1, -(-len(found) // PAGE))
        number = min(max(number, 1), pages)
        rows = tuple(found[(number - 1) * PAGE : number * PAGE])
        told = (len(found), len(self._rows), sorted(counts.items()), [it.stamp for it in rows])
        return Page(
            rows,
            number,
            pages,
            len(found),
            counts,
            len(self._rows),
            f"{zlib.crc32(repr(told).encode()):08x}",
        )

    async def catch_up(self) -> None:
        """Make the lines of what has changed."""
        if not self._dirty:
            return
        async with self._one_at_a_time:
            if not self._dirty:
                return
            while self._dirty:
                for name in [self._dirty.pop() for _ in range(min(AT_ONCE, len(self._dirty)))]:
                    self._make(name)
                await asyncio.sleep(0)
            self._sorted.clear()
            self._found.clear()

    @property
    def waiting(self) -> int:
        """How many moves wait for an approval."""
        return sum(len(it.approvals) for it in self._rows.values())

    def _make(self, name: str) -> None:
        raw = self._feed.releases.get(name)
        versions = self._feed.versions.get(name, {})
        if raw is None and not versions:
            self._rows.pop(name, None)
            return
        made = row(name, raw, versions)
        if self._rows.get(name) != made:
            self._rows[name] = made

    def _find(self, asked: Asked) -> tuple[list[Row], dict[str, int]]:
        if asked not in self._found:
            if len(self._found) > 200:
                self._found.clear()
            hits = self._in_order(asked.order)
            for word in asked.words:
                hits = [it for it in hits if word in it.text]
            counts = Counter(chain.from_iterable(it.shown for it in hits))
            found = [it for it in hits if asked.state in it.shown]
            self._found[asked] = found, {state: counts[state] for state in SHOWN}
        return self._found[asked]

    def _in_order(self, order: str) -> list[Row]:
        if order not in self._sorted:
            key, backwards = ORDERS[order]
            self._sorted[order] = sorted(self._rows.values(), key=key, reverse=backwards)
        return self._sorted[order]
