"""Put a version live under a label: what would come of it, and asking for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import RELEASES
from promptrelease.console import ownership
from promptrelease.console.acting import around, fetching, planned, sending
from promptrelease.console.acting.keeping import keeping
from promptrelease.console.acting.place import Place, field, place, version_number
from promptrelease.console.acting.sending import Overtaken
from promptrelease.console.web import failures
from promptrelease.console.web.context import Context, signed_in
from promptrelease.release.render import PREFIX
from promptrelease.views.failures import Conflict, Failure, NotFound, UsageMistake
from promptrelease.views.move import moving

Json = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """A version that one may choose; ``places`` are the labels that serve it."""

    number: int
    message: str
    by: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What was written into the form, or stood in the address.

    Attributes:
        to: none where nothing was chosen yet.
        glass: why the checks shall be skipped.

    """

    to: int | None
    reason: str = ""
    glass: str = ""


@keeping
async def promote(context: Context) -> Response:
    """Show what would come of a move, and ask for it."""
    at = place(context)
    if context.request.method == "POST":
        return await _ask_for(context, at)
    query = context.request.query_params
    asked = Asked(version_number(query.get("to", "")), query.get("reason", ""))
    return await _show(context, at, asked, created="created" in query)


async def _ask_for(context: Context, at: Place) -> Response:
    form = await context.form()
    glass = field(form, "glass") if form.get("do") == "glass" else ""
    asked = Asked(
        version_number(field(form, "to")), field(form, "reason").strip() or glass.strip(), glass
    )
    release = await context.kube.find(RELEASES, at.prompt)
    try:
        if asked.to is None:
            raise UsageMistake("No version is chosen", "choose one")
        if form.get("do") == "glass" and not glass.strip():
            raise UsageMistake("Say why the checks must be skipped")
        if not asked.reason:
            raise UsageMistake("Say why: whoever looks at the log will want to know")
        if field(form, "seen") != sending.seen(release, at.label):
            raise Overtaken(at.label, release)
        move = moving.move(release, at.prompt, at.label, asked.to, asked.reason)
        move = replace(move, break_glass=glass.strip())
        repeated = release is not None and move.repeats(release)
        if move.idle or repeated:
            return context.go(at.path("progress", to=asked.to))
        owner = ownership.owner(release)
        if owner is not None and not owner.paused:
            raise Conflict(
                f"{owner} applies this release from Git, and would undo it",
                "change it in the repository: the lines are below",
            )
        written = await sending.send(context.kube, release, move, context.person.name)
    except Failure as failure:
        return await _show(context, at, asked, failure)
    generation = written["metadata"]["generation"]
    return context.go(at.path("progress", to=asked.to, generation=generation))


async def _show(
    context: Context,
    at: Place,
    asked: Asked,
    failure: Failure | None = None,
    *,
    created: bool = False,
) -> Response:
    kube = context.kube
    release, versions, feed = await asyncio.gather(
        kube.find(RELEASES, at.prompt),
        fetching.numbers(kube, at.prompt),
        context.console.feeds.of(kube),
    )
    if not versions:
        raise NotFound(f"there is no prompt {at.prompt} here", "write its first version")
    to = asked.to if asked.to is not None else proposed(release, at.label, versions)
    if to is not None and to not in versions:
        raise NotFound(f"there is no v{to} of {at.prompt}", f"the newest is v{max(versions)}")
    plan = None
    if to is not None:
        move = moving.move(release, at.prompt, at.label, to, asked.reason)
        plan = await planned.plan(context.rights, around.of(feed), move, release, versions)
    return context.page(
        "acting/promote.html",
        status=failures.status(failure) if failure is not None else 200,
        at=at,
        failure=failure,
        created=created,
        asked=asked,
        to=to,
        version=versions.get(to or 0),
        plan=plan,
        choices=choices(release, versions, at.label),
        serves=moving.status(release, at.label).get("version"),
        pending=moving.status(release, at.label).get("pending"),
        seen=sending.seen(release, at.label),
        manifest=ownership.manifest,
        line=ownership.line,
    )


def proposed(release: Json | None, label: str, versions: Mapping[int, Json]) -> int | None:
    """The version that is offered at first: what waits here, else the newest other one."""
    serves = moving.status(release, label).get("version")
    wants = moving.wanted(release, label).get("version")
    if wants is not None and wants != serves and wants in versions:
        return int(wants)
    return next((n for n in sorted(versions, reverse=True) if n != serves), None)


def choices(release: Json | None, versions: Mapping[int, Json], label: str) -> list[Choice]:
    """Versions to choose from, the newest first, without what is served there already."""
    serves = moving.status(release, label).get("version")
    found = []
    for number in sorted(versions, reverse=True):
        if number == serves:
            continue
        meta, spec = versions[number]["metadata"], versions[number]["spec"]
        places = tuple(
            name
            for name in moving.labels(release)
            if moving.status(release, name).get("version") == number and name != "latest"
        )
        by = (meta.get("annotations") or {}).get(f"{PREFIX}author", "")
        found.append(Choice(number, spec.get("message", ""), by, places))
    return found


_ADDRESS = "/n/{namespace}/prompts/{prompt}/labels/{label}/promote"

ROUTES = [Route(_ADDRESS, signed_in(promote), methods=["GET", "POST"])]
