"""What somebody sent that could not be taken from them, to be sent again: nothing is lost.

Their session has ended, or they have signed in again since the page was made. Whether a form came
from a page of the console is then told by the Origin header, which browsers send along and pages of
others can't change; it was looked at before. Where there is none, nothing is offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from promptrelease.console.identity import browsers, sessions
from promptrelease.console.web import problems
from promptrelease.console.web.names import address

if TYPE_CHECKING:
    from promptrelease.console.web.context import Console

OWN = ("csrf",)


def purpose(request: Request) -> str:
    """What the proof in a form that is sent again is for: this address alone."""
    return f"again {address(request)}"


async def page(request: Request, session: sessions.Session | None) -> Response:
    """All that was sent, as a form to send it again; ``session`` is of who is signed in now."""
    console: Console = request.app.state.console
    settings = console.settings
    last = session or sessions.last(settings, request)
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(
            '<p role="alert">Your sign-in has ended. What you wrote is still here: '
            '<a href="/sign-in" target="_blank" rel="noopener">sign in in another tab</a>, '
            "and go on in this one.</p>",
            status_code=401,
            headers={"HX-Trigger": "signed-out"},
        )
    if "origin" not in request.headers:
        title = "This was not sent from a page of yours" if session else "You are not signed in"
        return problems.answer(
            request,
            403 if session else 401,
            title,
            "Nothing was done. Open the page again, and send it from there.",
        )
    form = await request.form()
    name = browsers.known(settings, request)
    response = problems.plain(
        request,
        "again.html",
        status=403 if session else 401,
        why=(
            "You have signed in again since this page was opened. What you wrote is still here."
            if session
            else "Your sign-in has ended. What you wrote is still here."
        ),
        signed_out=session is None,
        name=(last.person.shown or last.person.name) if last else "",
        action=address(request),
        csrf=browsers.csrf(settings, name, purpose(request)),
        fields=[
            (key, value)
            for key, value in form.multi_items()
            if isinstance(value, str) and key not in OWN
        ],
    )
    browsers.remember(settings, request, response, name)
    return response
