"""Conditions, computed from what was decided and never edited by hand.

Ready, Reconciling and Stalled are read as kstatus reads them: Reconciling is "in progress",
Stalled is "failed until somebody acts", Ready is "every label serves what was asked for".
"""

from __future__ import annotations

from collections.abc import Sequence

from promptrelease.release.model import Condition, Served, Verdict

_MAX_MESSAGE = 4096

Labelled = tuple[str, "Served | None", str, bool]
"""Label, what it serves, what keeps it from more ("" when nothing does), whether that lasts."""


def of_release(
    labels: Sequence[Labelled],
    leaving: Sequence[str],
    unproven: Sequence[str],
    before: Sequence[Condition],
    generation: int,
    now: str,
) -> tuple[Condition, ...]:
    """Ready, Reconciling, Stalled; Withdrawing and NeedsReevaluation where that is so.

    Withdrawing: a withdrawn label is still in use. NeedsReevaluation: what this prompt consumes has
    moved, and no evaluation has passed for the two together. A label that nobody wants any more
    makes no release unready.

    Args:
        labels: what was decided about each.
        leaving: why withdrawn labels are still served, one text each.
        unproven: what moved upstream without an evaluation that covers it, one text each.
        before: the conditions so far.
        generation: of the spec that this is said of.
        now: RFC 3339.
    """
    problems = [label for label in labels if label[2]]
    stalled = [label for label in problems if label[3]]
    waiting = [label for label in problems if not label[3]]
    if stalled:
        reason = "Stalled"
    elif waiting:
        reason = "Reconciling"
    else:
        reason = "Served" if labels else "NothingToServe"
    ready = ", ".join(f"{name} {_serves(served)}" for name, served, *_ in labels)
    conditions = [
        ("Ready", not problems, reason, _told(problems) or ready or "no label is set"),
        # Stalled before Reconciling: kstatus goes by the first that is true.
        ("Stalled", bool(stalled), "ActionNeeded" if stalled else "NoObstacle", _told(stalled)),
        ("Reconciling", bool(waiting), "Waiting" if waiting else "Settled", _told(waiting)),
    ]
    if leaving:
        conditions.append(("Withdrawing", True, "StillMounted", "; ".join(leaving)))
    if unproven:
        conditions.append(("NeedsReevaluation", True, "UpstreamMoved", "; ".join(unproven)))
    known = {condition.type: condition for condition in before}
    return tuple(
        _condition(kind, holds, why, message, known.get(kind), generation, now)
        for kind, holds, why, message in conditions
    )


def of_version(verdict: Verdict, before: Condition | None, now: str) -> Condition:
    """Valid."""
    if verdict.valid:
        reason, message = "Valid", "it can be served"
    else:
        reason = verdict.problems[0].reason
        message = "; ".join(problem.message for problem in verdict.problems)
    # A version's spec never changes, so that its generation stays 1.
    return _condition("Valid", verdict.valid, reason, message, before, 1, now)


def of_chain(
    problem: tuple[str, str] | None, before: Condition | None, now: str
) -> Condition | None:
    """Chain: only where something is wrong with what a version consumes, or was."""
    if problem is not None:
        return _condition("Chain", False, *problem, before, 1, now)
    if before is None:
        return None
    return _condition("Chain", True, "Complete", "what it consumes is served", before, 1, now)


def _condition(
    kind: str,
    holds: bool,
    reason: str,
    message: str,
    before: Condition | None,
    generation: int,
    now: str,
) -> Condition:
    status = "True" if holds else "False"
    since = before.last_transition_time if before and before.status == status else now
    return Condition(kind, status, reason, message[:_MAX_MESSAGE], generation, since)


def _told(labels: Sequence[Labelled]) -> str:
    return "; ".join(f"{name} {_stays(served)}: {why}" for name, served, why, _ in labels)


def _serves(served: Served | None) -> str:
    return f"v{served.version}" if served else "not served"


def _stays(served: Served | None) -> str:
    return f"stays at v{served.version}" if served else "is not served yet"
