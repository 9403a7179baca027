"""100,000 reads and more while a mount is swapped 1,000 times, well and badly."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.mounts import files_of, swap, swap_link_first
from promptrelease import Prompt, Prompts
from unit.reader.conftest import collect, start_in_fork

READS, SWAPS = 100_000, 1_000
KEY = "ticket-summary"


def badly(mount: Path, version: int) -> None:
    """One of the ways in which a swap must never be seen."""
    files = files_of(version)
    ways: list[Callable[[], None]] = [
        lambda: swap(mount, {**files, "metadata.json": files["metadata.json"][:-20]}),
        lambda: swap(mount, {**files, "config.json": files_of(version - 1)["config.json"]}),
        lambda: swap(mount, {name: files[name] for name in files if name != "tools.json"}),
        lambda: swap(mount, {name: files[name] for name in files if name != "metadata.json"}),
        lambda: swap(mount, files, mode=0o000),
        lambda: swap(mount, {}),
        lambda: (mount / "..data").unlink() or swap(mount, {}),  # type: ignore[func-returns-value]
    ]
    ways[version // 10 % len(ways)]()
    time.sleep(0.03)


def is_whole(prompt: Prompt) -> bool:
    version = prompt.version
    return (
        prompt.text == f"v{version}: {{{{ticket}}}}"
        and prompt.model.parameters == {"seed": version}
        and prompt.tools[0]["name"] == f"tool_{version}"
        and prompt.compile() == f"v{version}: v{version}"
    )


def read_until(told_to_stop: int, ready: int, path: Path) -> dict[str, Any]:
    """Read in three threads, and look as often as a machine can in a fourth."""
    seen: set[int] = set()
    torn: list[str] = []
    errors: list[str] = []
    reads = [0, 0, 0]
    stop = threading.Event()

    def guarded(work: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                work()
        except Exception as error:
            errors.append(repr(error))

    def read(number: int) -> None:
        prompt = prompts[KEY]
        reads[number] += 1
        seen.add(prompt.version)
        if not is_whole(prompt):
            torn.append(repr(prompt))
        if reads[number] % 20 == 0:
            time.sleep(0)  # or three threads that compute keep the fourth from looking

    with Prompts(path) as prompts:
        work = [prompts.refresh, *(lambda n=n: read(n) for n in range(3))]
        threads = [threading.Thread(target=guarded, args=(each,)) for each in work]
        for thread in threads:
            thread.start()
        os.write(ready, b".")
        os.read(told_to_stop, 1)
        while sum(reads) < READS:
            time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        prompts.refresh()
        last, ok = prompts[KEY].version, prompts.health().ok
    return {
        "reads": sum(reads),
        "seen": len(seen),
        "torn": torn,
        "errors": errors,
        "last": last,
        "ok": ok,
    }


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_no_torn_read_and_no_exception(open_folder: Path) -> None:
    mount = open_folder / "a"
    swap(mount, files_of(1))
    is_ready, ready = os.pipe()
    told_to_stop, tell_to_stop = os.pipe()
    reader = start_in_fork(lambda: read_until(told_to_stop, ready, open_folder), as_nobody=True)
    os.read(is_ready, 1)
    for version in range(2, SWAPS + 1):
        if version % 10 == 5:
            badly(mount, version)
        elif version % 10 == 9:
            swap_link_first(mount, files_of(version))
        else:
            swap(mount, files_of(version))
    swap(mount, files_of(SWAPS + 1))
    os.write(tell_to_stop, b".")
    result = collect(reader)
    for descriptor in (is_ready, ready, told_to_stop, tell_to_stop):
        os.close(descriptor)

    assert result["errors"] == []
    assert result["torn"] == []
    assert result["reads"] >= READS
    assert result["seen"] > 10, result
    assert (result["last"], result["ok"]) == (SWAPS + 1, True)
