"""What went wrong, as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from promptrelease.console.identity.redirects import ours
from promptrelease.console.web.names import address
from promptrelease.views.failures import (
    Conflict,
    Failure,
    Forbidden,
    Held,
    NotFound,
    Unreachable,
    UsageMistake,
)

if TYPE_CHECKING:
    from promptrelease.console.web.context import Context

STATUS: dict[type[Failure], int] = {
    UsageMistake: 400,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Held: 409,
    Unreachable: 503,
}


def status(failure: Failure) -> int:
    """HTTP status code of a failure."""
    return next((code for kind, code in STATUS.items() if isinstance(failure, kind)), 422)


def shown(context: Context, failure: Failure) -> Response:
    """A page, or for htmx a part of one, that says what is wrong and what to do."""
    return context.page("failure.html", status=status(failure), failure=failure)


def sign_in(request: Request) -> Response:
    """To the sign-in, and from there back to where they were.

    htmx is told of it, and leaves the page as it is: somebody may be writing on it.
    """
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Trigger": "signed-out"})
    target = quote(ours(address(request)), safe="")
    return RedirectResponse(f"/sign-in?next={target}", status_code=303)
