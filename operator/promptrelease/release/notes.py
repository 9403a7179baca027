"""What people are told, as Kubernetes Events, when a status changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promptrelease.release.evaluation import PASSED, Evaluation, EvaluationStatus
from promptrelease.release.model import (
    Change,
    LabelStatus,
    ReleaseStatus,
    VersionStatus,
    config_map_name,
)
from promptrelease.release.steps import ApplyConfigMap

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


def of_change(change: Change) -> Iterator[Note]:
    """A note that a label has moved, and a warning when its gates were skipped."""
    before = "nothing" if change.before is None else f"v{change.before}"
    after = "nothing" if change.to is None else f"v{change.to}"
    why = f": {change.reason}" if change.reason else ""
    by = f" (by {change.by})" if change.by else ""
    text = f"{change.label} moved from {before} to {after}{why}{by}"
    yield Note("Normal", _WORD.get(change.kind, change.kind), text)
    if change.break_glass:
        yield Note(
            "Warning",
            "GlassBroken",
            f"{change.label} went to {after} past its gates{by}: {change.break_glass}",
        )


def of_deletion(name: str) -> Note:
    """A note that a version was deleted because nothing needed it."""
    return Note("Normal", "VersionDeleted", f"PromptVersion {name}: no label needs it any more")


def of_refused_deletion(name: str, why: str) -> Note:
    """A note that a policy's retention can't be kept to."""
    return Note("Warning", "VersionNotDeleted", f"PromptVersion {name} can't be deleted: {why}")


def of_evaluation(evaluation: Evaluation, status: EvaluationStatus) -> Note:
    """A note that an evaluation is at its end."""
    versions = ", ".join(f"{m.prompt} v{m.version}" for m in evaluation.candidate)
    kind = "Normal" if status.phase == PASSED else "Warning"
    return Note(kind, status.phase, f"{evaluation.suite} on {versions}: {status.message}")


def of_forgery(name: str) -> Note:
    """A note that the log has something else where our entry should be."""
    return Note(
        "Warning",
        "LogMismatch",
        f"PromptChange {name} was there before and says something else; it is left as it is",
    )


def of_release(before: ReleaseStatus, after: ReleaseStatus) -> Iterator[Note]:
    """A note for each move that is newly held back, and for each new obstacle."""
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
