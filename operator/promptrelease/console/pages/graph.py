"""Who reads whose output, as a picture and as a table."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.promptrelease import LATEST
from promptrelease.api.promptversion import version_name
from promptrelease.console.kube.client import Json
from promptrelease.console.kube.feed import Feed
from promptrelease.console.pages.fetching import no_prompt
from promptrelease.console.shown import asked, drawing
from promptrelease.console.web.context import Context, signed_in
from promptrelease.views.look import graphing
from promptrelease.views.look.refs import PRODUCTION

ALONE_SHOWN = 200
AT_ONCE = 200


async def graph(context: Context) -> Response:
    """Draw what a label serves; ``?prompt=`` shows what that one is joined to, ``?label=``."""
    query = context.request.query_params
    focus = asked.name(query["prompt"]) if query.get("prompt") else ""
    label = asked.name(query["label"], "label") if query.get("label") else PRODUCTION
    feed = await context.console.feeds.of(context.kube)
    releases = await _releases(feed)
    versions = list(_versions(feed, releases, label))
    seen = await asyncio.to_thread(graphing.picture, releases, versions, label)
    there = not focus or focus in seen.graph.producers or focus in seen.graph.consumers
    if not there and focus not in feed.releases and focus not in feed.versions:
        raise no_prompt(focus, context.namespace)
    picture, names = await asyncio.to_thread(drawing.drawn, seen, focus if there else "")
    if not there:
        names = []
    alone = drawing.alone(seen) if not focus else []
    return context.page(
        "graph.html",
        label=label,
        labels=_labels(releases, label),
        focus=focus,
        there=there,
        picture=picture,
        size=(drawing.WIDTH, drawing.HEIGHT),
        rows=drawing.rows(seen, names),
        known={name for name in names if name in feed.releases or name in feed.versions},
        alone=alone[:ALONE_SHOWN],
        alone_count=len(alone),
        warnings=_warnings(graphing.around(seen, focus) if focus and there else seen),
    )


def _warnings(seen: graphing.Picture) -> list[tuple[str, str]]:
    """What is wrong, before what is only doubtful."""
    return sorted(graphing.warnings(seen), key=lambda it: it[1] != seen.wrong.get(it[0]))


async def _releases(feed: Feed) -> list[Json]:
    """All releases; thousands take a while to parse, and others want an answer meanwhile."""
    found: list[Json] = []
    for at, name in enumerate(list(feed.releases)):
        if at % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        if name in feed.releases:
            found.append(feed.releases[name])
    return found


def _versions(feed: Feed, releases: list[Json], label: str) -> Iterator[Json]:
    """What a label serves of each prompt, as far as the graph wants to know it."""
    for release in releases:
        name = release["metadata"]["name"]
        its = ((release.get("status") or {}).get("labels") or {}).get(label) or {}
        number = its.get("version", 0)
        known = feed.versions[name].get(number) if name in feed.versions else None
        if known is not None:
            meta = {"name": version_name(name, number)}
            yield {"metadata": meta, "spec": {"consumes": known.consumes}}


def _labels(releases: list[Json], chosen: str) -> list[str]:
    """Labels that serve anything, and the one that is looked at."""
    names = {chosen, PRODUCTION}
    for release in releases:
        names |= ((release.get("status") or {}).get("labels") or {}).keys()
    return sorted(names, key=lambda name: (name != PRODUCTION, name == LATEST, name))


ROUTES = [Route("/n/{namespace}/graph", signed_in(graph))]
