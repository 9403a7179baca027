"""Server-sent events: a page's parts, sent anew as things change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

KEEP_ALIVE_SECONDS = 15.0
"""So often something is sent, that proxies between don't take the line for dead."""

RETRY_MILLISECONDS = 2000
"""How long a browser waits before it asks again, after the line broke."""

Event = tuple[str, str]
"""Its name and its data, which may have many lines."""


def stream(request: Request, events: AsyncIterator[Event]) -> StreamingResponse:
    """Answer with events as they come, until there are no more or the process has to end.

    The browser asks again then, and comes to another replica.
    """
    return StreamingResponse(
        _alive(events, request.app.state.stopping),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def written(event: Event) -> str:
    """An event as it goes over the line; a line end in the name would begin another field."""
    name, data = event
    lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return f"event: {name}\n" + "".join(f"data: {line}\n" for line in lines) + "\n"


async def _alive(events: AsyncIterator[Event], stopping: asyncio.Event) -> AsyncIterator[str]:
    """The events, and a comment where none comes for long."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    coming: asyncio.Future[Event] | None = None
    ending: asyncio.Future[Any] = asyncio.ensure_future(stopping.wait())
    try:
        while not stopping.is_set():
            if coming is None:
                coming = asyncio.ensure_future(anext(events))
            either: list[asyncio.Future[Any]] = [coming, ending]
            done, _ = await asyncio.wait(
                either,
                timeout=KEEP_ALIVE_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if ending in done:
                return
            if not done:
                yield ": still here\n\n"
                continue
            try:
                yield written(coming.result())
            except StopAsyncIteration:
                return
            coming = None
    finally:
        ending.cancel()
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
