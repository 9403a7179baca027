"""Go back to what a label has served before."""

from __future__ import annotations

import asyncio
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
from promptrelease.views.failures import Failure, UsageMistake
from promptrelease.views.move import moving

Json = dict[str, Any]

REASONS = (
    "Answers got worse",
    "Answers are wrong or harmful",
    "It got slower",
    "It got more expensive",
)
"""What is offered, so that going back takes no typing; one's own words do as well."""


@keeping
async def rollback(context: Context) -> Response:
    """Show where a label would go back to, and ask for it."""
    at = place(context)
    if context.request.method == "POST":
        return await _ask_for(context, at)
    to = version_number(context.request.query_params.get("to", ""))
    return await _show(context, at, to)


async def _ask_for(context: Context, at: Place) -> Response:
    form = await context.form()
    to = version_number(field(form, "to"))
    chosen, words = field(form, "why"), field(form, "words").strip()
    release = await context.kube.get(RELEASES, at.prompt)
    try:
        if to is None:
            raise UsageMistake("No version is chosen", "choose one")
        if field(form, "seen") != sending.seen(release, at.label):
            raise Overtaken(at.label, release)
        serves = moving.status(release, at.label).get("version")
        reason = told(chosen, words, serves, to)
        if not reason:
            raise UsageMistake("Say why: choose one, or write it in your own words")
        if to not in moving.history(release, at.label):
            raise UsageMistake(
                f"{at.label} has never served v{to}: that is no way back",
                "put it live instead, through the checks",
            )
        move = moving.move(release, at.prompt, at.label, to, reason)
        if move.idle:
            return context.go(at.path("progress", to=to))
        owner = ownership.owner(release)
        if owner is not None and not owner.paused and not form.get("anyway"):
            raise UsageMistake(
                f"{owner} applies this release from Git",
                "read below what that means, then go back anyway",
            )
        written = await sending.send(context.kube, release, move, context.person.name)
    except Failure as failure:
        return await _show(context, at, to, failure, chosen=chosen, words=words)
    generation = written["metadata"]["generation"]
    return context.go(at.path("progress", to=to, generation=generation))


async def _show(
    context: Context,
    at: Place,
    to: int | None,
    failure: Failure | None = None,
    *,
    chosen: str = REASONS[0],
    words: str = "",
) -> Response:
    kube = context.kube
    release, versions, feed = await asyncio.gather(
        kube.get(RELEASES, at.prompt),
        fetching.numbers(kube, at.prompt),
        context.console.feeds.of(kube),
    )
    serves = moving.status(release, at.label).get("version")
    ways = [n for n in moving.history(release, at.label) if n != serves and n in versions]
    if not ways:
        return context.page("acting/no-way.html", status=404, at=at, serves=serves)
    if to is None or to not in ways:
        to = ways[0]
    move = moving.move(release, at.prompt, at.label, to, told(chosen, words, serves, to))
    plan = await planned.plan(context.rights, around.of(feed), move, release, versions)
    return context.page(
        "acting/rollback.html",
        status=failures.status(failure) if failure is not None else 200,
        at=at,
        failure=failure,
        to=to,
        reason=move.reason,
        ways=[(n, versions[n]["spec"].get("message", "")) for n in ways],
        plan=plan,
        reasons=REASONS,
        chosen=chosen,
        words=words,
        serves=moving.status(release, at.label).get("version"),
        pending=moving.status(release, at.label).get("pending"),
        seen=sending.seen(release, at.label),
        manifest=ownership.manifest,
        line=ownership.line,
    )


def told(chosen: str, words: str, serves: int | None, to: int) -> str:
    """The reason: what was chosen and what was written.

    With the versions, so that it is never that of the move before, which the API server refuses.
    """
    said = words if chosen not in REASONS else f"{chosen}: {words}" if words else chosen
    if not said or words:
        return said
    return f"{said} with {moving.version(serves)}, back to v{to}"


_ADDRESS = "/n/{namespace}/prompts/{prompt}/labels/{label}/rollback"

ROUTES = [Route(_ADDRESS, signed_in(rollback), methods=["GET", "POST"])]
