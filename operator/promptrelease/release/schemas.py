"""Whether what is given as JSON Schema is one, in a time that its writer can't stretch.

A schema is checked against the schema of its draft; nothing in it is followed, fetched or matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend, validator_for
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import specification_with

from promptrelease.content.canonical import canonical_json
from promptrelease.release.model import Problem

MAX_VALUES = 10_000
"""In all schemas of a version together, each object, list, text and number; 0.2 ms each at most."""

_LOOKED_AT = 64
_MAX_WORDS = 512


def problems(schemas: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Problem]:
    """What is wrong with each.

    Args:
        schemas: where it stands, and the schema; it nests no deeper than Python can follow.

    """
    left = MAX_VALUES
    found: list[Problem] = []
    for place, schema in schemas:
        left -= _values(schema, left)
        if left < 0:
            text = f"{place}: all schemas together hold more than {MAX_VALUES} values: shorten them"
            return [*found, Problem("SchemaInvalid", text)]
        if error := _error(schema):
            where = "".join(f".{step}" for step in error.absolute_path)
            text = f"{place}{_cut(where)} is not JSON Schema: {_cut(error.message)}"
            found.append(Problem("SchemaInvalid", text))
    return found


def _values(schema: Any, most: int) -> int:
    """How many values there are, counted to one more than ``most``."""
    count, waiting = 0, [schema]
    while waiting and count <= most:
        value = waiting.pop()
        count += 1
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return count


def _error(schema: Mapping[str, Any]) -> ValidationError | None:
    # Formats are not looked at: a pattern is ECMA-262's, and Python would refuse \p{L} in it.
    errors: list[ValidationError]
    errors = list(islice(_checker(_draft(schema)).iter_errors(schema), _LOOKED_AT))
    try:
        best: ValidationError | None = best_match(iter(errors))
    except TypeError:  # it can't compare what draft 3 gives as types
        return errors[0]
    return best


def _draft(schema: Mapping[str, Any]) -> Any:
    """The draft that a schema names, else 2020-12."""
    default = jsonschema.Draft202012Validator
    try:
        return validator_for(schema, default=default)
    except (TypeError, ValueError, AttributeError):
        return default  # its "$schema" is no URI, or not even a string


@cache
def _checker(draft: Any) -> Any:
    """What checks schemas of a draft."""
    meta = _undeclared(draft.META_SCHEMA)
    validator: Any = extend(draft, {"uniqueItems": _unique})  # type: ignore[no-untyped-call]
    return validator(meta, registry=_registry())


@cache
def _registry() -> Registry[Any]:
    """The drafts' own schemas, by their URIs."""
    resources = ((uri, REGISTRY.contents(uri)) for uri in REGISTRY)
    # Crawled at once, or the anchors of jsonschema's own registry come before ours.
    return (
        Registry[Any]()
        .with_resources(
            (uri, specification_with(found["$schema"]).create_resource(_undeclared(found)))
            for uri, found in resources
        )
        .crawl()
    )


def _undeclared(meta: Any) -> dict[str, Any]:
    """Without "$schema", by which jsonschema would go back to its own way of checking."""
    return {name: value for name, value in meta.items() if name != "$schema"}


def _unique(_: Any, unique: bool, items: Any, __: Any) -> Iterator[ValidationError]:
    """As jsonschema's own, which compares each with each where they can't be sorted."""
    if not (unique and isinstance(items, list)):
        return
    if len({canonical_json(item) for item in items}) < len(items):
        yield ValidationError(f"{items!r} has non-unique elements")


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_WORDS else f"{text[:_MAX_WORDS]}..."
