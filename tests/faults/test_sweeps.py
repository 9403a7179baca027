"""An operator that is killed, cut off, late or misled at every moment there is.

For each workload a clean run is recorded; then it is played again with a fault at one moment. The
end must be the clean run's, each content that was ever served must be in the log exactly once, no
write may be made without need, and at no moment may a ConfigMap have been gone, torn, or of a
version that nobody wanted or no gate had let through. PROMPTRELEASE_SWEEP=full plays every moment,
else a few are.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.observer import PREFIXES
from faults.plans import AFTER, BEFORE, Doubled, Lag, Lost, Past, Snapshot, Strike
from faults.scene import Scene
from faults.stage import Loop, Played, Stage
from faults.sweep import FULL, Plan, clean, play, spread
from faults.workloads import WORKLOADS, Workload

LATE_SECONDS = 1.0
PAST_SECONDS = 1.5
FEW = 2  # plans of a kind for a workload, in a sample
MOST = 8  # and where there are more of them than a sweep has time for
# The others are for the full sweep.
CHOSEN = WORKLOADS if FULL else [w for w in WORKLOADS if w.name == "promotion"]
BY_NAME = pytest.mark.parametrize("workload", CHOSEN, ids=lambda workload: workload.name)


def moments(played: Played) -> Iterator[tuple[int, str]]:
    """Right before and right after each write."""
    for number in range(1, len(played.writes) + 1):
        yield number, BEFORE
        yield number, AFTER


def kill(number: int, when: str, *again: tuple[int, str]) -> Plan:
    """Kill the operator at a write; and its successors, each at a write of its own."""
    what = ", ".join(f"killed {when} write {number}" for number, when in ((number, when), *again))

    def make(scene: Scene) -> Strike:
        then = None
        for n, w in reversed(again):
            then = Strike(n, w, scene.kill, then)
        return Strike(number, when, scene.kill, then)

    return Plan(what, make)


def hand_over(number: int, when: str, *again: tuple[int, str]) -> Plan:
    """Kill who leads at a write, and whoever takes over at a write of theirs."""
    blows = ((number, when), *again)
    what = ", ".join(f"leader killed {when} write {number}" for number, when in blows)

    def make(scene: Scene) -> Strike:
        seats = [scene.leader, *scene.others]

        def strike(turn: int) -> Strike:
            def blow() -> None:
                seats[turn % 2].kill()
                if turn + 1 < len(blows):
                    seats[(turn + 1) % 2].gate.follow(strike(turn + 1))

            return Strike(*blows[turn], blow)

        return strike(0)

    return Plan(what, make)


def reset(number: int, when: str) -> Plan:
    """Cut the connection at a write, so that nobody knows whether it was made."""
    return Plan(f"reset {when} write {number}", lambda _: Strike(number, when))


def past(at: int, seen: int) -> Plan:
    """Kill at a write, and show the successor the cluster as it was some writes before."""

    def make(scene: Scene) -> Snapshot:
        then = Past(set(PREFIXES), PAST_SECONDS)
        return Snapshot(at, AFTER, scene.kill, then, at=seen, past=then)

    return Plan(f"killed after write {at}, shown what was after write {seen}", make)


def late(*kinds: str) -> Plan:
    """Keep the events of some kinds back for a while."""
    return Plan(f"{', '.join(kinds)} late", lambda _: Lag(kinds, LATE_SECONDS))


def lost(number: int) -> Plan:
    """Keep one event from the operator; later the watch ends, as too old."""
    return Plan(f"event {number} lost", lambda _: Lost(number, LATE_SECONDS))


def doubled(number: int) -> Plan:
    """Send one event twice, and the one before it after it."""
    return Plan(f"event {number} doubled", lambda _: Doubled(number))


@BY_NAME
def test_killed(stage: Stage, running: Loop, workload: Workload) -> None:
    good = clean(stage, running, workload)
    plans = [kill(number, when) for number, when in moments(good)]
    plans += [kill(number, AFTER, (1, when)) for number, when in moments(good) if number % 2]
    plans += [kill(number, BEFORE, (1, AFTER), (1, BEFORE)) for number, _ in moments(good)][::4]
    check(stage, running, "crash", workload, plans)


@BY_NAME
def test_a_leader_killed(stage: Stage, running: Loop, workload: Workload) -> None:
    """Two operators, one Lease: who stands by takes over in the middle."""
    if workload.old:
        pytest.skip("a rolling upgrade ends one after the other")
    good = clean(stage, running, workload)
    again = [hand_over(number, AFTER, (1, when)) for number, when in moments(good) if number % 2]
    again += [hand_over(number, BEFORE, (1, AFTER), (1, BEFORE)) for number, _ in moments(good)]
    plans = [*(hand_over(number, when) for number, when in moments(good)), *some(again)]
    # Seconds until the takeover: two moves that one status would have told of may have two.
    check(stage, running, "leader crash", workload, plans, spare=1, operators=2)


@BY_NAME
def test_an_answer_that_never_comes(stage: Stage, running: Loop, workload: Workload) -> None:
    good = clean(stage, running, workload)
    plans = some([reset(number, when) for number, when in moments(good)])
    check(stage, running, "lost answer", workload, plans, spare=1)


@BY_NAME
def test_a_view_that_lags(stage: Stage, running: Loop, workload: Workload) -> None:
    good = clean(stage, running, workload)
    plans = [*map(late, sorted(set(good.heard))), late(*PREFIXES)]
    check(stage, running, "late view", workload, plans, spare=1)


@BY_NAME
def test_a_view_of_the_past(stage: Stage, running: Loop, workload: Workload) -> None:
    count = len(clean(stage, running, workload).writes)
    plans = some([past(at, seen) for at in range(2, count + 1) for seen in {1, at // 2, at - 1}])
    check(stage, running, "stale view", workload, plans, spare=1)


@BY_NAME
def test_an_event_that_never_comes(stage: Stage, running: Loop, workload: Workload) -> None:
    good = clean(stage, running, workload)
    plans = some([lost(number) for number in range(1, len(good.heard) + 1)])
    check(stage, running, "dropped event", workload, plans, spare=1)


@BY_NAME
def test_an_event_that_comes_twice(stage: Stage, running: Loop, workload: Workload) -> None:
    good = clean(stage, running, workload)
    plans = some([doubled(number) for number in range(1, len(good.heard) + 1)])
    check(stage, running, "doubled event", workload, plans)


def some(plans: list[Plan]) -> list[Plan]:
    """At most so many, from first to last: there are more moments than a sweep has time for."""
    return spread(plans, MOST)


def check(
    stage: Stage,
    running: Loop,
    kind: str,
    workload: Workload,
    plans: list[Plan],
    spare: int = 0,
    operators: int = 1,
) -> None:
    """Play all plans, or a sample of them."""
    chosen = plans if FULL else spread(plans, FEW)
    good = clean(stage, running, workload)
    playing = play(stage, kind, workload, good, chosen, spare=spare, operators=operators)
    failures = running.run(playing)
    assert not failures, failures
