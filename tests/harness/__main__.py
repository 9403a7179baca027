"""`python -m harness`: a control plane by hand. Set PYTHONPATH=tests.

up runs one in the foreground until Ctrl-C, and prints what a shell needs to reach it. With
`--detach FILE` it stays in the background, FILE says where it is, and `down FILE` ends it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness import binary
from harness.build import BuildError
from harness.components import COMPONENTS
from harness.controlplane import ControlPlane
from harness.supervisor import ControlPlaneError

EXPORTS = ("KUBECONFIG", "PATH")
POLL_SECONDS = 0.2


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run a control plane")
    up.add_argument(
        "--components",
        default="etcd,kube-apiserver",
        help=f"comma-separated, of {','.join(COMPONENTS)}, or all (default: %(default)s)",
    )
    up.add_argument("--keep-logs", action="store_true", help="leave the logs at the end")
    where = up.add_mutually_exclusive_group()
    where.add_argument("--detach", type=Path, metavar="FILE", help="run it in the background")
    where.add_argument("--state", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    down = commands.add_parser("down", help="end a control plane that is in the background")
    down.add_argument("file", type=Path)
    options = parser.parse_args()
    try:
        if options.command == "down":
            return _down(options.file)
        if options.detach is not None:
            return _detach(options)
        return _up(options)
    except (BuildError, ControlPlaneError, ValueError) as error:
        print(f"control plane: {error}", file=sys.stderr)
        return 1


def _up(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as by Ctrl-C
    names = COMPONENTS if options.components == "all" else options.components.split(",")
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        if options.state is not None:
            stack.enter_context(_state(options.state))
        control_plane = stack.enter_context(ControlPlane(names, keep_logs=options.keep_logs))
        environment = control_plane.environment()
        for name in EXPORTS:
            print(f"export {name}={shlex.quote(environment[name])}", flush=True)
        while True:
            for name in names:
                if control_plane.running(name) is None:
                    raise ControlPlaneError(
                        f"{name} has ended:\n{control_plane.logs(name)[-2000:]}"
                    )
            time.sleep(POLL_SECONDS)
    return 0


@contextlib.contextmanager
def _state(file: Path) -> Iterator[None]:
    """Write our process id to `file`, locked for as long as we live: an id alone may be reused."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ControlPlaneError(f"one is already running, says {file}") from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _detach(options: argparse.Namespace) -> int:
    binary.find()  # here, where a build's progress can be seen
    command = [sys.executable, "-m", "harness", "up", "--components", options.components]
    command += ["--state", str(options.detach.resolve())]
    command += ["--keep-logs"] if options.keep_logs else []
    log = options.detach.with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    exports = [process.stdout.readline() for _ in EXPORTS]  # empty when it ends before that
    if not all(exports):
        process.wait()
        raise ControlPlaneError(f"it did not start:\n{log.read_text()}")
    print("".join(exports), end="")
    return 0


def _down(file: Path) -> int:
    if not file.exists():
        print(f"control plane: nothing runs, there is no {file}", file=sys.stderr)
        return 0
    with file.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.kill(int(handle.read()), signal.SIGTERM)
            fcntl.flock(handle, fcntl.LOCK_EX)  # until it has ended
    file.unlink(missing_ok=True)
    file.with_suffix(".log").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
