"""A request of somebody who is signed in, and the answers to it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from jinja2 import Environment
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from promptrelease.console.identity import sessions
from promptrelease.console.identity.person import Person
from promptrelease.console.kube.client import Kube, SignedOut
from promptrelease.console.settings import Settings
from promptrelease.console.web import failures
from promptrelease.views.failures import Failure, Forbidden


@dataclass(frozen=True)
class Console:
    """What lives as long as the program; ``request.app.state.console``."""

    settings: Settings
    http: httpx.AsyncClient
    templates: Environment

    def kube(self, person: Person, namespace: str) -> Kube:
        """The API server, as this person."""
        return Kube(self.http, person, namespace)


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

    A Failure that the page raises is shown as one.
    """

    async def endpoint(request: Request) -> Response:
        console: Console = request.app.state.console
        session = sessions.read(console.settings, request)
        if session is None:
            return failures.sign_in(request)
        namespace = request.path_params.get("namespace", console.settings.namespace)
        context = Context(request, console, session, namespace)
        try:
            if request.method not in ("GET", "HEAD"):
                given = request.headers.get("x-csrf-token") or str(
                    (await context.form()).get("csrf", "")
                )
                if not secrets.compare_digest(given.encode(), session.csrf.encode()):
                    raise Forbidden(
                        "this form was not sent from a page of yours",
                        "go back, load the page again, and send it once more",
                    )
            return await page(context)
        except SignedOut:
            return failures.sign_in(request)
        except Failure as failure:
            return failures.shown(context, failure)

    endpoint.__name__ = getattr(page, "__name__", "page")
    return endpoint
