"""A prompt: what its labels serve, what waits, its versions, evaluations and last moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.console import ownership
from promptrelease.console.pages import fetching
from promptrelease.console.shown import asked, prompts, timeline, verdicts
from promptrelease.console.web.context import Context, signed_in

VERSIONS_SHOWN = 15
EVALUATIONS_SHOWN = 5
MOVES_SHOWN = 8
T = TypeVar("T")
VERBS = ("promote", "rollback", "approve", "withdraw")


async def prompt(context: Context) -> Response:
    """Show a prompt; ``?versions=all`` and ``?evaluations=all`` list all there are."""
    name = asked.name(context.request.path_params["prompt"])
    kube = context.kube
    (release, versions), changes, evaluations = await asyncio.gather(
        fetching.release_and_versions(kube, name),
        fetching.changes(kube, name),
        fetching.evaluations(kube),
    )
    found = prompts.prompt(name, release, versions)
    query = context.request.query_params
    judged = verdicts.about(evaluations or (), name)
    return context.page(
        "prompt.html",
        prompt=found,
        owner=ownership.owner(release),
        versions=_some(found.versions, VERSIONS_SHOWN, query.get("versions")),
        evaluations=_some(judged, EVALUATIONS_SHOWN, query.get("evaluations")),
        evaluations_count=len(judged),
        evaluations_hidden=evaluations is None,
        entries=timeline.newest(changes, name, MOVES_SHOWN),
        moves_count=len(changes),
        rights=await _rights(context, found),
    )


def _some(every: Sequence[T], most: int, asked_for: str | None) -> Sequence[T]:
    return every if asked_for == "all" else every[:most]


async def _rights(context: Context, found: prompts.Prompt) -> dict[str, dict[str, bool]]:
    """What the person may do: label to verb to whether; ``""`` for what is of no label."""
    rights = context.rights
    labels = [label.name for label in found.labels if not label.follows]
    new, *rest = await asyncio.gather(
        rights.create_version(),
        *(rights.promote(found.name, label) for label in labels),
        *(rights.rollback(found.name, label) for label in labels),
        *(rights.approve(found.name, label) for label in labels),
        *(rights.withdraw(found.name, label) for label in labels),
    )
    result: dict[str, dict[str, bool]] = {label.name: {} for label in found.labels}
    for i, label in enumerate(labels):
        result[label] = dict(zip(VERBS, rest[i :: len(labels)], strict=True))
    return {"": {"new": new}, **result}


ROUTES = [Route("/n/{namespace}/prompts/{prompt}", signed_in(prompt))]
