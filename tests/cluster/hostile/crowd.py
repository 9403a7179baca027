"""Sends objects, as many as the API server takes, and finds out how each of them ended."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.api import (
    EVALUATIONS,
    JOBS,
    RELEASES,
    VERSIONS,
    WATCHED,
    Api,
    Json,
    Objects,
    condition,
)
from promptrelease.controller.kube import parse

QUIET_SECONDS = 1.0
MOVES = 3
PHASES = ("Pending", "Running", "Passed", "Failed", "Error")


class Sender:
    """One connection, kept; encoded by hand, since some of this no encoder takes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._connection = self._connect()
        self.accepted = 0
        self.refused: Counter[int] = Counter()
        self.refused_names: list[str] = []

    def send(self, obj: Json) -> None:
        """Create an object, if the API server lets it through."""
        if not self.post(f"{obj['kind'].lower()}s", json.dumps(obj)):
            self.refused_names.append(obj["metadata"]["name"])

    def post(self, plural: str, body: str) -> bool:
        """Create an object from JSON; whether the API server let it through."""
        plural = {"promptpolicys": "promptpolicies"}.get(plural, plural)
        path = f"{self._api.path(plural)}?fieldManager=promptrelease"
        token = self._api.control_plane.token("admin")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            self._connection.request("POST", path, body.encode("utf-8", "surrogatepass"), headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            # What is far too large ends the connection.
            self._connection.close()
            self._connection = self._connect()
            self.refused[0] += 1
            return False
        if answer.status >= 400:
            self.refused[answer.status] += 1
            # Only what etcd will not store is the server's own fault.
            assert answer.status < 500 or b"too large" in text, text[:500]
            return False
        self.accepted += 1
        return True

    def clear(self, plural: str) -> None:
        """Delete all objects of a kind, whatever they hold."""
        headers = {"Authorization": f"Bearer {self._api.control_plane.token('admin')}"}
        self._connection.request("DELETE", self._api.path(plural), None, headers)
        self._connection.getresponse().read()

    def list(self, plural: str) -> Objects:
        """All objects of a kind, whatever they hold."""
        found: Objects = []
        token = ""
        while True:
            query = urllib.parse.urlencode({"limit": 200, "continue": token})
            headers = {"Authorization": f"Bearer {self._api.control_plane.token('admin')}"}
            self._connection.request("GET", f"{self._api.path(plural)}?{query}", None, headers)
            page = parse(self._connection.getresponse().read())
            found += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return found

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _connect(self) -> http.client.HTTPSConnection:
        plane = self._api.control_plane
        context = ssl.create_default_context(cafile=str(plane.ca_file))
        address = urllib.parse.urlsplit(plane.url).netloc
        return http.client.HTTPSConnection(address, timeout=60, context=context)


@dataclass
class Customer:
    """Somebody with a good prompt, who moves it all the while, and waits until it is served."""

    api: Api
    prompt: str
    pause: float = 0.3
    waits: list[float] = field(default_factory=list)
    error: str = ""

    def __enter__(self) -> Customer:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        while len(self.waits) < MOVES and self._thread.is_alive():
            time.sleep(0.05)
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        try:
            while not self._stop.wait(self.pause):
                turn += 1
                number = turn % 2 + 1
                began = time.monotonic()
                self.api.move(self.prompt, "production", number, f"turn {turn}")
                self.api.served(self.prompt, "production", f"{self.prompt} v{number}")
                self.waits.append(time.monotonic() - began)
        except Exception as error:
            self.error = repr(error)


def unclear(sender: Sender) -> list[str]:
    """Objects of which nobody can tell how they stand."""
    found = [f"{v['metadata']['name']}: {_why(v)}" for v in sender.list(VERSIONS) if _why(v)]
    for release in sender.list(RELEASES):
        ready = condition(release, "Ready")
        known = ready.get("observedGeneration") == release["metadata"]["generation"]
        if not known or not ready["message"]:
            found.append(f"{release['metadata']['name']}: Ready is {ready}")
    for evaluation in sender.list(EVALUATIONS):
        status = evaluation.get("status") or {}
        if status.get("phase") not in PHASES or not status.get("message"):
            found.append(f"{evaluation['metadata']['name']}: {status}")
    return found


def _why(version: Json) -> str:
    valid = condition(version, "Valid")
    words = valid.get("message", "")
    return "" if words and len(words) <= 4096 else f"Valid is {valid}"


def settle(api: Api, sender: Sender, seconds: float) -> tuple[list[str], int]:
    """What is unclear still, and how often a write was tried in the last quiet second."""
    deadline = time.monotonic() + seconds
    while True:
        before = attempts(api)
        time.sleep(QUIET_SECONDS)
        tried = attempts(api) - before
        over = time.monotonic() > deadline
        if (tried == 0 or over) and (not (left := unclear(sender)) or over):
            return left, tried


_REQUESTS = re.compile(r"^apiserver_request_total\{([^}]*)\} (\d+)$", re.MULTILINE)


def attempts(api: Api) -> int:
    """Writes that the API server was asked for, those included that it refused."""
    total = 0
    for labels, count in _REQUESTS.findall(api.control_plane.request("GET", "/metrics")):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if found["verb"] not in ("GET", "LIST", "WATCH") and found["resource"] in (*WATCHED, JOBS):
            total += int(count)
    return total


def send_all(sender: Sender, objects: Iterable[Json]) -> None:
    """Create each of them."""
    for obj in objects:
        sender.send(obj)
