"""What differs between two versions of a prompt, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

import yaml

from promptrelease.views.look.words import Piece, pieces

Json = Mapping[str, Any]

_ABSENT = object()


@dataclass(frozen=True)
class Words:
    """A text that differs: see ``words.pieces``."""

    path: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Value:
    """A value that differs, as YAML on one line; none where there is none."""

    path: str
    old: str | None
    new: str | None


Part = Words | Value


def differences(old: Json, new: Json) -> list[Part]:
    """What differs between two PromptVersion specs; empty when they behave the same.

    Why a version exists (``message``) and its number are no difference.
    """
    return [
        *_text(old, new),
        *_messages(old.get("messages") or (), new.get("messages") or ()),
        *_model(old.get("model") or {}, new.get("model") or {}),
        *_each("variables", old.get("variables") or {}, new.get("variables") or {}),
        *_documents("tools", _by_name(old.get("tools")), _by_name(new.get("tools"))),
        *_documents("output", _alone(old.get("output")), _alone(new.get("output"))),
        *_each("includes", old.get("includes") or {}, new.get("includes") or {}),
        *_value("consumes", _names(old.get("consumes")), _names(new.get("consumes"))),
    ]


def plain(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The same for a script."""
    return [
        {"path": part.path, "words": [list(piece) for piece in part.pieces]}
        if isinstance(part, Words)
        else {"path": part.path, "old": part.old, "new": part.new}
        for part in parts
    ]


def _text(old: Json, new: Json) -> Iterator[Part]:
    before, after = old.get("text") or "", new.get("text") or ""
    if before != after:
        yield Words("text", tuple(pieces(before, after)))


def _messages(old: Sequence[Json], new: Sequence[Json]) -> Iterator[Part]:
    """Messages are paired by what they say, and in a stretch where all differ by their place."""
    before, after = [_key(m) for m in old], [_key(m) for m in new]
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        pairs = zip_longest(range(i, j), range(k, m))
        for at, then in pairs:
            number = then if then is not None else at
            here = before[at] if at is not None else ("", "")
            there = after[then] if then is not None else ("", "")
            role = there[0] or here[0]
            yield from _message(f"messages[{number}]", role, here, there)


def _message(path: str, role: str, old: tuple[str, str], new: tuple[str, str]) -> Iterator[Part]:
    if old[0] != new[0]:
        yield from _value(f"{path}.role", old[0] or _ABSENT, new[0] or _ABSENT)
    if old[1] != new[1]:
        yield Words(f"{path} ({role})", tuple(pieces(old[1], new[1])))


def _key(message: Json) -> tuple[str, str]:
    if "placeholder" in message:
        return "placeholder", str(message["placeholder"])
    return str(message.get("role", "")), str(message.get("content", ""))


def _model(old: Json, new: Json) -> Iterator[Part]:
    for name in ("provider", "name"):
        yield from _value(f"model.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))
    yield from _each("model.parameters", old.get("parameters") or {}, new.get("parameters") or {})


def _each(path: str, old: Json, new: Json) -> Iterator[Part]:
    for name in sorted(old.keys() | new.keys()):
        yield from _value(f"{path}.{name}", old.get(name, _ABSENT), new.get(name, _ABSENT))


def _value(path: str, old: Any, new: Any) -> Iterator[Part]:
    before, after = (None if value is _ABSENT else _line(value) for value in (old, new))
    if before != after:
        yield Value(path, before, after)


def _documents(path: str, old: Json, new: Json) -> Iterator[Part]:
    """What may be long, as YAML over many lines."""
    for name in sorted(old.keys() | new.keys()):
        before, after = (_document(side[name]) if name in side else "" for side in (old, new))
        if before != after:
            yield Words(f"{path}.{name}" if name else path, tuple(pieces(before, after)))


def _by_name(tools: Sequence[Json] | None) -> dict[str, Json]:
    return {str(tool.get("name", "")): tool for tool in tools or ()}


def _alone(value: Json | None) -> dict[str, Json]:
    return {} if value is None else {"": value}


def _names(names: Sequence[str] | None) -> Any:
    return sorted(names) if names else _ABSENT


def _line(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(
        value, default_flow_style=True, width=1_000_000, allow_unicode=True, sort_keys=True
    )
    return str(text).removesuffix("...\n").strip()


def _document(value: Any) -> str:
    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=True, width=100))
