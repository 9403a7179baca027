"""Pages for somebody who may not be signed in: what went wrong, in words."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from promptrelease.views.failures import Failure

if TYPE_CHECKING:
    from promptrelease.console.web.context import Console

WORDS = {
    404: ("There is no such page", "Go back, or look it up among the prompts."),
    405: ("This page can't be used like that", "Open it from a link or a form of the console."),
    500: (
        "Something went wrong in the console",
        "It has been written to the console's log. Try again; what you did may have been done, "
        "so look first.",
    ),
}


def plain(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page that needs no session."""
    console: Console = request.app.state.console
    html = console.templates.get_template(template).render(**values)
    return HTMLResponse(html, status_code=status, headers=headers)


def answer(
    request: Request,
    status: int,
    title: str = "",
    hint: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What went wrong; without words, the ones that fit the status code."""
    known = WORDS.get(status, (http.HTTPStatus(status).phrase, ""))
    return plain(
        request,
        "problem.html",
        status,
        headers,
        title=title or known[0],
        hint=hint or known[1],
    )


async def http_exception(request: Request, error: Exception) -> Response:
    """No such address, or not by this method, or a form that makes no sense."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 400:  # a form that can't be read
        status = 413 if "maximum size" in error.detail else 400
        return answer(
            request, status, "This form can't be taken", f"{error.detail} Nothing was done."
        )
    return answer(request, error.status_code, headers=error.headers)


async def failure(request: Request, error: Exception) -> Response:
    """What a page says before it knows who asks."""
    from promptrelease.console.web.failures import status

    if not isinstance(error, Failure):
        raise error
    return answer(request, status(error), str(error), error.hint)
