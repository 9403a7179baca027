"""One prompt on a cluster, as plain JSON: what ``plan`` wants is written here, step by step."""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from promptrelease.api import PromptVersionSpec
from promptrelease.content.files import Content
from promptrelease.release import log, render, wire, wire_policy
from promptrelease.release.judge import Resolution, judge
from promptrelease.release.model import Change, View
from promptrelease.release.plan import plan, plan_serve
from promptrelease.release.steps import (
    ApplyConfigMap,
    DeleteConfigMap,
    DeleteVersion,
    Record,
    Serve,
    WriteChange,
    WriteReleaseStatus,
    WriteVersionStatus,
)
from promptrelease.release.times import timestamp

Json = dict[str, Any]
NAMESPACE, PROMPT = "team", "ticket"
TONE = ("tone", 1)
BEGINNING = datetime(2026, 11, 21, tzinfo=timezone.utc)
MAX_ROUNDS = 60


@dataclass
class Cluster:
    """Versions by number, ConfigMaps by label, one release at most.

    Attributes:
        tone: text of the version that others may include; none while it doesn't exist.
        given: every revision that was ever given out, by the release's UID.
        changes: the change log, by name.
        policies: by name.
        approvals: by name.
        before_move: called with each move and its time, before its ConfigMap is written.
        served: every ConfigMap that was ever written for a move, and when.
        ended: labels that stopped serving, and when: before which of the moves.
        offset: by how much somebody has set the clock.

    """

    release: Json | None = None
    versions: dict[int, Json] = field(default_factory=dict)
    config_maps: dict[str, Json] = field(default_factory=dict)
    tone: str | None = None
    given: dict[str, list[int]] = field(default_factory=dict)
    changes: dict[str, Json] = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    approvals: dict[str, Json] = field(default_factory=dict)
    served: list[tuple[ApplyConfigMap, datetime]] = field(default_factory=list)
    ended: list[tuple[str, int]] = field(default_factory=list)
    before_move: Callable[[ApplyConfigMap, datetime], None] = lambda *_: None
    offset: timedelta = timedelta()
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # What people do

    def create_version(self, number: int, text: str, author: str = "") -> None:
        spec = _spec(PROMPT, number, text)
        made = self.versions[number] = self._object(f"{PROMPT}-v{number}", spec=spec)
        if author:
            made["metadata"]["annotations"] = {"promptrelease.dev/author": author}

    def set_policy(self, name: str, **spec: Any) -> None:
        self.policies[name] = self._object(name, spec=spec)

    def approve(self, by: str, label: str, number: int, **spec: Any) -> str:
        """Say yes, or ``decision="deny"``, to a version's content as it is now."""
        name = f"approval-{next(self._numbers)}"
        full = {
            "release": PROMPT,
            "label": label,
            "version": number,
            "digest": self.resolve(number).verdict.digest,
            "decision": "approve",
            "by": by,
            **spec,
        }
        self.approvals[name] = self._object(name, spec=full)
        return name

    def create_release(self) -> None:
        self.release = self._object(PROMPT, spec={"labels": {}})

    def delete_release(self) -> None:
        """It goes, and the garbage collector takes what it owned."""
        self.release = None
        self.ended += [(label, len(self.served)) for label in self.config_maps]
        self.config_maps.clear()

    def set_label(self, label: str, number: int, **more: Any) -> None:
        assert self.release is not None
        reason = f"reason {next(self._numbers)}"
        self.release["spec"]["labels"][label] = {"version": number, "reason": reason, **more}
        self._edited(self.release)

    def withdraw(self, label: str) -> None:
        assert self.release is not None
        del self.release["spec"]["labels"][label]
        self._edited(self.release)

    def touch(self, config_map: Json) -> None:
        """Somebody has edited it."""
        config_map["metadata"]["resourceVersion"] = self._next()

    # What the operator sees

    def resolve(self, number: int) -> Resolution:
        return _resolve(number, self.versions[number]["spec"]["text"], self.tone)

    def view(self) -> View:
        versions = {}
        for number, obj in self.versions.items():
            verdict = self.resolve(number).verdict
            versions[number] = replace(wire.version(obj), verdict=verdict)
        config_maps = [wire.config_map(obj) for obj in self.config_maps.values()]
        entries, older = self._kept()
        return View(
            namespace=NAMESPACE,
            prompt=PROMPT,
            release=wire.release(self.release) if self.release else None,
            versions=versions,
            config_maps={config_map.label: config_map for config_map in config_maps},
            policies=[wire_policy.policy(obj) for obj in self.policies.values()],
            approvals=[wire_policy.approval(obj) for obj in self.approvals.values()],
            log=entries,
            older=older,
            logged_revision=max((c["spec"]["revision"] for c in self.changes.values()), default=0),
        )

    def log(self) -> dict[str, tuple[Change, ...]]:
        return self._kept()[0]

    def _kept(self) -> tuple[dict[str, tuple[Change, ...]], dict[str, list[Change]]]:
        """The newest changes of each label, and what decisions hang on of the others."""
        entries: dict[str, tuple[Change, ...]] = {}
        older: dict[str, dict[Hashable, Change]] = {}
        for obj in self.changes.values():
            change = wire_policy.change(obj)
            before = entries.get(change.label, ())
            after = entries[change.label] = log.added(before, change)
            older.setdefault(change.label, {}).update(log.left_behind(before, after, change))
        return entries, {label: list(found.values()) for label, found in older.items()}

    # What the operator does

    def settle(self) -> None:
        """Write until there is nothing to write."""
        for _ in range(MAX_ROUNDS):
            if not any(self.writes()) and not plan_serve(self.view(), self.clock):
                return
        raise AssertionError(f"not settled in {MAX_ROUNDS} rounds: {plan(self.view(), self.now())}")

    def work(self, count: int) -> None:
        """Write, until the process is killed after so many writes."""
        while count and (done := sum(1 for _ in itertools.islice(self.writes(), count))):
            count -= done

    def writes(self) -> Iterator[Serve | Record]:
        """The turns of one key: serving, then recording; each write when it is asked for."""
        view = self.view()
        for serve in plan_serve(view, self.now()):
            self._serve(view, serve)
            yield serve
        view = self.view()
        todo = plan(view, self.now())
        if todo.serve:
            return
        for record in todo.record:
            self._record(record)
            yield record

    def _serve(self, view: View, step: Serve) -> None:
        assert self.release is not None
        if isinstance(step, DeleteConfigMap):
            label = step.config_map.label
            assert label not in self.release["spec"]["labels"]
            self.ended.append((label, len(self.served)))
            del self.config_maps[label]
            return
        content = self._may_be_served(view, step)
        data = render.files(PROMPT, step.label, step.served, content)
        served = render.with_checksum(step.served, data)
        uid = self.release["metadata"]["uid"]
        obj = render.config_map(NAMESPACE, PROMPT, uid, step.label, served, data, step.backlog)
        old = self.config_maps.get(step.label)
        assert (old is None) == (step.replaces is None)
        obj["metadata"]["uid"] = old["metadata"]["uid"] if old else self._next()
        obj["metadata"]["resourceVersion"] = self._next()
        self.config_maps[step.label] = obj

    def _may_be_served(self, view: View, step: ApplyConfigMap) -> Content:
        """What every write must keep to, whatever happened before."""
        assert self.release is not None
        content = self.resolve(step.served.version).content
        assert content is not None, "an invalid version would be served"
        assert content.digest == step.served.digest, "another content would be served"
        given = self.given.setdefault(self.release["metadata"]["uid"], [])
        if step.drift:
            assert step.served.revision in given
            return content
        wanted = {**self.release["spec"]["labels"], "latest": {"version": max(self.versions)}}
        assert step.served.version == wanted[step.label]["version"], "nobody wanted that"
        assert step.served.reason == wanted[step.label].get("reason", "")
        assert step.served.revision > max(given, default=0), "a revision was given out twice"
        given.append(step.served.revision)
        self.before_move(step, self.clock)
        self.served.append((step, self.clock))
        return content

    def _record(self, step: Record) -> None:
        if isinstance(step, WriteReleaseStatus):
            assert self.release is not None
            self.release["status"] = wire.release_status(PROMPT, step.status)
            self.release["metadata"]["resourceVersion"] = self._next()
        elif isinstance(step, WriteChange):
            name = log.name_of(step.change)
            change = wire_policy.change_manifest(NAMESPACE, step.change)
            written = self.changes.setdefault(name, change)
            assert {**change["spec"], "at": ""} == {**written["spec"], "at": ""}, name
        elif isinstance(step, DeleteVersion):
            del self.versions[step.version.number]
        elif isinstance(step, WriteVersionStatus):
            obj = self.versions[step.version.number]
            obj["status"] = wire.version_status(step.status)
            obj["metadata"]["resourceVersion"] = self._next()
        else:
            raise NotImplementedError("there are no suites here")

    # What it all comes to

    def essence(self) -> Json:
        """All that may not depend on when the operator was killed: everything but times."""
        view = self.view()
        labels = {}
        for label, config_map in view.config_maps.items():
            if (s := config_map.served) is not None:
                text = self.config_maps[label]["data"].get("prompt.txt")
                labels[label] = (s.version, s.digest, s.revision, s.history, text)
        conditions = view.release.status.conditions if view.release else ()
        return {
            "labels": labels,
            "conditions": {c.type: (c.status, c.reason, c.message) for c in conditions},
            "versions": {n: (v.status.labels, v.status.digest) for n, v in view.versions.items()},
        }

    def twin(self) -> Cluster:
        """The same, to do otherwise with."""
        return copy.deepcopy(self)

    def now(self) -> datetime:
        self.tick(1)
        return self.clock

    @property
    def clock(self) -> datetime:
        return BEGINNING + self.offset

    def tick(self, seconds: int) -> None:
        """Let time pass, or (less than 0) set the clock back."""
        self.offset += timedelta(seconds=seconds)

    def _object(self, name: str, **parts: Any) -> Json:
        meta = {
            "name": name,
            "uid": self._next(),
            "resourceVersion": self._next(),
            "generation": 1,
            "creationTimestamp": timestamp(self.clock),
        }
        return {"metadata": meta, **parts}

    def _edited(self, obj: Json) -> None:
        obj["metadata"]["generation"] += 1
        obj["metadata"]["resourceVersion"] = self._next()

    def _next(self) -> str:
        return str(next(self._numbers))


def _spec(prompt: str, number: int, text: str) -> Json:
    spec: Json = {
        "prompt": prompt,
        "version": number,
        "text": text,
        "model": {"provider": "o", "name": "m"},
        "message": "why",
    }
    if "{{>" in text:
        spec["includes"] = {"tone": {"prompt": TONE[0], "version": TONE[1]}}
    return spec


@functools.lru_cache(maxsize=1024)
def _resolve(number: int, text: str, tone: str | None) -> Resolution:
    """The same of the same: most of what a long test would do is to resolve anew."""

    def lookup(prompt: str, number: int) -> PromptVersionSpec | None:
        if (prompt, number) != TONE or tone is None:
            return None
        return PromptVersionSpec.model_validate(_spec(prompt, number, tone))

    return judge(PromptVersionSpec.model_validate(_spec(PROMPT, number, text)), lookup)
