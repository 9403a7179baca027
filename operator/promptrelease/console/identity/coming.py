"""A sign-in at the provider that has begun: what must come back the same, sealed into a cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import Response

from promptrelease.console.identity import cookies
from promptrelease.console.identity.sealing import seal, unseal
from promptrelease.console.settings import Settings

SECONDS = 900
"""How long somebody may take at the provider."""

AT_ONCE = 4
"""Tabs in which somebody may sign in at the same time."""

_PREFIX = "begun-"


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun.

    Attributes:
        state: comes back with the person.
        nonce: comes back in the ID token.
        verifier: proves to the provider that who asks for the token is who began (PKCE).
        next: the page to go to.

    """

    state: str
    nonce: str
    verifier: str
    next: str


def begin(settings: Settings, request: Request, response: Response, next_: str) -> Begun:
    """Begin, and set the cookie."""
    state, nonce, verifier = (secrets.token_urlsafe(length) for length in (24, 24, 48))
    begun = Begun(state, nonce, verifier, next_)
    others = [of for of in _all(settings, request) if of != _name(begun.state)]
    for of in others if len(others) >= AT_ONCE else ():
        cookies.end(settings, request, response, of)
    sealed = seal(settings.secret, _PREFIX, asdict(begun))
    cookies.write(settings, response, _name(begun.state), sealed, SECONDS)
    return begun


def finish(settings: Settings, request: Request, state: str) -> Begun | None:
    """The sign-in that has this state; none when this browser began none, or too long ago."""
    sealed = cookies.read(settings, request, _name(state))
    told = unseal(settings.secret, _PREFIX, sealed, SECONDS) if sealed else None
    begun = Begun(**told) if told else None
    same = begun and hmac.compare_digest(begun.state.encode(), state.encode())
    return begun if same else None


def forget(settings: Settings, request: Request, response: Response, state: str) -> None:
    """Take the cookie away: a sign-in can be finished once."""
    cookies.end(settings, request, response, _name(state))


def _name(state: str) -> str:
    return _PREFIX + hashlib.sha256(state.encode()).hexdigest()[:8]


def _all(settings: Settings, request: Request) -> list[str]:
    prefix = cookies.name(settings, _PREFIX)
    before = len(prefix) - len(_PREFIX)
    return [key[before:] for key in request.cookies if key.startswith(prefix) and "." not in key]
