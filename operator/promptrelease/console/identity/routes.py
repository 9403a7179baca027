"""Sign-in and sign-out."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from promptrelease.console.identity import sessions
from promptrelease.console.identity.person import Person
from promptrelease.views.failures import Failure


async def sign_in(request: Request) -> Response:
    """Ask who it is; by token, until there is an OpenID provider."""
    from promptrelease.console.web.context import Console

    console: Console = request.app.state.console
    mistake = ""
    if request.method == "POST":
        form = await request.form()
        token = str(form.get("token", "")).strip()
        try:
            info = await console.kube(Person(name="", token=token), "default").whoami()
        except Failure as failure:
            mistake = str(failure)
        else:
            person = Person(info["username"], tuple(info.get("groups", ())), token=token)
            response: Response = RedirectResponse(_next(request), status_code=303)
            sessions.write(console.settings, response, sessions.begin(person, time.time()))
            return response
    html = console.templates.get_template("sign-in.html").render(
        mistake=mistake, next=_next(request)
    )
    return HTMLResponse(html, status_code=401 if mistake else 200)


async def sign_out(request: Request) -> Response:
    """Forget who it is."""
    response = RedirectResponse("/sign-in", status_code=303)
    sessions.end(request.app.state.console.settings, response)
    return response


def _next(request: Request) -> str:
    asked = request.query_params.get("next", "/")
    return asked if asked.startswith("/") and asked[1:2] not in ("/", "\\") else "/"


ROUTES = [
    Route("/sign-in", sign_in, methods=["GET", "POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
