"""A little of ``make soak``: two operators with one Lease, random edits, random faults."""

from __future__ import annotations

import contextlib

from faults.soak import Soak
from faults.stage import Loop, Stage

SECONDS = 15.0
SEED = 7


def test_a_quarter_of_a_minute(stage: Stage, running: Loop) -> None:
    made = running.run(_play(stage))
    assert not made.violations, "\n".join(made.violations)
    assert sum(made.edits.values()) >= 10
    assert sum(made.faults.values()) >= 2
    assert made.events > 100


async def _play(stage: Stage) -> Soak:
    made = Soak(stage, SEED)
    async with contextlib.AsyncExitStack() as stack:
        pair = await stack.enter_async_context(stage.scene("pair", operators=2, lock=made.lock))
        await made.run(pair, SECONDS, None, kills=True, show=False)
    return made
