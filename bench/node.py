"""From a label edit to the answers of an application, on a real node under load."""

from __future__ import annotations

import http.client
import json
import random
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bench.latency import p99
from bench.table import Row

from harness.api import VERSIONS, release, wait_for
from harness.load import Load
from harness.node import Node
from harness.node_fixtures import install
from harness.pods import PORT, TICKET, Pods, mounted, numbered, pod_spec

PROMPT = "subject"
MOVES = 30  # promotions, and as many rollbacks
QUIET_SECONDS = 5.0
# At random, so that moves keep no step with the looking of kubelet and of the reader.
BETWEEN_SECONDS = (0.5, 1.5)
QUICK_MOVES = 20  # in quick succession: kubelet has hardly finished with the one before
QUICK_SECONDS = 0.3
SLOW_SECONDS = 0.25
DEFAULTS = 3  # pods that nobody tells
DEFAULT_SECONDS = 180.0
SETTLE_SECONDS = 10.0  # kubelet syncs a pod that has just started a few times more
CROWD = 24
CROWD_MOVES = 5
MOVE_SECONDS = 30.0


def rows() -> list[Row]:
    """Moves under load, the same when nobody tells the pods, and a crowd of pods."""
    with Node() as node:
        install(node)
        measured = [*_moves(node), *_crowd(node)]
        return measured[:3] + _defaults(node) + measured[3:]


def _moves(node: Node) -> list[Row]:
    pause = random.Random(1)
    with _namespace(node, "moves", {PROMPT: MOVES + 1}) as pods:
        pods.start("app", pod_spec(mounted(f"{PROMPT}.production")))
        pods.ready("app")
        before = pods.lives()
        with Load(pods.address("app")) as load:
            load.first(1, 0.0, MOVE_SECONDS)
            time.sleep(QUIET_SECONDS)
            began = time.monotonic()
            seconds = []
            for turn in range(MOVES):
                _say(f"promotion and rollback {turn + 1} of {MOVES}")
                for number in (turn + 2, turn + 1):
                    seconds.append(_move(pods, load, number))
                    time.sleep(pause.uniform(*BETWEEN_SECONDS))
            quick = []
            for turn in range(QUICK_MOVES):
                quick.append(_move(pods, load, 1 + turn % 2))
                time.sleep(QUICK_SECONDS)
        digests = {v["spec"]["version"]: v["status"]["digest"] for v in pods.api.list(VERSIONS)}
        mixed = load.mixed(digests, TICKET)
        restarted = sum(pods.lives()[name] != life for name, life in before.items())
    moved = [answer.seconds for answer in load.answers if answer.at > began]
    name = "label edit to the application's answer"
    requests = f"of {len(load.answers) + len(load.failures)}"
    return [
        Row(
            f"{name}, p50",
            statistics.median(seconds),
            "s",
            limit=1.0,
            note=f"{MOVES} promotions, {MOVES} rollbacks, under load",
        ),
        Row(f"{name}, p99", p99(seconds), "s", limit=2.5, note=f"slowest {max(seconds):.2f} s"),
        Row(
            f"{name}, {QUICK_SECONDS} s after the move before, p50",
            statistics.median(quick),
            "s",
            note=f"{QUICK_MOVES} moves, slowest {max(quick):.2f} s",
        ),
        Row("requests failed during the moves", len(load.failures), "", limit=0, note=requests),
        Row("answers mixing two versions", len(mixed), "", limit=0, note=requests),
        Row(
            f"requests slower than {SLOW_SECONDS * 1e3:.0f} ms",
            sum(took > SLOW_SECONDS for took in moved),
            "",
            limit=0,
            note=f"slowest {max(moved) * 1e3:.0f} ms",
        ),
        Row(
            "a request during the moves, p99",
            load.p99(began) * 1e3,
            "ms",
            f"the same app, {QUIET_SECONDS:.0f} s before them",
            load.p99(0.0, began) * 1e3,
        ),
        Row("pods restarted by all these moves", restarted, "", limit=0),
    ]


def _move(pods: Pods, load: Load, number: int) -> float:
    """Edit the label, and wait for the first answer with the version; in seconds."""
    since = time.monotonic()
    pods.api.move(PROMPT, "production", number, f"v{number} at {since}")
    return load.first(number, since, DEFAULT_SECONDS)


def _defaults(node: Node) -> list[Row]:
    """Without the pod's label: several pods with a prompt each, all moved at the same moment."""
    names = [f"default-{number}" for number in range(DEFAULTS)]
    with _namespace(node, "defaults", dict.fromkeys(names, 2)) as pods:
        for name in names:
            pods.start(name, pod_spec(mounted(f"{name}.production")), opt_in=False)
        pods.ready(*names)
        time.sleep(SETTLE_SECONDS)
        _say("waiting for kubelet's own sync, about 90 s")
        since = time.monotonic()
        for name in names:
            pods.api.move(name, "production", 2, "in its own time")
        seconds = list(_until(pods, names, 2, since, DEFAULT_SECONDS))
    # At a random moment it is anything up to that: it depends on when kubelet looked last.
    note = f"no label on the pod: kubelet's own sync; moved {SETTLE_SECONDS:.0f} s after the start"
    samples = f"{DEFAULTS} samples, {min(seconds):.1f} to {max(seconds):.1f} s; {note}"
    name = "label edit to the application's answer, default"
    return [Row(name, statistics.median(seconds), "s", note=samples)]


def _crowd(node: Node) -> list[Row]:
    names = [f"app-{number:02}" for number in range(CROWD)]
    with _namespace(node, "crowd", {PROMPT: CROWD_MOVES + 1}) as pods:
        _say(f"starting {CROWD} pods")
        for name in names:
            pods.start(name, pod_spec(mounted(f"{PROMPT}.production")))
        pods.ready(*names)
        last = []
        for number in range(2, CROWD_MOVES + 2):
            since = time.monotonic()
            pods.api.move(PROMPT, "production", number, f"v{number} for all")
            last.append(max(_until(pods, names, number, since, DEFAULT_SECONDS)))
            _say(f"{CROWD} pods, move {number - 1}: {last[-1]:.2f} s to the last")
            time.sleep(1.0)
    note = f"{CROWD_MOVES} moves, {min(last):.2f} to {max(last):.2f} s"
    return [Row(f"{CROWD} pods at once, until the last answers", max(last), "s", note=note)]


def _until(
    pods: Pods, names: Iterable[str], number: int, since: float, timeout: float
) -> Iterator[float]:
    """Ask pods in turn until each answers with a version; how long after ``since`` each did.

    Raises AssertionError when one does not within ``timeout`` seconds.
    """
    connections = {
        name: http.client.HTTPConnection(pods.address(name), PORT, timeout=MOVE_SECONDS)
        for name in names
    }
    while connections:
        if time.monotonic() - since > timeout:
            raise AssertionError(f"{', '.join(connections)}: no v{number} in {timeout} s")
        for name, connection in list(connections.items()):
            connection.request("GET", "/")
            answer = json.loads(connection.getresponse().read())
            if answer["version"] == number:
                yield time.monotonic() - since
                connections.pop(name).close()
        time.sleep(0.01)


@contextmanager
def _namespace(node: Node, name: str, prompts: dict[str, int]) -> Iterator[Pods]:
    """A namespace with prompts of so many versions, the first of them in production."""
    pods = Pods(node, name)
    for prompt, versions in prompts.items():
        pods.api.apply(*(numbered(prompt, number + 1) for number in range(versions)))
        pods.api.apply(release(prompt, production=(1, "to begin with")))
        pods.api.ready(prompt)
    yield pods
    for pod in pods.all():
        pods.delete(pod["metadata"]["name"])
    wait_for(lambda: not pods.all(), "the pods to go")
    pods.close()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
