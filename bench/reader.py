"""The reader: what a read costs, beside a dict lookup and other clients' caches, and what idling.

The peers are the real packages, installed into a cached environment of their own; everything is
measured in one process there, turn by turn. See ``bench/peers/reads.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.peer_environment import peer_python
from bench.table import Row

ROOT = Path(__file__).parents[1]


def rows() -> list[Row]:
    """Measure; takes some minutes, the first time more for the installation."""
    reads = _run(peer_python(ROOT / "bench" / "peers.txt"), "bench.peers.reads")
    idle = _run(Path(sys.executable), "bench.idle")
    return [*_read_rows(reads), *_idle_rows(idle)]


def _read_rows(measured: dict[str, dict[str, float]]) -> list[Row]:
    """One row for each peer, with and without compile, on 1 and 8 threads."""
    made = []
    for case, nanoseconds in measured.items():
        ours = nanoseconds.pop("promptrelease") / 1000
        for peer, value in nanoseconds.items():
            limit = _limit(case, peer)
            made.append(Row(case, ours, "µs", peer, value / 1000, limit))
    return made


def _limit(case: str, peer: str) -> float | None:
    if peer == "dict lookup":
        return 5 if case.startswith("read,") else None
    return 1 / 3 if peer == "Langfuse" else None


def _idle_rows(measured: dict[str, Any]) -> list[Row]:
    made = [
        Row(f"idle, mounts: {mounts}", percent, "% of a core", "a thread that only waits", waiting)
        for mounts, percent, waiting in measured["cpu"]
    ]
    made.append(
        Row(
            "a swap is noticed, slowest",
            max(measured["noticed"]) * 1000,
            "ms",
            limit=250,
            note=f"of {len(measured['noticed'])}, in an idle process",
        )
    )
    made.append(
        Row("import promptrelease", measured["import"], "ms", note="beyond starting Python")
    )
    return made


def _run(python: Path, module: str) -> Any:
    """What a module prints as JSON, run from the repository with the source tree in its path."""
    finished = subprocess.run(
        [python, "-m", module],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"operator{os.pathsep}tests"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])
