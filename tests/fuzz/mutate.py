"""Changes to JSON that leave it JSON: a search by bytes alone seldom comes past the parser."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

_INTERESTING: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**20,
    10**400,
    float("nan"),
    "",
    "a",
    "{{a}}",
    "{{",
    "%s",
    "\ud83d",
    "\x00",
    [],
    {},
    [None],
    {"role": "user", "content": "x"},
    {"placeholder": "a"},
    {"type": "string"},
    {"type": []},
)


def mutated(data: bytes, most: int, seed: int, bytewise: Callable[[bytes, int], bytes]) -> bytes:
    """Another input.

    Args:
        data: an input.
        most: bytes that the other may have.
        seed: decides what changes.
        bytewise: changes bytes, where this is no JSON, and now and then.

    """
    random = Random(seed)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return bytewise(data, most)
    if random.random() < 0.3:
        return bytewise(data, most)
    for _ in range(random.choice((1, 1, 2, 4))):
        value = _changed(value, random)
    made = json.dumps(value).encode()
    return made if len(made) <= most else bytewise(data, most)


def _changed(value: Any, random: Random) -> Any:
    root = [value]
    places = list(_places(root))
    holder, key = random.choice(places)
    other, its_key = random.choice(places)
    copied = json.loads(json.dumps(other[its_key]))
    way = random.randrange(5)
    if way == 0:
        holder[key] = copy.deepcopy(random.choice(_INTERESTING))
    elif way == 1 and holder is not root:
        del holder[key]
    elif way == 2 and isinstance(holder, dict):
        holder[random.choice([str(its_key), "a", "default", "type", "{{"])] = copied
    elif way == 3 and isinstance(holder, list) and holder is not root:
        holder.insert(key, copied)
    else:
        holder[key] = copied
    return root[0]


def _places(value: Any) -> Any:
    """Each holder and key in a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        yield value, key
        if isinstance(child, dict | list):
            yield from _places(child)
