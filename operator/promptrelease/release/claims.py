"""What the labels and annotations of a ConfigMap say of the move that made it.

Anybody who may write ConfigMaps may have written them, under our manager's name, too. So they are
read as strictly as the API server reads a status: what it would not take there is no claim at all,
and the ConfigMap counts as damaged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from promptrelease.api.promptrelease import (
    MAX_APPROVALS,
    MAX_EVALUATIONS,
    MAX_SERVED,
    ChangeKind,
)
from promptrelease.release.model import Change, Consent, Served
from promptrelease.release.render import PREFIX

Json = Mapping[str, Any]

_LARGEST_VERSION = 2**31 - 1
_LARGEST_REVISION = 2**63 - 1
_MAX_DIGEST = 71
_MAX_WORDS = 1024
_MAX_NAME = 253
_MAX_BACKLOG = 256
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_KINDS = get_args(ChangeKind)
_UNREADABLE = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


def served(labels: Json, annotations: Json) -> Served | None:
    """The move that made a ConfigMap; none when that can't be read."""

    def value(name: str) -> str:
        text: str = annotations[PREFIX + name]
        return text

    def optional(name: str) -> str:
        text: str = annotations.get(PREFIX + name, "")
        return text

    try:
        approvals = json.loads(optional("approvals") or "[]")
        return Served(
            version=_number(labels[f"{PREFIX}version"], _LARGEST_VERSION),
            digest=_text(value("digest"), _MAX_DIGEST),
            revision=_number(value("revision"), _LARGEST_REVISION),
            since=_time(value("since")),
            reason=_text(value("reason"), _MAX_WORDS),
            by=_text(value("by"), _MAX_WORDS),
            history=_few(
                (_number(one, _LARGEST_VERSION) for one in value("history").split(",")), MAX_SERVED
            ),
            kind=_kind(optional("kind")),
            before=_number(optional("from"), _LARGEST_VERSION) if optional("from") else None,
            approvals=_few((_consent(name, by) for name, by in approvals), MAX_APPROVALS),
            evaluations=_names(name for name in optional("evaluations").split(",") if name),
            break_glass=_text(optional("break-glass"), _MAX_WORDS),
            checksum=_text(value("checksum"), _MAX_DIGEST),
        )
    except _UNREADABLE:
        return None


def backlog(prompt: str, label: str, text: str) -> tuple[Change, ...]:
    """Earlier moves that nobody has written down yet; none where that can't be read."""
    try:
        return _few((_change(prompt, label, one) for one in json.loads(text or "[]")), _MAX_BACKLOG)
    except _UNREADABLE:
        return ()


def _change(prompt: str, label: str, found: Json) -> Change:
    before, to = found["before"], found["to"]
    return Change(
        release=prompt,
        label=label,
        revision=_counted(found["revision"], _LARGEST_REVISION),
        kind=_kind(found["kind"]),
        before=None if before is None else _counted(before, _LARGEST_VERSION),
        to=None if to is None else _counted(to, _LARGEST_VERSION),
        digest=_text(found["digest"], _MAX_DIGEST),
        reason=_text(found["reason"], _MAX_WORDS),
        by=_text(found["by"], _MAX_WORDS),
        at=_time(found["at"]),
        approvals=_few(
            (_consent(one["name"], one["by"]) for one in found["approvals"]), MAX_APPROVALS
        ),
        evaluations=_names(found.get("evaluations", ())),
        break_glass=_text(found.get("break_glass", ""), _MAX_WORDS),
    )


def _consent(name: Any, by: Any) -> Consent:
    return Consent(_text(name, _MAX_NAME), _text(by, _MAX_WORDS))


def _names(names: Any) -> tuple[str, ...]:
    return _few((_text(name, _MAX_NAME) for name in names), MAX_EVALUATIONS)


def _few(items: Any, most: int) -> tuple[Any, ...]:
    found = tuple(items)
    if len(found) > most:
        raise ValueError(f"more than {most}")
    return found


def _kind(text: Any) -> str:
    if text != "" and text not in _KINDS:
        raise ValueError("not a kind of move")
    return str(text)


def _text(text: Any, most: int) -> str:
    if not isinstance(text, str) or len(text) > most:
        raise ValueError(f"no text of at most {most} characters")
    text.encode()  # half a character, as JSON can write it, is nothing that the API server takes
    return text


def _time(text: Any) -> str:
    """As we write times, which is one of the ways in which the API server reads them."""
    if not isinstance(text, str) or not text.endswith("Z") or not _TIME.fullmatch(text[:-1]):
        raise ValueError("not a time")
    datetime.fromisoformat(text[:-1])
    return text


def _number(text: str, most: int) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number from 1")
    return _counted(int(text), most)


def _counted(number: Any, most: int) -> int:
    if type(number) is not int or not 1 <= number <= most:
        raise ValueError(f"not a number from 1 to {most}")
    return number
