"""Sessions: who is signed in, sealed into a cookie; the console keeps nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

from promptrelease.console.identity.person import Person
from promptrelease.console.settings import Settings

SECONDS = 8 * 3600
"""How long somebody stays signed in at most."""


@dataclass(frozen=True)
class Session:
    """Somebody's stay.

    Attributes:
        csrf: what their forms must send along.
        ends: seconds since 1970.

    """

    person: Person
    csrf: str
    ends: float


def begin(person: Person, now: float) -> Session:
    """A new session, with a CSRF token of its own."""
    return Session(person, secrets.token_urlsafe(24), now + SECONDS)


def cookie_name(settings: Settings) -> str:
    """Name of the cookie; the prefix makes browsers hold it to this host and to TLS."""
    return "__Host-promptrelease" if settings.secure else "promptrelease"


def write(settings: Settings, response: Response, session: Session) -> None:
    """Set the cookie."""
    sealed = _box(settings).encrypt(json.dumps(asdict(session)).encode()).decode()
    response.set_cookie(
        cookie_name(settings),
        sealed,
        max_age=SECONDS,
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


def end(settings: Settings, response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(cookie_name(settings), path="/", secure=settings.secure, httponly=True)


def read(settings: Settings, request: Request) -> Session | None:
    """The session of a request; none when there is none, or it has ended, or was tampered with."""
    sealed = request.cookies.get(cookie_name(settings), "")
    try:
        told = json.loads(_box(settings).decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return None
    person = told["person"]
    session = Session(
        Person(**{**person, "groups": tuple(person["groups"])}), told["csrf"], told["ends"]
    )
    return session if time.time() < session.ends else None


def _box(settings: Settings) -> Fernet:
    key = hashlib.sha256(b"promptrelease session\0" + settings.secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
