"""How far a move is, as the steps that it has to take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptrelease.console.acting.gates import APPROVALS, OTHER, SUITES, TIME, Gate, gate
from promptrelease.console.shown.waiting import Wait
from promptrelease.release.policy import Policy
from promptrelease.views.move import moving
from promptrelease.views.move.progress import Goal, Progress, Stage, pending

Json = Mapping[str, Any]

DONE, NOW, TO_COME, STOPPED = "done", "now", "to come", "stopped"
"""States of a step."""

_GATES = {TIME: "The right time", SUITES: "Evaluations", APPROVALS: "Approval"}


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: what it is, as it reads in its state.
        state: one of the four above.
        waits: what it waits for.
        notes: what else there is to say of it.
        kind: of a gate.

    """

    title: str
    state: str
    waits: tuple[Wait, ...] = ()
    notes: tuple[str, ...] = ()
    kind: str = ""


def steps(
    goal: Goal, release: Json | None, found: Progress, policies: Iterable[Policy]
) -> list[Step]:
    """The steps of a move, in their order.

    Args:
        goal: what is waited for.
        release: as it is; none when it is gone.
        found: how far it is, by the release's status.
        policies: of the namespace.

    """
    asked = moving.wanted(release, goal.label)
    by, why = asked.get("by"), asked.get("reason")
    note = (f"by {by}: " if by else "") + (why or "")
    first = Step("Asked for", DONE, notes=_notes([note] if goal.to is not None and note else []))
    if found.stage is Stage.LOST:
        return [first, Step("Overtaken", STOPPED, notes=_notes(found.lines))]
    seen = Step("Taken up", NOW if found.stage is Stage.ASKED else DONE)
    if goal.to is None:
        return [first, seen, _withdrawn(found)]
    waits = _waits(release, goal) if found.stage in (Stage.WAITING, Stage.HELD) else ()
    served = found.stage in (Stage.SERVED, Stage.DONE)
    gates = (
        list(_passed(moving.status(release, goal.label)))
        if served
        else list(_gates(waits, _asked_for(goal, release, policies), found))
    )
    return [
        first,
        seen,
        *gates,
        Step(f"Live on {goal.label}" if served else f"To be live on {goal.label}", _state(served)),
        _pods(found),
    ]


def _state(done: bool) -> str:
    return DONE if done else TO_COME


def _waits(release: Json | None, goal: Goal) -> tuple[Gate, ...]:
    texts = pending(release, goal.label).get("waitingFor") or ()
    return tuple(gate(text, goal.prompt, goal.label, goal.to or 0) for text in texts)


def _asked_for(goal: Goal, release: Json | None, policies: Iterable[Policy]) -> set[str]:
    """Kinds of gates that stand in the way; a way back passes those that let it."""
    returns = goal.to in moving.history(release, goal.label)
    kinds = set()
    for policy in policies:
        if not policy.governs(goal.prompt, goal.label) or (returns and not policy.gates_rollbacks):
            continue
        if policy.evaluations:
            kinds.add(SUITES)
        if policy.approvals is not None:
            kinds.add(APPROVALS)
        if policy.served_from is not None:
            kinds.add(TIME)
    return kinds


def _gates(waits: Sequence[Gate], asked: set[str], found: Progress) -> Iterator[Step]:
    for kind, title in _GATES.items():
        of_kind = tuple(wait for wait in waits if wait.kind == kind)
        if of_kind:
            state = STOPPED if any(wait.refused for wait in of_kind) else NOW
            yield Step(title, state, tuple(it.wait for it in of_kind), kind=kind)
        elif kind in asked:
            looked = found.stage is not Stage.ASKED
            # Passed, or nothing of the kind is asked of this move: the status does not tell which.
            told = f"{title}: nothing is missing" if looked else title
            yield Step(told, DONE if looked else TO_COME, kind=kind)
    others = tuple(wait for wait in waits if wait.kind == OTHER)
    if others:
        yield Step(
            "In the way",
            STOPPED if found.stage is Stage.HELD else NOW,
            tuple(it.wait for it in others),
        )


def _passed(status: Json) -> Iterator[Step]:
    """What a move that is made has passed on."""
    if status.get("evaluations"):
        count = len(status["evaluations"])
        note = f"{count} of {count} passed"
        yield Step("Evaluations passed", DONE, notes=_notes([note]), kind=SUITES)
    if status.get("approvals"):
        who = ", ".join(str(one.get("by") or one["name"]) for one in status["approvals"])
        yield Step("Approved", DONE, notes=_notes([f"by {who}"]), kind=APPROVALS)
    if status.get("breakGlass"):
        yield Step("Went past its checks", DONE, notes=_notes([str(status["breakGlass"])]))


def _pods(found: Progress) -> Step:
    if found.stage is Stage.DONE:
        # The first line says since when it is served, as which revision.
        return Step("Told to everything that runs it", DONE, notes=_notes(found.lines[1:]))
    state = NOW if found.stage is Stage.SERVED else TO_COME
    return Step("To be told to everything that runs it", state)


def _withdrawn(found: Progress) -> Step:
    done = found.stage is Stage.DONE
    title = "Withdrawn" if done else "To be withdrawn when nothing runs it any more"
    state = DONE if done else NOW if found.stage is Stage.WAITING else TO_COME
    return Step(title, state, notes=_notes(found.lines if state != TO_COME else ()))


def _notes(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line[:1].upper() + line[1:] for line in lines)
