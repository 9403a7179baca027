"""A request of somebody who is signed in, and the answers to it."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from jinja2 import Environment
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from promptrelease.console.identity import browsers, sessions
from promptrelease.console.identity.owntoken import OwnToken
from promptrelease.console.identity.person import Person
from promptrelease.console.identity.provider import Provider, Refused
from promptrelease.console.identity.renewal import Renewals
from promptrelease.console.kube.client import Kube, SignedOut
from promptrelease.console.kube.feed import Feeds
from promptrelease.console.kube.rights import Remembered, Rights
from promptrelease.console.settings import Settings
from promptrelease.console.web import again, failures, names
from promptrelease.console.web.metrics import Metrics
from promptrelease.console.web.probes import Readiness
from promptrelease.views.failures import Failure


@dataclass(frozen=True)
class Console:
    """What lives as long as the program; ``request.app.state.console``.

    Attributes:
        http: connections to the API server, with its address and its CA.
        provider: of OpenID; none where people sign in by token alone.
        stopping: set when the program is asked to end: answers without an end end then.

    """

    settings: Settings
    http: httpx.AsyncClient
    templates: Environment
    metrics: Metrics
    stopping: asyncio.Event
    provider: Provider | None
    renewals: Renewals
    own_token: OwnToken
    readiness: Readiness = field(default_factory=Readiness)
    feeds: Feeds = field(default_factory=Feeds)
    remembered: Remembered = field(default_factory=Remembered)

    def kube(self, person: Person, namespace: str) -> Kube:
        """The API server, as this person."""
        return Kube(self.http, person, namespace, "" if person.token else self.own_token.now())


@dataclass(frozen=True)
class Context:
    """A request, and who makes it."""

    request: Request
    console: Console
    session: sessions.Session
    namespace: str

    @property
    def person(self) -> Person:
        """Who makes it."""
        return self.session.person

    @property
    def kube(self) -> Kube:
        """The API server, as that person, in the namespace of the page."""
        return self.console.kube(self.person, self.namespace)

    @property
    def rights(self) -> Rights:
        """What that person may do in the namespace of the page."""
        return self.console.remembered.of(self.kube)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer with a page. Templates also know ``here``, ``person``, ``namespace``, ``csrf``."""
        html = self.console.templates.get_template(template).render(
            here=self.request.url.path,
            person=self.person,
            namespace=self.namespace,
            csrf=self.session.csrf,
            htmx=self.is_fragment,
            **values,
        )
        return HTMLResponse(html, status_code=status)

    @property
    def is_fragment(self) -> bool:
        """Whether htmx asks, and wants a part of the page alone."""
        return self.request.headers.get("hx-request") == "true"

    def go(self, path: str) -> Response:
        """Answer a POST with the page to see next; ``path`` is ours and begins with a slash."""
        return RedirectResponse(path, status_code=303)

    async def form(self) -> FormData:
        """The form that was sent; its CSRF token was checked before the page was called."""
        return await self.request.form()


Page = Callable[[Context], Awaitable[Response]]


def signed_in(page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a page: somebody is signed in, and meant to send what they sent.

    A Failure that the page raises is shown as one. What somebody sends is never lost because their
    session has ended: they can send it again.
    """

    async def endpoint(request: Request) -> Response:
        console: Console = request.app.state.console
        names.check(request.path_params)
        session = before = sessions.read(console.settings, request)
        if session is None:
            return await _signed_out(request)
        try:
            session = await console.renewals.fresh(session)
        except Refused:
            return await _signed_out(request)
        namespace = request.path_params.get("namespace", console.settings.namespace)
        context = Context(request, console, session, namespace)
        try:
            if request.method not in ("GET", "HEAD") and not await _meant(context):
                return await again.page(request, session)
            response = await page(context)
        except SignedOut:
            return await _signed_out(request)
        except Failure as failure:
            response = failures.shown(context, failure)
        if session is not before:
            sessions.write(console.settings, response, session)
        return response

    endpoint.__name__ = getattr(page, "__name__", "page")
    return endpoint


async def _meant(context: Context) -> bool:
    """Whether a form comes from a page that this person was shown, in this session or the last."""
    request, settings = context.request, context.console.settings
    given = request.headers.get("x-csrf-token") or str((await context.form()).get("csrf", ""))
    if hmac.compare_digest(given.encode(), context.session.csrf.encode()):
        return True
    return browsers.sent(settings, request, again.purpose(request), given)


async def _signed_out(request: Request) -> Response:
    if request.method in ("GET", "HEAD"):
        return failures.sign_in(request)
    return await again.page(request, None)
