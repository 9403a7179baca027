"""JSON that can't be changed, and still is ``dict`` and ``list``.

``json.dumps``, the SDKs of model providers and ``isinstance`` take it as the ordinary thing, which
a ``MappingProxyType`` or a tuple would not be. ``copy.deepcopy`` gives an ordinary, mutable one.
"""

from __future__ import annotations

import copy
from typing import Any, NoReturn


def frozen(value: Any) -> Any:
    """The same JSON, unchangeable all the way down."""
    if isinstance(value, dict):
        return FrozenDict({key: frozen(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return FrozenList(frozen(item) for item in value)
    return value


def _refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    raise TypeError("a prompt can't be changed; copy.deepcopy() gives a copy that can")


class FrozenDict(dict[str, Any]):
    """A JSON object that refuses changes."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        """An ordinary dict."""
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled whole: item by item it would have to be changed."""
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A JSON array that refuses changes."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = _refuse
    remove = reverse = sort = _refuse

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        """An ordinary list."""
        return [copy.deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled whole: item by item it would have to be changed."""
        return FrozenList, (list(self),)
