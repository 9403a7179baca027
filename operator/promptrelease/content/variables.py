"""The contract with the caller: which variables a prompt takes, and the text each becomes.

A variable without a ``default`` is required. A placeholder, the gap in a chat prompt that the
caller fills with messages, is always required: a forgotten conversation should fail and not go
to the model as an empty one. Who means none gives ``[]``.

=============  =====================================  =====================================
type           takes                                  becomes
=============  =====================================  =====================================
``string``     ``str``                                itself
``integer``    ``int``                                compact JSON
``number``     ``int`` or finite ``float``            compact JSON
``boolean``    ``bool``, which is not an integer      ``true`` or ``false``
``array``      ``list`` or ``tuple``                  compact JSON
``object``     ``dict``                               compact JSON
=============  =====================================  =====================================
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from promptrelease.content.errors import PromptError
from promptrelease.content.files import ContentError

Message = dict[str, Any]
"""``{"role", "content"}``, and whatever else a chat API puts beside them."""


class VariablesError(PromptError, ValueError):
    """The given variables are not those that the prompt asks for. Names all of them at once.

    Attributes:
        missing: required, not given.
        unexpected: given, not declared.
        invalid: name to what is wrong with its value, as ``must be an integer, got str``.

    """

    def __init__(
        self,
        message: str,
        *,
        missing: Iterable[str] = (),
        unexpected: Iterable[str] = (),
        invalid: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the names beside the message."""
        super().__init__(message)
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        self.invalid = dict(invalid or {})


class Contract:
    """What a prompt asks of its caller, prepared once so that binding a call is quick."""

    def __init__(
        self,
        variables: Mapping[str, Mapping[str, Any]],
        placeholders: Iterable[str] = (),
        *,
        prompt: str = "the prompt",
    ) -> None:
        """Prepare ``variables``: name to ``{"type", "default"?}``.

        Args:
            variables: the ``variables`` of ``metadata.json``.
            placeholders: names that take a list of messages.
            prompt: who asks, for messages of errors.

        Raises:
            ContentError: a type that is not one of the six, a default of another type, or a name
                that is a placeholder's as well.

        """
        self._prompt = prompt
        self._accept: dict[str, Callable[[Any], Any]] = dict.fromkeys(placeholders, _messages)
        self._defaults: dict[str, str] = {}
        for name, declared in variables.items():
            if not isinstance(declared, Mapping):
                raise ContentError(f"variable {name} is no JSON object")
            kind = declared.get("type")
            accept = _ACCEPT.get(kind) if isinstance(kind, str) else None
            if accept is None:
                raise ContentError(f"variable {name} has the unknown type {kind!r}")
            if name in self._accept:
                raise ContentError(f"{name} is both a variable and a placeholder")
            self._accept[name] = accept
            if "default" in declared:
                try:
                    self._defaults[name] = accept(declared["default"])
                except _InvalidError as error:
                    raise ContentError(f"the default of variable {name} {error}") from None

    @property
    def required(self) -> frozenset[str]:
        """Names of the variables and placeholders that a caller must give."""
        return frozenset(self._accept.keys() - self._defaults.keys())

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Variable to its text, and placeholder to its messages, defaults included.

        Raises:
            VariablesError: any that is missing, not declared, or of another type.

        """
        bound: dict[str, Any] = self._defaults.copy()
        accept = self._accept
        try:
            for name, value in given.items():
                bound[name] = accept[name](value)
        except (KeyError, _InvalidError):
            raise self._error(given) from None
        if len(bound) != len(accept):
            raise self._error(given)
        return bound

    def _error(self, given: Mapping[str, Any]) -> VariablesError:
        missing = sorted(self.required - given.keys())
        unexpected = sorted(given.keys() - self._accept.keys())
        invalid = {}
        for name in sorted(given.keys() & self._accept.keys()):
            try:
                self._accept[name](given[name])
            except _InvalidError as error:
                invalid[name] = str(error)
        wrong = [f"{name} is missing" for name in missing]
        wrong += [f"{name} is not declared" for name in unexpected]
        wrong += [f"{name} {reason}" for name, reason in invalid.items()]
        if unexpected:
            wrong.append(f"it takes {', '.join(sorted(self._accept)) or 'no variables'}")
        return VariablesError(
            f"{self._prompt}: {'; '.join(wrong)}",
            missing=missing,
            unexpected=unexpected,
            invalid=invalid,
        )


class _InvalidError(Exception):
    """What is wrong with a value; the name is added by who knows it."""


def _of(kind: str, *types: type) -> Callable[[Any], str]:
    def accept(value: Any) -> str:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise _InvalidError(f"must be {kind}, got {type(value).__name__}")
        return _json(value)

    return accept


def _string(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, str):
        # The characters of a subclass: str() of an enum's member would be "Color.RED".
        return str.__str__(value)
    raise _InvalidError(f"must be a string, got {type(value).__name__}")


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise _InvalidError(f"can't be written as JSON: {error}") from None


def _messages(value: Any) -> list[Message]:
    if not isinstance(value, list | tuple):
        raise _InvalidError(f"must be a list of messages, got {type(value).__name__}")
    for index, message in enumerate(value):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise _InvalidError(f"[{index}] must be a message with a role")
    return [dict(message) for message in value]


_ACCEPT: dict[str, Callable[[Any], str]] = {
    "string": _string,
    "integer": _of("an integer", int),
    "number": _of("a number", int, float),
    "boolean": _of("a boolean", bool),
    "array": _of("a list", list, tuple),
    "object": _of("a dict", dict),
}
