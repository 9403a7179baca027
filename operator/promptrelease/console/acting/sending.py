"""Asking for a move, as the person who is signed in."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from promptrelease.api.resources import RELEASES
from promptrelease.console.kube.client import Kube
from promptrelease.views.failures import Conflict, Failure
from promptrelease.views.move import moving
from promptrelease.views.move.moving import Move

Json = dict[str, Any]

ATTEMPTS = 10
"""How often a move is sent again when something else of its release has changed meanwhile."""


class Overtaken(Conflict):
    """Somebody else has moved the label since it was looked at.

    Attributes:
        now: the release as it is; none when it is gone.

    """

    def __init__(self, label: str, now: Json | None) -> None:
        asked = moving.wanted(now, label)
        who = f" by {asked['by']}" if asked.get("by") else ""
        why = f": {asked['reason']}" if asked.get("reason") else ""
        where = moving.version(asked.get("version"))
        super().__init__(
            f"Somebody else was first: {label} was set to {where}{who}{why}",
            "Nothing has been changed by you. Look at what is there now, and send it again if it "
            "is still right.",
        )
        self.now = now


def seen(release: Json | None, label: str) -> str:
    """How a label is, in short: a form carries it along, and it must still be so when sent."""
    place = [moving.wanted(release, label), moving.status(release, label).get("revision")]
    return hashlib.sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()[:16]


async def send(
    kube: Kube, release: Json | None, move: Move, by: str, *, dry_run: bool = False
) -> Json:
    """Ask for a move; whatever else changes of the release meanwhile is none of its business.

    Raises:
        Overtaken: somebody else has moved that label since it was looked at.
        Failure: what the API server says against it.

    """
    if release is None:
        try:
            return await kube.create(RELEASES, moving.first(move, by), dry_run=dry_run)
        except Conflict:
            raise Overtaken(move.label, await kube.find(RELEASES, move.prompt)) from None
    at: Json | None = release
    for _ in range(ATTEMPTS):
        if at is None:
            break
        try:
            patch = moving.patch(move, at, by)
            return await kube.merge(RELEASES, move.prompt, patch, dry_run=dry_run)
        except Conflict:
            at = await kube.find(RELEASES, move.prompt)
            if at is None or not moving.same_place(release, at, move.label):
                break
        except Failure as error:
            if not moving.is_stale(str(error)):
                error.hint = error.hint or _hint(str(error))
                raise
            at = await kube.find(RELEASES, move.prompt)
            break
    raise Overtaken(move.label, at)


async def refused(kube: Kube, release: Json | None, move: Move, by: str) -> Failure | None:
    """What the API server says against the very edit; none when it would take it."""
    try:
        await send(kube, release, move, by, dry_run=True)
    except Overtaken:
        return None  # seen again when it is sent
    except Failure as error:
        return error
    return None


def _hint(message: str) -> str:
    return "say it in other words than the move before" if moving.hint(message) else ""
