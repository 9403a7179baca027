"""What goes wrong between an operator and the API server, and on the machines of both."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from faults import weather
from faults.calls import Fault
from faults.desk import Desk
from faults.edits import P, known, served, serves
from faults.operators import Kept, Nursery
from faults.stage import Loop, Stage, too_many
from faults.sweep import FULL, ROWS, SWEEP_VARIABLE, Row, clean
from faults.weather import refusal
from faults.workloads import WORKLOADS, Workload
from harness.api import SUITES, suite
from harness.controlplane import ControlPlane

BINDING = "clusterrolebinding"
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
BY_NAME = {workload.name: workload for workload in WORKLOADS}
PROMOTION = BY_NAME["promotion"]
MANY = BY_NAME["promotion of three labels"]
BUSY_SECONDS = 2.0
OUTAGE_SECONDS = 120.0
# A request waits 30 s for its answer, a watch 90 s for a sign of life.
SILENCE_SECONDS = 95.0
# After a long outage the next try is at most a minute away.
LONGEST_PAUSE = 75.0

Act = Callable[[Desk, Kept], Awaitable[None]]


@dataclass(frozen=True)
class Case:
    """A fault, what is done meanwhile, and how many writes of one object it may cost.

    Attributes:
        seconds: until all must be well, from its beginning.
        quick: whether it is played without being asked for a full sweep.

    """

    name: str
    make: Callable[[], Fault]
    spare: int = 1
    seconds: float = 60.0
    quick: bool = False
    workload: Workload = MANY


TOO_MANY = {"Retry-After": "2"}
CASES = (
    Case("409 at each write", lambda: weather.Refused(refusal(409, "Conflict")), quick=True),
    Case("500 at each write", lambda: weather.Refused(refusal(500, "InternalError"))),
    Case(
        "429 with Retry-After at each write",
        lambda: weather.Refused(refusal(429, "TooManyRequests", TOO_MANY)),
    ),
    Case(
        "503 to everything",
        lambda: weather.Outage(OUTAGE_SECONDS),
        seconds=OUTAGE_SECONDS + LONGEST_PAUSE,
    ),
    Case("resets, again and again", lambda: weather.Resets(BUSY_SECONDS)),
    Case("410 in mid-stream", lambda: weather.Interrupted(410, "Expired", 2), quick=True),
    Case("500 in mid-stream", lambda: weather.Interrupted(500, "InternalError"), quick=True),
    Case("streams torn in the middle of a line", weather.Torn),
    Case("bodies that end early", lambda: weather.Bodies(0.5)),
    Case("bodies that are no JSON", lambda: weather.Bodies(0.5, said=False)),
    Case("slow bodies", lambda: weather.Bodies(pieces=5), spare=0),
    Case("an expired token", lambda: weather.Expired(BUSY_SECONDS)),
    Case(
        "a black hole",
        lambda: weather.BlackHole(BUSY_SECONDS),
        seconds=SILENCE_SECONDS + LONGEST_PAUSE,
    ),
)
CHOSEN = [case for case in CASES if FULL or case.quick]


in_full = pytest.mark.skipif(not FULL, reason=f"{SWEEP_VARIABLE}=full plays it")


def check(
    stage: Stage,
    running: Loop,
    case: Case,
    *,
    nursery: Nursery | None = None,
    act: Act | None = None,
) -> None:
    """Play it: the end must be that of a clean run, and so must all on the way."""
    good = clean(stage, running, case.workload)
    workload = replace(case.workload, act=act) if act is not None else case.workload
    played = running.run(
        stage.play(
            workload, good.end, lambda _: case.make(), patience=case.seconds, nursery=nursery
        )
    )
    spare = case.spare + case.workload.spare
    found = [*played.complaints, *too_many(good.writes, played.writes, spare)]
    restarts = sum(code != -signal.SIGKILL for code in played.codes)
    what = f"{case.name}: {played.seconds:.1f} s, {restarts} restarts"
    ROWS.append(Row("fault", what, len(good.writes), 1, bool(found)))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_the_network(stage: Stage, running: Loop, case: Case) -> None:
    check(stage, running, case)


def test_a_watch_that_breaks_goes_on_where_it_was(stage: Stage, running: Loop) -> None:
    """Not further back: a suite that was deleted and made anew would be gone for a moment."""
    asked = partial(suite, "quality", P, accept=True)

    async def play() -> None:
        async with stage.scene() as scene:
            desk, gate = scene.desk, scene.gate
            await served(desk)
            await desk.create(asked())
            await known(desk, "gate", labels=["production"], require={"evaluations": ["*"]})
            await desk.delete(SUITES, "quality")
            await desk.create(asked())
            await desk.move(P, "production", 2, "better")
            words = "production stays at v1"
            await desk.until(lambda: desk.says(P, "Reconciling", "True", words), "a held move")
            gate.begin(weather.Slow({SUITES}, 0.2))
            gate.cut()
            await asyncio.sleep(BUSY_SECONDS)
            assert desk.text(P, "production") == f"{P} v1"

    running.run(play())


def test_retry_after_is_waited_for(stage: Stage, running: Loop) -> None:
    """The prompt of which a write was refused has no turn before, whatever else happens to it."""

    async def play() -> None:
        async with stage.scene() as scene:
            desk = scene.desk
            await served(desk)
            await desk.until(lambda: scene.quiet(0.5), "the beginning to settle")
            once = weather.Noted(refusal(429, "TooManyRequests", TOO_MANY))
            scene.gate.begin(once)
            await desk.move(P, "production", 2, "better")
            await desk.until(lambda: once.writes, "the first try")
            await desk.move(P, "staging", 3, "meanwhile")
            await desk.until(lambda: serves(2)(desk), "v2 to be served")
            # The first is the ConfigMap's: refused, and then nothing for a second.
            first, second = once.writes[:2]
            assert second - first >= float(TOO_MANY["Retry-After"])

    running.run(play())


@in_full
def test_a_right_taken_away_and_given_back(
    stage: Stage, running: Loop, plane: ControlPlane
) -> None:
    bindings = plane.kubectl("get", BINDING, "-o", "name").stdout.split()
    ours = [name for name in bindings if re.search("promptrelease", name)]
    kept = plane.kubectl("get", *ours, "-o", "yaml").stdout

    async def act(desk: Desk, operator: Kept) -> None:
        await asyncio.to_thread(plane.kubectl, "delete", *ours)
        await PROMOTION.act(desk, operator)
        await asyncio.sleep(BUSY_SECONDS)
        await asyncio.to_thread(plane.kubectl, "apply", "-f", "-", stdin=kept)

    case = Case("rights taken away", Fault, seconds=LONGEST_PAUSE, workload=PROMOTION)
    check(stage, running, case, act=act)


@in_full
@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_killed_and_started_again(
    stage: Stage, running: Loop, plane: ControlPlane, component: str
) -> None:
    async def act(desk: Desk, operator: Kept) -> None:
        await PROMOTION.act(desk, operator)
        await asyncio.to_thread(plane.stop_component, component, signal.SIGKILL)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(plane.start_component, component)

    case = Case(f"{component} killed", Fault, seconds=LONGEST_PAUSE, workload=PROMOTION)
    check(stage, running, case, act=act)


@in_full
@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime")
@pytest.mark.parametrize("step", ["-1d", "+1d"])
def test_a_clock_that_is_set(stage: Stage, running: Loop, tmp_path: Path, step: str) -> None:
    """The operator's clock alone is set, in the middle of its work; its own time goes on."""
    clock = tmp_path / "clock"
    clock.write_text("+0")
    nursery = Nursery(
        LD_PRELOAD=str(FAKETIME[0]),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )

    async def act(desk: Desk, operator: Kept) -> None:
        await MANY.act(desk, operator)
        clock.write_text(step)

    running.run(nursery.__aenter__())
    try:
        case = Case(f"clock set by {step}", Fault)
        check(stage, running, case, nursery=nursery, act=act)
    finally:
        running.run(nursery.__aexit__(None, None, None))
