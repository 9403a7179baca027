"""Talks to the supervisor: the process which owns a control plane's folder and its processes.

The supervisor (`tests/controlplane/supervise.go`) ends when its standard input closes. We hold the
other end, so it ends whenever we do, by SIGKILL too, and takes the processes and the folder along.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GRACE_SECONDS = 5


class ControlPlaneError(RuntimeError):
    """A component did not start, ended by itself, or cannot be reached."""


class Supervisor:
    """A running supervisor. Its methods can be called from any thread.

    All of them raise ControlPlaneError when the supervisor refuses or is gone.
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        """Start the supervisor that `binary` holds; it removes `folder` at its end.

        The processes' outputs go to `logs/NAME.log` in that folder.
        """
        (folder / "logs").mkdir()
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [str(binary), "supervise", f"-folder={folder}", f"-grace={GRACE_SECONDS}s"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for us: the supervisor's turn comes when we have ended.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The supervisor's own process id."""
        return self._process.pid

    def start(
        self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> int:
        """Start a process, with `env` added to our environment, and return its id.

        It may be one that has ended or been stopped before; its log is then continued.
        """
        arguments = [str(part) for part in command]
        reply = self._ask(do="start", name=name, command=arguments, env=dict(env or {}))
        return int(reply["pid"])

    def stop(self, name: str, sig: signal.Signals = signal.SIGTERM) -> str:
        """Send `sig`, SIGKILL after GRACE_SECONDS, and return how the process ended."""
        return str(self._ask(do="stop", name=name, signal=int(sig))["exited"])

    def running(self, name: str) -> int | None:
        """Return the process id, or None when the process has ended by itself."""
        pid = self._ask(do="status", name=name).get("pid")
        return None if pid is None else int(pid)

    def keep_logs(self) -> None:
        """Leave the logs in the folder at the end, and only these."""
        self._ask(do="keep-logs")

    def close(self) -> None:
        """End the processes, the last started first, and remove the folder. Idempotent."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.communicate()  # closes standard input and waits for the end

    def _ask(self, **request: object) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            try:
                stdin.write(json.dumps(request) + "\n")
                stdin.flush()
                line = stdout.readline()
            except (OSError, ValueError) as error:  # ValueError: closed
                raise ControlPlaneError("the supervisor has ended") from error
        if not line:
            raise ControlPlaneError("the supervisor has ended")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise ControlPlaneError(f"{request['do']}: {reply['error']}")
        return reply
