"""Names that the API server accepts, made of names that others have chosen."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from promptrelease.content.template import INCLUDE_NAME

MAX_NAME = 63
_HASH = 8


def dns_label(name: str) -> str:
    """The lower-case letters, digits and dashes of a name; empty when it has none of them.

    What is longer than 63 characters ends in a hash of the whole.
    """
    dashed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if len(dashed) <= MAX_NAME:
        return dashed
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{dashed[: MAX_NAME - _HASH - 1].rstrip('-')}-{digest}"


def assigned(names: Iterable[str], chosen: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Our name for each of ``names``, and those that got none, because they share it or have none.

    Args:
        names: each once.
        chosen: our names for some of them, as a person wants them.

    """
    wanted: dict[str, list[str]] = defaultdict(list)
    for name in names:
        wanted[chosen.get(name) or dns_label(name)].append(name)
    clashing = [n for ours, all_of in wanted.items() if not ours or len(all_of) > 1 for n in all_of]
    given = {all_of[0]: ours for ours, all_of in wanted.items() if ours and len(all_of) == 1}
    return given, sorted(clashing)


def include_name(prompt: str, version: int, taken: Iterable[str]) -> str:
    """A name for ``{{> name}}`` that is not taken."""
    base = dns_label(prompt)[:50].strip("-") or "part"
    name = f"{base}-v{version}" if base[0].isalpha() else f"_{base}-v{version}"
    others = set(taken)
    free, count = name, 2
    while free in others:
        free, count = f"{name}-{count}", count + 1
    if not re.fullmatch(INCLUDE_NAME, free):
        raise AssertionError(free)
    return free
