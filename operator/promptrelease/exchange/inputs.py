"""Declared inputs of a file, and the variables of a version: those that its template uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from promptrelease.exchange.values import Json, Note

_TYPES = ("string", "integer", "number", "boolean", "array", "object")


def variables(used: Iterable[str], schemas: Mapping[str, Json], place: str, note: Note) -> Json:
    """``variables`` of a content.

    Args:
        used: names that the template uses.
        schemas: name to JSON Schema, which may have a ``default``.
        place: what the inputs are called, for notes.
        note: is told what of them does not come along.

    """
    used = list(used)
    for name in sorted(schemas.keys() - set(used)):
        note(f"{place}.{name}", "the template does not use it")
    return {n: _variable(schemas.get(n, {}), f"{place}.{n}", note) for n in used}


def _variable(schema: Json, place: str, note: Note) -> Json:
    kinds = schema.get("type", "string")
    given = kinds if isinstance(kinds, list) else [kinds]
    known = [kind for kind in given if kind in _TYPES]
    optional = "null" in given
    if len(known) != 1:
        note(place, f"its type {kinds!r} is a string here")
        known = ["string"]
    variable: Json = {"type": known[0]}
    if schema.get("description"):
        variable["description"] = schema["description"]
    if schema.get("default") is not None:
        variable["default"] = schema["default"]
    elif optional and known == ["string"]:
        variable["default"] = ""
    elif optional:
        note(place, "it could be left away, and must be given here")
    if odd := sorted(schema.keys() - {"type", "description", "default"}):
        note(place, f"{', '.join(odd)}: a variable has no such thing here")
    return variable


def schemas_of(declared: Json) -> dict[str, Json]:
    """JSON Schemas of a content's variables, without their defaults."""
    return {
        name: {"type": "string"} | {k: v for k, v in variable.items() if k != "default"}
        for name, variable in declared.items()
    }


def defaults_of(declared: Json) -> dict[str, Any]:
    """Name to default, where there is one."""
    return {name: v["default"] for name, v in declared.items() if "default" in v}
