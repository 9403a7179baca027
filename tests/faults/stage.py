"""Where plans are played: one control plane, one proxy, one observer, a namespace for each plan."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import aiohttp

from faults import judge
from faults.calls import Fault
from faults.desk import Desk
from faults.observer import Json, Observer
from faults.operators import OPERATOR, Kept, Nursery
from faults.proxy import Gate, Proxy
from faults.workloads import OLD_FORMAT, Workload
from harness.controlplane import ControlPlane

T = TypeVar("T")

SETTLE_SECONDS = 60.0
QUIET_SECONDS = 0.4
CLOSING_SECONDS = 0.5  # TLS connections say goodbye to each other after they were closed
CLEAN_QUIET_SECONDS = 1.5
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Played:
    """How a plan went.

    Attributes:
        end: picture of the namespace at the end.
        writes: that the API server has taken since the work began, in order, as text.
        complaints: what was wrong; empty when it went well.
        heard: resources of the events that were on their way to the operator.
        codes: exit codes of the operator's runs that ended.
        seconds: from the beginning of the work to its end.

    """

    end: dict[str, Json]
    writes: list[str]
    complaints: list[str]
    heard: list[str]
    codes: list[int]
    seconds: float


@dataclass
class Scene:
    """One plan as it is played."""

    desk: Desk
    gate: Gate
    operator: Kept

    def kill(self) -> None:
        """SIGKILL, and nothing of what it has sent and nobody has read yet gets through."""
        self.operator.kill()
        self.gate.cut()


class Stage:
    """Asynchronous context manager of all that plans share."""

    def __init__(
        self, control_plane: ControlPlane, token: str, folder: Path, source: Path = OPERATOR
    ) -> None:
        """Operators run as whom ``token`` says, from ``source``, and write logs into ``folder``."""
        self.control_plane = control_plane
        self.proxy = Proxy(control_plane)
        self.observer = Observer(control_plane)
        self.nursery = Nursery(source)
        self._token = token
        self._folder = folder
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Stage:
        headers = {"Authorization": f"Bearer {self.control_plane.token()}"}
        connector = aiohttp.TCPConnector(limit=0, ssl=self.proxy.client_context)
        session = aiohttp.ClientSession(connector=connector, headers=headers)
        self._session = await self._stack.enter_async_context(session)
        await self._stack.enter_async_context(self.proxy)
        await self._stack.enter_async_context(self.observer)
        await self._stack.enter_async_context(self.nursery)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        await asyncio.sleep(CLOSING_SECONDS)

    @contextlib.asynccontextmanager
    async def scene(
        self, *, old: bool = False, nursery: Nursery | None = None
    ) -> AsyncIterator[Scene]:
        """A namespace and an operator for it, started, behind a gate."""
        namespace = f"plan-{next(_numbers)}"
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        url = self.control_plane.url
        async with self._session.post(f"{url}/api/v1/namespaces", json=body) as answer:
            answer.raise_for_status()
        gate = await self.proxy.gate()
        file = self._folder / f"{namespace}.kubeconfig"
        gate.kubeconfig(file, self.proxy.ca_file, self._token, namespace)
        arguments = ["--kubeconfig", str(file), "--namespace", namespace, "--health-port", "0"]
        log = self._folder / f"{namespace}.log"
        operator = Kept(nursery or self.nursery, arguments, log, OLD_FORMAT if old else None)
        await operator.start()
        try:
            yield Scene(Desk(self._session, url, namespace, self.observer), gate, operator)
        finally:
            await operator.end()
            await gate.close()

    async def play(
        self,
        workload: Workload,
        expected: dict[str, Json] | None = None,
        plan: Callable[[Scene], Fault] = lambda _: Fault(),
        *,
        patience: float = SETTLE_SECONDS,
        nursery: Nursery | None = None,
    ) -> Played:
        """Play a workload with a fault.

        Args:
            workload: what is done.
            expected: how it must end; none for a clean run, which ends as it likes.
            plan: makes the fault, which is in force from where the work begins.
            patience: seconds until the end must be reached.
            nursery: where the operator comes from, if not from the usual one.

        """
        clock = asyncio.get_running_loop().time
        async with self.scene(old=workload.old, nursery=nursery) as scene:
            desk, gate = scene.desk, scene.gate
            found: list[str] = []
            began = ended = 0.0
            try:
                await workload.prepare(desk)
                await desk.until(lambda: gate.quiet(QUIET_SECONDS), "the beginning to settle")
                gate.begin(plan(scene))
                began = clock()
                await workload.act(desk, scene.operator)
                await desk.until(lambda: workload.done(desk), "the end to be reached", patience)
                ended = clock()
                await self._settle(scene, expected)
            except AssertionError as error:
                found.append(str(error))
            end = judge.picture(desk)
            if expected is not None:
                found += judge.differences(expected, end)
            found += judge.complaints(desk, workload)
            if found:
                found.append(scene.operator.logs[-3000:])
            self.observer.forget(desk.namespace)
            writes, codes = [str(call) for call in gate.done], scene.operator.codes
            return Played(end, writes, found, gate.heard, codes, max(0.0, ended - began))

    async def _settle(self, scene: Scene, expected: dict[str, Json] | None) -> None:
        """Wait until nothing more happens, and the end is as it must be."""
        desk, gate = scene.desk, scene.gate
        seconds = CLEAN_QUIET_SECONDS if expected is None else QUIET_SECONDS

        def settled() -> bool:
            return gate.quiet(seconds) and expected in (None, judge.picture(desk))

        with contextlib.suppress(AssertionError):  # the differences say more
            await desk.until(settled, "the end to settle", SETTLE_SECONDS / 4)


def too_many(clean: list[str], played: list[str], spare: int) -> list[str]:
    """Writes of one object that a clean run did not need, where they are more than ``spare``.

    Events don't count: some come twice. A release's status may be written once more: it tells of
    pods, too, where these can be asked within a second.
    """
    more = Counter(played) - Counter(clean)
    return [
        f"{count} more: {call}"
        for call, count in more.items()
        if "events" not in call and count > spare + ("promptreleases/status" in call)
    ]


class Loop:
    """Runs coroutines in a thread of its own, for tests that are not asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return future.result()

    def close(self) -> None:
        """End what still runs, and the thread."""
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def loop() -> Iterator[Loop]:
    """A loop until the end of the with block."""
    made = Loop()
    try:
        yield made
    finally:
        made.close()
