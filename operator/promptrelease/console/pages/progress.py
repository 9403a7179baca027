"""How far a move is: a page, and events that bring it up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import EVALUATIONS, POLICIES, RELEASES
from promptrelease.console.acting import steps
from promptrelease.console.acting.place import Place, place, version_number
from promptrelease.console.acting.steps import Step
from promptrelease.console.kube.client import SignedOut
from promptrelease.console.shown import verdicts
from promptrelease.console.web import events
from promptrelease.console.web.context import Context, signed_in
from promptrelease.release import wire_policy
from promptrelease.views.failures import Failure, Forbidden, NotFound, Unreachable, UsageMistake
from promptrelease.views.move import moving
from promptrelease.views.move.progress import Goal, Progress, Stage, pending, progress

Json = dict[str, Any]

WATCH_SECONDS = 60.0
"""How long one watch lasts; then all is looked at afresh, policies and evaluations as well."""

STREAM_SECONDS = 900.0
"""How long one line is held; the browser asks again, and with it comes a look at the session."""

AWAY_SECONDS = 2.0
"""How long to wait before an API server that is away is asked again."""

PATIENCE = 15
"""How often one that was away may refuse before it is believed."""

NOTHING = "nothing"
"""In an address: where a label is withdrawn to."""


@dataclass(frozen=True)
class State:
    """How far a move is.

    Attributes:
        back: whether there is a version to go back to.

    """

    goal: Goal
    found: Progress
    steps: Sequence[Step]
    evaluations: Sequence[verdicts.Shown]
    release: Json | None
    back: bool

    @property
    def ended(self) -> bool:
        """Whether nothing more will come by itself, nor by anything that others can do."""
        return self.found.stage in (Stage.DONE, Stage.LOST)


async def page(context: Context) -> Response:
    """How far a move is now; a reload brings it up to date without any script."""
    at = place(context)
    release = await context.kube.find(RELEASES, at.prompt)
    if release is None:
        raise NotFound(f"nothing of {at.prompt} is served anywhere", "put a version live first")
    goal = _goal(context, at, release)
    state = await look(context, goal, release)
    return context.page(
        "acting/progress.html",
        at=at,
        state=state,
        events=at.path("progress/events", to=goal.to or NOTHING, generation=goal.generation),
        looked=_now(),
    )


async def follow(context: Context) -> Response:
    """The same as events: ``progress`` is the part of the page, ``connection`` a line about it."""
    at = place(context)
    release = await context.kube.find(RELEASES, at.prompt)
    return events.stream(context.request, _events(context, at, _goal(context, at, release)))


async def look(context: Context, goal: Goal, release: Json | None) -> State:
    """How far a move is, with what was found out about it."""
    found = progress(goal, release)
    policies = [wire_policy.policy(it) for it in await context.kube.list(POLICIES)]
    governing = [policy for policy in policies if policy.governs(goal.prompt, goal.label)]
    digest = _digest(release, goal)
    judged: Sequence[verdicts.Shown] = ()
    if digest and any(policy.evaluations for policy in governing):
        evaluations = await context.kube.list(EVALUATIONS)
        judged = verdicts.about(evaluations, goal.prompt, [digest])
    serves = moving.status(release, goal.label).get("version")
    return State(
        goal,
        found,
        steps.steps(goal, release, found, governing),
        judged,
        release,
        back=any(n != serves for n in moving.history(release, goal.label)),
    )


async def _events(context: Context, at: Place, goal: Goal) -> AsyncIterator[events.Event]:
    """Each state that differs from the one before; ends when nothing more will come."""
    sent, away, patience = "", False, PATIENCE
    until = time.monotonic() + STREAM_SECONDS
    while time.monotonic() < until:
        try:
            async for state in _states(context, goal):
                if away:
                    away, patience = False, PATIENCE
                    yield "connection", ""
                html = _part(context, "acting/state.html", at=at, state=state)
                if html != sent:
                    sent = html
                    yield "progress", html
                if state.ended:
                    yield "end", ""
                    return
        except Unreachable:
            if not away:
                away = True
                yield "connection", _part(context, "acting/away.html", since=_now())
            await asyncio.sleep(AWAY_SECONDS)
        except Failure as failure:
            if away and isinstance(failure, Forbidden) and not isinstance(failure, SignedOut):
                # One that has just come back does not know anybody's rights yet.
                patience -= 1
                if patience > 0:
                    await asyncio.sleep(AWAY_SECONDS)
                    continue
            yield "connection", _part(context, "acting/ended.html", failure=failure)
            yield "end", ""
            return


async def _states(context: Context, goal: Goal) -> AsyncIterator[State]:
    """The state now, and each time that the release changes for a while."""
    kube = context.kube
    release = await kube.find(RELEASES, goal.prompt)
    yield await look(context, goal, release)
    if release is None:
        return
    since = release["metadata"]["resourceVersion"]
    watch = kube.watch(RELEASES, name=goal.prompt, since=since, seconds=WATCH_SECONDS)
    async for kind, seen in watch:
        yield await look(context, goal, None if kind == "DELETED" else seen)


def _goal(context: Context, at: Place, release: Json | None) -> Goal:
    """What is waited for: as the address says, or whatever is wanted now."""
    query = context.request.query_params
    asked = query.get("to", "")
    wanted = moving.wanted(release, at.label).get("version")
    to = None if asked == NOTHING else version_number(asked) or wanted
    try:
        generation = int(query.get("generation", "0"))
    except ValueError:
        raise UsageMistake("the address is mistyped", "begin at the prompt's page") from None
    return Goal(at.prompt, at.label, to, generation)


def _digest(release: Json | None, goal: Goal) -> str:
    """Of what moves, or has moved; empty while it has none."""
    waits = pending(release, goal.label)
    if waits.get("version") == goal.to:
        return str(waits.get("digest", ""))
    its = moving.status(release, goal.label)
    return str(its.get("digest", "")) if its.get("version") == goal.to else ""


def _part(context: Context, template: str, **values: Any) -> str:
    return context.console.templates.get_template(template).render(
        namespace=context.namespace, csrf=context.session.csrf, **values
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)


_ADDRESS = "/n/{namespace}/prompts/{prompt}/labels/{label}/progress"

ROUTES = [
    Route(_ADDRESS, signed_in(page)),
    Route(f"{_ADDRESS}/events", signed_in(follow)),
]
