"""The inbox: moves that wait for somebody to say yes or no."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.promptrelease import LATEST
from promptrelease.api.resources import APPROVALS, POLICIES
from promptrelease.console.acting import around
from promptrelease.console.acting.gates import APPROVALS as BY_PEOPLE
from promptrelease.console.acting.gates import Gate, gate
from promptrelease.console.acting.place import Place
from promptrelease.console.kube.known import Summary
from promptrelease.console.web.context import Context, signed_in
from promptrelease.release.render import PREFIX
from promptrelease.views.failures import Failure, Forbidden
from promptrelease.views.move import moving, reviewing
from promptrelease.views.move.reviewing import Candidate

Json = dict[str, Any]

MOST = 100
"""Moves on the page; whoever has more of them waiting has another problem."""

AT_ONCE = 8
"""Of them so many are looked at at the same time."""


@dataclass(frozen=True)
class Item:
    """A move that waits for approvals.

    Attributes:
        message: why the version exists.
        reason: why it shall move.
        gates: all that it waits for.
        said: the person's own last word on it: approve, deny, or nothing.
        why_not: why the person can't approve it; empty when they can.

    """

    at: Place
    about: Candidate
    serves: int | None
    message: str
    reason: str
    gates: tuple[Gate, ...]
    said: str
    why_not: str

    @property
    def mine(self) -> bool:
        """Whether it is for the person to decide, and they have not yet."""
        return not self.why_not and not self.said


async def inbox(context: Context) -> Response:
    """All moves that wait for approvals here, those first that the person may decide."""
    feed = await context.console.feeds.of(context.kube)
    policies = await context.kube.list(POLICIES)
    waiting = []
    places = around.of(feed).places()
    for name in sorted(places):
        labels = [it for it, (wants, serves) in places[name].items() if wants not in (None, serves)]
        if labels and name in feed.releases:
            release = feed.releases[name]
            versions = feed.versions.get(name, {})
            waiting += [(release, label, versions) for label in sorted(labels) if label != LATEST]
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(release: Json, label: str, versions: Mapping[int, Summary]) -> Item | None:
        async with slots:
            return await _item(context, release, label, versions, policies)

    found = await asyncio.gather(*(one(*it) for it in waiting[:MOST]))
    items = [item for item in found if item is not None]
    return context.page(
        "acting/approvals.html",
        mine=[item for item in items if item.mine],
        others=[item for item in items if not item.mine],
        left_out=max(0, len(waiting) - MOST),
    )


async def _item(
    context: Context,
    release: Json,
    label: str,
    versions: Mapping[int, Summary],
    policies: Sequence[Json],
) -> Item | None:
    """A move that waits; none when it is not people that it waits for."""
    authors = {
        number: {"metadata": {"annotations": {f"{PREFIX}author": known.by}}}
        for number, known in versions.items()
    }
    try:
        about = reviewing.candidate(release, label, authors)
    except Failure:
        return None  # nothing waits any more, or there is nothing yet to say yes to
    exact = moving.status(release, label)["pending"]["waitingFor"]
    gates = tuple(gate(text, about.prompt, label, about.version) for text in exact)
    if not any(it.kind == BY_PEOPLE for it in gates):
        return None
    said = await own_word(context, about)
    known = versions.get(about.version)
    return Item(
        at=Place(context.namespace, about.prompt, label),
        about=about,
        serves=moving.status(release, label).get("version"),
        message=known.message if known is not None else "",
        reason=moving.wanted(release, label).get("reason", ""),
        gates=gates,
        said=said,
        why_not=await why_not(context, about, policies),
    )


async def why_not(context: Context, about: Candidate, policies: Sequence[Json]) -> str:
    """Why the person can't approve a move; empty when they can."""
    if not await context.rights.approve(about.prompt, about.label):
        return f"You may not approve on {about.label} here."
    try:
        reviewing.check_eyes(about, context.person.name, policies)
    except Forbidden:
        if context.person.name == about.mover:
            return "You asked for this move: somebody else has to approve it."
        return f"You wrote v{about.version}: somebody else has to approve it."
    return ""


async def own_word(context: Context, about: Candidate) -> str:
    """What the person said last of exactly this: approve, deny, or nothing."""
    mine = [one for one in await decisions(context, about) if one.by == context.person.name]
    return mine[-1].decision if mine else ""


@dataclass(frozen=True)
class Decision:
    """What somebody said of a move; ``decision`` is approve or deny."""

    decision: str
    by: str
    comment: str
    created: str


async def decisions(context: Context, about: Candidate) -> list[Decision]:
    """What was said of exactly this content, oldest first."""
    of_label = f"spec.release={about.prompt},spec.label={about.label}"
    found = await context.kube.list(APPROVALS, fields=of_label)
    found.sort(
        key=lambda one: (
            one["metadata"]["creationTimestamp"],
            int(one["metadata"]["resourceVersion"]),
        )
    )
    return [
        Decision(
            one["spec"]["decision"],
            one["spec"].get("by", ""),
            one["spec"].get("comment", ""),
            one["metadata"]["creationTimestamp"],
        )
        for one in found
        if (one["spec"]["version"], one["spec"]["digest"]) == (about.version, about.digest)
    ]


ROUTES = [Route("/n/{namespace}/approvals", signed_in(inbox))]
