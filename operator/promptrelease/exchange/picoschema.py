"""Picoschema, Dotprompt's short form of JSON Schema, to JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promptrelease.exchange.values import Json, LeftOut

_SCALARS = ("string", "number", "integer", "boolean", "null", "any")


def to_json_schema(schema: Any, place: str) -> Json:
    """The JSON Schema that a schema in the frontmatter means; JSON Schema is passed on as it is.

    Raises:
        LeftOut: it names a schema that is defined elsewhere, or is no schema.

    """
    if isinstance(schema, Mapping):
        if schema.get("type") in (*_SCALARS, "object", "array"):
            return dict(schema)
        if isinstance(schema.get("properties"), Mapping):
            return {"type": "object", **schema}
    return _parse(schema, place)


def _parse(schema: Any, place: str) -> Json:
    if isinstance(schema, str):
        kind, _, description = (part.strip() for part in schema.partition(","))
        if kind not in _SCALARS:
            raise LeftOut(place, f"{kind!r} is a schema that is defined elsewhere: write it out")
        found: Json = {} if kind == "any" else {"type": kind}
        return found | ({"description": description} if description else {})
    if not isinstance(schema, Mapping):
        raise LeftOut(place, "it is neither a type nor an object of them")
    made: Json = {"type": "object", "properties": {}, "additionalProperties": False}
    required = []
    for key, value in schema.items():
        if key == "(*)":
            made["additionalProperties"] = _parse(value, f"{place}.{key}")
            continue
        name, _, given = str(key).partition("(")
        kind, _, description = (part.strip() for part in given.removesuffix(")").partition(","))
        optional = name.endswith("?")
        name = name.removesuffix("?")
        child = _child(kind, value, f"{place}.{name}")
        if description:
            child["description"] = description
        made["properties"][name] = _nullable(child) if optional else child
        if not optional:
            required.append(name)
    if required:
        made["required"] = required
    return made


def _child(kind: str, value: Any, place: str) -> Json:
    if kind in ("", "object"):
        return _parse(value, place)
    if kind == "array":
        return {"type": "array", "items": _parse(value, place)}
    if kind == "enum" and isinstance(value, list):
        return {"enum": value}
    raise LeftOut(place, f"({kind}) is none of (array), (object) and (enum)")


def _nullable(schema: Json) -> Json:
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], *([] if None in schema["enum"] else [None])]}
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return schema
