"""What people are told: the statuses of a release and of its versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from promptrelease.api.promptrelease import LATEST, MAX_LABELS
from promptrelease.release import conditions
from promptrelease.release.consumers import Consumers
from promptrelease.release.model import (
    ConfigMap,
    LabelStatus,
    Release,
    ReleaseStatus,
    Served,
    VersionStatus,
    View,
)
from promptrelease.release.moves import Outcome, claim, highest_revision, is_ours
from promptrelease.release.steps import WriteVersionStatus
from promptrelease.release.times import timestamp

MAX_INCLUDERS = 8


def of_release(
    view: View, release: Release, decided: tuple[Outcome, ...], now: datetime
) -> ReleaseStatus:
    """The status of a release, but for what its retention says."""
    labels = {
        o.label: LabelStatus(o.served, o.pending, consumers(view, release, o.label, o.served))
        for o in decided
        if o.served is not None or o.pending is not None
    }
    # A withdrawn label is still served as long as its ConfigMap is there; of more than a status can
    # hold, the rest shows when these are gone.
    still_there = []
    for config_map in leaving(view, release):
        label, served = config_map.label, claim(release, config_map)
        if served is not None and len(labels) <= MAX_LABELS:
            labels[label] = LabelStatus(served, None, consumers(view, release, label, served))
        if label in view.obstacles:
            still_there.append(view.obstacles[label].message)
    return ReleaseStatus(
        observed_generation=release.generation,
        revision=highest_revision(view, release),
        labels=labels,
        conditions=conditions.of_release(
            [(o.label, o.served, o.problem, o.lasting) for o in decided],
            still_there,
            [
                f"{label}: {', '.join(f'{m.prompt} moved to v{m.version}' for m in moved)} after "
                f"{release.name} did, and no evaluation has passed for them together"
                for label, moved in sorted(view.moved_upstreams.items())
            ],
            release.status.conditions,
            release.generation,
            timestamp(now),
        ),
    )


def of_versions(
    view: View, labels: Mapping[str, LabelStatus], now: datetime
) -> Iterator[WriteVersionStatus]:
    """The statuses of a prompt's versions that are not yet as they should be.

    Args:
        view: everything known of the prompt.
        labels: what the release's status says.
        now: an aware time, for conditions that change.

    """
    served = {label: it.served for label, it in labels.items() if it.served is not None}
    for number, version in sorted(view.versions.items()):
        if version.verdict is None:
            continue
        status = VersionStatus(
            digest=version.verdict.digest,
            labels=tuple(sorted(name for name, s in served.items() if s.version == number)),
            # Nobody rolls latest back.
            history=tuple(
                sorted(
                    name
                    for name, s in served.items()
                    if name != LATEST and number in s.history and number != s.version
                )
            ),
            included_by=view.includers.get(number, ())[:MAX_INCLUDERS],
            valid=conditions.of_version(version.verdict, version.status.valid, timestamp(now)),
            chain=conditions.of_chain(
                view.chain_problems.get(number), version.status.chain, timestamp(now)
            ),
        )
        if status != version.status:
            yield WriteVersionStatus(version, status)


def leaving(view: View, release: Release) -> Iterator[ConfigMap]:
    """ConfigMaps of labels that were withdrawn."""
    for label, config_map in sorted(view.config_maps.items()):
        if label != LATEST and label not in release.labels and is_ours(config_map, release):
            yield config_map


def consumers(view: View, release: Release, label: str, served: Served | None) -> Consumers | None:
    """Who was told of the move that led here; none when nobody has been."""
    known = release.status.labels.get(label, LabelStatus()).consumers
    for found in (view.consumers.get(label), known):
        if found is not None and served is not None and found.revision == served.revision:
            return found
    return None
