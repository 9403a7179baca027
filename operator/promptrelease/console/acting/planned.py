"""What a move would come to, put together for a page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from promptrelease.console import ownership
from promptrelease.console.acting import fetching, sending
from promptrelease.console.acting.around import Around
from promptrelease.console.acting.fetching import Used
from promptrelease.console.acting.gates import Gate, gate
from promptrelease.console.kube.client import Kube
from promptrelease.console.kube.rights import Rights
from promptrelease.console.ownership import Owner
from promptrelease.console.shown import difference
from promptrelease.console.shown.difference import Shown
from promptrelease.views.failures import Failure, Forbidden
from promptrelease.views.move.moving import Move
from promptrelease.views.move.preview import Preview, preview

Json = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A move, and all there is to know before it is asked for.

    Attributes:
        found: what would come of it, by the operator's own decision.
        gates: what it would wait for.
        differences: between what is served and what would be.
        used: who uses the label.
        rights: verb to whether the person has it for the label.
        refused: what the API server says against it; none when it would take it.
        owner: the tool that applies the release from Git, if there is one.

    """

    move: Move
    found: Preview
    gates: tuple[Gate, ...]
    differences: Sequence[Shown]
    used: Used
    rights: Mapping[str, bool]
    refused: Failure | None
    owner: Owner | None

    @property
    def forbidden(self) -> bool:
        """Whether it is a right that is missing."""
        return isinstance(self.refused, Forbidden)

    @property
    def held(self) -> list[str]:
        """The verbs that the person has."""
        return [verb for verb, has in self.rights.items() if has]


async def plan(
    rights: Rights, around: Around, move: Move, release: Json | None, versions: Mapping[int, Json]
) -> Plan:
    """Find out what would come of a move, whatever its reason will be.

    Args:
        rights: of the person who may ask for it, in the namespace.
        around: what is known of that.
        move: what is wanted.
        release: of the prompt, as it is; none when there is none.
        versions: of the prompt.

    """
    kube, now = rights.kube, datetime.now(timezone.utc)
    by = kube.person.name
    # A reason that nobody has given before: that a move needs a new one is no news here.
    tried = replace(move, reason=f"looked at {now.isoformat()}", break_glass="")
    known, used, allowed, refused = await asyncio.gather(
        fetching.known(kube, around, move, release, versions),
        fetching.used(kube, release, move.prompt, move.label),
        fetching.rights(rights, move.prompt, move.label),
        _refused(kube, release, tried, by),
    )
    found = preview(known, tried, by, now)
    different = await asyncio.to_thread(_differences, versions, move)
    return Plan(
        move=move,
        found=found,
        gates=tuple(gate(text, move.prompt, move.label, move.to or 0) for text in found.waits),
        differences=different,
        used=used,
        rights=allowed,
        refused=refused,
        owner=ownership.owner(release),
    )


async def _refused(kube: Kube, release: Json | None, move: Move, by: str) -> Failure | None:
    return None if move.idle else await sending.refused(kube, release, move, by)


def _differences(versions: Mapping[int, Json], move: Move) -> Sequence[Shown]:
    old, new = versions.get(move.serves or 0), versions.get(move.to or 0)
    return difference.between(old["spec"], new["spec"]) if old and new else ()
