"""Threads, asyncio and forks."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.mounts import files_of, swap
from promptrelease import Prompts
from promptrelease.content import files as content_files
from unit.reader.conftest import collect, start_in_fork

# Python warns of any fork beside a thread; that it works is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

Eventually = Callable[[Callable[[], Any]], None]


def test_threads_see_whole_versions(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(1))
    torn: list[str] = []
    stop = threading.Event()

    def read(prompts: Prompts) -> None:
        while not stop.is_set():
            prompt = prompts["ticket-summary"]
            if prompt.text != f"v{prompt.version}: {{{{ticket}}}}":
                torn.append(repr(prompt))
            time.sleep(0)

    with Prompts(tmp_path) as prompts:
        threads = [threading.Thread(target=read, args=(prompts,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for version in range(2, 50):
            swap(tmp_path / "a", files_of(version))
            prompts.refresh()
        stop.set()
        for thread in threads:
            thread.join()
        assert prompts["ticket-summary"].version == 49
    assert torn == []


def test_refreshing_from_several_threads(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:
        versions: list[int] = []
        prompts.on_change(lambda old, new: versions.append(new.version))
        for version in range(2, 10):
            swap(tmp_path / "a", files_of(version))
            threads = [threading.Thread(target=prompts.refresh) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert versions == list(range(2, 10))


async def test_asyncio(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(1))
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    with Prompts(tmp_path) as prompts:
        prompts.on_change(lambda old, new: loop.call_soon_threadsafe(changed.set))

        async def answer() -> int:
            prompt = prompts["ticket-summary"]
            await asyncio.sleep(0)
            assert prompt.compile(ticket="x") == f"v{prompt.version}: x"
            return prompt.version

        assert set(await asyncio.gather(*(answer() for _ in range(100)))) == {1}
        swap(tmp_path / "a", files_of(2))
        await asyncio.wait_for(changed.wait(), 30)
        assert await answer() == 2


def test_prefork_workers_each_follow_a_swap(tmp_path: Path, eventually: Eventually) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:

        def work() -> tuple[int, int]:
            first = prompts["ticket-summary"].version
            os.write(ready, b".")
            eventually(lambda: prompts["ticket-summary"].version == 2)
            return first, threading.active_count()

        is_ready, ready = os.pipe()
        workers = [start_in_fork(work) for _ in range(4)]
        for _ in workers:
            os.read(is_ready, 1)
        swap(tmp_path / "a", files_of(2))
        assert [collect(worker) for worker in workers] == [(1, 2)] * 4
        eventually(lambda: prompts["ticket-summary"].version == 2)
        os.close(is_ready)
        os.close(ready)


def test_a_child_that_reads_late_does_not_serve_what_its_parent_knew(
    tmp_path: Path, in_fork: Callable[..., Any]
) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:

        def work() -> tuple[int, int, int]:
            idle = threading.active_count()
            swap(tmp_path / "a", files_of(2))
            return idle, prompts["ticket-summary"].version, threading.active_count()

        assert in_fork(work) == (1, 2, 2)


def test_a_child_of_a_child(tmp_path: Path, in_fork: Callable[..., Any]) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:
        assert in_fork(lambda: in_fork(lambda: prompts["ticket-summary"].version)) == 1


def test_callbacks_are_called_in_a_child_that_never_reads(
    tmp_path: Path, in_fork: Callable[..., Any], eventually: Eventually
) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:
        changes: list[int] = []
        prompts.on_change(lambda old, new: changes.append(new.version))

        def work() -> list[int]:
            swap(tmp_path / "a", files_of(2))
            eventually(lambda: changes)
            return changes

        assert in_fork(work) == [2]


def test_a_fork_in_the_middle_of_a_refresh(
    tmp_path: Path, in_fork: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:
        reading, forked = threading.Event(), threading.Event()
        from_files = content_files.from_files

        def slowly(files: Any) -> Any:
            if threading.current_thread() is refreshing:
                reading.set()
                forked.wait(30)
            return from_files(files)

        monkeypatch.setattr("promptrelease.reader._mount.from_files", slowly)
        swap(tmp_path / "a", files_of(2))
        refreshing = threading.Thread(target=prompts.refresh)
        refreshing.start()
        reading.wait(30)
        assert in_fork(lambda: (prompts["ticket-summary"].version, prompts.health().ok)) == (
            2,
            True,
        )
        forked.set()
        refreshing.join()


def test_closed_before_and_after_the_fork(tmp_path: Path, in_fork: Callable[..., Any]) -> None:
    swap(tmp_path / "a", files_of(1))
    prompts = Prompts(tmp_path)

    def work() -> tuple[int, int]:
        prompts.close()
        return prompts["ticket-summary"].version, threading.active_count()

    assert in_fork(work) == (1, 1)
    prompts.close()
    assert in_fork(work) == (1, 1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_takes_a_snapshot_along(tmp_path: Path, method: str) -> None:
    swap(tmp_path / "a", files_of(1))
    with Prompts(tmp_path) as prompts:
        context = multiprocessing.get_context(method)
        with context.Pool(1) as pool:
            prompt = prompts["ticket-summary"]
            assert pool.apply(prompt.compile, kwds={"ticket": "x"}) == "v1: x"
            pool.close()
            pool.join()
