"""Plays many plans of one kind, and keeps count."""

from __future__ import annotations

import asyncio
import json
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from faults.calls import Fault
from faults.scene import Scene
from faults.stage import Loop, Played, Stage, too_many
from faults.workloads import Workload

T = TypeVar("T")

SWEEP_VARIABLE = "PROMPTRELEASE_SWEEP"
FULL = os.environ.get(SWEEP_VARIABLE) == "full"
PARALLEL = 8
SHOWN = 5
RESULTS = Path(__file__).parents[2] / "build" / "faults.json"


@dataclass(frozen=True)
class Plan:
    """A fault, and in words what it is."""

    what: str
    make: Callable[[Scene], Fault]


@dataclass(frozen=True)
class Row:
    """What came of all plans of one kind for one workload."""

    sweep: str
    workload: str
    writes: int
    plans: int
    failures: int


ROWS: list[Row] = []
_clean: dict[str, Played] = {}


def clean(stage: Stage, running: Loop, workload: Workload) -> Played:
    """How a workload goes without a fault; played once."""
    if workload.name not in _clean:
        played = running.run(stage.play(workload))
        assert not played.complaints, "\n".join(played.complaints)
        assert played.writes
        _clean[workload.name] = played
    return _clean[workload.name]


def spread(plans: Sequence[T], count: int) -> list[T]:
    """So many of them at most, from first to last."""
    if len(plans) <= count:
        return list(plans)
    return [plans[i * (len(plans) - 1) // (count - 1)] for i in range(count)]


async def play(
    stage: Stage,
    sweep: str,
    workload: Workload,
    clean: Played,
    plans: Sequence[Plan],
    *,
    spare: int = 0,
    operators: int = 1,
) -> str:
    """Play plans, some side by side; returns what went wrong, in words, empty when nothing did.

    Args:
        stage: where.
        sweep: kind of plans, for the table.
        workload: what is done.
        clean: how it goes without a fault.
        plans: the faults.
        spare: writes of one object that may be needed beyond a clean run's.
        operators: how many; of several one leads.

    """
    room = asyncio.Semaphore(PARALLEL // operators)

    async def one(plan: Plan) -> str:
        async with room:
            try:
                played = await stage.play(workload, clean.end, plan.make, operators=operators)
            except Exception:  # the other plans go on
                print(plan.what, traceback.format_exc(), flush=True)
                return f"{workload.name}, {plan.what}: {traceback.format_exc()}"
        more = too_many(clean.writes, played.writes, spare + workload.spare)
        found = [*played.complaints, *more]
        text = "\n  ".join([f"{workload.name}, {plan.what}:", *found]) if found else ""
        if text:
            print(text, flush=True)  # a full sweep takes long: with -s, it shows at once
        return text

    failures = [text for text in await asyncio.gather(*map(one, plans)) if text]
    ROWS.append(Row(sweep, workload.name, len(clean.writes), len(plans), len(failures)))
    return "\n".join([*failures[:SHOWN], *(text.split("\n")[0] for text in failures[SHOWN:])])


def table() -> list[str]:
    """The rows, one text each, with sums; and a file of them where the sweep was a full one."""
    if FULL:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps([asdict(row) for row in ROWS], indent=2) + "\n")
    lines = [f"{'sweep':<18} {'workload':<28} {'writes':>6} {'plans':>6} {'failures':>8}"]
    for row in ROWS:
        lines.append(
            f"{row.sweep:<18} {row.workload:<28} {row.writes:>6} {row.plans:>6} {row.failures:>8}"
        )
    for sweep in dict.fromkeys(row.sweep for row in ROWS):
        rows = [row for row in ROWS if row.sweep == sweep]
        plans, failures = sum(row.plans for row in rows), sum(row.failures for row in rows)
        lines.append(f"{sweep:<18} {'all':<28} {'':>6} {plans:>6} {failures:>8}")
    return lines
