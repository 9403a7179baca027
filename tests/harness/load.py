"""Requests without a pause for breath, and a look at every single answer."""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

PAUSE_SECONDS = 0.01  # of each thread between two requests
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        at: when it was complete (time.monotonic).
        seconds: from the request to its end.
        body: what the application said.

    """

    at: float
    seconds: float
    body: dict[str, Any]


class Load:
    """Threads that ask the application over connections which they keep, as a context manager.

    Attributes:
        answers: all that came back with 200 so far, in order.
        failures: one text for each request that did not.

    """

    def __init__(self, address: str, port: int = 8080, threads: int = 2) -> None:
        self.answers: list[Answer] = []
        self.failures: list[str] = []
        self._where = (address, port)
        self._stop = threading.Event()
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def first(self, version: int, since: float, timeout: float) -> float:
        """Wait for an answer with a version, and return its seconds after ``since``.

        Raises AssertionError when there is none ``timeout`` seconds from now.
        """
        deadline = time.monotonic() + timeout
        looked_at = len(self.answers)
        while looked_at and self.answers[looked_at - 1].at > since:
            looked_at -= 1
        with self._news:
            while True:
                for answer in self.answers[looked_at:]:
                    looked_at += 1
                    if answer.at > since and answer.body["version"] == version:
                        return answer.at - since
                if not self._news.wait(deadline - time.monotonic()):
                    raise AssertionError(f"no answer with v{version} in {timeout} s")

    def mixed(self, digests: dict[int, str], ticket: str) -> list[dict[str, Any]]:
        """Answers whose parts are not all of one version, by versions as pods.numbered makes."""
        return [
            answer.body
            for answer in self.answers
            if (number := answer.body["version"]) not in digests
            or answer.body["text"] != f"v{number}: {ticket}"
            or answer.body["model"] != f"model-{number}"
            or answer.body["digest"] != digests[number]
        ]

    def p99(self, since: float = 0.0, until: float = float("inf")) -> float:
        """The 99th percentile of the seconds that answers took, in a span of time."""
        took = [answer.seconds for answer in self.answers if since <= answer.at <= until]
        return statistics.quantiles(took, n=100)[98]

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(*self._where, timeout=TIMEOUT_SECONDS)
        while not self._stop.wait(PAUSE_SECONDS):
            began = time.monotonic()
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                continue
            now = time.monotonic()
            if response.status != 200:
                self.failures.append(f"{response.status}: {data.decode()}")
                continue
            with self._news:
                self.answers.append(Answer(now, now - began, json.loads(data)))
                self._news.notify_all()
        connection.close()
