"""The work queue: nothing lost, nothing twice at once, serving before recording."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptrelease.controller.queue import MAX_BACKOFF, PATIENCE, SHARE, Lane, WorkQueue

KEYS = "abc"


def waits(queue: WorkQueue[str]) -> bool:
    """Whether a get would have to wait."""
    return queue._wakeup.empty()


async def test_a_key_comes_once_however_often_it_was_added() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(3):
        queue.add("a")
        queue.add("a", Lane.RECORD)
    assert len(queue) == 1
    assert await queue.get() == ("a", Lane.SERVE)
    assert waits(queue)


async def test_serving_comes_before_recording() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Lane.RECORD)
    queue.add("b")
    queue.add("c", Lane.RECORD)
    queue.add("c")
    got = [await queue.get() for _ in range(3)]
    assert got == [("b", Lane.SERVE), ("c", Lane.SERVE), ("a", Lane.RECORD)]


async def test_a_key_that_is_added_while_it_is_worked_on_comes_again() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    await queue.get()
    queue.add("a", Lane.RECORD)
    queue.add("a")
    assert waits(queue), "two workers would have it"
    queue.done("a")
    assert await queue.get() == ("a", Lane.SERVE)
    queue.done("a")
    assert len(queue) == 0


async def test_recording_has_its_turn_when_serving_never_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue: WorkQueue[str] = WorkQueue()
    loop = asyncio.get_running_loop()
    queue.add("a", Lane.RECORD)
    queue.add("b")
    now = loop.time() + PATIENCE + 1
    monkeypatch.setattr(loop, "time", lambda: now)
    assert await queue.get() == ("a", Lane.RECORD)


async def test_what_nobody_asked_for_keeps_no_edit_waiting() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in "abc":
        queue.add(key, Lane.LOOK)
    queue.add("c")
    queue.add("d")
    got = [await queue.get() for _ in range(4)]
    assert got == [("c", Lane.SERVE), ("d", Lane.SERVE), ("a", Lane.LOOK), ("b", Lane.LOOK)]


async def test_who_records_looks_too() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for first, second in ((Lane.LOOK, Lane.RECORD), (Lane.RECORD, Lane.LOOK)):
        queue.add("a", first)
        queue.add("a", second)
        assert await queue.get() == ("a", Lane.RECORD)
        queue.done("a")
    assert waits(queue)


async def test_what_has_waited_long_does_not_stop_what_is_urgent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue: WorkQueue[int] = WorkQueue()
    loop = asyncio.get_running_loop()
    for key in range(4 * SHARE):
        queue.add(key, Lane.RECORD)
        queue.add(-key - 1)
    now = loop.time() + PATIENCE + 1
    monkeypatch.setattr(loop, "time", lambda: now)
    lanes = [(await queue.get())[1] for _ in range(3 * SHARE)]
    assert lanes.count(Lane.RECORD) == 3


async def test_oldest_is_when_the_longest_waiting_was_added() -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert queue.oldest is None
    queue.add("a", Lane.RECORD)
    first = queue.oldest
    queue.add("b")
    assert queue.oldest == first


async def test_it_is_stuck_since_nothing_was_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert queue.stuck_since is None
    for key in "abc":
        queue.add(key)
    assert queue.stuck_since == queue.oldest
    loop = asyncio.get_running_loop()
    later = loop.time() + 100
    monkeypatch.setattr(loop, "time", lambda: later)
    key, _ = await queue.get()
    assert queue.stuck_since == queue.oldest
    queue.done(key)
    assert queue.stuck_since == later, "many wait, and have their turns"


async def test_pauses_grow_until_a_success_and_never_beyond_the_limit() -> None:
    queue: WorkQueue[str] = WorkQueue()
    pauses = [queue.retry("a") for _ in range(40)]
    for before, after in zip(pauses, pauses[2:], strict=False):
        assert after > before or after > MAX_BACKOFF / 4
    assert max(pauses) <= MAX_BACKOFF
    queue.forget("a")
    assert queue.retry("a") <= 0.05


async def test_a_retry_comes_back_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.retry("a")
    queue.forget("a")
    queue.retry("a")
    assert await asyncio.wait_for(queue.get(), 10) == ("a", Lane.SERVE)
    assert waits(queue)


@given(st.lists(st.tuples(st.sampled_from("adrg"), st.sampled_from(KEYS), st.sampled_from(Lane))))
@settings(max_examples=300)
def test_nothing_is_lost_and_nobody_has_a_key_twice(
    actions: list[tuple[str, str, Lane]],
) -> None:
    async def play() -> None:
        queue: WorkQueue[str] = WorkQueue()
        due: dict[str, Lane] = {}
        active: set[str] = set()
        for action, key, lane in actions:
            if action == "a":
                queue.add(key, lane)
                due[key] = lane.with_(due.get(key, lane))
            elif action == "g" and not waits(queue):
                got, came_by = await queue.get()
                assert got not in active
                assert came_by == due.pop(got)
                active.add(got)
            elif action == "d" and key in active:
                active.discard(key)
                queue.done(key)
        for key in active:
            queue.done(key)
        while not waits(queue):
            got, came_by = await queue.get()
            assert came_by == due.pop(got)
            queue.done(got)
        assert not due
        assert len(queue) == 0

    asyncio.run(play())


async def test_workers_side_by_side_do_all_that_was_asked() -> None:
    queue: WorkQueue[int] = WorkQueue()
    chance, state, seen, active = random.Random(7), dict.fromkeys(range(20), 0), {}, set()

    async def work() -> None:
        while True:
            key, _ = await queue.get()
            assert key not in active
            active.add(key)
            known = state[key]
            await asyncio.sleep(0)
            seen[key] = known
            active.discard(key)
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(4)]
    for _ in range(2000):
        key = chance.randrange(20)
        state[key] += 1
        queue.add(key, chance.choice(list(Lane)))
        if chance.random() < 0.2:
            await asyncio.sleep(0)
    while len(queue):  # noqa: ASYNC110  the queue has no event for "empty", and needs none
        await asyncio.sleep(0)
    for worker in workers:
        worker.cancel()
    assert seen == state, "the last change of each key was seen"


async def test_a_key_is_left_alone_for_as_long_as_the_server_asked() -> None:
    queue: WorkQueue[str] = WorkQueue()
    clock = asyncio.get_running_loop().time
    queue.add("a")
    await queue.get()
    began = clock()
    queue.retry("a", least=0.2)
    queue.done("a")
    queue.add("a")
    queue.add("b")
    assert await queue.get() == ("b", Lane.SERVE)
    assert await queue.get() == ("a", Lane.SERVE)
    assert clock() - began >= 0.2 - 0.001  # of a clock's grain
    queue.done("a")
    queue.forget("a")
    queue.add("a")
    assert not waits(queue)
