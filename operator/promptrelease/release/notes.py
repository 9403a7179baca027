"""What people are told, as Kubernetes Events, when a status changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promptrelease.release.model import LabelStatus, ReleaseStatus, VersionStatus, config_map_name
from promptrelease.release.plan import ApplyConfigMap, Move

_WORD = {
    "Promotion": "Promoted",
    "Rollback": "RolledBack",
    "Follow": "Followed",
    "Withdrawal": "Withdrawn",
}


@dataclass(frozen=True, slots=True)
class Note:
    """An Event to be: ``type`` is Normal or Warning, ``reason`` one CamelCase word."""

    type: str
    reason: str
    message: str


def of_release(
    before: ReleaseStatus, after: ReleaseStatus, moves: tuple[Move, ...]
) -> Iterator[Note]:
    """A note for each move, for each move newly held back, and for each new obstacle."""
    for move in moves:
        yield Note("Normal", _WORD[move.kind], _moved(move))
    for name, label in sorted(after.labels.items()):
        pending = label.pending
        if pending is not None and pending != before.labels.get(name, LabelStatus()).pending:
            wish = f"{name} stays, v{pending.version} waits for: {'; '.join(pending.waiting_for)}"
            yield Note("Warning", "MoveHeld", wish)
        yield from _fixed(name, before.labels.get(name, LabelStatus()), label)
    stalled = {c.type: c for c in before.conditions}.get("Stalled")
    for condition in after.conditions:
        told = stalled is not None and stalled.message == condition.message
        if condition.type == "Stalled" and condition.status == "True" and not told:
            yield Note("Warning", "Stalled", condition.message)


def _fixed(name: str, before: LabelStatus, after: LabelStatus) -> Iterator[Note]:
    """A note that some containers can't follow a move, when others did not before."""
    never = after.consumers.never if after.consumers is not None else ()
    if never and (before.consumers is None or before.consumers.never != never):
        who = ", ".join(f"{f.pod} ({f.container}: {f.reason})" for f in never)
        yield Note(
            "Warning",
            "NotRefreshable",
            f"{name} does not reach containers that take it in by subPath or as environment "
            f"variables, until they are restarted: {who}; mount the whole ConfigMap instead",
        )


def of_version(before: VersionStatus, after: VersionStatus) -> Iterator[Note]:
    """A note when a version turns out invalid, or other things are wrong with it than before."""
    valid = after.valid
    told = valid is not None and before.valid is not None and before.valid.message == valid.message
    if valid is not None and valid.status == "False" and not told:
        yield Note("Warning", valid.reason, valid.message)


def of_repair(release: str, step: ApplyConfigMap) -> Note:
    """A note that somebody else's change to a ConfigMap was undone."""
    name = config_map_name(release, step.label)
    if step.replaces is None:
        what = "was deleted"
    else:
        by = f" by {step.replaces.editor}" if step.replaces.editor else ""
        what = f"was changed{by}"
    return Note(
        "Warning",
        "DriftRepaired",
        f"ConfigMap {name} {what} and is back at v{step.served.version}; "
        f"to serve something else, edit spec.labels.{step.label}",
    )


def _moved(move: Move) -> str:
    before = "nothing" if move.before is None else f"v{move.before}"
    after = "nothing" if move.to is None else f"v{move.to.version}"
    why = f": {move.to.reason}" if move.to is not None and move.to.reason else ""
    by = f" (by {move.to.by})" if move.to is not None and move.to.by else ""
    return f"{move.label} moved from {before} to {after}{why}{by}"
