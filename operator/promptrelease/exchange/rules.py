"""What the API server checks by CEL and by size, and the models in `promptrelease.api` do not."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from promptrelease.content.template import IDENTIFIER, INCLUDE_NAME
from promptrelease.exchange.values import Json

MAX_PARAMETERS = 64
MAX_SCHEMA = 256
MAX_OBJECT = 1024 * 1024
"""Bytes of an object that etcd takes, by its default a little more."""


def problem(spec: Json) -> tuple[str, str] | None:
    """Field and reason of the first thing for which a PromptVersion would be refused.

    Args:
        spec: one that PromptVersionSpec accepts.

    """
    return (
        _encoding_problem(spec)
        or _name_problem("variables", spec.get("variables") or {}, IDENTIFIER)
        or _name_problem("includes", spec.get("includes") or {}, INCLUDE_NAME)
        or _placeholder_problem(spec)
        or _tool_problem(spec)
        or _size_problem(spec)
    )


def _encoding_problem(spec: Json) -> tuple[str, str] | None:
    try:
        size = len(json.dumps(spec, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        return "spec", f"it can't be written as JSON: {error}"
    if _has_nul(spec):
        return "spec", "a NUL character can't be part of a prompt"
    if size > MAX_OBJECT:
        return "spec", f"it has {size} bytes, an object may have {MAX_OBJECT}"
    return None


def _has_nul(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\0" in one:
            return True
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False


def _name_problem(field: str, named: Json, pattern: str) -> tuple[str, str] | None:
    for name in named:
        if not re.fullmatch(pattern, name):
            return f"{field}.{name}", "it is no name: letters, digits and underscores"
    return None


def _placeholder_problem(spec: Json) -> tuple[str, str] | None:
    names = [m["placeholder"] for m in spec.get("messages") or () if "placeholder" in m]
    for name, many in Counter(names).items():
        if not re.fullmatch(IDENTIFIER, name):
            return f"placeholder {name}", "it is no name: letters, digits and underscores"
        if many > 1:
            return f"placeholder {name}", "it is there more than once"
    return None


def _tool_problem(spec: Json) -> tuple[str, str] | None:
    names = [tool["name"] for tool in spec.get("tools") or ()]
    for name, many in Counter(names).items():
        if not re.fullmatch("[A-Za-z0-9_-]+", name):
            return f"tool {name}", "its name holds more than letters, digits, underscores, dashes"
        if many > 1:
            return f"tool {name}", "it is there more than once"
    return None


def _size_problem(spec: Json) -> tuple[str, str] | None:
    if len(spec["model"].get("parameters") or {}) > MAX_PARAMETERS:
        return "model.parameters", f"there are more than {MAX_PARAMETERS}"
    schemas = {"output": spec.get("output") or {}}
    for tool in spec.get("tools") or ():
        schemas[f"tool {tool['name']}"] = tool.get("parameters") or {}
    for field, schema in schemas.items():
        if len(schema) > MAX_SCHEMA:
            return field, f"its schema has more than {MAX_SCHEMA} keys"
    return None
