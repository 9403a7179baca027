"""How much one may send."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from promptrelease.console.web import problems


class TooLarge(Exception):
    """More has come than is taken."""


class Bounded:
    """Answers 413 where a body is too long, by its announced or its real length."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > self._limit:
            await self._refuse(scope, receive, send)
            return
        taken = 0
        begun = False

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > self._limit:
                    raise TooLarge
            return message

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        except TooLarge:
            if not begun:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        hint = f"At most {self._limit // 1024} KiB can be sent at once. Nothing was done."
        headers = {"connection": "close"}  # what is still coming is not read
        refused = problems.answer(Request(scope), 413, "That is too much", hint, headers)
        await refused(scope, receive, send)
