"""Prompty's properties, of inputs, outputs and tools, to JSON Schema and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptrelease.exchange.values import Json, LeftOut

RICH = ("thread", "image", "file", "audio")
_KINDS = {"float": "number"}
_TYPES = ("string", "integer", "number", "boolean", "array", "object")
_INFERRED: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "float"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def named(properties: Any, place: str) -> dict[str, Json]:
    """Name to property, of the list or the object that a file may have.

    Raises:
        LeftOut: it is neither.

    """
    if isinstance(properties, Mapping):
        return {
            str(name): _property(value, f"{place}.{name}") for name, value in properties.items()
        }
    if isinstance(properties, list) and all(
        isinstance(p, Mapping) and "name" in p for p in properties
    ):
        return {p["name"]: {k: v for k, v in p.items() if k != "name"} for p in properties}
    raise LeftOut(place, "it is neither an object nor a list of things with a name")


def _property(value: Any, place: str) -> Json:
    if isinstance(value, Mapping) and (value.keys() & {"kind", "type", "default", "sample"}):
        return dict(value)
    for kind, called in _INFERRED:
        if isinstance(value, kind):
            return {"kind": called, "default": value}
    raise LeftOut(place, "it is no property")


def kind_of(given: Json) -> str:
    """Its kind: what was called type before."""
    return str(given.get("kind") or given.get("type") or "string")


def to_schema(given: Json, place: str) -> Json:
    """JSON Schema of one property, its ``default`` included.

    Raises:
        LeftOut: it is of a kind that JSON does not have.

    """
    kind = _KINDS.get(kind_of(given), kind_of(given))
    if kind not in _TYPES:
        raise LeftOut(place, f"there is no {kind!r} here")
    schema: Json = {"type": kind}
    for theirs, ours in (("description", "description"), ("enumValues", "enum")):
        if given.get(theirs):
            schema[ours] = given[theirs]
    if "default" in given:
        schema["default"] = given["default"]
    if kind == "object" and given.get("properties"):
        schema |= to_object(given["properties"], f"{place}.properties")
    if kind == "array" and given.get("items"):
        items = given["items"] if isinstance(given["items"], Mapping) else {"kind": given["items"]}
        schema["items"] = to_schema(dict(items), f"{place}.items")
    return schema


def to_object(properties: Any, place: str) -> Json:
    """JSON Schema of an object with these properties."""
    found = named(properties, place)
    schema: Json = {
        "type": "object",
        "properties": {name: to_schema(p, f"{place}.{name}") for name, p in found.items()},
    }
    if required := [name for name, given in found.items() if given.get("required")]:
        schema["required"] = required
    return schema


def from_object(schema: Json, place: str) -> list[Json]:
    """The properties that `to_object` reads as this schema.

    Raises:
        LeftOut: it says more than properties can.

    """
    required = schema.get("required") or ()
    made = []
    for name, child in (schema.get("properties") or {}).items():
        given = {"name": name, **from_schema(child)}
        if name in required:
            given["required"] = True
        made.append(given)
    if to_object(made, place) != schema:
        raise LeftOut(place, "its schema says more than Prompty's properties can")
    return made


def from_schema(schema: Any) -> Json:
    """One property; what has no place in it is lost."""
    if not isinstance(schema, Mapping):
        return {}
    kind = schema.get("type", "string")
    given: Json = {"kind": "float" if kind == "number" else kind}
    for theirs, ours in (("description", "description"), ("enumValues", "enum"), ("default",) * 2):
        if ours in schema:
            given[theirs] = schema[ours]
    if kind == "object" and schema.get("properties"):
        required = schema.get("required") or ()
        given["properties"] = [
            {"name": n, **from_schema(child), **({"required": True} if n in required else {})}
            for n, child in schema["properties"].items()
        ]
    if kind == "array" and "items" in schema:
        given["items"] = from_schema(schema["items"])
    return given
