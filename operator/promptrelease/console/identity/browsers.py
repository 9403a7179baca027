"""Forms of people who are not signed in: each browser has a random name, by a cookie.

A form holds a proof of that name and of its purpose, which nobody else can make or guess; so what
is sent comes from a page that this browser was shown.
"""

from __future__ import annotations

import hmac
import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from promptrelease.console.identity import cookies
from promptrelease.console.identity.sealing import proof
from promptrelease.console.settings import Settings

COOKIE = "browser"


def known(settings: Settings, request: Request) -> str:
    """The browser's name, or a new one, which ``remember`` then sets."""
    name = cookies.read(settings, request, COOKIE)
    return name if re.fullmatch(r"[\w-]{32}", name, re.ASCII) else secrets.token_urlsafe(24)


def remember(settings: Settings, request: Request, response: Response, name: str) -> None:
    """Set the cookie where the browser has not got it."""
    if cookies.read(settings, request, COOKIE) != name:
        cookies.write(settings, response, COOKIE, name)


def csrf(settings: Settings, name: str, purpose: str) -> str:
    """What a form for this purpose must send along."""
    return proof(settings.secret, "form", name, purpose)


def sent(settings: Settings, request: Request, purpose: str, given: str) -> bool:
    """Whether a form comes from a page that this browser was shown."""
    name = cookies.read(settings, request, COOKIE)
    wanted = csrf(settings, name, purpose)
    return bool(name) and hmac.compare_digest(given.encode(), wanted.encode())
