"""For kubelet and Prometheus: whether it lives, whether it is ready, how it does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from promptrelease.console.web.context import Console

ANSWER_SECONDS = 5.0
KNOWN_SECONDS = 2.0


class Readiness:
    """Whether the API server answers; asked at most every two seconds."""

    def __init__(self) -> None:
        self._complaint = ""
        self._at = -KNOWN_SECONDS

    async def complaint(self, console: Console) -> str:
        """What is in the way, in words; empty when nothing is."""
        if console.stopping.is_set():
            return "stopping"
        if time.monotonic() - self._at >= KNOWN_SECONDS:
            self._complaint, self._at = await _ask(console.http), time.monotonic()
        return self._complaint


async def _ask(http: httpx.AsyncClient) -> str:
    try:
        answer = await http.get("/readyz", timeout=ANSWER_SECONDS)
    except httpx.HTTPError as error:
        return f"the API server does not answer: {error or type(error).__name__}"
    # Who is not let in without a name has been answered.
    return "" if answer.status_code < 500 else f"the API server is not ready: {answer.status_code}"


async def healthy(_: Request) -> Response:
    """Whether it lives."""
    return PlainTextResponse("ok")


async def ready(request: Request) -> Response:
    """Whether people should be sent here."""
    console: Console = request.app.state.console
    complaint = await console.readiness.complaint(console)
    return PlainTextResponse(complaint or "ok", status_code=503 if complaint else 200)


async def metrics(request: Request) -> Response:
    """In Prometheus' text format."""
    console: Console = request.app.state.console
    return Response(generate_latest(console.metrics.registry), media_type=CONTENT_TYPE_LATEST)


ROUTES = [Route("/healthz", healthy), Route("/readyz", ready), Route("/metrics", metrics)]


def beside(app: Starlette) -> Starlette:
    """The probes of a console, for a port of their own."""
    probes = Starlette(routes=ROUTES)
    probes.state = app.state
    return probes
