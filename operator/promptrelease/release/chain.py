"""Which version of a whole chain was served at a moment, and what has changed since: from the log.

The answer to "which version caused this?", when all that is known is when it was, or the digest
that a workload has noted beside its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promptrelease.release import graph
from promptrelease.release.log import WITHDRAWAL
from promptrelease.release.model import Change
from promptrelease.release.times import moment

Consumes = Callable[[str, int], Sequence[str]]
"""What a version of a prompt consumes; empty where the version is not known any more."""


class NotServed(Exception):
    """The log knows of no such thing; the text says what it does know."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a label served at a moment, of a prompt and of all that it is joined to.

    Attributes:
        members: the moves that were in force, upstream first.
        since: moves of any of these prompts after that moment, oldest first.

    """

    label: str
    at: datetime
    members: tuple[Change, ...]
    since: tuple[Change, ...]


def at(
    changes: Iterable[Change], consumes: Consumes, prompt: str, label: str, time: datetime
) -> Chain:
    """Say what was in force at a moment.

    Raises:
        NotServed: nothing was served of that prompt then.

    """
    moves = sorted((c for c in changes if c.label == label), key=_when)
    served = _in_force(moves, time)
    if prompt not in served:
        first = next((c for c in moves if c.release == prompt), None)
        known = f"its first move there was at {first.at}" if first else "it has never moved there"
        raise NotServed(f"{label} served nothing of {prompt} at that time: {known}")
    known_graph = graph.build(
        {name: consumes(name, change.to or 0) for name, change in served.items()}
    )
    names = {
        prompt,
        *graph.upstream(known_graph, {prompt}),
        *graph.downstream(known_graph, {prompt}),
    }
    order = graph.affected(known_graph, names).producers
    since = (c for c in moves if moment(c.at) > time and c.release in names)
    return Chain(
        label, time, tuple(served[p] for p in order if p in names & served.keys()), tuple(since)
    )


def times_of(changes: Iterable[Change], prompt: str, label: str, digest: str) -> list[datetime]:
    """When a label began to serve a content, oldest first; a digest may be cut short.

    Raises:
        NotServed: it never did.

    """
    wanted = digest if digest.startswith("sha256:") else f"sha256:{digest}"
    found = [
        moment(change.at)
        for change in changes
        if (change.release, change.label) == (prompt, label)
        and change.digest
        and change.digest.startswith(wanted)
    ]
    if not found:
        raise NotServed(f"{label} of {prompt} has never served {digest}")
    return sorted(found)


def _in_force(moves: Sequence[Change], time: datetime) -> Mapping[str, Change]:
    result: dict[str, Change] = {}
    for change in moves:
        if moment(change.at) > time:
            continue
        if change.kind == WITHDRAWAL:
            result.pop(change.release, None)
        else:
            result[change.release] = change
    return result


def _when(change: Change) -> tuple[datetime, int, bool]:
    return moment(change.at), change.revision, change.kind == WITHDRAWAL
