"""The whole change log of a prompt."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.console.pages import fetching
from promptrelease.console.shown import asked, timeline
from promptrelease.console.web.context import Context, signed_in


async def history(context: Context) -> Response:
    """Show the log, newest first: ``?label=&person=&kind=&page=``."""
    name = asked.name(context.request.path_params["prompt"])
    query = context.request.query_params
    changes = await fetching.changes(context.kube, name)
    if not changes:
        await fetching.release_and_versions(context.kube, name)  # whether there is such a prompt
    chosen = {field: query.get(field, "") for field in ("label", "person", "kind")}
    found = timeline.timeline(changes, name, timeline.Chosen(**chosen), asked.page(query))
    kept = urlencode({field: value for field, value in chosen.items() if value})
    return context.page(
        "history.html", prompt=name, timeline=found, chosen=chosen, kept=kept, kinds=timeline.KINDS
    )


ROUTES = [Route("/n/{namespace}/prompts/{prompt}/history", signed_in(history))]
