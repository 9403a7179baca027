"""One prompt on a cluster, as plain JSON: what ``plan`` wants is written here, step by step."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from promptrelease.api import PromptVersionSpec
from promptrelease.content.files import Content
from promptrelease.release import render, wire
from promptrelease.release.judge import Resolution, judge
from promptrelease.release.model import View
from promptrelease.release.plan import (
    ApplyConfigMap,
    DeleteConfigMap,
    Record,
    Serve,
    WriteReleaseStatus,
    plan,
    plan_serve,
)

Json = dict[str, Any]
NAMESPACE, PROMPT = "team", "ticket"
TONE = ("tone", 1)
BEGINNING = datetime(2026, 11, 21, tzinfo=timezone.utc)
MAX_ROUNDS = 8


@dataclass
class Cluster:
    """Versions by number, ConfigMaps by label, one release at most.

    Attributes:
        tone: text of the version that others may include; none while it doesn't exist.
        given: every revision that was ever given out, by the release's UID.

    """

    release: Json | None = None
    versions: dict[int, Json] = field(default_factory=dict)
    config_maps: dict[str, Json] = field(default_factory=dict)
    tone: str | None = None
    given: dict[str, list[int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # What people do

    def create_version(self, number: int, text: str) -> None:
        includes = {"tone": {"prompt": TONE[0], "version": TONE[1]}}
        spec = {
            "prompt": PROMPT,
            "version": number,
            "text": text,
            "model": {"provider": "o", "name": "m"},
            "message": "why",
        }
        if "{{>" in text:
            spec["includes"] = includes
        self.versions[number] = self._object(f"{PROMPT}-v{number}", spec=spec)

    def create_release(self) -> None:
        self.release = self._object(PROMPT, spec={"labels": {}})

    def delete_release(self) -> None:
        """It goes, and the garbage collector takes what it owned."""
        self.release = None
        self.config_maps.clear()

    def set_label(self, label: str, number: int) -> None:
        assert self.release is not None
        reason = f"reason {next(self._numbers)}"
        self.release["spec"]["labels"][label] = {"version": number, "reason": reason}
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
        spec = PromptVersionSpec.model_validate(self.versions[number]["spec"])
        return judge(spec, self._lookup)

    def _lookup(self, prompt: str, number: int) -> PromptVersionSpec | None:
        if (prompt, number) != TONE or self.tone is None:
            return None
        model: Any = {"provider": "o", "name": "m"}
        return PromptVersionSpec(
            prompt=prompt, version=number, text=self.tone, model=model, message="why"
        )

    def view(self) -> View:
        versions = {}
        for number, obj in self.versions.items():
            verdict = self.resolve(number).verdict
            versions[number] = replace(wire.version(obj), verdict=verdict)
        config_maps = [wire.config_map(obj) for obj in self.config_maps.values()]
        return View(
            namespace=NAMESPACE,
            prompt=PROMPT,
            release=wire.release(self.release) if self.release else None,
            versions=versions,
            config_maps={config_map.label: config_map for config_map in config_maps},
        )

    # What the operator does

    def settle(self) -> None:
        """Write until there is nothing to write."""
        for _ in range(MAX_ROUNDS):
            if not any(self.writes()):
                return
        raise AssertionError(f"not settled in {MAX_ROUNDS} rounds: {plan(self.view(), self.now())}")

    def work(self, count: int) -> None:
        """Write, until the process is killed after so many writes."""
        rounds = itertools.chain.from_iterable(self.writes() for _ in range(MAX_ROUNDS))
        for _ in itertools.islice(rounds, count):
            pass

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
            del self.config_maps[label]
            return
        content = self._may_be_served(view, step)
        data = render.files(PROMPT, step.label, step.served, content)
        served = render.with_checksum(step.served, data)
        uid = self.release["metadata"]["uid"]
        obj = render.config_map(NAMESPACE, PROMPT, uid, step.label, served, data)
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
        return content

    def _record(self, step: Record) -> None:
        if isinstance(step, WriteReleaseStatus):
            assert self.release is not None
            self.release["status"] = wire.release_status(PROMPT, step.status)
            self.release["metadata"]["resourceVersion"] = self._next()
        else:
            obj = self.versions[step.version.number]
            obj["status"] = wire.version_status(step.status)
            obj["metadata"]["resourceVersion"] = self._next()

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
        return BEGINNING + timedelta(seconds=int(self._next()))

    def _object(self, name: str, **parts: Any) -> Json:
        meta = {"name": name, "uid": self._next(), "resourceVersion": self._next(), "generation": 1}
        return {"metadata": meta, **parts}

    def _edited(self, obj: Json) -> None:
        obj["metadata"]["generation"] += 1
        obj["metadata"]["resourceVersion"] = self._next()

    def _next(self) -> str:
        return str(next(self._numbers))
