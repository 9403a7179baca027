"""Operators as processes: started, killed, and started again when they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

NURSERY = Path(__file__).with_name("nursery.py")
OPERATOR = Path(__file__).parents[2] / "operator"
BACK_OFF = (0.0, 0.1, 0.5, 1.0, 2.0)
"""Seconds before a start, by how often it has ended by itself; kubelet's are longer."""


@dataclass
class Process:
    """One run of an operator; ``ended`` has the exit code, negative for a signal."""

    pid: int
    ended: asyncio.Future[int]


class Nursery:
    """Starts operators: see ``nursery.py``. An asynchronous context manager."""

    def __init__(self, source: Path = OPERATOR, **environment: str) -> None:
        self._environment = {"PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1", **environment}
        self._asked: deque[asyncio.Future[Process]] = deque()
        self._ended: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Nursery:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, NURSERY),
            stdin=pipe,
            stdout=pipe,
            env={**os.environ, **self._environment},
        )
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read())
        await self._ready
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def start(
        self, arguments: Sequence[str], log: Path, file_format: int | None = None
    ) -> Process:
        """Start an operator; ``file_format`` is of the files that it writes, if not its own."""
        asked: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        request = {"arguments": list(arguments), "log": str(log), "format": file_format}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return await asked

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            if "ready" in said:
                self._ready.set_result(said["ready"])
            elif "pid" in said:
                ended = asyncio.get_running_loop().create_future()
                self._ended[said["pid"]] = ended
                self._asked.popleft().set_result(Process(said["pid"], ended))
            else:
                self._ended.pop(said["ended"]).set_result(said["code"])
        gone = RuntimeError("the nursery has ended; standard error has why")
        if not self._ready.done():
            self._ready.set_exception(gone)
        for asked in self._asked:
            asked.set_exception(gone)


@dataclass
class Kept:
    """An operator that is started again whenever it ends, as a kubelet does.

    Attributes:
        arguments: of its command line.
        codes: how its runs have ended.

    """

    nursery: Nursery
    arguments: Sequence[str]
    log: Path
    file_format: int | None = None
    codes: list[int] = field(default_factory=list)
    _process: Process | None = None
    _task: asyncio.Task[None] | None = None
    _started: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Start it; returns when there is a process."""
        self._task = asyncio.create_task(self._keep())
        await self._started.wait()

    @property
    def pid(self) -> int | None:
        """Of the run that goes on; none between two runs."""
        process = self._process
        return None if process is None or process.ended.done() else process.pid

    def kill(self) -> None:
        """SIGKILL. It comes again."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send any signal; nothing between two runs."""
        if (pid := self.pid) is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and nobody has said so
                os.kill(pid, number)

    async def end(self) -> None:
        """SIGKILL, for good."""
        self._over.set()
        self.kill()
        if self._task is not None:
            await self._task

    @property
    def logs(self) -> str:
        """All that it has written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def _keep(self) -> None:
        failures = 0
        while not self._over.is_set():
            self._process = await self.nursery.start(self.arguments, self.log, self.file_format)
            self._started.set()
            if self._over.is_set():
                self.kill()
            code = await self._process.ended
            self.codes.append(code)
            failures += code != -signal.SIGKILL
            with contextlib.suppress(asyncio.TimeoutError):
                pause = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
                await asyncio.wait_for(self._over.wait(), pause)
