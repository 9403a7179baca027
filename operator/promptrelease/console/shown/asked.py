"""What addresses ask for: names and numbers, checked before anything is looked up by them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from promptrelease.views.failures import NotFound, UsageMistake

_NAME = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_OBJECT = re.compile("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_NUMBER = re.compile("v?([1-9][0-9]{0,9})")


def name(given: str, what: str = "prompt") -> str:
    """A prompt's or a label's name. Raises NotFound: nothing can be called that."""
    if not _NAME.fullmatch(given):
        raise NotFound(f"there is no {what} of that name", "it may be mistyped")
    return given


def object_name(given: str, what: str) -> str:
    """The name of any other object. Raises NotFound: nothing can be called that."""
    if not _OBJECT.fullmatch(given):
        raise NotFound(f"there is no {what} of that name", "it may be mistyped")
    return given


def number(given: str, prompt: str) -> int:
    """A version's number, with a v or without. Raises NotFound."""
    found = _NUMBER.fullmatch(given)
    if found is None:
        raise NotFound(
            f"there is no such version of {prompt}", "versions are numbered from 1, as in v7"
        )
    return int(found[1])


def numbers(query: Mapping[str, str], prompt: str) -> tuple[int, int]:
    """The two versions to compare, ``from`` and ``to``. Raises UsageMistake, NotFound."""
    if not query.get("from") or not query.get("to"):
        raise UsageMistake("two versions are compared", f"choose them on the page of {prompt}")
    return number(query["from"], prompt), number(query["to"], prompt)


def page(query: Mapping[str, str]) -> int:
    """The page of a list, from 1; the first where none is asked for."""
    found = _NUMBER.fullmatch(query.get("page", ""))
    return int(found[1]) if found else 1
