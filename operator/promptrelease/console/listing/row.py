"""One prompt as a line of the list, made once for each change of it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from promptrelease.api.promptrelease import LATEST
from promptrelease.console.kube.known import Summary
from promptrelease.console.shown.waiting import Step, told
from promptrelease.release import wire
from promptrelease.views.look import overview
from promptrelease.views.look.overview import Health, Label
from promptrelease.views.move.moving import short

OK, WAIT, BAD, MUTED = "ok", "wait", "bad", "muted"
ANY, WAITING, TROUBLE, FINE = "", "waiting", "trouble", "fine"

TOLD = {
    overview.READY: (OK, "Fine"),
    overview.WAITING: (WAIT, "Waiting"),
    overview.STALLED: (BAD, "Needs somebody"),
    overview.UNSEEN: (BAD, "Not looked at yet"),
    overview.REEVALUATE: (WAIT, "Evaluate again"),
    overview.DELETING: (MUTED, "Being deleted"),
}
"""How the state of a prompt is told: a colour and words."""

NEW = (MUTED, "Not live yet")

_STAMPS = itertools.count(1)
_APPROVALS = re.compile(r"\d+ approvals? of ")


@dataclass(frozen=True, slots=True)
class Chip:
    """A label of a prompt.

    Attributes:
        serves: ``v6``, or ``nothing``.
        going: the version that it shall serve and does not; none where it is where it shall be.
        kind: ``ok``, ``wait``, ``bad`` or ``muted``.
        waits: for what: each a sentence in pieces.
        approval: whether it waits for somebody's approval.

    """

    name: str
    serves: str
    going: int | None
    kind: str
    waits: tuple[tuple[Step, ...], ...] = ()
    approval: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the list.

    Attributes:
        kind, state: how the prompt is: a colour, and words.
        message: what is wrong beyond what labels wait for.
        said: why the newest version exists.
        newest: its number; 0 where there is none.
        pods: that use any label, as far as the operator has told them of a move.
        behind: of these, how many were not told, or can't follow.
        moved: RFC 3339; empty when nothing ever did.
        text: all that a search looks into, in lower case.
        html: the line as it is shown; filled in by whoever shows it.
        stamp: of this very line; never the same twice.

    """

    name: str
    chips: tuple[Chip, ...]
    kind: str
    state: str
    message: str
    said: str
    model: str
    newest: int
    pods: int
    behind: int
    moved: str
    text: str
    html: list[Markup] = field(default_factory=list, compare=False)
    stamp: int = field(default_factory=lambda: next(_STAMPS), compare=False)

    @cached_property
    def shown(self) -> frozenset[str]:
        """Under which of the states that one can narrow the list to."""
        found = {ANY}
        found |= {WAITING} if self.kind == WAIT or self.approvals else set()
        found |= {TROUBLE} if self.kind == BAD else set()
        return frozenset(found | ({FINE} if self.kind == OK else set()))

    @cached_property
    def approvals(self) -> tuple[str, ...]:
        """Labels of which a move waits for somebody's approval."""
        return tuple(chip.name for chip in self.chips if chip.approval)


def row(name: str, raw: Mapping[str, Any] | None, versions: Mapping[int, Summary]) -> Row:
    """The line of a prompt.

    Args:
        name: the prompt's.
        raw: its release; none where only versions of it are there.
        versions: by number.

    """
    newest = versions[max(versions)] if versions else None
    release = wire.release(raw) if raw is not None else None
    labels = overview.labels(release) if release is not None else []
    found = overview.health(release) if release is not None else Health("")
    kind, state = TOLD.get(found.state, (BAD, found.state)) if release is not None else NEW
    numbers = {it.status.served.version for it in labels if it.status.served}
    served = [versions[number] for number in sorted(numbers, reverse=True) if number in versions]
    told_of = [*served, *([newest] if newest and newest not in served else [])]
    consumers = [it.status.consumers for it in labels if it.status.consumers]
    return Row(
        name=name,
        chips=tuple(_chip(label, found) for label in labels),
        kind=kind,
        state=state,
        message=_beside(found, labels),
        said=newest.message if newest else "",
        model=told_of[0].model if told_of else "",
        newest=newest.number if newest else 0,
        pods=sum(it.pods for it in consumers),
        behind=sum(max(it.pods - it.refreshed, len(it.never)) for it in consumers),
        moved=overview.moved(release) if release is not None else "",
        text="\n".join(_searched(name, labels, told_of)).casefold(),
    )


def _beside(health: Health, labels: Iterable[Label]) -> str:
    """What there is to say of a prompt's health that its labels don't tell."""
    waits = (wait for it in labels if it.status.pending for wait in it.status.pending.waiting_for)
    return "" if any(wait in health.message for wait in waits) else short(health.message)


def _chip(label: Label, health: Health) -> Chip:
    status = label.status
    waits = status.pending.waiting_for if status.pending else ()
    stalled = health.state == overview.STALLED and label.name != LATEST
    if stalled and any(wait in health.message for wait in waits):
        kind = BAD
    elif label.going is not None or label.withdrawn:
        kind = WAIT
    else:  # latest is not released: it is where it is
        kind = OK if status.served and label.name != LATEST else MUTED
    return Chip(
        label.name,
        f"v{status.served.version}" if status.served else "nothing",
        label.going,
        kind,
        tuple(tuple(told(wait)) for wait in waits),
        any(_APPROVALS.match(wait) for wait in waits),
    )


def _searched(name: str, labels: Iterable[Label], versions: Iterable[Summary]) -> Iterator[str]:
    yield name
    for label in labels:
        yield label.name
        if label.status.served is not None:
            yield f"{label.status.served.reason}\n{label.status.served.by}"
        if label.wanted is not None and label.going is not None:
            yield f"{label.wanted.reason}\n{label.wanted.by}"
    for version in versions:
        yield f"{version.message}\n{version.provider}/{version.model}\n{version.by}"
