"""Values that people keep for the console: nobody else can read them, nor make or change one."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import zlib
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


def seal(secret: str, purpose: str, value: Any) -> str:
    """A JSON value as text of letters, digits, ``-`` and ``_``.

    Args:
        secret: one or more, each on a line; the first seals.
        purpose: what is sealed for one purpose can't be opened for another.
        value: tokens in it are a quarter shorter packed than as they are.

    """
    packed = zlib.compress(json.dumps(value, separators=(",", ":")).encode())
    return _box(secret, purpose).encrypt(packed).decode().rstrip("=")


def unseal(secret: str, purpose: str, sealed: str, seconds: int | None = None) -> Any:
    """The value; none when it was not sealed here for this purpose, or is older than ``seconds``.

    Any of the secrets may have sealed it.
    """
    try:
        padded = sealed + "=" * (-len(sealed) % 4)
        packed = _box(secret, purpose).decrypt(padded.encode(), ttl=seconds)
    except (InvalidToken, ValueError):
        return None
    return json.loads(zlib.decompress(packed))


def proof(secret: str, *parts: str) -> str:
    """A text that only the console can make of these parts."""
    message = json.dumps(parts).encode()
    digest = hmac.digest(_key(secret.splitlines()[0], "proof"), message, "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@functools.lru_cache(maxsize=16)
def _box(secret: str, purpose: str) -> MultiFernet:
    keys = (base64.urlsafe_b64encode(_key(one, purpose)) for one in secret.splitlines())
    return MultiFernet([Fernet(key) for key in keys])


def _key(secret: str, purpose: str) -> bytes:
    return hashlib.sha256(f"promptrelease {purpose}\0{secret}".encode()).digest()
