"""What the API server checks of a manifest by the CRD's schema, beyond the shape of its fields.

The rules are those of the schema itself, with their own messages. CEL is not interpreted: each of
our expressions has its like here in Python, by its text. What compares an object with its former
self only a server can check.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from promptrelease.api.crd import KINDS, schema
from promptrelease.release.times import moment

Violation = tuple[tuple[Any, ...], str]
"""The path of a field, and what is wrong there."""

Check = Callable[[Any], bool]

_RULES = "x-kubernetes-validations"
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)",
)
_SAYS_SOMETHING = re.compile(r"[^ \t\r\n]")
_MATCHES = re.compile(r"self(?P<name>\.metadata\.name)?\.matches\('(?P<pattern>.*)'\)")
_ALL_MATCH = re.compile(r"self\.all\(name, name\.matches\('(?P<pattern>.*)'\)\)")


def _name_is_made_of_prompt_and_version(obj: Any) -> bool:
    spec = obj["spec"]
    return bool(obj["metadata"]["name"] == f"{spec['prompt']}-v{spec['version']}")


def _placeholders_differ(messages: Any) -> bool:
    names = [m["placeholder"] for m in messages if "placeholder" in m]
    return len(names) == len(set(names))


def _is_one_kind_of_message(message: Any) -> bool:
    spoken = ["role" in message, "content" in message]
    return not any(spoken) if "placeholder" in message else all(spoken)


def _ends_after_it_starts(freeze: Any) -> bool:
    return moment(freeze["end"]) > moment(freeze["start"])


def _denial_has_a_comment(spec: Any) -> bool:
    return spec["decision"] != "deny" or bool(_SAYS_SOMETHING.search(spec.get("comment") or ""))


# By the beginning of the expression.
_LIKE: tuple[tuple[str, Check], ...] = (
    ("size(self.metadata.name) <= 40", lambda obj: len(obj["metadata"]["name"]) <= 40),
    ("!('latest' in self)", lambda names: "latest" not in names),
    ("!has(self.labels) || !('latest' in", lambda s: "latest" not in (s.get("labels") or ())),
    ("self.metadata.name.startsWith(", _name_is_made_of_prompt_and_version),
    ("has(self.text) != has(self.messages)", lambda s: ("text" in s) != ("messages" in s)),
    ("!has(self.consumes)", lambda s: s["prompt"] not in (s.get("consumes") or ())),
    # The template's grammar: release.judge finds the same, and says line and column.
    ("size(self) > ", lambda _: True),
    ("!self.contains('\\u0000')", lambda text: "\0" not in text),
    ("self.all(m, !has(m.placeholder)", _placeholders_differ),
    ("has(self.placeholder) ? ", _is_one_kind_of_message),
    ("self.end > self.start", _ends_after_it_starts),
    ("self.decision != 'deny'", _denial_has_a_comment),
)


def violations(kind: str, obj: Mapping[str, Any]) -> Iterator[Violation]:
    """What the API server would refuse, of an object whose shape is right.

    Args:
        kind: one of ours.
        obj: as it was written; absent and null fields are the same.

    """
    bare = {name: value for name, value in obj.items() if name != "status"}
    yield from _walk(_schemas()[kind], _without_nulls(bare), ())


def like(rule: str) -> Check | None:
    """Python's like of a CEL expression; none where only a server can evaluate it."""
    if "oldSelf" in rule:
        return None
    for begins, check in _LIKE:
        if rule.startswith(begins):
            return check
    if found := _ALL_MATCH.fullmatch(rule):
        pattern = _compiled(found["pattern"])
        return lambda names: all(pattern.search(name) for name in names)
    if found := _MATCHES.fullmatch(rule):
        pattern = _compiled(found["pattern"])
        if found["name"]:
            return lambda obj: bool(pattern.search(obj["metadata"]["name"]))
        return lambda text: bool(pattern.search(text))
    return None


def expressions() -> set[str]:
    """Every CEL expression of our schemas."""
    found: set[str] = set()

    def collect(node: Any) -> None:
        if isinstance(node, Mapping):
            found.update(rule["rule"] for rule in node.get(_RULES) or ())
            for child in node.values():
                collect(child)

    for one in _schemas().values():
        collect(one)
    return found


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {kind.model.__name__: schema(kind.model) for kind in KINDS}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # In RE2 the dollar is the very end; in Python there may be a line end behind it.
    text = pattern.replace("\\t", "\t").replace("\\r", "\r").replace("\\n", "\n")
    return re.compile(text[:-1] + r"\Z" if text.endswith("$") else text)


def _without_nulls(value: Any) -> Any:
    """A null is dropped where nothing allows it, which is everywhere in our schemas."""
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _walk(node: Mapping[str, Any], value: Any, path: tuple[Any, ...]) -> Iterator[Violation]:
    for rule in node.get(_RULES) or ():
        check = like(rule["rule"])
        if check is not None and not check(value):
            yield path, rule["message"]
    yield from _limits(node, value, path)
    if isinstance(value, Mapping):
        further = node.get("additionalProperties")
        for name, child in value.items():
            below = (node.get("properties") or {}).get(name, further)
            if isinstance(below, Mapping) and name not in ("apiVersion", "kind", "metadata"):
                yield from _walk(below, child, (*path, name))
    elif isinstance(value, list) and isinstance(node.get("items"), Mapping):
        for i, child in enumerate(value):
            yield from _walk(node["items"], child, (*path, i))


def _limits(node: Mapping[str, Any], value: Any, path: tuple[Any, ...]) -> Iterator[Violation]:
    """What the models leave to the schema: sets, maps in lists, times, and how many keys."""
    if isinstance(value, Mapping) and len(value) > node.get("maxProperties", len(value)):
        yield path, f"has {len(value)} fields, at most {node['maxProperties']} may be there"
    if isinstance(value, str) and node.get("format") == "date-time" and not _is_time(value):
        yield path, f"{value!r} is not an RFC 3339 time, as in 2026-11-21T02:00:00Z"
    if isinstance(value, list):
        for i, what in _doubled(node, value):
            yield (*path, i), f"{what!r} is there twice"


def _doubled(node: Mapping[str, Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    kind = node.get("x-kubernetes-list-type")
    if kind not in ("set", "map"):
        return
    names = node.get("x-kubernetes-list-map-keys") or ()
    seen = []
    for i, item in enumerate(items):
        key = item if kind == "set" else [item.get(name) for name in names]
        if key in seen:
            yield i, key if kind == "set" else ", ".join(map(str, key))
        seen.append(key)


def _is_time(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    # Python 3.10 reads neither a Z nor any number of digits after the point.
    plain = re.sub(r"\.\d+", "", text.upper()).replace("Z", "+00:00")
    try:
        datetime.fromisoformat(plain)
    except ValueError:
        return False
    return True
