"""The last moves of a prompt, without a look at those of all others.

To find a release's entries by a field, the API server reads the log of the whole namespace. The
status tells the last entry of each label, and the names of those before can be computed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import chain

from promptrelease.api.resources import CHANGES
from promptrelease.console.kube.client import Json, Kube
from promptrelease.console.pages import fetching
from promptrelease.release import wire, wire_policy
from promptrelease.release.log import name_of, of_move
from promptrelease.release.model import Change, Release

MOST = 40
"""Names that are tried; beyond, it is cheaper to have the API server search."""


async def changes(kube: Kube, prompt: str, release: Json | None, count: int) -> list[Change]:
    """The last so many entries of a prompt's log at least, in no order.

    The end of a label that served nothing new for long, and was withdrawn by other means than
    ours, may be missing; the whole history has it.
    """
    known: dict[int, Change] = {}
    if release is not None:
        its = wire.release(release)
        known = last(its)
        found = await _by_name(kube, its, known, count)
        if found is not None:
            return found
    # The last may not be written down yet.
    every = [*known.values(), *await fetching.changes(kube, prompt)]
    return list({name_of(change): change for change in every}.values())


def last(release: Release) -> dict[int, Change]:
    """The last move of each label, by revision."""
    return {
        status.served.revision: of_move(release.name, label, status.served)
        for label, status in release.status.labels.items()
        if status.served is not None
    }


def names(release: Release, known: Mapping[int, Change], count: int) -> dict[int, list[str]]:
    """What the last so many entries may be called, by revision, apart from those that are known.

    None of a label's entries has a higher revision than what it serves.
    """
    newest = release.status.revision
    return {
        revision: [
            f"{release.name}.{its.label}.{revision}"
            for its in known.values()
            if its.revision > revision
        ]
        for revision in range(max(1, newest - count + 1), newest + 1)
        if revision not in known
    }


def unexplained(release: Release, found: Mapping[int, Change], count: int) -> bool:
    """Whether there may be entries, of labels that were withdrawn, that are not among these."""
    first = max(1, release.status.revision - count + 1)
    if any(revision not in found for revision in range(first, release.status.revision + 1)):
        return True
    if release.withdrawn_by.keys() - release.status.labels.keys():
        return True
    return any(_ended_before(change, found, first) for change in found.values())


def _ended_before(change: Change, found: Mapping[int, Change], first: int) -> bool:
    """Whether a label's beginning may be a second one."""
    if change.before is not None or change.revision < first:
        return False
    return first > 1 or any(
        other.label == change.label and revision < change.revision
        for revision, other in found.items()
    )


async def _by_name(
    kube: Kube, release: Release, known: Mapping[int, Change], count: int
) -> list[Change] | None:
    wanted = names(release, known, count)
    if not all(wanted.values()) or sum(map(len, wanted.values())) > MOST:
        return None
    read = await asyncio.gather(
        *(kube.find(CHANGES, name) for name in chain.from_iterable(wanted.values()))
    )
    found = {its.revision: its for its in map(wire_policy.change, filter(None, read))}
    found = {**known, **found}
    return None if unexplained(release, found, count) else list(found.values())
