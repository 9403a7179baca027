"""The pages together, and what stands before them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from promptrelease.console.identity import routes as identity
from promptrelease.console.settings import Settings
from promptrelease.console.web import templates
from promptrelease.console.web.context import Console

CONNECTIONS = 100


def create(settings: Settings) -> Starlette:
    """The console as an ASGI application."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=60)
        async with httpx.AsyncClient(
            base_url=settings.server, verify=context, timeout=30, limits=limits, trust_env=False
        ) as http:
            app.state.console = Console(settings, http, templates.environment())
            yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            *identity.ROUTES,
            Route("/healthz", healthy),
            Mount("/static", StaticFiles(directory=templates.STATIC), name="static"),
        ],
    )


async def healthy(_: Request) -> Response:
    """For kubelet."""
    return PlainTextResponse("ok")
