"""What comes of an object that is there already: nothing is overwritten, labels move when asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from promptrelease.exchange.report import Entry
from promptrelease.exchange.values import Json


@dataclass
class Merged:
    """What was done.

    Attributes:
        created: files, or objects as ``kind/name``, that were not there.
        changed: releases that got labels, or whose labels moved.
        unchanged: what was there and says the same.
        conflicts: what was there, says something else, and stays.

    """

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    conflicts: list[Entry] = field(default_factory=list)

    def compared(self, where: str, obj: Json, *, same: bool) -> None:
        """Take in a version that is there."""
        if same:
            self.unchanged.append(where)
            return
        why = f"{where} has other content, and a version can't be changed: it stays"
        self.conflict(obj, "content", why)

    def conflict(self, obj: Json, field: str, why: str) -> None:
        """Take in what is in the way."""
        spec = obj["spec"]
        name = spec.get("prompt") or obj["metadata"]["name"]
        self.conflicts.append(Entry(name, spec.get("version") or 0, field, why, "conflict"))


def merged(result: Merged, where: str, there: Json, wanted: Json, *, move: bool) -> Json:
    """Labels to set on a release that is there; none when it has them all.

    A move names the version that it is from, so that it does not undo one that was made meanwhile.
    """
    has = there["spec"].get("labels") or {}
    patch: Json = {}
    for label, to in (wanted["spec"].get("labels") or {}).items():
        now = (has.get(label) or {}).get("version")
        if now is None:
            patch[label] = to
        elif now == to["version"]:
            continue
        elif move:
            patch[label] = {**to, "from": now}
        else:
            why = f"it is at version {now} in {where}, its source has it at {to['version']}"
            result.conflict(wanted, f"label {label}", why)
    (result.changed if patch else result.unchanged).append(where)
    return patch
