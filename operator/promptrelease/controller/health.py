"""Whether the operator lives, and whether it is ready, as the probes ask; and ``/metrics``.

``/livez`` fails when the event loop hangs (nobody answers), when keys wait and none has had its
turn for minutes, or when a watch gave no sign of life although the server sends one a minute.
``/readyz`` says whether everything has been listed, so that decisions are made on a whole picture.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from promptrelease.controller.exposition import exposed
from promptrelease.controller.gauges import State
from promptrelease.controller.queue import WorkQueue
from promptrelease.controller.watch import Reflector
from promptrelease.state.store import Key

QUEUE_SECONDS = 120.0
WATCH_SECONDS = 300.0


@dataclass
class Health:
    """Answers the probes.

    Attributes:
        ready: set when the store is complete.
        state: what is collected at a scrape.
        working: false while somebody else leads, and keys may wait.

    """

    queue: WorkQueue[Key]
    reflectors: tuple[Reflector, ...]
    ready: asyncio.Event
    state: State
    working: bool = False

    def complaints(self) -> list[str]:
        """What is wrong, in words; empty when it lives."""
        now = asyncio.get_running_loop().time()
        complaints = []
        since = self.queue.stuck_since
        if self.working and since is not None and now - since > QUEUE_SECONDS:
            complaints.append(f"keys wait, and none had its turn for {now - since:.0f} s")
        complaints += [
            f"{reflector.path} was silent for {now - reflector.last_heard:.0f} s"
            for reflector in self.reflectors
            if reflector.last_heard and now - reflector.last_heard > WATCH_SECONDS
        ]
        return complaints

    async def serve(self, port: int) -> web.AppRunner:
        """Answer on a port; the caller cleans up."""
        app = web.Application()
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, port=port).start()
        return runner

    async def _livez(self, _: web.Request) -> web.Response:
        complaints = self.complaints()
        return web.Response(status=500 if complaints else 200, text="; ".join(complaints) or "ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self.ready.is_set()
        return web.Response(status=200 if ready else 503, text="ok" if ready else "listing")

    async def _metrics(self, request: web.Request) -> web.Response:
        text, headers = await exposed(self.state, request.headers)
        return web.Response(body=text, headers=headers)
