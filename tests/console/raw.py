"""Requests as no well-behaved client would send them."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

SECONDS = 20


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 for nothing."""

    status: int
    headers: dict[str, str]
    body: str


def send(url: str, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
    """One request; without a ``Host`` among ``headers`` it has the right one."""
    place = urlsplit(url)
    if not any(header.lower().startswith("host:") for header in headers):
        headers = (f"Host: {place.netloc}", *headers)
    lines = [f"{method} {target} HTTP/1.1", *headers, "Connection: close", "", ""]
    return exchange(url, "\r\n".join(lines).encode("latin-1") + body)


def exchange(url: str, request: bytes) -> Answer:
    """Bytes as they are."""
    place = urlsplit(url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80), timeout=SECONDS) as line:
        # The console may have answered, and closed, before all has been sent.
        with contextlib.suppress(OSError):
            line.sendall(request)
        received = b""
        with contextlib.suppress(ConnectionError):
            while chunk := line.recv(65536):
                received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    if not first:
        return Answer(0, {}, "")
    found = dict(line.split(": ", 1) for line in others)
    return Answer(
        int(first.split()[1]),
        {key.lower(): value for key, value in found.items()},
        rest.decode("utf-8", "replace"),
    )
