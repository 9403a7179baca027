"""Nothing that somebody typed is lost where the API server does not answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from promptrelease.console.web import failures
from promptrelease.console.web.context import Context
from promptrelease.views.failures import Unreachable

Page = Callable[[Context], Awaitable[Response]]


def keeping(page: Page) -> Page:
    """A page that offers to send the same again, when it could not be told to anybody."""

    async def kept(context: Context) -> Response:
        try:
            return await page(context)
        except Unreachable as failure:
            if context.request.method != "POST":
                raise
            fields = [
                (name, value)
                for name, value in (await context.form()).multi_items()
                if name != "csrf" and isinstance(value, str)
            ]
            return context.page(
                "acting/again.html",
                status=failures.status(failure),
                failure=failure,
                fields=fields,
                action=context.request.url.path,
            )

    kept.__name__ = getattr(page, "__name__", "page")
    return kept
