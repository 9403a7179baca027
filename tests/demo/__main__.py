"""`python -m demo`: what `make demo` runs."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from demo import console, story, terminal
from demo.cluster import NAMESPACE, ROOT, Cluster, DemoError, embedded, existing
from demo.terminal import step
from harness.build import BuildError
from harness.supervisor import ControlPlaneError

PID_FILE = ROOT / ".demo" / "pid"


def main() -> int:
    """Run the demo; 1 when something did not come about."""
    parser = argparse.ArgumentParser(prog="make demo", description=story.__doc__)
    parser.add_argument("--context", help="a cluster that your kubeconfig knows, instead of ours")
    parser.add_argument("--keep", action="store_true", help="leave it running, to try by hand")
    parser.add_argument("--console", action="store_true", help="open the console, and leave it")
    parser.add_argument("--down", action="store_true", help="end what --keep has left")
    options = parser.parse_args()
    if options.down:
        return _down()
    if _kept() is not None:
        terminal.bad("a demo is still running; `make demo-down` ends it")
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C
    if options.console and options.context:
        terminal.bad("the console's demo needs people of its own: it runs on our Kubernetes alone")
        return 1
    if options.keep or options.console:
        return _kept_running(options.context, options.console)
    return _run(options.context)


def _run(
    context: str | None,
    keep: Callable[[Cluster], None] | None = None,
    with_console: bool = False,
) -> int:
    try:
        _tell(context, keep, with_console)
    except (DemoError, BuildError, ControlPlaneError) as error:
        terminal.bad(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _tell(context: str | None, keep: Callable[[Cluster], None] | None, with_console: bool) -> None:
    start = time.perf_counter()
    with ExitStack() as stack:
        with step("Kubernetes"):
            cluster = stack.enter_context(existing(context) if context else embedded())
            terminal.output(cluster.kubectl("version"))
        with step("The kinds of resource are installed, and the operator's rights"):
            story.install(cluster)
        with step("The operator starts"):
            stack.enter_context(cluster.operator())
            stack.enter_context(cluster.watching())
        if with_console:
            console.prepare(cluster)
        else:
            story.tell(cluster)
        terminal.good(f"all of it in {time.perf_counter() - start:.1f} s")
        if cluster.plane and keep is not None:
            if not with_console:
                console.people(cluster)
            with step("The console starts"):
                links = stack.enter_context(console.running(cluster.plane))
            console.tell(links)
        elif cluster.plane:
            print("`make demo CONSOLE=1` opens the console on these prompts")
        if keep is not None:
            keep(cluster)
        elif context:
            cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
            terminal.output("the CustomResourceDefinitions stay: kubectl delete -k crds")


def _kept_running(context: str | None, with_console: bool) -> int:
    """Run in a child, which stays with all that it has started; return when the story is told."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        os._exit(_run(context, lambda cluster: _stay(cluster, tell), with_console))
    os.close(tell)
    if os.read(told, 1):
        return 0
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _stay(cluster: Cluster, tell: int) -> None:
    """Say how to go on by hand, let the terminal go, and stay until `make demo-down`."""
    PID_FILE.write_text(str(os.getpid()))
    print("\nIt goes on. To try by hand:\n")
    if path := cluster.environment.get("KUBECONFIG"):
        print(f"  export KUBECONFIG={shlex.quote(path)}")
    kubectl = cluster.environment["PATH"].split(os.pathsep)[0]
    folders = shlex.quote(f"{kubectl}{os.pathsep}{Path(sys.executable).parent}")
    print(f"  export PATH={folders}:$PATH   # kubectl of the server's version, kubectl prompt")
    print(f"  kubectl --namespace {NAMESPACE} get prel,pver,configmaps")
    print(f"  kubectl prompt status ticket-summary --namespace {NAMESPACE}\n")
    print("`make demo-down` ends it.", flush=True)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.write(tell, b".")
    os.close(tell)
    try:
        while True:
            signal.pause()
    finally:
        PID_FILE.unlink(missing_ok=True)


def _kept() -> int | None:
    """Process id of a demo that was left running."""
    if not PID_FILE.exists():
        return None
    pid = int(PID_FILE.read_text())
    command = Path(f"/proc/{pid}/cmdline")
    return pid if command.exists() and b"demo" in command.read_bytes() else None


def _down() -> int:
    pid = _kept()
    if pid is None:
        print("no demo is running")
        return 0
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.1)
    print("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
