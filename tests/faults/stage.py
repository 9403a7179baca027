"""Where plans are played: one control plane, one proxy, one observer, a namespace for each plan."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
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
from faults.proxy import Proxy
from faults.scene import Scene, Seat, may_lead
from faults.workloads import OLD_FORMAT, Workload
from harness.controlplane import ControlPlane

T = TypeVar("T")

SETTLE_SECONDS = 60.0
QUIET_SECONDS = 0.4
CLOSING_SECONDS = 0.5  # TLS connections say goodbye to each other after they were closed
CLEAN_QUIET_SECONDS = 1.5
LEASE_SECONDS = 6
SHORT = 4
"""Seconds of a Lease where each plan waits for its end; on a busy machine less is not renewed."""
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
        self,
        name: str = "",
        *,
        operators: int = 1,
        lease_seconds: int = LEASE_SECONDS,
        old: bool = False,
        nursery: Nursery | None = None,
        lock: asyncio.Lock | None = None,
    ) -> AsyncIterator[Scene]:
        """A namespace and operators for it, started, each behind a gate.

        Args:
            name: of the namespace; any when empty.
            operators: how many; of several one leads, and the first is who leads first.
            lease_seconds: of their Lease.
            old: whether they write files of an earlier format.
            nursery: where they come from, if not from the usual one.
            lock: held during each request of the desk.

        """
        name = name or f"plan-{next(_numbers)}"
        made = Scene(name, await self.desk(name, lock))
        options: list[str] = []
        if operators > 1:
            await made.desk.create(*may_lead())
            options = ["--leader-elect", "--lease", f"{name}/lease"]
            options += ["--lease-seconds", str(lease_seconds)]
        file_format = OLD_FORMAT if old else None
        async with contextlib.AsyncExitStack() as stack:
            for number in range(1, operators + 1):
                seat = await self._seat(name, f"{name}-{number}", options, nursery, file_format)
                seat.gate.witness = made.witness
                made.seats.append(seat)
                stack.push_async_callback(seat.gate.close)
                stack.push_async_callback(seat.operator.end)
                await seat.operator.start()
                if operators > 1:
                    await asyncio.wait_for(made.elected.wait(), SETTLE_SECONDS)
            yield made

    async def desk(self, namespace: str, lock: asyncio.Lock | None = None) -> Desk:
        """Make a namespace, and work there."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        url = self.control_plane.url
        async with self._session.post(f"{url}/api/v1/namespaces", json=body) as answer:
            answer.raise_for_status()
        return Desk(self._session, url, namespace, self.observer, lock=lock or asyncio.Lock())

    async def _seat(
        self,
        namespace: str,
        name: str,
        options: Sequence[str],
        nursery: Nursery | None,
        file_format: int | None,
    ) -> Seat:
        gate = await self.proxy.gate()
        file, log = self._folder / f"{name}.kubeconfig", self._folder / f"{name}.log"
        gate.kubeconfig(file, self.proxy.ca_file, self._token, namespace)
        arguments = ["--kubeconfig", str(file), "--namespace", namespace, "--health-port", "0"]
        operator = Kept(nursery or self.nursery, [*arguments, *options], log, file_format)
        return Seat(name, gate, operator)

    async def play(
        self,
        workload: Workload,
        expected: dict[str, Json] | None = None,
        plan: Callable[[Scene], Fault] = lambda _: Fault(),
        *,
        patience: float = SETTLE_SECONDS,
        nursery: Nursery | None = None,
        operators: int = 1,
    ) -> Played:
        """Play a workload with a fault.

        Args:
            workload: what is done.
            expected: how it must end; none for a clean run, which ends as it likes.
            plan: makes the fault, which is in force from where the work begins.
            patience: seconds until the end must be reached.
            nursery: where the operator comes from, if not from the usual one.
            operators: how many; the fault is of who leads.

        """
        clock = asyncio.get_running_loop().time
        async with self.scene(
            operators=operators, lease_seconds=SHORT, old=workload.old, nursery=nursery
        ) as scene:
            desk = scene.desk
            found: list[str] = []
            began = ended = 0.0
            try:
                await workload.prepare(desk)
                await desk.until(lambda: scene.quiet(QUIET_SECONDS), "the beginning to settle")
                for seat in scene.others:
                    seat.gate.begin()
                leader = scene.leader
                leader.gate.begin(plan(scene))
                began = clock()
                await workload.act(desk, leader.operator)
                await desk.until(lambda: workload.done(desk), "the end to be reached", patience)
                ended = clock()
                await self._settle(scene, expected)
            except AssertionError as error:
                found.append(str(error))
            end = judge.picture(desk)
            if expected is not None:
                found += judge.differences(expected, end)
            found += judge.complaints(desk, workload.gates, old=workload.old)
            found += scene.deposed
            if found:
                found += [seat.operator.logs[-3000:] for seat in scene.seats]
            self.observer.forget(desk.namespace)
            writes = [str(call) for seat in scene.seats for call in seat.gate.done]
            codes = [code for seat in scene.seats for code in seat.operator.codes]
            heard = scene.leader.gate.heard
            return Played(end, writes, found, heard, codes, max(0.0, ended - began))

    async def _settle(self, scene: Scene, expected: dict[str, Json] | None) -> None:
        """Wait until nothing more happens, and the end is as it must be."""
        desk = scene.desk
        seconds = CLEAN_QUIET_SECONDS if expected is None else QUIET_SECONDS

        def settled() -> bool:
            return scene.quiet(seconds) and expected in (None, judge.picture(desk))

        with contextlib.suppress(AssertionError):  # the differences say more
            await desk.until(settled, "the end to settle", SETTLE_SECONDS)


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
