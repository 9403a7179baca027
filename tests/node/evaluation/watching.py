"""What happened to some objects, from first to last: a watch, and not a look now and then."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from harness.api import CONFIG_MAPS, JOBS, Api, Json, wait_for

READ_SECONDS = 600.0


@dataclass(frozen=True)
class Seen:
    """One event of a watch.

    Attributes:
        at: when it came (time.monotonic).
        kind: ADDED, MODIFIED or DELETED.

    """

    at: float
    kind: str
    object: Json

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])


class Watch:
    """All events of one collection since a moment, as a context manager."""

    def __init__(self, api: Api, resource: str) -> None:
        """Note from where on to watch."""
        self._plane = api.control_plane
        self._path = api.path(resource)
        self._seen: list[Seen] = []
        self._since = self._plane.request("GET", self._path)["metadata"]["resourceVersion"]
        self._error: Exception | None = None
        self._closing = False
        address = urllib.parse.urlsplit(self._plane.url)
        context = ssl.create_default_context(cafile=str(self._plane.ca_file))
        self._connection = http.client.HTTPSConnection(
            address.netloc, timeout=READ_SECONDS, context=context
        )
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Watch:
        query = f"watch=true&resourceVersion={self._since}"
        headers = {"Authorization": f"Bearer {self._plane.token()}"}
        self._connection.request("GET", f"{self._path}?{query}", headers=headers)
        self._response = self._connection.getresponse()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        # To close it would wait for the thread, which waits for the next line.
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    @property
    def events(self) -> list[Seen]:
        """What has come so far; fails when the watch has ended by itself."""
        if self._error is not None:
            raise AssertionError("the watch has ended, and may have missed something") from (
                self._error
            )
        return list(self._seen)

    def added(self) -> list[Json]:
        """Every object that was created, in order, also when it is gone by now."""
        return [seen.object for seen in self.events if seen.kind == "ADDED"]

    def _read(self) -> None:
        try:
            for line in self._lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ValueError(line)  # noqa: TRY301
                self._seen.append(Seen(time.monotonic(), event["type"], event["object"]))
            raise ValueError("the API server has closed it")  # noqa: TRY301
        except Exception as error:
            if not self._closing:
                self._error = error

    def _lines(self) -> Iterator[str]:
        while line := self._response.readline():
            yield line.decode()


class Witness:
    """Sees every Job that is made in a namespace, and everything that is served."""

    def __init__(self, api: Api) -> None:
        """Nothing is seen before the ``with`` block."""
        self._jobs = Watch(api, JOBS)
        self._config_maps = Watch(api, CONFIG_MAPS)
        self._stack = contextlib.ExitStack()
        self._counted = 0

    def __enter__(self) -> Witness:
        self._stack.enter_context(self._jobs)
        self._stack.enter_context(self._config_maps)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def new_jobs(self) -> list[str]:
        """The suites for which Jobs were made since this was last asked, sorted."""
        jobs = self._jobs.added()
        new, self._counted = jobs[self._counted :], len(jobs)
        return sorted(job["metadata"]["labels"]["promptrelease.dev/suite"] for job in new)

    def served(self, prompt: str, label: str = "production") -> list[int]:
        """The versions that a label has served, one after the other; 0: its ConfigMap was gone."""
        return [version for _, version in self._moves(f"{prompt}.{label}")]

    def moved(self, prompt: str, to: int, since: float, label: str = "production") -> float:
        """Wait for a version to be served, and return its seconds after ``since``."""

        def found() -> list[float]:
            moves = self._moves(f"{prompt}.{label}")
            return [at - since for at, version in moves if version == to and at > since]

        return wait_for(found, f"{prompt} v{to} to be served", seconds=60)[0]

    def _moves(self, name: str) -> list[tuple[float, int]]:
        moves: list[tuple[float, int]] = []
        for seen in self._config_maps.events:
            if seen.name != name:
                continue
            labels = seen.object["metadata"]["labels"]
            version = 0 if seen.kind == "DELETED" else int(labels["promptrelease.dev/version"])
            if not moves or moves[-1][1] != version:
                moves.append((seen.at, version))
        return moves
