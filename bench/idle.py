"""What the watching thread costs while nothing happens, and how soon it sees that something did."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from harness.mounts import files_of, swap
from promptrelease import Prompts
from promptrelease.reader import _watch

MOUNTS = (1, 50)
SECONDS = 5.0
ROUNDS = 3
SWAPS = 40


def main() -> None:
    """Print ``{"cpu": [[mounts, percent, percent of a thread that waits]], "noticed", "import"}``.

    ``noticed`` is in seconds, ``import`` in milliseconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        cpu = [(mounts, *_cpu(Path(folder) / str(mounts), mounts)) for mounts in MOUNTS]
        noticed = _noticed(Path(folder) / "noticed")
    print(json.dumps({"cpu": cpu, "noticed": noticed, "import": _import()}))


def _cpu(folder: Path, mounts: int) -> tuple[float, float]:
    """Percent of a core: watching, and a thread that wakes as often and does nothing."""
    for number in range(mounts):
        swap(folder / str(number), files_of(1, prompt=f"p{number}"))
    watching, waiting = [], []
    for _ in range(ROUNDS):
        with Prompts(folder):
            watching.append(_percent())
        stop = threading.Event()
        thread = threading.Thread(target=_wait, args=(stop,))
        thread.start()
        waiting.append(_percent())
        stop.set()
        thread.join()
    return statistics.median(watching), statistics.median(waiting)


def _wait(stop: threading.Event) -> None:
    while not stop.wait(_watch.INTERVAL):
        pass


def _percent() -> float:
    time.sleep(0.5)
    used, began = time.process_time(), time.perf_counter()
    time.sleep(SECONDS)
    return (time.process_time() - used) / (time.perf_counter() - began) * 100


def _noticed(folder: Path) -> list[float]:
    """Seconds from each swap until a read gives the new version."""
    swap(folder, files_of(1))
    seconds = []
    with Prompts(folder) as prompts:
        for version in range(2, SWAPS + 2):
            # Anywhere between two looks: the last swap was seen just after one.
            time.sleep(_watch.INTERVAL * (version - 2) / SWAPS)
            swap(folder, files_of(version))
            began = time.perf_counter()
            while prompts["ticket-summary"].version != version:
                time.sleep(0.001)
            seconds.append(time.perf_counter() - began)
    return seconds


def _import() -> float:
    """Milliseconds beyond starting the interpreter."""
    took: dict[str, list[float]] = {"pass": [], "import promptrelease": []}
    for _ in range(11):
        for program, seconds in took.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            seconds.append(time.perf_counter() - began)
    nothing, everything = (statistics.median(seconds) for seconds in took.values())
    return (everything - nothing) * 1000


if __name__ == "__main__":
    main()
