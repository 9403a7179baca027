"""Tokens of service accounts that expire when a test wants it, in a folder as the kubelet makes it.

The API server gives none for less than ten minutes. But the key by which it knows its own is ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from harness.controlplane import ControlPlane

LEEWAY = 60
"""Seconds for which the API server takes a token that has expired."""

Point = tuple[int, int] | None

# The curve P-256, as in FIPS 186-4.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def token(plane: ControlPlane, namespace: str, account: str, seconds: float) -> str:
    """Return the API server's own token for an account, with another end: it takes it so long."""
    asked = plane.kubectl("create", "token", account, "-n", namespace).stdout.strip()
    head, claims, _ = asked.split(".")
    body: dict[str, Any] = json.loads(_decoded(claims))
    body["exp"] = int(time.time() + seconds - LEEWAY)
    body["iat"] = body["nbf"] = int(time.time()) - 600
    signed = f"{head}.{_encoded(json.dumps(body).encode())}"
    return f"{signed}.{_encoded(_sign(plane.folder / 'service-account.key', signed.encode()))}"


class Projected:
    """A folder with token and certificates, all of it replaced at once, as the kubelet does."""

    def __init__(self, folder: Path, authority: Path, first: str) -> None:
        self.folder = folder
        self._authority = authority
        folder.mkdir()
        self.write(first)
        for name in ("token", "ca.crt"):
            (folder / name).symlink_to(f"..data/{name}")

    def write(self, text: str) -> None:
        """Replace what is there."""
        old, new = self.folder / "..data", self.folder / f"..{secrets.token_hex(4)}"
        new.mkdir()
        (new / "token").write_text(text)
        shutil.copy(self._authority, new / "ca.crt")
        before = old.resolve() if old.exists() else None
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        link.replace(old)
        if before is not None:
            shutil.rmtree(before)


def _sign(key: Path, message: bytes) -> bytes:
    """ES256. Good enough for a key that lives as long as a test."""
    der = base64.b64decode("".join(key.read_text().splitlines()[1:-1]))
    private = int.from_bytes(der[7:39], "big")  # RFC 5915: after version and length
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    nonce = secrets.randbelow(_N - 1) + 1
    point = _times(nonce)
    assert point is not None
    r = point[0] % _N
    s = pow(nonce, -1, _N) * (digest + r * private) % _N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _times(factor: int) -> Point:
    result: Point = None
    step: Point = _G
    while factor:
        if factor & 1:
            result = _plus(result, step)
        step = _plus(step, step)
        factor >>= 1
    return result


def _plus(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % _P == 0:
        return None
    if a == b:
        slope = 3 * (a[0] ** 2 - 1) * pow(2 * a[1], -1, _P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope**2 - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
