"""A node goes away without a trace, also when the tests are killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.api import wait_for
from harness.keeper import CNI_RESULTS, LOG_LINKS, SYSCTLS
from harness.node import Node

HOLDER = """
import json, os
from harness.node import Node
from harness.pods import Pods, container, pod_spec

with Node() as node:
    pods = Pods(node, "shutdown")
    idle = container(command=["sleep", "600"], readinessProbe=None)
    pods.start("idle", pod_spec({"emptyDir": {}}, [idle]))
    pods.ready("idle")
    links = [node.bridge, *os.listdir(f"/sys/class/net/{node.bridge}/brif")]
    print(json.dumps([str(node.folder), links, node.containers()]), flush=True)
    input()
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["in order", "killed"])
def test_nothing_stays(bare_node: Node, how: str) -> None:
    before = sysctls()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    with holder:
        assert holder.stdout is not None
        folder, links, containers = json.loads(holder.stdout.readline())
        assert len(links) == 2  # the bridge, and the pod's end of it
        assert len(containers) == 2  # the pod's own, and the one it was made for
        assert traces(folder, links, containers)
        if how == "killed":
            holder.send_signal(signal.SIGKILL)
        else:
            holder.communicate("\n")

    with contextlib.suppress(AssertionError):
        wait_for(lambda: not traces(folder, links, containers), "all to go", seconds=20)
    assert traces(folder, links, containers) == []
    assert sysctls() == before


def traces(folder: str, links: list[str], containers: list[str]) -> list[str]:
    """All that still tells of a node."""
    found = [folder] if Path(folder).exists() else []
    found += [link for link in links if Path("/sys/class/net", link).exists()]
    found += [
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line
    ]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_text(errors="replace")
        except OSError:
            continue
        found += [command] if folder in command else []
    cgroups = [str(path) for path in Path("/sys/fs/cgroup").rglob("*/") if path.is_dir()]
    records = [str(path) for where in (CNI_RESULTS, LOG_LINKS) for path in where.glob("*")]
    return found + [p for p in cgroups + records if any(c in p for c in containers)]


def sysctls() -> list[str]:
    return [Path("/proc/sys", name).read_text() for name in SYSCTLS]
