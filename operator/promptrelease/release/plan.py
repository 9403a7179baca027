"""What should be written for a prompt, given what is known of it.

``plan`` compares what is wanted (the release's spec), what may be served (the versions'
verdicts) and what is served (the ConfigMaps, or the release's status where a ConfigMap is
damaged or gone). It names the writes in two groups: ``serve`` is what workloads wait for,
``record`` is what tells people about it. Both are empty when there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from promptrelease.api.promptrelease import LATEST, MAX_SERVED
from promptrelease.release import conditions
from promptrelease.release.consumers import Consumers
from promptrelease.release.model import (
    ConfigMap,
    LabelStatus,
    Pending,
    Release,
    ReleaseStatus,
    Served,
    Version,
    VersionStatus,
    View,
    Wanted,
)

HEALS = frozenset({"IncludeMissing"})
"""What can be wrong with a version and right again without anybody changing their mind."""


@dataclass(frozen=True, slots=True)
class ApplyConfigMap:
    """Write a ConfigMap whole.

    Attributes:
        replaces: the ConfigMap as it was when this was decided; none when it must be new.
        drift: whether somebody else's edit or deletion is undone.

    """

    label: str
    served: Served
    version: str
    replaces: ConfigMap | None
    drift: bool = False


@dataclass(frozen=True, slots=True)
class DeleteConfigMap:
    """Remove the ConfigMap of a withdrawn label, if it still is the one that was seen."""

    config_map: ConfigMap


@dataclass(frozen=True, slots=True)
class WriteReleaseStatus:
    """Write a release's status whole, and tell the moves that it makes known."""

    status: ReleaseStatus
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteVersionStatus:
    """Write a version's status whole."""

    version: Version
    status: VersionStatus


@dataclass(frozen=True, slots=True)
class Move:
    """A label that serves something else than before.

    Attributes:
        kind: Promotion, Rollback, Follow (latest, by itself) or Withdrawal.
        to: none for a withdrawal; ``before``: none for a first move.

    """

    kind: str
    label: str
    before: int | None
    to: Served | None


Serve = ApplyConfigMap | DeleteConfigMap
Record = WriteReleaseStatus | WriteVersionStatus


@dataclass(frozen=True, slots=True)
class Plan:
    """Writes, in order."""

    serve: tuple[Serve, ...] = ()
    record: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided about one label.

    Attributes:
        served: what is served until the next write.
        target: what should be served; none where the ConfigMap must be left alone.
        pending: a move that is held back.
        problem: what keeps the label from where it should be; empty when nothing does.
        lasting: whether somebody must act before that can end.

    """

    label: str
    served: Served | None
    target: Served | None
    pending: Pending | None = None
    problem: str = ""
    lasting: bool = False


def plan(view: View, now: datetime) -> Plan:
    """Decide what to write.

    Args:
        view: everything known of the prompt.
        now: an aware time; it stamps moves and changed conditions and decides nothing here.

    """
    release = view.release
    if release is None:
        return Plan(record=tuple(_version_statuses(view, {}, now)))
    if release.deleting:
        return Plan()
    outcomes = tuple(_outcomes(view, release, now))
    serve: tuple[Serve, ...] = (*_applies(view, outcomes), *_deletes(view, release))
    served = {o.label: o.served for o in outcomes if o.served is not None}
    record: list[Record] = []
    status = _release_status(view, release, outcomes, now)
    if status != release.status:
        record.append(WriteReleaseStatus(status, tuple(_moves(release.status, status))))
    record += _version_statuses(view, served, now)
    return Plan(serve, tuple(record))


def plan_serve(view: View, now: datetime) -> tuple[Serve, ...]:
    """Decide only what workloads wait for, without the time that the rest takes."""
    if view.release is None or view.release.deleting:
        return ()
    outcomes = tuple(_outcomes(view, view.release, now))
    return (*_applies(view, outcomes), *_deletes(view, view.release))


def timestamp(now: datetime) -> str:
    """RFC 3339 in UTC, to the second, as Kubernetes writes times."""
    return now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_ours(config_map: ConfigMap, release: Release) -> bool:
    """Whether a release may write to a ConfigMap: it owns it, or it was ours and nobody does.

    One that lost its owner, as after ``kubectl delete --cascade=orphan``, is taken up again, if
    its annotations tell what we once served there.
    """
    orphan = not config_map.owner and config_map.served is not None
    return config_map.owner == release.uid or orphan


def _outcomes(view: View, release: Release, now: datetime) -> Iterator[Outcome]:
    revision = _highest_revision(view, release)
    for label, wanted in _wanted(view, release):
        outcome = _outcome(view, release, label, wanted, revision + 1, now)
        if outcome.target is not None:
            revision = max(revision, outcome.target.revision)
        yield outcome


def _wanted(view: View, release: Release) -> Iterator[tuple[str, Wanted | None]]:
    """Every label and where it is wanted, latest at the end; it stays when no version is left."""
    yield from sorted(release.labels.items())
    if view.versions:
        yield LATEST, Wanted(max(view.versions), reason="")
    elif _what_is_served(view, release, LATEST):
        yield LATEST, None


def _highest_revision(view: View, release: Release) -> int:
    on_cluster = (cm.served.revision for cm in view.config_maps.values() if cm.served is not None)
    return max((release.status.revision, *on_cluster))


def _outcome(
    view: View, release: Release, label: str, wanted: Wanted | None, revision: int, now: datetime
) -> Outcome:
    served = _what_is_served(view, release, label)
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


def _what_is_served(view: View, release: Release, label: str) -> Served | None:
    """The ConfigMap says so, unless it is damaged or was put back to something older."""
    known = release.status.labels.get(label, LabelStatus()).served
    written = view.written.get(label)
    if written is not None and (known is None or written.revision > known.revision):
        known = written  # and the status is on its way
    config_map = view.config_maps.get(label)
    if config_map is None or config_map.served is None or not is_ours(config_map, release):
        return known
    if known is not None and config_map.served.revision <= known.revision:
        return known
    # A higher revision is ours that no status tells of yet, after a crash; or somebody's claim.
    return known if config_map.editor else config_map.served


def _move(
    view: View, release: Release, outcome: Outcome, wanted: Wanted, revision: int, now: datetime
) -> Outcome:
    """Where the label goes: to what is wanted, or nowhere, and why."""
    label, served = outcome.label, outcome.served
    version = view.versions.get(wanted.version)
    same = served is not None and served.version == wanted.version
    if version is None:
        if same:
            return outcome
        return _hold(view, outcome, wanted, "which does not exist", lasting=False)
    if version.verdict is None:
        if same:
            return outcome
        return _hold(view, outcome, wanted, "which is being checked", lasting=False)
    if not version.verdict.valid:
        if same:
            return outcome
        why = "; ".join(problem.message for problem in version.verdict.problems)
        heals = all(problem.reason in HEALS for problem in version.verdict.problems)
        return _hold(view, outcome, wanted, f"which is invalid: {why}", lasting=not heals)
    if same and served is not None:
        if served.digest == version.verdict.digest:
            return outcome
        if label != LATEST and served.reason == wanted.reason:
            return _hold(
                view,
                outcome,
                wanted,
                "which was deleted and created again with other content: "
                "give a new reason to serve it",
                lasting=True,
            )
    history = served.history if served is not None else ()
    target = Served(
        version=wanted.version,
        digest=version.verdict.digest,
        revision=revision,
        since=timestamp(now),
        reason=wanted.reason,
        by=wanted.by,
        history=(wanted.version, *(v for v in history if v != wanted.version))[:MAX_SERVED],
    )
    return replace(outcome, target=target)


def _hold(view: View, outcome: Outcome, wanted: Wanted, why: str, *, lasting: bool) -> Outcome:
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


def is_as_written(config_map: ConfigMap, served: Served) -> bool:
    """Whether a ConfigMap is, to the byte, what we wrote for this."""
    return (
        config_map.intact and config_map.served == served and config_map.checksum == served.checksum
    )


def _applies(view: View, outcomes: tuple[Outcome, ...]) -> Iterator[ApplyConfigMap]:
    for o in outcomes:
        config_map = view.config_maps.get(o.label)
        if o.target is None or (config_map is not None and is_as_written(config_map, o.target)):
            continue
        version = view.versions.get(o.target.version)
        if version is None or version.verdict is None or version.verdict.digest != o.target.digest:
            continue
        yield ApplyConfigMap(
            o.label,
            o.target,
            version.name,
            replaces=config_map,
            drift=o.served is not None and o.target == o.served,
        )


def _deletes(view: View, release: Release) -> Iterator[DeleteConfigMap]:
    for config_map in _leaving(view, release):
        served = config_map.served
        # A revision that no status has noted yet would be forgotten, and given out again.
        if served is None or served.revision <= release.status.revision:
            yield DeleteConfigMap(config_map)


def _leaving(view: View, release: Release) -> Iterator[ConfigMap]:
    """ConfigMaps of labels that were withdrawn."""
    for label, config_map in sorted(view.config_maps.items()):
        if label != LATEST and label not in release.labels and is_ours(config_map, release):
            yield config_map


def _foreign(config_map: ConfigMap) -> str:
    whose = f"its owner has the UID {config_map.owner}" if config_map.owner else "it has no owner"
    return (
        f"ConfigMap {config_map.name} belongs to something else ({whose}): "
        "delete or rename it, or wait until it is garbage-collected"
    )


def _release_status(
    view: View, release: Release, outcomes: tuple[Outcome, ...], now: datetime
) -> ReleaseStatus:
    labels = {
        o.label: LabelStatus(o.served, o.pending, _consumers(view, release, o.label, o.served))
        for o in outcomes
        if o.served is not None or o.pending is not None
    }
    # A withdrawn label is still served as long as its ConfigMap is there.
    leaving = []
    for config_map in _leaving(view, release):
        label, served = config_map.label, config_map.served
        if served is not None:
            labels[label] = LabelStatus(served, None, _consumers(view, release, label, served))
        if label in view.obstacles:
            leaving.append(view.obstacles[label].message)
    return ReleaseStatus(
        observed_generation=release.generation,
        revision=_highest_revision(view, release),
        labels=labels,
        conditions=conditions.of_release(
            [(o.label, o.served, o.problem, o.lasting) for o in outcomes],
            leaving,
            release.status.conditions,
            release.generation,
            timestamp(now),
        ),
    )


def untold(view: View) -> list[tuple[str, Served]]:
    """Labels that have moved, and whose pods nobody has told so."""
    if view.release is None or view.release.deleting:
        return []
    return [
        (label, config_map.served)
        for label, config_map in sorted(view.config_maps.items())
        if config_map.served is not None
        and is_ours(config_map, view.release)
        and _consumers(view, view.release, label, config_map.served) is None
    ]


def _consumers(view: View, release: Release, label: str, served: Served | None) -> Consumers | None:
    """Who was told of the move that led here; none when nobody has been."""
    known = release.status.labels.get(label, LabelStatus()).consumers
    for consumers in (view.consumers.get(label), known):
        if consumers is not None and served is not None and consumers.revision == served.revision:
            return consumers
    return None


def _moves(before: ReleaseStatus, after: ReleaseStatus) -> Iterator[Move]:
    for label in sorted(before.labels.keys() | after.labels.keys()):
        old = before.labels.get(label, LabelStatus()).served
        new = after.labels.get(label, LabelStatus()).served
        if new is None and old is not None:
            yield Move("Withdrawal", label, old.version, None)
        elif new is not None and (old is None or new.revision != old.revision):
            yield Move(_kind(label, old, new), label, None if old is None else old.version, new)


def _kind(label: str, old: Served | None, new: Served) -> str:
    if label == LATEST:
        return "Follow"
    returned = old is not None and new.version in old.history and new.version != old.version
    return "Rollback" if returned else "Promotion"


def _version_statuses(
    view: View, served: dict[str, Served], now: datetime
) -> Iterator[WriteVersionStatus]:
    for number, version in sorted(view.versions.items()):
        if version.verdict is None:
            continue
        labels = tuple(sorted(label for label, s in served.items() if s.version == number))
        valid = conditions.of_version(version.verdict, version.status.valid, timestamp(now))
        status = VersionStatus(version.verdict.digest, labels, valid)
        if status != version.status:
            yield WriteVersionStatus(version, status)
