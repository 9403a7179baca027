"""A command in a terminal of its own, with somebody who answers."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from cluster.cli.command import COMMAND

SECONDS = 60.0
PAUSE_SECONDS = 0.5


class Terminal:
    """Runs the command line with a pseudo terminal for all three of its streams.

    Attributes:
        text: what it has written so far, line ends as in files.

    """

    def __init__(
        self,
        args: Sequence[str],
        environment: Mapping[str, str],
        *,
        columns: int = 120,
        term: str = "xterm",
        folder: Path | None = None,
        typed: bool = False,
    ) -> None:
        """Start it.

        args: of the command line; or a whole command where it is ``typed``.
        term: what the terminal can do; a dumb one takes no colours and no spinners.
        """
        self.text = ""
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self._process = subprocess.Popen(
            [*args] if typed else [*COMMAND, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # A dumb terminal is not asked how wide it is.
            env={**environment, "TERM": term, "COLUMNS": str(columns), "LINES": "50"},
            cwd=folder,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def until(self, words: str) -> None:
        """Wait until it has written that."""
        self._read(lambda: words in self.text, words)

    def answer(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, not sooner than a person could: Python loses it just before it reads."""
        time.sleep(PAUSE_SECONDS)
        os.killpg(self._process.pid, 2)

    def until_the_end(self) -> int:
        """Wait until it has ended; its exit code."""
        self._read(lambda: self._process.poll() is not None, "the end")
        while self._more(0.1):
            pass
        return self._process.wait()

    def _read(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {what!r}; so far: {self.text}")
            self._more(0.1)

    def _more(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._ours], [], [], seconds)
        if not readable:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            time.sleep(0.01)
            return False
        self.text += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
