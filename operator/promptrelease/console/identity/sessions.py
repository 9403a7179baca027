"""Sessions: who is signed in, sealed into a cookie; the console keeps nothing."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import Response

from promptrelease.console.identity import cookies
from promptrelease.console.identity.person import Person
from promptrelease.console.identity.sealing import seal, unseal
from promptrelease.console.settings import Settings
from promptrelease.views.failures import Forbidden

PURPOSE = "session"
KEPT_SECONDS = 24 * 3600
"""How long the cookie outlives its session: what was being written is then known to be theirs."""

_SEEN = "promptrelease.session"


@dataclass(frozen=True)
class Session:
    """Somebody's stay.

    Attributes:
        csrf: what their forms must send along.
        ends: at the latest; seconds since 1970, as ``expires``.
        expires: when their token ends; ``ends`` where that is not known.
        refresh: what the provider gives a new token for; empty where there is none.
        subject: as the provider knows them; empty where they came by token.

    """

    person: Person
    csrf: str
    ends: float
    expires: float
    refresh: str = ""
    subject: str = ""

    def over(self, now: float) -> bool:
        """Whether it has ended: by age, or since a token has that nobody can renew."""
        return now >= self.ends or (now >= self.expires and not self.refresh)


def begin(
    settings: Settings,
    person: Person,
    now: float,
    *,
    expires: float | None = None,
    refresh: str = "",
    subject: str = "",
) -> Session:
    """A new session, with a CSRF token of its own."""
    ends = now + settings.session_seconds
    csrf = secrets.token_urlsafe(24)
    return Session(person, csrf, ends, ends if expires is None else expires, refresh, subject)


def write(settings: Settings, response: Response, session: Session) -> None:
    """Set the cookie. Raises Forbidden for a person whose token does not fit into one."""
    seconds = max(0.0, session.ends - time.time()) + KEPT_SECONDS
    sealed = seal(settings.secret, PURPOSE, asdict(session))
    try:
        cookies.write(settings, response, "", sealed, seconds)
    except cookies.TooLong as error:
        raise Forbidden(
            "your token is too long to be kept in a cookie",
            "whoever runs the sign-in provider can have it name fewer groups or claims",
        ) from error


def end(settings: Settings, request: Request, response: Response) -> None:
    """Take the cookie away."""
    cookies.end(settings, request, response)


def read(settings: Settings, request: Request) -> Session | None:
    """The session of a request; none when there is none, or it has ended, or was tampered with."""
    session = last(settings, request)
    return None if session is None or session.over(time.time()) else session


def last(settings: Settings, request: Request) -> Session | None:
    """As ``read``, and also a session that has ended."""
    if _SEEN not in request.scope:
        request.scope[_SEEN] = _open(settings, cookies.read(settings, request))
    session: Session | None = request.scope[_SEEN]
    return session


def _open(settings: Settings, sealed: str) -> Session | None:
    told = unseal(settings.secret, PURPOSE, sealed) if sealed else None
    if told is None:
        return None
    person = told.pop("person")
    return Session(Person(**{**person, "groups": tuple(person["groups"])}), **told)
