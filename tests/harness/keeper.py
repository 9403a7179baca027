"""Keeps a node's network, and takes away what containers and kubelet leave outside its folder.

A process of the control plane's supervisor, started before containerd and so ended after it, also
when the tests were killed. Run as ``python -m harness.keeper CONFIG``, a file of Keep as JSON.

It makes the bridge that the pods are plugged into, and puts the API server where they look for it:
the ClusterIP of the Service ``kubernetes`` is an address of the bridge, and connections to it are
passed on. On a usual node kube-proxy would do that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.packages import which

READY = "the network is ready"
LOG_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")
CGROUPS = Path("/sys/fs/cgroup")
CGROUP = "k8s.io"  # where containerd puts containers whose pod has no cgroup of its own
# What kubelet sets at its start, for the whole machine.
SYSCTLS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)


@dataclass(frozen=True)
class Keep:
    """What to keep.

    Attributes:
        bridge: its name, at most 15 characters, and the name of the pods' network.
        gateway: the bridge's own address with the prefix length, as ``10.1.2.1/24``.
        service: the ClusterIP of the Service ``kubernetes``, passed on from port 443.
        api_server: the port of the API server on loopback.
        folder: what belongs to the node is below it.
        state: containerd's state, below the folder.

    """

    bridge: str
    gateway: str
    service: str
    api_server: int
    folder: str
    state: str

    def ports(self) -> list[str]:
        """The interfaces that are plugged into the bridge, one for each pod."""
        return sorted(port.name for port in Path("/sys/class/net", self.bridge, "brif").glob("*"))

    def write(self, file: Path) -> None:
        """Write it for the process to read."""
        file.write_text(json.dumps(asdict(self)))


@contextlib.contextmanager
def network(what: Keep) -> Iterator[None]:
    """Hold the bridge, and clean up at the end."""
    sysctls = {name: Path("/proc/sys", name).read_text() for name in SYSCTLS}
    # Its own address would be the lowest of its ports', and pods lose each other for half a minute
    # when one comes or goes that had it.
    mac = f"02:{random.randbytes(5).hex(':')}"
    _ip("link", "add", what.bridge, "address", mac, "type", "bridge")
    try:
        _ip("address", "add", what.gateway, "dev", what.bridge)
        _ip("address", "add", f"{what.service}/32", "dev", what.bridge)
        _ip("link", "set", what.bridge, "up")
        yield
    finally:
        clean(what)
        for name, value in sysctls.items():
            if Path("/proc/sys", name).read_text() != value:
                Path("/proc/sys", name).write_text(value)


async def serve(what: Keep) -> None:
    """Pass connections on until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", what.api_server)
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        writer.close()

    server = await asyncio.start_server(forward, what.service, 443)
    print(READY, flush=True)
    await stop.wait()
    server.close()  # and no waiting for its connections: they are about to be cut


def clean(what: Keep) -> None:
    """Remove containers, shims, sockets, cgroups, links, CNI's records, and the bridge."""
    tasks = list(Path(what.state, "io.containerd.runtime.v2.task").glob("*/*"))
    sockets = [_text(task / "address").removeprefix("unix://") for task in tasks]
    for shim in _shims(what.folder):
        _kill(shim)
    for task in tasks:
        # The first process of a container: its end is the end of all in its namespace.
        if pid := _text(task / "init.pid"):
            _kill(int(pid))
    for socket in filter(None, sockets):
        Path(socket).unlink(missing_ok=True)
    if LOG_LINKS.is_dir():
        for link in LOG_LINKS.iterdir():
            if link.is_symlink() and str(link.readlink()).startswith(what.folder):
                link.unlink()
    for record in CNI_RESULTS.glob("*"):
        if record.name.startswith(f"{what.bridge}-") or any(t.name in record.name for t in tasks):
            record.unlink()
    # A pod's connections that were cut in the middle hold its network for minutes; what is plugged
    # into the bridge would stay with it.
    for port in what.ports():
        _ip("link", "delete", port)
    _ip("link", "delete", what.bridge)
    # Also of those that ended long ago: runc forgets one where both versions of cgroups are.
    log = _text(Path(what.folder, "logs", "containerd.log"))
    _remove_cgroups(set(re.findall(r"\b[0-9a-f]{64}\b", log)))


def _remove_cgroups(containers: set[str]) -> None:
    """The kernel lets go of a cgroup only when its last process has been waited for."""
    parents = [folder / CGROUP for folder in (CGROUPS, *CGROUPS.iterdir())]
    folders = [parent / name for parent in parents for name in containers]
    for _ in range(20):
        folders = [folder for folder in folders if folder.exists()]
        if not folders:
            break
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        time.sleep(0.1)
    for parent in parents:
        with contextlib.suppress(OSError):  # another containerd may have containers in it
            parent.rmdir()


def _shims(folder: str) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            command = _text(process / "cmdline").split("\0")
            if "containerd-shim" in command[0] and any(a.startswith(folder) for a in command):
                yield int(process.name)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _ip(*arguments: str) -> None:
    subprocess.run([which("ip"), *arguments], check=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def main() -> None:
    """Keep what the file says that is named on the command line."""
    what = Keep(**json.loads(Path(sys.argv[1]).read_text()))
    with network(what):
        asyncio.run(serve(what))


if __name__ == "__main__":
    main()
