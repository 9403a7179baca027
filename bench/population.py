"""A settled population of any size: some releases that the operator settled, copied inside etcd.

Creating 100,000 objects by requests takes longer than all that is measured on them. A copy has its
own names, texts, UIDs, digests and checksums, so that no operator can tell it from one that was
settled where it stands. What differs: the copies share one creation time, and have no Events.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import socket
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import cluster
from bench.floor import TEXT
from bench.latency import release, version

from harness.controlplane import ControlPlane
from promptrelease.api import PromptVersionSpec
from promptrelease.controller.kube import CHANGES, CONFIG_MAPS, RELEASES, VERSIONS, Kube
from promptrelease.release.judge import judge
from promptrelease.release.render import checksum

JSON_IN_ETCD = {"kube-apiserver": ("--storage-media-type=application/json",)}
"""What a copy needs of the API server: ConfigMaps that can be read in etcd."""

SEED, GROUP = "t0000", "g000"
OPERATIONS = 100
"""Puts in one transaction: etcd takes 128."""

_UID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SUM = re.compile(rb"sha256:[0-9a-f]{64}")
_KINDS = "/registry/promptrelease.dev/"


@dataclass(frozen=True)
class Shape:
    """How much there is.

    Attributes:
        namespaces: how many.
        groups: in each namespace, all copies of the first one.
        prompts: releases in each group; production serves version 1.
        versions: of each release; latest serves the last.

    """

    namespaces: int
    groups: int
    prompts: int
    versions: int

    def names(self) -> Iterator[tuple[str, str]]:
        """Namespace and name of each release."""
        for number in range(self.namespaces):
            for group in range(self.groups):
                for prompt in range(self.prompts):
                    yield namespace(number), f"{namespace(number)}-g{group:03}-p{prompt:03}"


def namespace(number: int) -> str:
    """Name of a namespace, with which all names and texts in it begin."""
    return f"t{number:04}"


def populate(control_plane: ControlPlane, shape: Shape) -> int:
    """Make the population; returns how many objects it has. Nothing may run but the API server."""
    began = time.perf_counter()
    control_plane.kubectl("create", "namespace", SEED)
    with cluster.operator(control_plane, "--namespace", SEED):
        cluster.run(control_plane, lambda kube: _create(kube, shape))
        cluster.run(control_plane, lambda kube: settled(kube, SEED))
    say(f"one group is settled after {time.perf_counter() - began:.0f} s")
    control_plane.stop_component("kube-apiserver")
    etcd = Etcd(control_plane.folder / "etcd.sock")
    seed = [
        (key, value)
        for prefix in (_KINDS, f"/registry/configmaps/{SEED}/")
        for key, value in etcd.range(prefix)
        if f"/{SEED}/" in key
    ]
    place = list(etcd.range(f"/registry/namespaces/{SEED}"))
    for number in range(shape.namespaces):
        if number:
            etcd.put(_copy(place, namespace(number), GROUP))
        for group in range(shape.groups):
            if number or group:
                etcd.put(_copy(seed, namespace(number), f"g{group:03}"))
    control_plane.start_component("kube-apiserver")
    count = len(seed) * shape.namespaces * shape.groups
    say(f"{count:,} objects are there after {time.perf_counter() - began:.0f} s")
    return count


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


async def settled(kube: Kube, place: str) -> None:
    """Wait until nothing has been written in a namespace for 3 s, Events aside."""

    async def now() -> dict[str, str]:
        return {
            item["metadata"]["uid"]: item["metadata"]["resourceVersion"]
            for kind in (RELEASES, VERSIONS, CONFIG_MAPS, CHANGES)
            async for page in kube.pages(kind.path(place), metadata_only=True)
            for item in page["items"]
        }

    await cluster.settled(now, quiet=3.0)


async def _create(kube: Kube, shape: Shape) -> None:
    limit = asyncio.Semaphore(32)

    async def create(path: str, body: dict[str, object]) -> None:
        async with limit:
            await kube.create(path, body)

    names = [f"{SEED}-{GROUP}-p{number:03}" for number in range(shape.prompts)]
    await asyncio.gather(
        *(
            create(VERSIONS.path(SEED), version(name, number, text=f"{name} {number} {TEXT}"))
            for name in names
            for number in range(1, shape.versions + 1)
        )
    )
    await asyncio.gather(
        *(create(RELEASES.path(SEED), release(name, production=1)) for name in names)
    )


def _copy(objects: list[tuple[str, bytes]], place: str, group: str) -> Iterator[tuple[str, bytes]]:
    """The same objects under another name, each as different as if it had been made there."""
    uids: dict[bytes, bytes] = {}
    texts = []
    for key, value in objects:
        new = value.replace(SEED.encode(), place.encode()).replace(GROUP.encode(), group.encode())
        renamed = key.replace(SEED, place).replace(GROUP, group)
        texts.append((renamed, _UID.sub(lambda m: _new(uids, m[0]), new)))
    sums: dict[bytes, bytes] = {}
    for key, text in texts:
        if key.startswith(f"{_KINDS}promptversions/"):
            obj = json.loads(text)
            content = judge(PromptVersionSpec.model_validate(obj["spec"]), lambda *_: None).content
            assert content is not None
            sums[obj["status"]["digest"].encode()] = content.digest.encode()
    for index, (key, text) in enumerate(texts):
        texts[index] = key, _SUM.sub(lambda m: sums.get(m[0], m[0]), text)
    sums = {}
    for key, text in texts:
        if key.startswith("/registry/configmaps/"):
            obj = json.loads(text)
            was = obj["metadata"]["annotations"]["promptrelease.dev/checksum"]
            sums[was.encode()] = checksum(obj["data"]).encode()
    for key, text in texts:
        yield key, _SUM.sub(lambda m: sums.get(m[0], m[0]), text)


def _new(uids: dict[bytes, bytes], uid: bytes) -> bytes:
    if uid not in uids:
        uids[uid] = str(uuid.uuid4()).encode()
    return uids[uid]


class Etcd:
    """etcd's own JSON gateway, on its socket."""

    def __init__(self, path: Path) -> None:
        self._connection = _OnSocket(path)

    def range(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Every key that begins so, and its value."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self._ask("range", {"key": _encoded(prefix), "range_end": _encoded(end)})
        for pair in answer.get("kvs", ()):
            yield base64.b64decode(pair["key"]).decode(), base64.b64decode(pair["value"])

    def put(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        """Write, some at a time."""
        waiting: list[Any] = []
        for key, value in pairs:
            body = {"key": _encoded(key), "value": base64.b64encode(value).decode()}
            waiting.append({"request_put": body})
            if len(waiting) == OPERATIONS:
                self._ask("txn", {"success": waiting})
                waiting = []
        if waiting:
            self._ask("txn", {"success": waiting})

    def _ask(self, what: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", f"/v3/kv/{what}", json.dumps(body), headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"etcd refused {what}: {text.decode()[:500]}")
        return json.loads(text)


class _OnSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
