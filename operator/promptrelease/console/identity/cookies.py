"""Cookies of the console, in several parts where one would be too long for a browser."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from promptrelease.console.settings import Settings

PART = 3800
"""Characters of one cookie; browsers take 4096 with its name and attributes."""

PARTS = 4
"""More would come near to what servers take as one request's headers."""


class TooLong(ValueError):
    """A value does not fit into PARTS cookies."""


def name(settings: Settings, of: str = "") -> str:
    """A cookie's name; the prefix makes browsers hold it to this host and to TLS."""
    plain = f"promptrelease-{of}" if of else "promptrelease"
    return f"__Host-{plain}" if settings.secure else plain


def write(
    settings: Settings, response: Response, of: str, value: str, seconds: float | None = None
) -> None:
    """Set a cookie; without ``seconds`` it ends with the browser. Raises TooLong."""
    parts = [value[at : at + PART] for at in range(0, len(value), PART)] or [""]
    if len(parts) > PARTS:
        raise TooLong(f"{len(value)} characters")
    for number, part in enumerate(parts):
        response.set_cookie(
            _part(settings, of, number),
            f"{len(parts)}.{part}" if number == 0 else part,
            max_age=None if seconds is None else int(seconds),
            path="/",
            secure=settings.secure,
            httponly=True,
            samesite="lax",
        )


def read(settings: Settings, request: Request, of: str = "") -> str:
    """A cookie's value; empty when it is not there, or not whole."""
    count, _, first = request.cookies.get(_part(settings, of, 0), "").partition(".")
    if not (count.isascii() and count.isdecimal() and 1 <= int(count[:3]) <= PARTS):
        return ""
    parts = [
        first,
        *(request.cookies.get(_part(settings, of, n), "") for n in range(1, int(count))),
    ]
    return "".join(parts) if all(parts) else ""


def end(settings: Settings, request: Request, response: Response, of: str = "") -> None:
    """Take a cookie away, with all of its parts that the browser has."""
    for number in range(PARTS):
        key = _part(settings, of, number)
        if number == 0 or key in request.cookies:
            response.delete_cookie(
                key, path="/", secure=settings.secure, httponly=True, samesite="lax"
            )


def _part(settings: Settings, of: str, number: int) -> str:
    return name(settings, of) + (f".{number}" if number else "")
