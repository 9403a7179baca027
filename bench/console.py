"""The console with thousands of prompts, and people who click through them.

The people have sessions of their own, each with a token of their own.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import ssl
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from bench import cluster, prompts
from bench.table import Row

from harness.console import console
from harness.controlplane import ControlPlane
from promptrelease.controller.kube import RELEASES, Kube

PROMPTS = 5000
LABELS = ("production", "staging", "canary")
PEOPLE = 20
SECONDS = 20.0
PAUSE = 0.5
"""Seconds that people look at a page on the average before they click again."""

MOVES_A_SECOND = 2
"""Releases that are edited meanwhile, so that lines are made anew."""

ASKED = 200.0
"""Milliseconds until a list's first byte, p95."""

NAMESPACE = "shop"


@dataclass
class Clicks:
    """Milliseconds until the first byte, by what was clicked."""

    took: dict[str, list[float]] = field(default_factory=dict)
    refused: Counter[int] = field(default_factory=Counter)

    def p(self, what: str, percent: int) -> float:
        """A percentile."""
        return statistics.quantiles(self.took[what], n=100, method="inclusive")[percent - 1]


def rows() -> list[Row]:
    """First byte of each page beside what is the least; memory; how long until all is known."""
    with cluster.control_plane(prompts.SEED, NAMESPACE) as plane:
        prompts.populate(plane, NAMESPACE, PROMPTS)
        tokens = prompts.people(plane, NAMESPACE, PEOPLE)
        with console(plane, NAMESPACE, "--no-access-log") as url:
            return cluster.run(plane, lambda kube: _measure(kube, plane, url, tokens))


async def _measure(kube: Kube, plane: ControlPlane, url: str, tokens: list[str]) -> list[Row]:
    async with _signed_in(url, tokens) as browsers:
        first, filled = await _filled(browsers[0])
        # Where they come when they have signed in.
        await asyncio.gather(*(_look(browser) for browser in browsers))
        async with _moves(kube):
            read = await _click(browsers, _pages(url), PAUSE)
            rushed = await _click(browsers, _pages(url), 0.0)
        least = await _click(browsers, lambda: ("console", f"{url}/healthz"), 0.0)
        pid = plane.running(f"console-{urlsplit(url).port}")
    async with _directly(plane, tokens) as sessions:
        bare = await _click(sessions, _bare(plane.url), PAUSE)
    note = f"{PROMPTS:,} prompts of {len(LABELS)} labels; {PEOPLE} people, a click every {PAUSE} s"
    found = [
        Row(
            f"console, {what}: first byte, p{percent}",
            read.p(what, percent),
            "ms",
            "API server: " + against,
            bare.p(against, percent),
            note=f"{note}; without a pause {rushed.p(what, percent):.0f} ms",
        )
        for what, against in (
            ("list", "a page of 50 releases"),
            ("page 2", "a page of 50 releases"),
            ("search", "a page of 50 releases"),
            ("a prompt", "one release"),
        )
        for percent in (50, 95)
    ]
    lists = [it for what in ("list", "page 2", "search") for it in read.took[what]]
    return [
        *found,
        Row(
            "console, list and search: first byte, p95",
            statistics.quantiles(lists, n=100)[94],
            "ms",
            limit=ASKED,
            note=f"{len(lists)} requests, refused: {dict(read.refused + rushed.refused) or 'none'}",
        ),
        Row(
            "console, /healthz without a pause: first byte, p95",
            least.p("console", 95),
            "ms",
            note=f"{PEOPLE} people at once",
        ),
        Row("console, the first list after a start: first byte", first, "s"),
        Row("console, a start until all prompts are known", filled, "s"),
        Row("console, memory", _resident(pid), "MB", note="one process"),
    ]


@asynccontextmanager
async def _signed_in(url: str, tokens: list[str]) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """A browser for each person; the console has given each a session."""
    jars = [aiohttp.CookieJar(unsafe=True) for _ in tokens]  # it has no name, but an address
    browsers = [aiohttp.ClientSession(base_url=url, cookie_jar=jar) for jar in jars]
    try:
        for browser, token in zip(browsers, tokens, strict=True):
            data = {"token": token, "csrf": await _csrf(browser)}
            async with browser.post("/sign-in", data=data, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()
        yield browsers
    finally:
        await asyncio.gather(*(browser.close() for browser in browsers))


async def _csrf(browser: aiohttp.ClientSession) -> str:
    async with browser.get("/sign-in") as answer:
        html = await answer.text()
    _, found, rest = html.partition('name="csrf" value="')
    return rest.partition('"')[0] if found else ""


@asynccontextmanager
async def _directly(
    plane: ControlPlane, tokens: list[str]
) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """The same people with the API server, and nothing between."""
    trust = ssl.create_default_context(cafile=str(plane.ca_file))
    sessions = [
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust),
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"},
        )
        for token in tokens
    ]
    try:
        yield sessions
    finally:
        await asyncio.gather(*(session.close() for session in sessions))


async def _filled(browser: aiohttp.ClientSession) -> tuple[float, float]:
    """Seconds until somebody sees a list, and until it is whole; nobody looked before."""
    began = time.perf_counter()
    first = 0.0
    while True:
        async with browser.get(f"/n/{NAMESPACE}/prompts") as answer:
            first = first or time.perf_counter() - began
            html = await answer.text()
            assert answer.status == 200, html
        if "still being read" not in html:
            assert f"of {PROMPTS}" in html, html[:2000]
            return first, time.perf_counter() - began


async def _look(browser: aiohttp.ClientSession) -> None:
    async with browser.get(f"/n/{NAMESPACE}/prompts") as answer:
        assert answer.status == 200, await answer.text()


def _pages(url: str) -> Callable[[], tuple[str, str]]:
    """What people click: the list oftenest."""
    home = f"{url}/n/{NAMESPACE}/prompts"

    def any_of() -> tuple[str, str]:
        word, number = random.choice(prompts.WORDS), random.randrange(PROMPTS)
        return random.choice(
            [
                ("list", f"{home}?state={random.choice(('', '', 'waiting', 'trouble'))}"),
                ("page 2", f"{home}?page=2"),
                ("search", f"{home}?q={word}+{number}"),
                ("a prompt", f"{home}/{prompts.any_name(PROMPTS)}"),
            ]
        )

    return any_of


def _bare(server: str) -> Callable[[], tuple[str, str]]:
    def any_of() -> tuple[str, str]:
        name = prompts.any_name(PROMPTS)
        return random.choice(
            [
                ("a page of 50 releases", f"{server}{RELEASES.path(NAMESPACE)}?limit=50"),
                ("one release", f"{server}{RELEASES.path(NAMESPACE, name)}"),
            ]
        )

    return any_of


async def _click(
    browsers: list[aiohttp.ClientSession], page: Callable[[], tuple[str, str]], pause: float
) -> Clicks:
    """Everybody clicks at once, for a while."""
    found = Clicks()
    end = time.perf_counter() + SECONDS

    async def one(browser: aiohttp.ClientSession) -> None:
        while time.perf_counter() < end:
            await asyncio.sleep(random.uniform(0, 2 * pause))
            what, address = page()
            began = time.perf_counter()
            async with browser.get(address, allow_redirects=False) as answer:
                await answer.content.readany()
                found.took.setdefault(what, []).append(1e3 * (time.perf_counter() - began))
                await answer.read()
                if answer.status != 200:
                    found.refused[answer.status] += 1

    await asyncio.gather(*map(one, browsers))
    return found


@asynccontextmanager
async def _moves(kube: Kube) -> AsyncIterator[None]:
    """Somebody moves labels all the while."""

    async def run() -> None:
        for number in itertools.count():
            label = {"version": 1 + number % 3, "reason": f"move {number}"}
            body = {"spec": {"labels": {random.choice(LABELS): label}}}
            await kube.merge(RELEASES.path(NAMESPACE, prompts.any_name(PROMPTS)), body)
            await asyncio.sleep(1 / MOVES_A_SECOND)

    task = asyncio.create_task(run())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()


def _resident(pid: int | None) -> float:
    """Resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000
