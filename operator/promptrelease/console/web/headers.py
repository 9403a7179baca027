"""What each answer tells browsers, and which requests are answered at all.

Written for ASGI itself: Starlette's own middleware base keeps answers that stream waiting.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from promptrelease.console.settings import Settings
from promptrelease.console.web import problems

logger = logging.getLogger(__name__)

PROBES = ("/healthz", "/readyz", "/metrics")
YEAR = 365 * 24 * 3600

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def told(settings: Settings) -> dict[str, str]:
    """The headers of every answer."""
    policy = dict(POLICY)
    if settings.issuer:  # the form that signs out leads there
        issuer = urlsplit(settings.issuer)
        policy["form-action"] += f" {issuer.scheme}://{issuer.netloc}"
    headers = {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    if settings.secure:
        headers["strict-transport-security"] = f"max-age={YEAR}"
    return headers


class TellBrowsers:
    """Puts the headers on every answer; what comes from a cluster is kept by no cache."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._headers = told(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        static = scope["path"].startswith("/static/")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-cache" if static else "no-store")
            await send(message)

        await self.app(scope, receive, sending)


class Catch:
    """Answers with a page where something unforeseen happens, and logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception:
            logger.exception("%s %r failed", scope["method"], scope["path"])
            if begun:
                raise
            await problems.answer(Request(scope), 500)(scope, receive, send)


class Own:
    """Refuses requests for other hosts, and forms that pages of others sent."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request = Request(scope)
        if len(headers.getlist("host")) != 1 or not self._settings.answers_to(headers["host"]):
            refused = problems.answer(
                request, 421, "This address is not the console's", f"It is at {self._settings.url}."
            )
            await refused(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD") and not self._ours(headers):
            refused = problems.answer(
                request,
                403,
                "This was not sent from a page of the console",
                "Nothing was done. Open the console's own page, and send it from there.",
            )
            await refused(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _ours(self, headers: Headers) -> bool:
        """Whether a form may be the console's own; browsers say so, others say nothing."""
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin")
        if site not in ("same-origin", "none"):
            return False
        if origin is None:
            return True
        return self._settings.answers_to(urlsplit(origin).netloc)
