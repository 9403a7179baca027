"""How many ask for what, how long it takes; and a line in the log for each, if wanted."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from promptrelease.console.identity import sessions
from promptrelease.console.settings import Settings

logger = logging.getLogger("promptrelease.console.access")

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
QUIET = ("/healthz", "/readyz", "/metrics")


@dataclass
class Metrics:
    """What ``/metrics`` tells. ``page`` is an address with the names left open."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "promptrelease_console_requests",
            "Requests that were answered",
            ("method", "page", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "promptrelease_console_request_seconds",
            "Seconds until an answer began",
            ("page",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.open = Gauge(
            "promptrelease_console_requests_open",
            "Requests that are being answered, those included that stream",
            registry=self.registry,
        )


class Measured:
    """Counts and times each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: Settings) -> None:
        self.app = app
        self._metrics = metrics
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in QUIET:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                page = _page(scope)
                seconds = time.perf_counter() - began
                self._metrics.requests.labels(_method(scope), page, str(status)).inc()
                self._metrics.seconds.labels(page).observe(seconds)
                if self._settings.access_log:
                    self._log(scope, status, seconds)
            await send(message)

        with self._metrics.open.track_inprogress():
            await self.app(scope, receive, sending)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        """One line; queries are left out, since they hold what people look for, and codes."""
        request = Request(scope)
        session = sessions.read(self._settings, request)
        logger.info(
            "%s %s %s %d %.0f ms %s",
            request.client.host if request.client else "-",
            scope["method"],
            ascii(scope["path"])[1:-1],
            status,
            seconds * 1000,
            ascii(session.person.name)[1:-1] if session else "-",
        )


def _page(scope: Scope) -> str:
    """The route's address; whatever somebody makes up is one page together."""
    route: Any = scope.get("route")
    return getattr(route, "path", "") or "other"


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
