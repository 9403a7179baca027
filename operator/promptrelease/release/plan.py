"""What should be written for a prompt, given what is known of it.

``plan`` compares what is wanted (the release's spec), what may be served (the versions' verdicts
and the policies) and what is served (the ConfigMaps, or the release's status where a ConfigMap is
damaged or gone). It names the writes in two groups: ``serve`` is what workloads wait for,
``record`` is what tells people about it. Both are empty when there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from promptrelease.api.promptrelease import LATEST
from promptrelease.release import log, retention, scene, statuses
from promptrelease.release.evaluation import Question
from promptrelease.release.model import Change, Release, Retirement, Served, View
from promptrelease.release.moves import Outcome, claim, is_as_written, is_ours, outcomes
from promptrelease.release.steps import (
    ApplyConfigMap,
    AskSuite,
    DeleteConfigMap,
    DeleteVersion,
    Plan,
    Record,
    Serve,
    WriteChange,
    WriteReleaseStatus,
)
from promptrelease.release.times import timestamp

MAX_NUMBERS = 32

QUIET = timedelta(seconds=1)
"""How long a label must have been left alone before suites are asked about it."""


def plan(view: View, now: datetime) -> Plan:
    """Decide what to write.

    Args:
        view: everything known of the prompt.
        now: an aware time; it stamps moves and changed conditions, and policies look at it.

    """
    release = view.release
    if release is None:
        orphaned = (WriteChange(change) for change in _of_orphans(view, now))
        return Plan(record=(*orphaned, *statuses.of_versions(view, {}, now)))
    if release.deleting:
        return Plan()
    decided = tuple(outcomes(view, release, now))
    serve: tuple[Serve, ...] = (*_applies(view, release, decided), *_deletes(view, release))
    status = statuses.of_release(view, release, decided, now)
    verdict = retention.judge(view, release, status, now)
    if verdict.versions and verdict.dry_run:
        numbers = tuple(version.number for version in verdict.versions)
        status = replace(status, retirement=Retirement(len(numbers), numbers[:MAX_NUMBERS]))
    record: list[Record] = [WriteChange(change) for change in _changes(view, release, decided, now)]
    if status != release.status:
        record.append(WriteReleaseStatus(status))
    record += statuses.of_versions(view, status.labels, now)
    asked, later = _questions(view, decided, now)
    record += [AskSuite(question) for question in asked]
    if not verdict.dry_run and not serve:
        record += [DeleteVersion(v) for v in verdict.versions[: retention.MAX_DELETED]]
    times = [o.again for o in decided] + [verdict.again, later]
    again = min((time for time in times if time is not None), default=None)
    return Plan(serve, tuple(record), again)


def plan_serve(view: View, now: datetime) -> tuple[Serve, ...]:
    """Decide only what workloads wait for, without the time that the rest takes."""
    release = view.release
    if release is None or release.deleting:
        return ()
    decided = tuple(outcomes(view, release, now))
    return (*_applies(view, release, decided), *_deletes(view, release))


def untold(view: View) -> list[tuple[str, Served]]:
    """Labels that have moved, and whose pods nobody has told so."""
    release = view.release
    if release is None or release.deleting:
        return []
    return [
        (label, served)
        for label, config_map in sorted(view.config_maps.items())
        if (served := claim(release, config_map)) is not None
        and is_ours(config_map, release)
        and statuses.consumers(view, release, label, served) is None
    ]


def _applies(
    view: View, release: Release, decided: tuple[Outcome, ...]
) -> Iterator[ApplyConfigMap]:
    for o in decided:
        config_map = view.config_maps.get(o.label)
        if o.target is None or (config_map is not None and is_as_written(config_map, o.target)):
            continue
        version = view.versions.get(o.target.version)
        if version is None or version.verdict is None or version.verdict.digest != o.target.digest:
            continue
        entries = view.log.get(o.label, ())
        backlog: list[Change] = []
        if config_map is not None:
            backlog = log.unlogged(release.name, config_map, o.served, entries)
        elif o.served is None and (last := log.unended(entries)):
            # It ended when nobody looked, with its release.
            backlog = [log.of_end(last, by="", reason="its release was deleted", at=o.target.since)]
        yield ApplyConfigMap(
            o.label,
            o.target,
            version.name,
            replaces=config_map,
            drift=o.served is not None and o.target == o.served,
            backlog=tuple(change for change in backlog if change.revision != o.target.revision),
        )


def _deletes(view: View, release: Release) -> Iterator[DeleteConfigMap]:
    for config_map in statuses.leaving(view, release):
        served = claim(release, config_map)
        # What no status has noted yet would be forgotten, and its revision given out again; what
        # no log has would be lost.
        if served is None or (
            served.revision <= release.status.revision
            and not log.unlogged(
                release.name, config_map, served, view.log.get(config_map.label, ())
            )
        ):
            yield DeleteConfigMap(config_map)


def _changes(
    view: View, release: Release, decided: tuple[Outcome, ...], now: datetime
) -> Iterator[Change]:
    """Moves and withdrawals that nobody has written down."""
    served = {o.label: o.served for o in decided}
    for label, config_map in sorted(view.config_maps.items()):
        if is_ours(config_map, release):
            what = served.get(label, claim(release, config_map))
            yield from log.unlogged(release.name, config_map, what, view.log.get(label, ()))
    for label, entries in sorted(view.log.items()):
        if label == LATEST or label in release.labels or label in view.config_maps:
            continue
        if last := log.unended(entries):
            by, reason = release.withdrawn_by.get(label, ""), release.withdrawal_reason
            yield log.of_end(last, by=by, reason=reason, at=timestamp(now))


def _questions(
    view: View, decided: tuple[Outcome, ...], now: datetime
) -> tuple[list[Question], datetime | None]:
    """What suites are to be asked now; and if there is more, when: what moves together waits."""
    held = {o.label: o.unasked for o in decided}
    found: dict[str, Question] = {}
    later: list[datetime] = []
    for label, on_label in sorted((view.scenes or {}).items()):
        asked = [*held.get(label, ()), *scene.unasked_on_move(on_label, view.prompt)]
        quiet = on_label.quiet_since + QUIET
        if asked and now < quiet:
            later.append(quiet)
            continue
        found |= {question.name: question for question in asked}
    return list(found.values()), min(later, default=None)


def _of_orphans(view: View, now: datetime) -> Iterator[Change]:
    """Moves that nobody had written down when their release went, and the end of the last ones."""
    for label, config_map in sorted(view.config_maps.items()):
        if config_map.owner and config_map.authentic:
            entries = view.log.get(label, ())
            yield from log.unlogged(view.prompt, config_map, config_map.served, entries)
    for label, entries in sorted(view.log.items()):
        if label not in view.config_maps and (last := log.unended(entries)):
            yield log.of_end(last, by="", reason="its release was deleted", at=timestamp(now))
