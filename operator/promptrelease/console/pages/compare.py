"""Two versions of a prompt, word by word."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import RELEASES
from promptrelease.console.pages import fetching
from promptrelease.console.shown import asked, difference, prompts
from promptrelease.console.web.context import Context, signed_in

VIEWS = ("unified", "beside")
LONG = 200_000
"""Characters of a difference; beyond, it is sent in one form only."""


async def compare(context: Context) -> Response:
    """Show what differs; ``?view=`` chooses a form, else the width of the window does."""
    name = asked.name(context.request.path_params["prompt"])
    query = context.request.query_params
    before, after = asked.numbers(query, name)
    kube = context.kube
    release, old, new = await asyncio.gather(
        kube.find(RELEASES, name),
        fetching.version(kube, name, before),
        fetching.version(kube, name, after),
    )
    parts = await asyncio.to_thread(difference.between, old["spec"], new["spec"])
    view = query.get("view", "")
    if view not in VIEWS:
        long = sum(len(str(raw["spec"])) for raw in (old, new)) > LONG
        view = "unified" if long else "both"
    labels = ((release or {}).get("status") or {}).get("labels") or {}
    on = {label: its["version"] for label, its in labels.items() if "version" in its}
    return context.page(
        "compare.html",
        prompt=name,
        old=prompts.version(old, on),
        new=prompts.version(new, on),
        parts=parts,
        view=view,
    )


ROUTES = [Route("/n/{namespace}/prompts/{prompt}/compare", signed_in(compare))]
