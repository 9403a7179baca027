"""Canonical JSON and the digest.

The digest names a content exactly: approvals and evaluations are bound to it, so that it must
not depend on the order of keys, on white space, or on whether a number was written 1 or 1.0.
JSON Canonicalization Scheme, RFC 8785.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

# Beyond this, ECMAScript's Number::toString writes an exponent (ECMA-262, 6.1.6.1.20).
_LARGEST_PLAIN = 1e21


def canonical_json(value: Any) -> str:
    """The one JSON text of a value, by RFC 8785.

    Raises:
        ValueError: a number that JSON can't hold (NaN, an infinity).
        TypeError: a value that is not JSON.

    """
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGEST_PLAIN else _number(_float(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        # RFC 8785, 3.2.3: keys sort by their UTF-16 code units.
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{canonical_json(k)}:{canonical_json(v)}" for k, v in items) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(canonical_json(v) for v in value) + "]"
    raise TypeError(f"{type(value).__name__} is not JSON")


def normalized(value: Any) -> Any:
    """The value as it comes back from an API server: 1.0 is 1, tuples are lists."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_PLAIN:
        # By way of its digits: beyond 2**53 int() would add some that the number never had.
        return int(_number(value))
    if isinstance(value, Mapping):
        return {k: normalized(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [normalized(v) for v in value]
    return value


def digest(value: Any) -> str:
    """``sha256:`` and 64 hexadecimal digits, of the canonical JSON."""
    return "sha256:" + hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"an integer of {value.bit_length()} bits is not JSON") from None


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not JSON")
    if value == 0:
        return "0"
    # Both write the fewest digits that give the same number back, and differ in where they put
    # the exponent: Python from 1e16 and below 1e-4, ECMAScript from 1e21 and below 1e-6.
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    power = int(exponent)
    whole, _, fraction = mantissa.partition(".")
    if 0 < power < 21:
        return whole + fraction.ljust(power, "0")
    if -7 < power < 0:
        sign = "-" if value < 0 else ""
        return f"{sign}0.{'0' * (-power - 1)}{whole.lstrip('-')}{fraction}"
    return f"{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"
