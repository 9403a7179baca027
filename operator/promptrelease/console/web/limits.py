"""How often one may ask, and how long an answer may take to begin."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from promptrelease.console.identity import sessions
from promptrelease.console.settings import Settings
from promptrelease.console.web import problems
from promptrelease.console.web.headers import PROBES

SIGN_INS = ("/sign-in/callback", "/sign-in/link")

KNOWN = 10_000
"""Of so many it is remembered how often they asked; the longest silent is forgotten first."""


@dataclass
class Buckets:
    """For each key a bucket of tokens, which fills evenly: a minute's worth may be taken at once.

    Attributes:
        per_minute: 0 for any number.

    """

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, key: str) -> float:
        """Take one; returns the seconds until there is one, 0 when there was."""
        if not self.per_minute:
            return 0.0
        now = self.clock()
        rate = self.per_minute / 60
        left, at = self._left.pop(key, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - at) * rate)
        taken = left >= 1
        self._left[key] = (left - 1 if taken else left, now)
        if len(self._left) > KNOWN:
            self._left.popitem(last=False)
        return 0.0 if taken else (1 - left) / rate


class NotTooOften:
    """Answers 429 to who asks too often: by person where one is signed in, else by address."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._settings = settings
        self._requests = Buckets(settings.requests_per_minute)
        self._sign_ins = Buckets(settings.sign_ins_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if not path or path in PROBES or path.startswith("/static/"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        address = request.client.host if request.client else ""
        wait = self._requests.take(self._who(request) or f"address {address}")
        if path in SIGN_INS or (path == "/sign-in" and scope["method"] == "POST"):
            wait = max(wait, self._sign_ins.take(address))
        if not wait:
            await self.app(scope, receive, send)
            return
        seconds = math.ceil(wait)
        refused = problems.answer(
            request,
            429,
            "That was too often",
            f"Try again in {seconds} s. Nothing was done.",
            {"retry-after": str(seconds)},
        )
        await refused(scope, receive, send)

    def _who(self, request: Request) -> str:
        session = sessions.read(self._settings, request)
        name = session.person.name if session else ""
        return f"person {hashlib.sha256(name.encode()).hexdigest()}" if name else ""


class NotForEver:
    """Answers 504 where no answer has begun in time; one that has begun may stream for ever."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = asyncio.Event()

        async def sending(message: Message) -> None:
            begun.set()
            await send(message)

        running = asyncio.ensure_future(self.app(scope, receive, sending))
        waiting = asyncio.ensure_future(begun.wait())
        try:
            await asyncio.wait(
                (running, waiting), timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if running.done() or begun.is_set():
                await running
                return
        finally:
            waiting.cancel()
            if not begun.is_set():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
        refused = problems.answer(
            Request(scope),
            504,
            "That took too long",
            "It may have been done all the same: look first, then try again.",
        )
        await refused(scope, receive, send)
