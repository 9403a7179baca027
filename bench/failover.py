"""Three operators, one Lease: leaders killed, paused and ended under load, and for how long nobody
served.

All the while labels move. At the end the change log must have one entry for each revision that a
ConfigMap was seen to have, no version may have been served twice in a row by two moves, and the
last versions that were asked for must be served. Each operator is an identity of its own, so that
the API server's audit log tells who wrote after another had taken the Lease over.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import cluster
from bench.latency import release, version
from bench.table import Row

from harness.controlplane import ControlPlane
from promptrelease.controller.kube import CHANGES, CONFIG_MAPS, LEASES, RELEASES, VERSIONS, Kube

NAMESPACE = "failover"
PROMPTS = 20
PAUSE = 0.1
"""Seconds between two moves of the load."""

SUBJECT = "p0"
DEFAULT_KILLS = 5
SHORT_KILLS = 100
PAUSES = 5
SHORT_SECONDS = 2
ENDS = 15
SERVED_SECONDS = 120
"""After which a bench that has no machine to itself is given up."""
SEATS = ("one", "two", "three")

Operator = subprocess.Popen[str]


def rows() -> list[Row]:
    """Seconds until a label that was moved right after the leader's end is served."""
    short_lease = ("--lease-seconds", str(SHORT_SECONDS))
    turns = [signal.SIGKILL] * SHORT_KILLS
    for pause in range(PAUSES):
        turns.insert(pause * (SHORT_KILLS // PAUSES + 1), signal.SIGSTOP)
    killed, _, _ = _measure([signal.SIGKILL] * DEFAULT_KILLS, ())
    ended, _, _ = _measure([signal.SIGTERM] * ENDS, ())
    short, wrong, deposed = _measure(turns, short_lease)
    return [
        Row("SIGKILL to served by the other, p50", statistics.median(killed), "s"),
        Row("the same, slowest", max(killed), "s", limit=17, note=f"{len(killed)} kills"),
        Row("SIGTERM to served by the other, p50", statistics.median(ended), "s"),
        Row("the same, slowest", max(ended), "s", limit=2, note=f"{len(ended)} times"),
        Row(
            f"moves lost or doubled over {SHORT_KILLS} kills of the leader under load",
            wrong,
            "",
            limit=0,
            note=f"and {PAUSES} pauses, with Leases of {SHORT_SECONDS} s",
        ),
        Row(
            "writes of who was not the leader any more",
            deposed,
            "",
            limit=0,
            note="the same run, by the API server's audit log",
        ),
        Row("SIGKILL to served with that Lease, p50", statistics.median(short), "s"),
    ]


@dataclass
class _Load:
    """Moves labels all the time, and notes what was served."""

    kube: Kube
    wanted: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, int, str]] = field(default_factory=set)
    moves: int = 0
    over: bool = False

    async def run(self) -> None:
        """Until it is over. No move is broken off: nobody would know whether it was made."""
        for turn in itertools.count(1):
            if self.over:
                return
            await self.move(f"p{1 + turn % (PROMPTS - 1)}", 1 + turn // PROMPTS % 2, f"t{turn}")
            await asyncio.sleep(PAUSE)

    async def move(self, name: str, number: int, reason: str) -> None:
        """Ask for a version."""
        patch = {"spec": {"labels": {"production": {"version": number, "reason": reason}}}}
        if self.wanted.get(name) != number:
            await self.kube.merge(RELEASES.path(NAMESPACE, name), patch)
            self.wanted[name] = number
            self.moves += 1

    async def watch(self) -> None:
        """Note each revision that is served, with its version; never returns."""
        path, since = CONFIG_MAPS.path(NAMESPACE), "0"
        while True:
            async for line in self.kube.watch(path, since):
                event = json.loads(line)
                since = event["object"]["metadata"]["resourceVersion"]
                annotations = event["object"]["metadata"].get("annotations") or {}
                if "promptrelease.dev/revision" in annotations:
                    name = event["object"]["metadata"]["name"]
                    number = event["object"]["metadata"]["labels"]["promptrelease.dev/version"]
                    self.seen.add((name, int(annotations["promptrelease.dev/revision"]), number))

    async def served(self, name: str, number: int) -> None:
        """Wait until a version is served."""
        path = CONFIG_MAPS.path(NAMESPACE, f"{name}.production")
        while True:
            found = await self.kube.get(path)
            labels = found["metadata"]["labels"] if found else {}
            if labels.get("promptrelease.dev/version") == str(number):
                return
            await asyncio.sleep(0.02)


def _measure(turns: list[signal.Signals], options: tuple[str, ...]) -> tuple[list[float], int, int]:
    """Seconds of each turn; moves that were lost or doubled; writes that nobody should make."""
    with ExitStack() as stack:
        plane, audit = stack.enter_context(_audited())
        seats = [stack.enter_context(_Seat(plane, name, options).kept()) for name in SEATS]

        async def measure(kube: Kube) -> tuple[list[float], int]:
            load = _Load(kube)
            await _populate(load)
            tasks = [asyncio.create_task(load.watch()), asyncio.create_task(load.run())]
            seconds = []
            for turn, how in enumerate(turns):
                seconds.append(await _turn(load, seats, turn, how))
                if turn % 10 == 9:
                    said = f"{how.name}: {turn + 1} of {len(turns)}, {seconds[-1]:.1f} s"
                    print(said, file=sys.stderr, flush=True)
            load.over = True
            await tasks[1]
            await asyncio.gather(*(seat.back for seat in seats if seat.back is not None))
            for name, number in load.wanted.items():
                await asyncio.wait_for(load.served(name, number), SERVED_SECONDS)
            wrong = await asyncio.wait_for(_lost_or_doubled(load), 120)
            tasks[0].cancel()
            return seconds, wrong

        seconds, wrong = cluster.run(plane, measure)
        return seconds, wrong, _deposed(audit)


async def _turn(load: _Load, seats: list[_Seat], turn: int, how: signal.Signals) -> float:
    await asyncio.sleep(0.2 + turn % 7 / 30)  # not always at the same place of a renewal
    leader = await _leader(load.kube, seats)
    start = time.perf_counter()
    leader.send(how)
    await load.move(SUBJECT, 1 + (turn + 1) % 2, f"turn {turn}")
    await asyncio.wait_for(load.served(SUBJECT, load.wanted[SUBJECT]), SERVED_SECONDS)
    seconds = time.perf_counter() - start
    leader.send(signal.SIGCONT)
    leader.back = asyncio.create_task(asyncio.to_thread(leader.start_again))
    return seconds


async def _leader(kube: Kube, seats: list[_Seat]) -> _Seat:
    """Who holds the Lease, once somebody is there to take it over."""
    while True:
        lease = await kube.get(LEASES.path(NAMESPACE, "lease"))
        holder = lease["spec"]["holderIdentity"] if lease is not None else ""
        there = [seat for seat in seats if seat.is_there]
        for seat in there:
            if seat.name == holder.split("-")[0] and len(there) > 1:
                return seat
        await asyncio.sleep(0.05)


async def _populate(load: _Load) -> None:
    for i in range(PROMPTS):
        for number in (1, 2):
            await load.kube.create(VERSIONS.path(NAMESPACE), version(f"p{i}", number))
        await load.kube.create(RELEASES.path(NAMESPACE), release(f"p{i}", production=1))
        load.wanted[f"p{i}"] = 1
    for i in range(PROMPTS):
        await load.served(f"p{i}", 1)


async def _lost_or_doubled(load: _Load) -> int:
    """Entries of the log that were never served, what was served without one, and moves to what
    was served already.
    """

    async def log() -> set[tuple[str, int, str]]:
        found = set()
        async for page in load.kube.pages(CHANGES.path(NAMESPACE)):
            for change in page["items"]:
                spec = change["spec"]
                found.add((f"{spec['release']}.{spec['label']}", spec["revision"], str(spec["to"])))
        return found

    entries = await cluster.settled(log, 5)
    moves = sorted(entries)
    doubled = [
        later
        for earlier, later in itertools.pairwise(moves)
        if earlier[0] == later[0] and earlier[2] == later[2]
    ]
    return len(entries ^ load.seen) + len(doubled)


def _deposed(audit: Path) -> int:
    """Writes that were asked for after another operator had taken the Lease over."""
    leader, since, wrong = "", "", 0
    events = [json.loads(line) for line in audit.read_text().splitlines()]
    for event in sorted(events, key=lambda event: str(event["stageTimestamp"])):
        user, done = event["user"]["username"], event["responseStatus"]["code"] < 300
        if event["verb"] in ("get", "list", "watch") or not done:
            continue
        what, received = event["objectRef"], event["requestReceivedTimestamp"]
        if what["resource"] != LEASES.plural:
            if user != leader and received > since:
                wrong += 1
                said = f"{user} wrote {what['resource']} {what.get('name')} at {received}"
                print(f"{said}, after {leader} had the Lease at {since}", file=sys.stderr)
        elif user != leader:
            leader, since = user, event["stageTimestamp"]
    return wrong


@contextmanager
def _audited() -> Iterator[tuple[ControlPlane, Path]]:
    """An API server that tells who writes what."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promptrelease-")))
        rules, log = folder / "policy.json", folder / "audit.log"
        accounts = {"level": "Metadata", "userGroups": [f"system:serviceaccounts:{NAMESPACE}"]}
        policy = {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [accounts, {"level": "None"}],
        }
        rules.write_text(json.dumps(policy))
        arguments = [f"--audit-policy-file={rules}", f"--audit-log-path={log}"]
        plane = stack.enter_context(ControlPlane(arguments={"kube-apiserver": arguments}))
        plane.kubectl("apply", "--server-side", "-k", str(cluster.ROOT / "crds"))
        plane.kubectl("wait", "crd", "--all", "--for=condition=Established")
        plane.kubectl("create", "namespace", NAMESPACE)
        for name in SEATS:
            plane.kubectl("create", "serviceaccount", name, "-n", NAMESPACE)
            plane.kubectl(
                *("create", "clusterrolebinding", name, "--clusterrole=cluster-admin"),
                f"--serviceaccount={NAMESPACE}:{name}",
            )
        yield plane, log


class _Seat:
    """A place for an operator, which can be ended and started again.

    Attributes:
        back: done once it leads or stands by again; none before its first end.

    """

    def __init__(self, plane: ControlPlane, name: str, options: tuple[str, ...]) -> None:
        self.name = name
        self.back: asyncio.Task[None] | None = None
        self._plane = plane
        self._kubeconfig = plane.kubeconfig_for_service_account(NAMESPACE, name)
        self._options = ("--leader-elect", "--lease", f"{NAMESPACE}/lease", *options)
        self._open = ExitStack()
        self._runs = 0
        self._process: Operator | None = None

    @contextmanager
    def kept(self) -> Iterator[_Seat]:
        """Running, until the block ends."""
        self.start()
        try:
            yield self
        finally:
            self._open.close()

    @property
    def is_there(self) -> bool:
        """Whether it leads or stands by. Raises what kept it from that."""
        if self.back is None:
            return True
        return self.back.done() and self.back.result() is None

    def start(self) -> None:
        """Start, and wait until it leads or stands by."""
        self._runs += 1
        arguments = ("--kubeconfig", str(self._kubeconfig), "--namespace", NAMESPACE)
        who = ("--identity", f"{self.name}-{self._runs}")
        self._process = self._open.enter_context(
            cluster.operator(
                self._plane, *arguments, *self._options, *who, ready=("serving", "standing by")
            )
        )

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing when it has ended."""
        assert self._process is not None
        self._process.send_signal(number)

    def start_again(self) -> None:
        """Wait until it has ended, which who was deposed does by itself, and start it again."""
        assert self._process is not None
        self._process.wait(timeout=60)
        self._open.close()
        self.start()
