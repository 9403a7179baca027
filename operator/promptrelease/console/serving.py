"""The servers of the process: for the pages, and, where asked for, for probes and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.applications import Starlette

from promptrelease.console.web.probes import beside

GRACE_SECONDS = 10
"""How long requests may go on after SIGTERM; kubelet waits 30."""

HEADER_BYTES = 64 * 1024


class _Pages(uvicorn.Server):
    """Tells answers that stream without end to end when the process is asked to."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, which afterwards dies of the signal; this ends with 0."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.stopping.set()  # type: ignore[union-attr]
        await super().shutdown(sockets)


class _Probes(uvicorn.Server):
    """Ends when the pages' server does, and leaves signals to it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: Starlette, host: str, port: int, health_port: int, proxies: Sequence[str]
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        app: the console.
        host: address to listen on.
        port: for the pages.
        health_port: for probes and metrics, on the same address; 0 for none.
        proxies: whose X-Forwarded-For is believed.

    """
    pages = _Pages(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=GRACE_SECONDS,
            h11_max_incomplete_event_size=HEADER_BYTES,
            ws="none",
        )
    )
    if not health_port:
        await pages.serve()
        return
    other = _Probes(
        uvicorn.Config(
            beside(app),
            host=host,
            port=health_port,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
    )
    running = asyncio.create_task(other.serve())
    try:
        await pages.serve()
    finally:
        other.should_exit = True
        await running
