"""Where each label goes: what is wanted, what may be, and what holds it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from promptrelease.api.promptrelease import LATEST
from promptrelease.release import gates, log
from promptrelease.release.evaluation import Member, Proposal, Question
from promptrelease.release.model import (
    Change,
    ConfigMap,
    LabelStatus,
    Pending,
    Release,
    Served,
    Verdict,
    Version,
    View,
    Wanted,
)
from promptrelease.release.times import timestamp

HEALS = frozenset({"IncludeMissing"})
"""What can be wrong with a version and right again without anybody changing their mind."""

_FAR = 2**53 - 1
_LEAP = 1_000_000
"""Moves that may be under way at once, with room to spare."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided about one label.

    Attributes:
        served: what is served until the next write.
        target: what should be served; none where the ConfigMap must be left alone.
        pending: a move that is held back.
        problem: what keeps the label from where it should be; empty when nothing does.
        lasting: whether somebody must act before that can end.
        again: when it may end by the clock alone.
        unasked: what suites must be asked for it to end.

    """

    label: str
    served: Served | None
    target: Served | None
    pending: Pending | None = None
    problem: str = ""
    lasting: bool = False
    again: datetime | None = None
    unasked: tuple[Question, ...] = ()


def outcomes(view: View, release: Release, now: datetime) -> Iterator[Outcome]:
    """Decide about every label, and about latest at the end."""
    revision = highest_revision(view, release)
    for label, wanted in _wanted(view, release):
        outcome = _outcome(view, release, label, wanted, revision + 1, now)
        if outcome.target is not None:
            revision = max(revision, outcome.target.revision)
        yield outcome


def proposal(view: View, label: str, now: datetime) -> Proposal | None:
    """The move that waits under a label, if it is one that may still come to pass.

    Args:
        view: with no scenes: what suites say is not asked here.
        label: which.
        now: an aware time.

    """
    release = view.release
    wanted = release.labels.get(label) if release is not None else None
    if release is None or wanted is None:
        return None
    outcome = _outcome(view, release, label, wanted, highest_revision(view, release) + 1, now)
    target, pending = outcome.target, outcome.pending
    version = view.versions.get(wanted.version)
    consumes = version.consumes if version is not None else ()
    policies = [policy for policy in view.policies if policy.governs(release.name, label)]
    suites = frozenset(name for policy in policies for name in policy.evaluations)
    if target is not None and target != outcome.served and not outcome.problem:
        member = Member(release.name, target.version, target.digest, consumes)
        return Proposal(member, True, suites)
    if pending is not None and pending.digest and not outcome.lasting:
        member = Member(release.name, pending.version, pending.digest, consumes)
        return Proposal(member, False, suites)
    return None


def highest_revision(view: View, release: Release) -> int:
    """The highest revision that was ever given out for this prompt, as far as is known."""
    found = [c.revision for cm in view.config_maps.values() if (c := claim(release, cm))]
    logged = view.logged_revision if _may_be_ours(release, view.logged_revision) else 0
    return max((release.status.revision, logged, *found))


def claim(release: Release, config_map: ConfigMap) -> Served | None:
    """What a ConfigMap says that it serves, as far as that can be true."""
    served = config_map.served
    return served if served is not None and _may_be_ours(release, served.revision) else None


def _may_be_ours(release: Release, revision: int) -> bool:
    """Whether we can have counted that far: from the last number that fits there is no next one."""
    return revision <= max(_FAR, release.status.revision + _LEAP)


def is_ours(config_map: ConfigMap, release: Release) -> bool:
    """Whether a release may write to a ConfigMap: it owns it, or it was ours and nobody does.

    One that lost its owner, as after ``kubectl delete --cascade=orphan``, is taken up again, if
    its annotations tell what we once served there.
    """
    orphan = not config_map.owner and config_map.served is not None
    return config_map.owner == release.uid or orphan


def is_as_written(config_map: ConfigMap, served: Served) -> bool:
    """Whether a ConfigMap is, to the byte, what we wrote for this."""
    return (
        config_map.intact and config_map.served == served and config_map.checksum == served.checksum
    )


def what_is_served(view: View, release: Release, label: str) -> Served | None:
    """The ConfigMap says so, unless it is damaged or was put back to something older."""
    known = release.status.labels.get(label, LabelStatus()).served
    if known is not None and not _may_be_ours(release, known.revision):
        known = None
    written = view.written.get(label)
    if written is not None and (known is None or written.revision > known.revision):
        known = written  # and the status is on its way
    config_map = view.config_maps.get(label)
    if config_map is None and known is not None:
        # The log may tell of its end, or of another move, before the status does.
        last = log.last_served(known, view.log.get(label, ()))
        return last if last is None or _may_be_ours(release, last.revision) else known
    claimed = claim(release, config_map) if config_map is not None else None
    if config_map is None or claimed is None or not is_ours(config_map, release):
        return known
    if known is not None and claimed.revision <= known.revision:
        # The same move, in files that an upgraded operator has written anew, says its own checksum.
        anew = replace(known, checksum=claimed.checksum)
        return anew if config_map.authentic and claimed == anew else known
    # A higher revision is ours that no status tells of yet, after a crash; or somebody's claim.
    return claimed if config_map.authentic else known


def _wanted(view: View, release: Release) -> Iterator[tuple[str, Wanted | None]]:
    """Every label and where it is wanted, latest at the end; it stays when no version is left."""
    yield from sorted(release.labels.items())
    if view.versions:
        yield LATEST, Wanted(max(view.versions), reason="")
    elif what_is_served(view, release, LATEST):
        yield LATEST, None


def _outcome(
    view: View, release: Release, label: str, wanted: Wanted | None, revision: int, now: datetime
) -> Outcome:
    served = what_is_served(view, release, label)
    config_map = view.config_maps.get(label)
    if config_map is not None and not is_ours(config_map, release):
        foreign = _foreign(config_map)
        pending = Pending(wanted.version, (foreign,)) if wanted else None
        return Outcome(label, served, None, pending, foreign, lasting=True)
    outcome = Outcome(label, served, served)
    if wanted is not None:
        outcome = _move(view, release, outcome, wanted, revision, now)
    if outcome.target == served and _is_settled(config_map, served):
        return outcome
    obstacle = view.obstacles.get(label)
    if obstacle is not None and not outcome.problem:
        pending = None
        if wanted is not None and outcome.target != served:
            pending = Pending(wanted.version, (obstacle.message,))
        return replace(outcome, pending=pending, problem=obstacle.message, lasting=obstacle.lasting)
    if outcome.target == served and served is not None and not outcome.problem:
        return _restorable(view, outcome, served, config_map)
    return outcome


def _move(
    view: View, release: Release, outcome: Outcome, wanted: Wanted, revision: int, now: datetime
) -> Outcome:
    """Where the label goes: to what is wanted, or nowhere, and why."""
    label, served = outcome.label, outcome.served
    version = view.versions.get(wanted.version)
    same = served is not None and served.version == wanted.version
    if version is None or version.verdict is None or not version.verdict.valid:
        return outcome if same else _not_servable(view, outcome, wanted, version)
    if same and served is not None:
        if served.digest == version.verdict.digest:
            return outcome
        if label != LATEST and served.reason == wanted.reason:
            return _hold_version(
                view,
                outcome,
                wanted,
                "which was deleted and created again with other content: "
                "give a new reason to serve it",
                lasting=True,
            )
    elif overtaken := _overtaken(outcome, wanted):
        return _hold(outcome, wanted, version.verdict, (overtaken,), lasting=True)
    return _through_gates(view, release, outcome, wanted, version, version.verdict, revision, now)


def _not_servable(view: View, outcome: Outcome, wanted: Wanted, version: Version | None) -> Outcome:
    if version is None:
        return _hold_version(view, outcome, wanted, "which does not exist", lasting=False)
    if version.verdict is None:
        return _hold_version(view, outcome, wanted, "which is being checked", lasting=False)
    why = "; ".join(problem.message for problem in version.verdict.problems)
    heals = all(problem.reason in HEALS for problem in version.verdict.problems)
    return _hold_version(view, outcome, wanted, f"which is invalid: {why}", lasting=not heals)


def _overtaken(outcome: Outcome, wanted: Wanted) -> str:
    """Why the move would overwrite somebody else's; empty when it would not.

    What equals the version that is asked for was left there by the move before.
    """
    if wanted.away_from in (None, wanted.version):
        return ""
    serves = outcome.served.version if outcome.served is not None else None
    if serves == wanted.away_from:
        return ""
    now = f"serves v{serves}" if serves is not None else "serves nothing"
    return (
        f"somebody to look at it again: the move is from v{wanted.away_from} to "
        f"v{wanted.version}, and {outcome.label} {now} by now. Set from to that, or leave it out"
    )


def _through_gates(
    view: View,
    release: Release,
    outcome: Outcome,
    wanted: Wanted,
    version: Version,
    verdict: Verdict,
    revision: int,
    now: datetime,
) -> Outcome:
    """The move, if the policies let it pass, or if the glass was broken for it."""
    label, served = outcome.label, outcome.served
    entries = view.log.get(label, ())
    if config_map := view.config_maps.get(label):
        waiting = log.unlogged(release.name, config_map, served, entries)
        if len(waiting) >= log.MAX_BACKLOG:
            why = f"its last {len(waiting)} moves to be written down in the change log"
            return _hold(outcome, wanted, verdict, (why,), lasting=False)
        entries = (*reversed(waiting), *entries)
    older = view.older.get(label, ())
    everything = (*entries, *older)
    returns = label != LATEST and log.has_served(everything, wanted.version, verdict.digest)
    answer = gates.Answer()
    if label != LATEST:
        candidate = gates.Candidate(
            prompt=release.name,
            label=label,
            version=wanted.version,
            digest=verdict.digest,
            mover=wanted.by,
            author=version.author,
            returns=returns,
        )
        others = (view.log.keys() | view.config_maps.keys()) - {label}
        changes = {label: entries, **{other: _changes(view, release, other) for other in others}}
        serving = view.config_maps.keys()
        answer = gates.ask(
            candidate,
            view.policies,
            view.approvals,
            changes,
            serving,
            now,
            None if view.scenes is None else view.scenes.get(label),
            older=older,
            with_suites=view.scenes is not None,
        )
    broken = ""
    if not answer.passed:
        glass = release.break_glass.get(label)
        if glass is not None and glass.version == wanted.version:
            broken = glass.reason
        if not broken or log.is_spent(everything, wanted.version, broken):
            held = _hold(outcome, wanted, verdict, answer.waits, lasting=answer.hopeless)
            return replace(held, again=answer.again, unasked=answer.unasked)
    kind = "Rollback" if returns else "Promotion"
    target = Served(
        version=wanted.version,
        digest=verdict.digest,
        revision=revision,
        since=timestamp(now),
        reason=wanted.reason,
        by=wanted.by,
        history=log.history(wanted.version, served, entries),
        kind="Follow" if label == LATEST else kind,
        before=served.version if served is not None else None,
        approvals=() if broken else answer.consents,
        evaluations=() if broken else answer.evaluations,
        break_glass=broken,
    )
    return replace(outcome, target=target)


def _changes(view: View, release: Release, label: str) -> tuple[Change, ...]:
    """What a label has served, newest first, be it written down or not yet."""
    entries = view.log.get(label, ())
    config_map = view.config_maps.get(label)
    if config_map is None or not is_ours(config_map, release):
        return entries
    served = what_is_served(view, release, label)
    return (*reversed(log.unlogged(release.name, config_map, served, entries)), *entries)


def _hold(
    outcome: Outcome, wanted: Wanted, verdict: Verdict, waits: tuple[str, ...], *, lasting: bool
) -> Outcome:
    texts = tuple(text[:1024] for text in waits[:32])
    pending = Pending(wanted.version, texts, verdict.digest)
    return replace(
        outcome, pending=pending, problem=f"waits for {'; '.join(texts)}", lasting=lasting
    )


def _hold_version(
    view: View, outcome: Outcome, wanted: Wanted, why: str, *, lasting: bool
) -> Outcome:
    waiting_for = f"PromptVersion {view.prompt}-v{wanted.version}, {why}"[:1024]
    pending = Pending(wanted.version, (waiting_for,))
    if outcome.label == LATEST:
        # Nobody asked for this move: it shows as pending, and the release stays ready.
        return replace(outcome, pending=pending)
    return replace(outcome, pending=pending, problem=f"waits for {waiting_for}", lasting=lasting)


def _restorable(
    view: View, outcome: Outcome, served: Served, config_map: ConfigMap | None
) -> Outcome:
    """The outcome, with a problem where the ConfigMap is damaged and its version is gone."""
    if config_map is not None and is_as_written(config_map, served):
        return outcome
    version = view.versions.get(served.version)
    if version is not None and version.verdict is not None:
        if version.verdict.digest == served.digest:
            return outcome
        why = "now has other content" if version.verdict.valid else "is no longer valid"
    else:
        why = "does not exist any more" if version is None else "is being checked"
    return replace(
        outcome,
        problem=f"its ConfigMap was edited or deleted, and can't be restored: PromptVersion "
        f"{view.prompt}-v{served.version} {why}",
        lasting=True,
    )


def _is_settled(config_map: ConfigMap | None, served: Served | None) -> bool:
    return config_map is not None and served is not None and is_as_written(config_map, served)


def _foreign(config_map: ConfigMap) -> str:
    whose = f"its owner has the UID {config_map.owner}" if config_map.owner else "it has no owner"
    return (
        f"ConfigMap {config_map.name} belongs to something else ({whose}): "
        "delete or rename it, or wait until it is garbage-collected"
    )
