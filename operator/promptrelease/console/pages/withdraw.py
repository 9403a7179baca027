"""Take a label away."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import RELEASES
from promptrelease.console import ownership
from promptrelease.console.acting import around, fetching, planned, sending
from promptrelease.console.acting.keeping import keeping
from promptrelease.console.acting.place import Place, field, place
from promptrelease.console.acting.sending import Overtaken
from promptrelease.console.web import failures
from promptrelease.console.web.context import Context, signed_in
from promptrelease.views.failures import Conflict, Failure, NotFound, UsageMistake
from promptrelease.views.move import moving


@keeping
async def withdraw(context: Context) -> Response:
    """Show what would come of it, and ask for it."""
    at = place(context)
    if context.request.method == "POST":
        return await _ask_for(context, at)
    return await _show(context, at)


async def _ask_for(context: Context, at: Place) -> Response:
    form = await context.form()
    reason = field(form, "reason").strip()
    release = await context.kube.get(RELEASES, at.prompt)
    try:
        if not reason:
            raise UsageMistake("Say why: whoever looks at the log will want to know")
        if field(form, "seen") != sending.seen(release, at.label):
            raise Overtaken(at.label, release)
        owner = ownership.owner(release)
        if owner is not None and not owner.paused:
            raise Conflict(
                f"{owner} applies this release from Git, and would bring the label back",
                "take it out of the repository",
            )
        move = moving.move(release, at.prompt, at.label, None, reason)
        written = await sending.send(context.kube, release, move, context.person.name)
    except Failure as failure:
        return await _show(context, at, reason, failure)
    generation = written["metadata"]["generation"]
    return context.go(at.path("progress", to="nothing", generation=generation))


async def _show(
    context: Context, at: Place, reason: str = "", failure: Failure | None = None
) -> Response:
    kube = context.kube
    release, versions, feed = await asyncio.gather(
        kube.get(RELEASES, at.prompt),
        fetching.numbers(kube, at.prompt),
        context.console.feeds.of(kube),
    )
    if not moving.wanted(release, at.label):
        raise NotFound(f"{at.prompt} has no label {at.label}", "it may be withdrawn already")
    move = moving.move(release, at.prompt, at.label, None, reason)
    plan = await planned.plan(context.rights, around.of(feed), move, release, versions)
    return context.page(
        "acting/withdraw.html",
        status=failures.status(failure) if failure is not None else 200,
        at=at,
        failure=failure,
        reason=reason,
        plan=plan,
        serves=moving.status(release, at.label).get("version"),
        seen=sending.seen(release, at.label),
        withdrawal=ownership.withdrawal,
    )


_ADDRESS = "/n/{namespace}/prompts/{prompt}/labels/{label}/withdraw"

ROUTES = [Route(_ADDRESS, signed_in(withdraw), methods=["GET", "POST"])]
