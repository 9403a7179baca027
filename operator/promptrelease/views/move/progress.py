"""How far a move has come, as the release's status tells it."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.views.move.moving import history, short, status, version, wanted

Json = Mapping[str, Any]

OVERTAKEN = "somebody to look at it again"
"""How the operator begins to tell of a move that would overwrite another one."""


class Stage(enum.Enum):
    """Where a move is.

    ``HELD`` and ``LOST`` end by themselves only if somebody acts.
    """

    ASKED = "asked"
    WAITING = "waiting"
    SERVED = "served"
    DONE = "done"
    HELD = "held"
    LOST = "lost"


@dataclass(frozen=True)
class Goal:
    """What is waited for.

    Attributes:
        to: the version; none for a label that was withdrawn.
        generation: of the release, since it was asked for.
        before: lines that told of it before something was done about it that no generation counts,
            as an approval: as long as they stay the same, that may not have been heard of.

    """

    prompt: str
    label: str
    to: int | None
    generation: int = 0
    before: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far it has come, and what there is to say of it, one line each."""

    stage: Stage
    lines: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether waiting on makes no difference."""
        return self.stage in (Stage.DONE, Stage.HELD, Stage.LOST)


def progress(goal: Goal, release: Json | None) -> Progress:
    """Read a release."""
    if release is None:
        return Progress(Stage.LOST, (f"PromptRelease {goal.prompt} was deleted meanwhile",))
    asked = wanted(release, goal.label)
    if asked.get("version") != goal.to:
        who = f" by {asked['by']}" if asked.get("by") else ""
        why = f": {asked['reason']}" if asked.get("reason") else ""
        where = version(asked.get("version"))
        return Progress(Stage.LOST, (f"{goal.label} was set to {where} meanwhile{who}{why}",))
    if _observed(release) < goal.generation:
        return Progress(Stage.ASKED, ("waiting for the operator to look at it",))
    if goal.to is None:
        return _withdrawal(goal, release)
    its = status(release, goal.label)
    if its.get("version") == goal.to and not its.get("pending"):
        return _served(goal, its)
    waits = tuple(short(line) for line in (its.get("pending") or {}).get("waitingFor") or ())
    if any(line.startswith(OVERTAKEN) for line in waits):
        return Progress(Stage.LOST, waits)
    lines = tuple(f"waits for {line}" for line in waits)
    if _stalled(release, goal.label) and lines != goal.before:
        return Progress(Stage.HELD, lines or (_message(release, "Stalled"),))
    return Progress(Stage.WAITING if lines else Stage.ASKED, lines or ("not served yet",))


def pending(release: Json | None, label: str) -> dict[str, Any]:
    """The move that waits on a label; empty when none does."""
    return dict(status(release, label).get("pending") or {})


def _observed(release: Json) -> int:
    return int((release.get("status") or {}).get("observedGeneration") or 0)


def _withdrawal(goal: Goal, release: Json) -> Progress:
    if not status(release, goal.label) and not history(release, goal.label):
        return Progress(Stage.DONE, (f"{goal.label} is withdrawn, and its ConfigMap is gone",))
    told = _message(release, "Withdrawing")
    return Progress(Stage.WAITING, (told or "its ConfigMap is being removed",))


def _served(goal: Goal, its: Json) -> Progress:
    line = f"{goal.label} serves v{goal.to} since {its.get('since')}, as revision " + str(
        its.get("revision")
    )
    consumers = its.get("consumers") or {}
    if consumers.get("revision") != its.get("revision"):
        return Progress(Stage.SERVED, (line, "telling the pods"))
    lines = [line]
    pods, told = consumers.get("pods", 0), consumers.get("refreshed", 0)
    if pods:
        lines.append(f"pods told: {told} of {pods}")
    elif not consumers.get("message"):
        lines.append("no pod that mounts it asks to be told")
    if consumers.get("message"):
        lines.append(str(consumers["message"]))
    lines += [
        f"pod {fixed['pod']}, container {fixed['container']}: shows the old content until it is "
        f"restarted ({fixed['reason']})"
        for fixed in consumers.get("never") or ()
    ]
    return Progress(Stage.DONE, tuple(lines))


def _condition(release: Json, kind: str) -> Json:
    found = (release.get("status") or {}).get("conditions") or ()
    return next((c for c in found if c["type"] == kind and c["status"] == "True"), {})


def _message(release: Json, kind: str) -> str:
    return short(str(_condition(release, kind).get("message", "")))


def _stalled(release: Json, label: str) -> bool:
    """Whether somebody must act before that label moves: the condition names the labels."""
    begins = rf"(?:^|; ){re.escape(label)} (?:stays at v\d+|is not served yet): "
    return bool(re.search(begins, str(_condition(release, "Stalled").get("message", ""))))
