"""A prompt: what its labels serve, what waits, its versions, evaluations and last moves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.console import ownership
from promptrelease.console.kube.client import Json, Kube
from promptrelease.console.kube.rights import Rights
from promptrelease.console.pages import fetching, lately
from promptrelease.console.shown import asked, prompts, timeline, verdicts
from promptrelease.console.web.context import Context, signed_in

VERSIONS_SHOWN = 15
EVALUATIONS_SHOWN = 5
MOVES_SHOWN = 8
T = TypeVar("T")


async def prompt(context: Context) -> Response:
    """Show a prompt; ``?versions=all`` and ``?evaluations=all`` list all there are."""
    name = asked.name(context.request.path_params["prompt"])
    kube, query = context.kube, context.request.query_params
    release, versions = await fetching.known(context.console.feeds, kube, name)
    found = prompts.prompt(name, release, versions)
    moves, evaluations, rights = await asyncio.gather(
        lately.changes(kube, name, release, MOVES_SHOWN),
        _evaluations(kube, found, query.get("evaluations")),
        _rights(context, found),
    )
    entries = timeline.newest(moves, name, MOVES_SHOWN)
    return context.page(
        "prompt.html",
        prompt=found,
        owner=ownership.owner(release),
        versions=_some(found.versions, VERSIONS_SHOWN, query.get("versions")),
        entries=entries,
        rights=rights,
        **evaluations,
    )


async def evaluations(context: Context) -> Response:
    """The evaluations of a prompt, for htmx; for whoever comes there otherwise, on its page."""
    name = asked.name(context.request.path_params["prompt"])
    if not context.is_fragment:
        page = context.request.url.path.removesuffix("/evaluations")
        return context.go(f"{page}?evaluations=all#evaluations")
    every = await fetching.evaluations(context.kube)
    return context.page("prompt-evaluations.html", name=name, **_judged(every, name, None))


async def _evaluations(kube: Kube, found: prompts.Prompt, asked_for: str | None) -> dict[str, Any]:
    """What the page tells of evaluations: all where one looks for them, or something waits for one.

    Otherwise those on which something went live, and the rest when the reader comes to it: all of
    a namespace are read to find those of one prompt.
    """
    if asked_for == "all" or any(map(_waits_for_suites, found.labels)):
        every = await fetching.evaluations(kube)
        return _judged(every, found.name, asked_for)
    names = {name for label in found.labels if label.served for name in label.served.evaluations}
    named = await fetching.named_evaluations(kube, sorted(names))
    return _judged(named, found.name, None) | {"evaluations_partly": named is not None}


def _judged(every: list[Json] | None, name: str, asked_for: str | None) -> dict[str, Any]:
    judged = verdicts.about(every or (), name)
    return {
        "evaluations": _some(judged, EVALUATIONS_SHOWN, asked_for),
        "evaluations_count": len(judged),
        "evaluations_hidden": every is None,
        "evaluations_partly": False,
    }


def _waits_for_suites(label: prompts.Label) -> bool:
    return any("suite" in wait.exact or "evaluation" in wait.exact for wait in label.waits)


def _some(every: Sequence[T], most: int, asked_for: str | None) -> Sequence[T]:
    return every if asked_for == "all" else every[:most]


async def _rights(context: Context, found: prompts.Prompt) -> dict[str, dict[str, bool]]:
    """What the person may do: label to verb to whether; ``""`` for what is of no label."""
    labels = [label for label in found.labels if not label.follows]
    new, *rest = await asyncio.gather(
        _new(context.rights), *(_may(context.rights, found.name, label) for label in labels)
    )
    named = dict(zip((label.name for label in labels), rest, strict=True))
    return {"": new, **{label.name: {} for label in found.labels}, **named}


async def _new(rights: Rights) -> dict[str, bool]:
    return {"new": await rights.create_version()}


async def _may(rights: Rights, prompt: str, label: prompts.Label) -> dict[str, bool]:
    """What somebody may do with a label, as far as the page hangs on it."""
    promote, withdraw, approve = await asyncio.gather(
        rights.promote(prompt, label.name),
        rights.withdraw(prompt, label.name) if label.served and not label.withdrawn else _no(),
        rights.approve(prompt, label.name) if label.waits else _no(),
    )
    # Whoever may point a label to any version may point it back.
    rollback = promote or await rights.rollback(prompt, label.name)
    return {"promote": promote, "rollback": rollback, "withdraw": withdraw, "approve": approve}


async def _no() -> bool:
    return False


ROUTES = [
    Route("/n/{namespace}/prompts/{prompt}", signed_in(prompt)),
    Route("/n/{namespace}/prompts/{prompt}/evaluations", signed_in(evaluations)),
]
