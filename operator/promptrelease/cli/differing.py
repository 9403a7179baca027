"""What differs between two versions, in a line for each part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Json = Mapping[str, Any]


def differences(old: Json, new: Json) -> list[str]:
    """What differs between two specs of a prompt, one line for each part."""
    found = []
    for part in ("text", "messages"):
        if old.get(part) != new.get(part):
            gone, come = _lines(old.get(part)), _lines(new.get(part))
            added = sum(line not in gone for line in come)
            removed = sum(line not in come for line in gone)
            found.append(f"{part}: +{added} -{removed} lines")
    models = [spec.get("model") or {} for spec in (old, new)]
    names = [f"{model.get('provider')}/{model.get('name')}" for model in models]
    if names[0] != names[1]:
        found.append(f"model: {names[0]} -> {names[1]}")
    found += _fields("model", *(model.get("parameters") or {} for model in models))
    for part in ("variables", "includes"):
        found += _fields(part, old.get(part) or {}, new.get(part) or {}, values=part != "variables")
    tools = [{tool["name"]: tool for tool in spec.get("tools") or ()} for spec in (old, new)]
    found += _fields("tools", *tools, values=False)
    if old.get("output") != new.get("output"):
        found.append("output: another schema")
    if set(old.get("consumes") or ()) != set(new.get("consumes") or ()):
        found.append(f"consumes: {', '.join(sorted(new.get('consumes') or ())) or 'nothing'}")
    return found


def _lines(part: Any) -> list[str]:
    if isinstance(part, str):
        return part.splitlines()
    return [
        line
        for message in part or ()
        for line in f"{message.get('role')}: {message.get('content', '')}".splitlines()
    ]


def _fields(part: str, old: Json, new: Json, *, values: bool = True) -> Iterable[str]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name not in new:
            yield f"{part}: {name} goes"
        elif name not in old:
            yield f"{part}: {name} comes" + (f", {_brief(after)}" if values else "")
        elif values:
            yield f"{part}: {name} {_brief(before)} -> {_brief(after)}"
        else:
            yield f"{part}: {name} differs"


def _brief(value: Any) -> str:
    if isinstance(value, Mapping) and "prompt" in value:
        return f"{value['prompt']} v{value.get('version')}"
    return str(value)
