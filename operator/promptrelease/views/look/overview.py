"""What a release serves and what holds it back, read from its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.api.promptrelease import LATEST
from promptrelease.release import wire
from promptrelease.release.model import LabelStatus, Release, Wanted
from promptrelease.views.look.advice import advice

Json = Mapping[str, Any]

READY = "ready"
WAITING = "waiting"
STALLED = "stalled"
UNSEEN = "not looked at"
REEVALUATE = "re-evaluate"
DELETING = "deleting"

STYLES = {READY: "green", WAITING: "yellow", STALLED: "bold red", REEVALUATE: "yellow"}
"""How a terminal shows the state of a prompt; any other is red."""

NEEDS_REEVALUATION = "NeedsReevaluation"


@dataclass(frozen=True)
class Label:
    """A label of a release.

    Attributes:
        wanted: what the spec asks for; none for latest, and for a label that was withdrawn.

    """

    name: str
    wanted: Wanted | None
    status: LabelStatus

    @property
    def text(self) -> str:
        """What it serves, and where it is going: ``v6``, ``v6 -> v7``, ``- -> v7``."""
        served, going = self.status.served, self.going
        before = f"v{served.version}" if served else "-"
        return before if going is None else f"{before} -> v{going}"

    @property
    def going(self) -> int | None:
        """The version that it shall serve and does not; none when it is where it shall be."""
        if self.status.pending is not None:
            return self.status.pending.version
        served = self.status.served
        if self.wanted is None or (served and served.version == self.wanted.version):
            return None
        return self.wanted.version

    @property
    def withdrawn(self) -> bool:
        """Whether nobody wants it any more, and it is still mounted."""
        return self.wanted is None and self.name != LATEST


@dataclass(frozen=True)
class Health:
    """How a prompt is: one of the states above, and a text."""

    state: str
    message: str = ""


def labels(release: Release) -> list[Label]:
    """Every label of a release, by name, latest at the end."""
    names = release.labels.keys() | release.status.labels.keys()
    return [
        Label(name, release.labels.get(name), release.status.labels.get(name, LabelStatus()))
        for name in sorted(names, key=lambda name: (name == LATEST, name))
    ]


def health(release: Release) -> Health:
    """What the conditions come to; what is wrong for longest comes first."""
    known = {c.type: c for c in release.status.conditions if c.status == "True"}
    if release.deleting:
        return Health(DELETING, "it is being deleted")
    if "Stalled" in known and known["Stalled"].observed_generation == release.generation:
        return Health(STALLED, known["Stalled"].message)
    if release.status.observed_generation < release.generation:
        return Health(UNSEEN, "the operator has not looked at its last edit: is it running?")
    if "Reconciling" in known:
        return Health(WAITING, known["Reconciling"].message)
    if NEEDS_REEVALUATION in known:
        return Health(REEVALUATE, known[NEEDS_REEVALUATION].message)
    return Health(READY)


def moved(release: Release) -> str:
    """When any of its labels moved last, RFC 3339; empty when none ever did."""
    return max((s.served.since for s in release.status.labels.values() if s.served), default="")


def plain(raw: Json) -> dict[str, Any]:
    """A release for a script: what is in its status, and what to do about what waits."""
    release = wire.release(raw)
    found = health(release)
    status = (raw.get("status") or {}).get("labels") or {}
    return {
        "name": release.name,
        "namespace": raw["metadata"].get("namespace", ""),
        "state": found.state,
        "message": found.message,
        "moved": moved(release) or None,
        "labels": [
            _plain_label(release.name, it, status.get(it.name) or {}) for it in labels(release)
        ],
        "conditions": list((raw.get("status") or {}).get("conditions") or ()),
    }


def _plain_label(prompt: str, label: Label, status: Json) -> dict[str, Any]:
    first = {name: status[name] for name in ("version", "pending") if name in status}
    result: dict[str, Any] = {"label": label.name, **first, **status}
    if label.wanted is not None:
        result["wanted"] = {"version": label.wanted.version, "reason": label.wanted.reason}
        if label.wanted.by:
            result["wanted"]["by"] = label.wanted.by
    pending = label.status.pending
    if pending is not None:
        result["pending"] = {
            **status["pending"],
            "waitingFor": [
                {"what": what, "todo": advice(what, prompt, label.name, pending.version)}
                for what in pending.waiting_for
            ],
        }
    return result


def columns(releases: Iterable[Release], most: int = 5) -> list[str]:
    """Labels to show side by side: all that there are, or none when these are too many."""
    names = {label.name for release in releases for label in labels(release)}
    return sorted(names, key=lambda name: (name == LATEST, name)) if len(names) <= most else []
