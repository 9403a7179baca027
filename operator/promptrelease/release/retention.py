"""Which versions nothing needs any more.

A version is needed while a label serves it, wants it or may roll back to it, while another version
takes its text in, and while it is the highest one. Of the rest, policies keep the newest and the
young ones. Policies that match add up: the one that keeps most decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from promptrelease.release.model import LabelStatus, Release, ReleaseStatus, Version, View
from promptrelease.release.policy import Policy, Retention
from promptrelease.release.times import moment

MAX_DELETED = 20
"""Deletions in one turn."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Versions that may go, lowest first; ``again`` is when there will be one more."""

    versions: tuple[Version, ...] = ()
    dry_run: bool = True
    again: datetime | None = None


def judge(view: View, release: Release, status: ReleaseStatus, now: datetime) -> Verdict:
    """Say which versions of a prompt may be deleted.

    Args:
        view: everything known of the prompt.
        release: its release.
        status: as it will be written.
        now: an aware time.

    """
    demand = _sum(policy for policy in view.policies if policy.is_for(view.prompt))
    if demand is None:
        return Verdict()
    needed = {max(view.versions, default=0), *view.includers}
    needed |= {wanted.version for wanted in release.labels.values()}
    for label in status.labels.values():
        needed |= _needed_by(label)
    highest = sorted(view.versions, reverse=True)
    needed |= set(highest[: demand.keep])
    age = timedelta(days=demand.days)
    free = [
        (v, moment(v.created))
        for n, v in sorted(view.versions.items())
        if n not in needed and v.created
    ]
    return Verdict(
        versions=tuple(version for version, created in free if created + age <= now),
        dry_run=demand.dry_run,
        again=min((created + age for _, created in free if created + age > now), default=None),
    )


def _needed_by(label: LabelStatus) -> set[int]:
    needed = set(label.served.history) if label.served is not None else set()
    if label.pending is not None:
        needed.add(label.pending.version)
    return needed


def _sum(policies: Iterable[Policy]) -> Retention | None:
    demands = [policy.retention for policy in policies if policy.retention is not None]
    if not demands:
        return None
    return Retention(
        keep=max(demand.keep for demand in demands),
        days=max(demand.days for demand in demands),
        dry_run=any(demand.dry_run for demand in demands),
    )
