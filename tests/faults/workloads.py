"""What an operator is in the middle of when something goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from faults.desk import Desk
from faults.edits import (
    P,
    approve,
    create_release,
    delete_config_map,
    edit_config_map,
    is_retained,
    is_upgraded,
    is_withdrawn,
    needs_staging,
    new_version,
    promote,
    promote_all,
    promote_and_edit,
    promote_and_run,
    promote_step_by_step,
    promoted,
    retain,
    roll_back,
    served,
    serves,
    spare_versions,
    there_and_back,
    two_versions,
    upgrade,
    waits_for_approval,
    waits_for_suite,
    withdraw,
)
from faults.observer import Event
from faults.operators import Kept
from harness.api import (
    APPROVALS,
    EVALUATIONS,
)

OLD_FORMAT = 0


@dataclass(frozen=True)
class Gate:
    """A content that may be served only after something has happened.

    Attributes:
        opens: whether an event is what must have come before.
        what: the same in words.

    """

    label: str
    version: int
    opens: Callable[[Event], bool]
    what: str


@dataclass(frozen=True)
class Workload:
    """Some work for the operator.

    Attributes:
        prepare: brings the namespace to where the work begins, with the operator running.
        act: what people do then, and the cluster, where the operator waits for it.
        done: whether that is served and told of; the last writes may be on their way.
        old: whether the operator of an earlier format runs until ``act`` replaces it.
        spare: writes of one object that may be needed beyond a clean run's: where a repair has two
            steps, each crash between them repeats the first; where moves follow each other, how
            many of them one status tells of is a matter of time.

    """

    name: str
    prepare: Callable[[Desk], Awaitable[None]]
    act: Callable[[Desk, Kept], Awaitable[None]]
    done: Callable[[Desk], bool]
    gates: tuple[Gate, ...] = ()
    old: bool = False
    spare: int = 0


def appears(resource: str, *, passed: bool = False) -> Callable[[Event], bool]:
    """An object of that kind; an evaluation once it has passed."""

    def opens(event: Event) -> bool:
        phase = event.object.get("status", {}).get("phase")
        return event.resource == resource and (not passed or phase == "Passed")

    return opens


def is_staged(event: Event) -> bool:
    its = event.object.get("metadata", {}).get("labels", {})
    return event.name == f"{P}.staging" and its.get("promptrelease.dev/version") == "3"


WORKLOADS = (
    Workload("first release", two_versions, create_release, serves(1)),
    Workload("promotion", served, promote, serves(2)),
    Workload("promotion of three labels", served, promote_all, serves(3)),
    Workload("rollback", promoted, roll_back, serves(1)),
    Workload("three moves in a row", served, there_and_back, serves(2), spare=3),
    Workload("withdrawal", served, withdraw, is_withdrawn),
    Workload("drift repair, edited", promoted, edit_config_map, serves(2), spare=2),
    Workload("drift repair, deleted", promoted, delete_config_map, serves(2)),
    Workload("edit after a promotion", served, promote_and_edit, serves(2), spare=2),
    Workload("latest follows", served, new_version, serves(9, "latest")),
    Workload(
        "gated promotion",
        waits_for_suite,
        promote_and_run,
        serves(2),
        (Gate("production", 2, appears(EVALUATIONS, passed=True), "a passed evaluation"),),
    ),
    Workload(
        "time on staging",
        needs_staging,
        promote_step_by_step,
        serves(3),
        (Gate("production", 3, is_staged, "its time on staging"),),
    ),
    Workload(
        "approval",
        waits_for_approval,
        approve,
        serves(2),
        (Gate("production", 2, appears(APPROVALS), "an approval"),),
    ),
    Workload("retention", spare_versions, retain, is_retained),
    Workload("upgrade of the operator", served, upgrade, is_upgraded, old=True),
)
