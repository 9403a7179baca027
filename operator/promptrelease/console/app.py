"""The pages together, and what stands before them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from promptrelease.console.identity import routes as identity
from promptrelease.console.identity.owntoken import OwnToken
from promptrelease.console.identity.provider import Provider
from promptrelease.console.identity.renewal import Renewals
from promptrelease.console.kube.transport import Transport
from promptrelease.console.pages import every
from promptrelease.console.settings import Settings, SettingsMistake
from promptrelease.console.web import probes, problems, templates
from promptrelease.console.web.bodies import Bounded
from promptrelease.console.web.context import Console
from promptrelease.console.web.headers import Catch, Own, TellBrowsers
from promptrelease.console.web.limits import NotForEver, NotTooOften
from promptrelease.console.web.metrics import Measured, Metrics
from promptrelease.views.failures import Failure

SERVER_SECONDS = 30
PROVIDER_SECONDS = 10


def create(settings: Settings) -> Starlette:
    """The console as an ASGI application. Raises SettingsMistake for what can't be used."""
    metrics = Metrics()
    stopping = asyncio.Event()
    server_tls = _trusting("--ca-file", settings.ca_file, settings.ca_data)
    provider_tls = _trusting("--issuer-ca-file", settings.issuer_ca_file)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            http = httpx.AsyncClient(
                base_url=settings.server,
                transport=Transport(server_tls),
                timeout=SERVER_SECONDS,
                trust_env=False,
            )
            await stack.enter_async_context(http)
            provider = None
            if settings.issuer:
                outward = httpx.AsyncClient(verify=provider_tls, timeout=PROVIDER_SECONDS)
                provider = Provider(settings, await stack.enter_async_context(outward))
            console = Console(
                settings,
                http,
                templates.environment(),
                metrics=metrics,
                stopping=stopping,
                provider=provider,
                renewals=Renewals(settings, provider),
                own_token=OwnToken(settings.own_token_file),
            )
            app.state.console = console
            stack.push_async_callback(console.feeds.stop)
            yield

    app = Starlette(
        lifespan=lifespan,
        # The first stands before the others.
        middleware=[
            Middleware(Measured, metrics=metrics, settings=settings),
            Middleware(TellBrowsers, settings=settings),
            Middleware(Catch),
            Middleware(Own, settings=settings),
            Middleware(NotTooOften, settings=settings),
            Middleware(Bounded, limit=settings.body_bytes),
            Middleware(NotForEver, seconds=settings.answer_seconds),
        ],
        exception_handlers={
            HTTPException: problems.http_exception,
            Failure: problems.failure,
        },
        routes=[
            *identity.ROUTES,
            *every.ALL,  # a module of pages adds its line in pages/every.py
            *(probes.ROUTES if settings.probes else ()),
            Mount("/static", StaticFiles(directory=templates.STATIC), name="static"),
        ],
    )
    app.router.redirect_slashes = False
    app.state.stopping = stopping
    return app


def _trusting(flag: str, file: str, data: str = "") -> ssl.SSLContext:
    """The authorities of a file or a text, in PEM; the system's where there is neither."""
    try:
        return ssl.create_default_context(cafile=file or None, cadata=data or None)
    except (OSError, ValueError) as error:
        raise SettingsMistake(f"{flag}: no certificates in PEM there: {error}") from error
