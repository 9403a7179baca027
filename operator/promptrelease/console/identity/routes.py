"""Sign-in, by the provider or by token, and sign-out."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from promptrelease.console.identity import browsers, coming, links, sessions
from promptrelease.console.identity.person import Person
from promptrelease.console.identity.provider import Provider, Vouched
from promptrelease.console.identity.redirects import ours
from promptrelease.console.identity.renewal import person
from promptrelease.console.kube.client import SignedOut
from promptrelease.console.web import problems
from promptrelease.views.failures import Failure, Forbidden, NotFound, Unreachable

if TYPE_CHECKING:
    from promptrelease.console.web.context import Console

logger = logging.getLogger(__name__)

_TOKEN = re.compile(r"[\x21-\x7e]{1,10000}")


async def ask(request: Request) -> Response:
    """Ask who it is."""
    return _asked(request)


async def by_token(request: Request) -> Response:
    """Take a token, if the API server does."""
    console = _console(request)
    if not console.settings.tokens:
        return problems.answer(request, 404, "There is no sign-in by token here")
    form = await request.form()
    if not browsers.sent(console.settings, request, "sign-in", str(form.get("csrf", ""))):
        return _asked(request, "This page was open for long. Please send it again.", 403)
    token = str(form.get("token", "")).strip()
    if not _TOKEN.fullmatch(token):
        return _asked(request, "A token is one line without blanks. Copy it once more.", 400)
    return await _with_token(request, token)


async def by_link(request: Request) -> Response:
    """Take the token that is sealed in a link, where there are such links."""
    console = _console(request)
    if not console.settings.links:
        return problems.answer(request, 404, "There is no sign-in by link here")
    token = links.token(console.settings.secret, request.query_params.get("by", ""))
    if not token:
        return _asked(request, "This link is not of this console, or too old.", 403)
    return await _with_token(request, token)


async def _with_token(request: Request, token: str) -> Response:
    """Begin a session of whom the API server takes the token for."""
    console = _console(request)
    try:
        known = await _known(console, Person("", token=token))
    except SignedOut:
        return _asked(request, "The cluster does not know this token, or not any more.", 401)
    except Failure as failure:
        return _asked(request, str(failure), 503 if isinstance(failure, Unreachable) else 403)
    session = sessions.begin(console.settings, known, time.time(), expires=_expiry(token))
    return _enter(request, session, _next(request))


async def start(request: Request) -> Response:
    """To the provider."""
    console = _console(request)
    provider = _provider(console)
    response = RedirectResponse("/", status_code=303)
    begun = coming.begin(console.settings, request, response, _next(request))
    try:
        address = await provider.asks(begun.state, begun.nonce, begun.verifier)
    except Failure as failure:
        return _asked(request, _words(failure), 503)
    response.headers["location"] = address
    return response


async def callback(request: Request) -> Response:
    """Back from the provider."""
    console = _console(request)
    provider = _provider(console)
    query = request.query_params
    begun = coming.finish(console.settings, request, query.get("state", ""))
    if begun is None:
        return _asked(request, "This sign-in was not begun here, or too long ago.", 400)
    issuer = query.get("iss", console.settings.issuer)
    if "error" in query or "code" not in query or issuer != console.settings.issuer:
        why = query.get("error_description") or query.get("error") or "no code came back"
        response = _asked(request, f"The sign-in provider says: {why[:300]}", 403, begun.next)
    else:
        try:
            vouched = await provider.exchange(query["code"], begun.verifier, begun.nonce)
            session = await _vouched(console, vouched)
            response = _enter(request, session, begun.next)
        except Failure as failure:
            code = 503 if isinstance(failure, Unreachable) else 403
            logger.warning("a sign-in failed: %s", failure)
            response = _asked(request, _words(failure), code, begun.next)
    coming.forget(console.settings, request, response, begun.state)
    return response


async def sign_out(request: Request) -> Response:
    """Forget who it is; and, where the provider can, have it do so too."""
    console = _console(request)
    session = sessions.last(console.settings, request)
    form = await request.form()
    if session:
        given = str(form.get("csrf", ""))
        if not hmac.compare_digest(given.encode(), session.csrf.encode()):
            return problems.answer(
                request, 403, "You are still signed in", "Load a page again, and sign out there."
            )
    leaving = ""
    if session and session.subject and console.provider:
        try:
            leaving = await console.provider.leaves_by(session.person.token)
        except Failure as failure:
            logger.warning("signed out here alone: %s", failure)
    if session:
        console.feeds.forget(session.person)
        console.remembered.forget(session.person)
    response = RedirectResponse(leaving or "/signed-out", status_code=303)
    sessions.end(console.settings, request, response)
    return response


async def signed_out(request: Request) -> Response:
    """Good-bye."""
    return problems.plain(request, "signed-out.html")


def _asked(request: Request, mistake: str = "", status: int = 200, next_: str = "") -> Response:
    """The sign-in page."""
    console = _console(request)
    name = browsers.known(console.settings, request)
    response = problems.plain(
        request,
        "sign-in.html",
        status=status,
        mistake=mistake,
        next=next_ or _next(request),
        tokens=console.settings.tokens,
        provider=console.provider.shown if console.provider else "",
        csrf=browsers.csrf(console.settings, name, "sign-in"),
    )
    browsers.remember(console.settings, request, response, name)
    return response


def _enter(request: Request, session: sessions.Session, next_: str) -> Response:
    """Begin the session; whatever cookie came along is not looked at."""
    response = RedirectResponse(next_, status_code=303)
    try:
        sessions.write(_console(request).settings, response, session)
    except Failure as failure:
        return _asked(request, _words(failure), 403)
    return response


async def _vouched(console: Console, vouched: Vouched) -> sessions.Session:
    """A session of whom the provider vouches for, if the API server knows them too."""
    somebody = person(console.settings, vouched)
    try:
        known = await _known(console, somebody)
    except SignedOut as error:
        raise Forbidden(
            "the cluster does not take this provider's tokens",
            "whoever runs the platform can look at the API server's OpenID settings",
        ) from error
    return sessions.begin(
        console.settings,
        known,
        time.time(),
        expires=float(vouched.claims["exp"]),
        refresh=vouched.refresh,
        subject=str(vouched.claims["sub"]),
    )


async def _known(console: Console, somebody: Person) -> Person:
    """The person as the API server knows them; groups that they act in by themselves stay."""
    info = await console.kube(somebody, console.settings.namespace).whoami()
    if info["username"] == "system:anonymous":
        raise SignedOut("the cluster does not know this token", "sign in again")
    if not somebody.token:
        return somebody
    return replace(somebody, name=info["username"], groups=tuple(info.get("groups", ())))


def _expiry(token: str) -> float | None:
    """When a token ends, where it says so; the API server judges, this is for the page."""
    try:
        _, body, _ = token.split(".")
        told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(told["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError):
        return None


def _words(failure: Failure) -> str:
    words = f"{failure}".rstrip(".")
    said = f"{words}; {failure.hint}." if failure.hint else f"{words}."
    return said[:1].upper() + said[1:]


def _next(request: Request) -> str:
    return ours(request.query_params.get("next", "/"))


def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


def _provider(console: Console) -> Provider:
    if console.provider is None:
        raise NotFound("there is no sign-in provider here", "sign in with a token")
    return console.provider


ROUTES = [
    Route("/sign-in", ask, methods=["GET"]),
    Route("/sign-in", by_token, methods=["POST"]),
    Route("/sign-in/link", by_link, methods=["GET"]),
    Route("/sign-in/start", start, methods=["GET"]),
    Route("/sign-in/callback", callback, methods=["GET"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/signed-out", signed_out, methods=["GET"]),
]
