"""Runs the Go build of the control plane and says how far it is: it takes minutes when cold."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

PROGRESS_SECONDS = 5.0


class BuildError(RuntimeError):
    """The control plane can neither be found nor built; the message says what to do."""


def build(module: Path, flags: list[str], target: Path) -> None:
    """Build the Go module in folder `module` to the file `target`.

    Raises BuildError with the end of Go's output when it fails.
    """
    progress = _Progress()
    try:
        progress.say("building the tests' Kubernetes; once, and in minutes if it is all of it")
        # Listing the packages downloads what they need, and gives the number to count towards.
        progress.what = "downloading modules, {} so far"
        tags = [flag for flag in flags if flag.startswith("-tags")]
        total = len(_go(["list", "-deps", *tags, "."], module, progress).splitlines())
        progress.what = f"compiling, {{}} of at most {total} packages so far"
        progress.count = 0
        _go(["build", "-v", *flags, "-o", str(target), "."], module, progress)
        progress.say(f"done, {target.stat().st_size / 1e6:.0f} MB")
    finally:
        progress.end()


class _Progress:
    def __init__(self) -> None:
        self.started = time.monotonic()
        self.what = ""
        self.count = 0  # of the lines that Go has written: one a module, then one a package

    def say(self, text: str) -> None:
        elapsed = int(time.monotonic() - self.started)
        line = f"controlplane: {elapsed // 60}:{elapsed % 60:02d} {text}"
        # On a terminal the line stays in place; elsewhere, as in a CI log, lines follow each other.
        start, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")
        print(f"{start}{line}", end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)


def _go(arguments: list[str], module: Path, progress: _Progress) -> str:
    """Run go, counting the lines of its standard error, and return its standard output."""
    # No C compiler is needed, and no go.work of the folders above counts.
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    tail: deque[str] = deque(maxlen=30)
    process = subprocess.Popen(
        ["go", *arguments],
        cwd=module,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors = process.stderr

    def count() -> None:
        for line in errors:
            progress.count += 1
            tail.append(line)

    finished = threading.Event()

    def report() -> None:
        while not finished.wait(PROGRESS_SECONDS):
            progress.say(progress.what.format(progress.count))

    threads = [threading.Thread(target=count), threading.Thread(target=report)]
    for thread in threads:
        thread.start()
    try:
        output = process.stdout.read()
        code = process.wait()
    finally:
        process.terminate()
        process.wait()
        finished.set()
        for thread in threads:
            thread.join()
        process.stdout.close()
        process.stderr.close()
    if code != 0:
        raise BuildError(f"go {arguments[0]} failed with exit code {code}:\n{''.join(tail)}")
    return output
