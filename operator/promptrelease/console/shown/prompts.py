"""A prompt: what its labels serve, what waits, and its versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.api.promptrelease import LATEST
from promptrelease.console.kube.known import Summary
from promptrelease.console.shown.waiting import Wait, wait
from promptrelease.release import wire
from promptrelease.release.consumers import Consumers
from promptrelease.release.model import Served
from promptrelease.release.render import PREFIX
from promptrelease.views.failures import NotFound
from promptrelease.views.look import overview
from promptrelease.views.look.overview import Health
from promptrelease.views.move.moving import previous, short

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Label:
    """A label of a prompt.

    Attributes:
        served: none where it serves nothing.
        going: the version that it shall serve and does not.
        asked_by, asked_why: about the move that waits, as far as known.
        waits: what for; empty while the operator has not looked at it.
        back: the version before; none where there is no way back.
        approvers: on whose approval it is served.

    """

    name: str
    served: Served | None
    going: int | None
    asked_by: str
    asked_why: str
    waits: tuple[Wait, ...]
    back: int | None
    withdrawn: bool
    consumers: Consumers | None
    approvers: tuple[str, ...] = ()

    @property
    def follows(self) -> bool:
        """Whether nobody moves it."""
        return self.name == LATEST

    @property
    def pods(self) -> str:
        """Who uses it, in words; empty where that is not known."""
        found = self.consumers
        if found is None:
            return ""
        if found.message:
            return found.message[:1].upper() + found.message[1:]
        if not found.pods:
            return "No workload mounts it"
        what = "1 workload pod uses it" if found.pods == 1 else f"{found.pods} workload pods use it"
        told = "it was" if found.pods == 1 else "all were"
        if found.refreshed < found.pods:
            rest = "it follows" if found.pods == 1 else f"{found.pods - found.refreshed} follow"
            return f"{what}; {rest} within a minute or two"
        return f"{what}; {told} told at once"


@dataclass(frozen=True)
class Version:
    """A version of a prompt.

    Attributes:
        valid: none as long as nobody has looked at it.
        problem: what is wrong with it.
        labels: that serve it.

    """

    number: int
    message: str
    author: str
    created: str
    digest: str
    model: str
    valid: bool | None
    problem: str
    labels: tuple[str, ...]

    @property
    def state(self) -> str:
        """How it is, in a word."""
        return {True: "can be served", False: "has mistakes", None: "being checked"}[self.valid]


@dataclass(frozen=True)
class Prompt:
    """A prompt.

    Attributes:
        health: none where it has no release.
        message: what there is to say of its health that its labels don't tell.
        versions: newest first.

    """

    name: str
    health: Health | None
    message: str
    labels: tuple[Label, ...]
    versions: tuple[Version, ...]

    @property
    def newest(self) -> int | None:
        """Number of the newest version."""
        return self.versions[0].number if self.versions else None

    @property
    def pair(self) -> tuple[int, int] | None:
        """Two versions that are worth comparing first: what is live, and the newest other."""
        numbers = [version.number for version in self.versions]
        if len(numbers) < 2:
            return None
        live = [label.served.version for label in self.labels if label.served and not label.follows]
        for one in live:
            if one in numbers and one != numbers[0]:
                return one, numbers[0]
        return numbers[1], numbers[0]


def prompt(name: str, release: Json | None, versions: Iterable[Json | Summary]) -> Prompt:
    """A prompt from its PromptRelease, if there is one, and its PromptVersions, in any order."""
    labels = tuple(_labels(name, release)) if release is not None else ()
    on = {label.name: label.served.version for label in labels if label.served}
    rows = sorted((_row(its, on) for its in versions), key=lambda row: -row.number)
    health = overview.health(wire.release(release)) if release is not None else None
    return Prompt(name, health, _beside(health, labels), labels, tuple(rows))


def _row(its: Json | Summary, on: Mapping[str, int]) -> Version:
    if not isinstance(its, Summary):
        return version(its, on)
    return Version(
        number=its.number,
        message=its.message,
        author=its.by,
        created=its.created,
        digest=its.digest,
        model=its.model,
        valid=its.valid,
        problem=its.problem,
        labels=_serving(its.number, on),
    )


def version(raw: Json, on: Mapping[str, int]) -> Version:
    """A PromptVersion; ``on`` is label to what it serves."""
    spec, status, meta = raw["spec"], raw.get("status") or {}, raw["metadata"]
    found = {c["type"]: c for c in status.get("conditions") or ()}
    valid = found.get("Valid")
    wrong = [c for c in found.values() if c["status"] == "False"]
    model = spec.get("model") or {}
    return Version(
        number=spec["version"],
        message=spec.get("message", ""),
        author=(meta.get("annotations") or {}).get(f"{PREFIX}author", ""),
        created=meta.get("creationTimestamp", ""),
        digest=status.get("digest", ""),
        model=str(model.get("name", "")),
        valid=None if valid is None else valid["status"] == "True",
        problem="; ".join(c.get("message", "") for c in wrong),
        labels=_serving(spec["version"], on),
    )


def _serving(number: int, on: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(label for label, served in on.items() if served == number))


def _labels(name: str, release: Json) -> Iterable[Label]:
    for label in overview.labels(wire.release(release)):
        served, pending, wanted = label.status.served, label.status.pending, label.wanted
        waits = pending.waiting_for if pending else ()
        going = label.going
        yield Label(
            name=label.name,
            served=served,
            going=going,
            asked_by=wanted.by if wanted and going else "",
            asked_why=wanted.reason if wanted and going else "",
            waits=tuple(wait(one, name, label.name, going or 0) for one in waits),
            back=_back(release, name, label.name),
            withdrawn=label.withdrawn,
            consumers=label.status.consumers,
            approvers=tuple(one.by or one.name for one in served.approvals) if served else (),
        )


def _back(release: Json, name: str, label: str) -> int | None:
    if label == LATEST:
        return None
    try:
        return previous(release, name, label)
    except NotFound:
        return None


def _beside(health: Health | None, labels: Iterable[Label]) -> str:
    """The health's message, unless a label tells the same with what to do about it."""
    if health is None or any(
        one.exact in short(health.message) for label in labels for one in label.waits
    ):
        return ""
    return short(health.message)
