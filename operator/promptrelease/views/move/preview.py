"""What a move would come to, as the operator would decide it.

What it knows is put together from what people may read: what is served is taken from the releases'
statuses, since ConfigMaps are the workloads' business.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from promptrelease.api import PromptVersionSpec
from promptrelease.release import graph, log, render, wire
from promptrelease.release.consumers import OPT_IN, usages
from promptrelease.release.judge import judge
from promptrelease.release.model import View, config_map_name
from promptrelease.release.moves import Outcome, outcomes
from promptrelease.release.times import timestamp
from promptrelease.state.store import Store
from promptrelease.views.look.briefly import brief
from promptrelease.views.move.moving import Move

Json = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """What was read of a namespace, as JSON.

    Attributes:
        changes: of the log, as far as it is needed: of the prompt, or of all where suites are
            asked, since what moves together is judged together.

    """

    namespace: str
    releases: Sequence[Json] = ()
    versions: Sequence[Json] = ()
    policies: Sequence[Json] = ()
    approvals: Sequence[Json] = ()
    changes: Sequence[Json] = ()
    suites: Sequence[Json] = ()
    evaluations: Sequence[Json] = ()

    def release(self, prompt: str) -> Json | None:
        """The release of a prompt."""
        return next((r for r in self.releases if r["metadata"]["name"] == prompt), None)

    def numbers(self, prompt: str) -> dict[int, Json]:
        """The versions of a prompt, by number."""
        return {
            v["spec"]["version"]: v
            for v in sorted(self.versions, key=lambda v: int(v["spec"]["version"]))
            if v["spec"]["prompt"] == prompt
        }


@dataclass(frozen=True)
class Preview:
    """What a move would come to.

    Attributes:
        kind: Promotion, Rollback, Withdrawal or Nothing, as the log would call it.
        waits: what must happen first, in words; empty when it would be served at once.
        hopeless: whether somebody must act or think again before that can end.
        again: when it may end by the clock alone, RFC 3339; empty when it can't.
        policies: that govern the label, by name.
        downstream: prompts that consume this one's output on the label, directly or not.
        chain: what would be wrong with what it consumes there.
        differences: of the content, word by word, the first lines.

    """

    move: Move
    kind: str
    waits: tuple[str, ...] = ()
    hopeless: bool = False
    again: str = ""
    policies: tuple[str, ...] = ()
    downstream: tuple[str, ...] = ()
    chain: str = ""
    differences: tuple[str, ...] = ()

    def plain(self) -> Json:
        """Plain values for a script."""
        move = self.move
        return {
            "prompt": move.prompt,
            "label": move.label,
            "kind": self.kind,
            "from": move.serves,
            "to": move.to,
            "waitingFor": list(self.waits),
            "hopeless": self.hopeless,
            "mayEndAt": self.again or None,
            "policies": list(self.policies),
            "downstream": list(self.downstream),
            "chain": self.chain or None,
            "differences": list(self.differences),
        }


@dataclass(frozen=True)
class Workloads:
    """Who uses a label's ConfigMap.

    Attributes:
        pods: how many running pods take it in.
        told: how many of them are told at once when it changes.
        never: pods with containers that follow only after a restart.
        looked: whether one may see pods; else this is what the release's status tells of the last
            move.

    """

    pods: int = 0
    told: int = 0
    never: tuple[str, ...] = ()
    looked: bool = True

    def plain(self) -> Json:
        """Plain values for a script."""
        counted = {"pods": self.pods, "toldAtOnce": self.told, "never": list(self.never)}
        return {**counted, "asOf": "now" if self.looked else "the last move"}


def preview(known: Known, move: Move, by: str, now: datetime) -> Preview:
    """Ask the operator's own code what would come of a move.

    Args:
        known: the namespace.
        move: what is wanted.
        by: who asks for it; empty if that is not known.
        now: an aware time.

    """
    view = _view(known, move, by)
    governing = sorted(p.name for p in view.policies if p.governs(move.prompt, move.label))
    result = Preview(
        move,
        "Nothing",
        policies=tuple(governing),
        downstream=_downstream(known, move.prompt, move.label),
        differences=tuple(_differences(known, move)),
    )
    if move.idle:
        return result
    if move.to is None:
        return replace(result, kind="Withdrawal", policies=())
    outcome = _outcome(view, move.label, now)
    problem = view.chain_problems.get(move.to)
    return replace(
        result,
        kind=_kind(view, move, outcome),
        waits=_waits(outcome),
        hopeless=bool(outcome.problem) and outcome.lasting,
        again=timestamp(outcome.again) if outcome.again and outcome.pending else "",
        chain=problem[1] if problem else "",
    )


def workloads(pods: Iterable[Json], prompt: str, label: str) -> Workloads:
    """Who of some pods uses a label's ConfigMap."""
    listed = list(pods)
    found = usages(listed, config_map_name(prompt, label))
    opted_in = {
        pod["metadata"]["name"]
        for pod in listed
        if (pod["metadata"].get("labels") or {}).get(OPT_IN) == "true"
    }
    told = sum(usage.mounted and usage.pod in opted_in for usage in found)
    return Workloads(len(found), told, tuple(usage.pod for usage in found if usage.never))


def last_told(consumers: Json) -> Workloads | None:
    """Who used a label at its last move, as the release's status says; none if it does not."""
    if not consumers or consumers.get("message"):
        return None
    never = tuple(dict.fromkeys(fixed["pod"] for fixed in consumers.get("never") or ()))
    pods, told = consumers.get("pods", 0), consumers.get("refreshed", 0)
    return Workloads(pods, told, never, looked=False)


def _view(known: Known, move: Move, by: str) -> View:
    """What the operator would know, had the move been asked for."""
    store = Store(lambda _: None)
    for policy in known.policies:
        store.put_policy(policy)
    for suite in known.suites:
        store.put_suite(suite)
    for version in known.versions:
        store.put_version(version)
    _judge(store, known)
    for release in known.releases:
        for config_map in _config_maps(release):
            store.put_config_map(config_map)
    for change in known.changes:
        store.put_change(change)
    for approval in known.approvals:
        store.put_approval(approval)
    for evaluation in known.evaluations:
        store.put_evaluation(evaluation)
    for release in known.releases:
        if release["metadata"]["name"] != move.prompt:
            store.put_release(release)
    current = known.release(move.prompt) or {
        "metadata": {
            "name": move.prompt,
            "namespace": known.namespace,
            "uid": "",
            "resourceVersion": "0",
            "generation": 1,
        },
        "spec": {},
    }
    store.put_release(_proposed(current, move, by))
    return store.view((known.namespace, move.prompt))


def _proposed(release: Json, move: Move, by: str) -> Json:
    labels = dict(release["spec"].get("labels") or {})
    if move.to is None:
        labels.pop(move.label, None)
    else:
        asked: Json = {"version": move.to, "reason": move.reason, "by": by}
        if move.guarded:
            asked["from"] = move.serves
        labels[move.label] = asked
    return {**release, "spec": {**release["spec"], "labels": labels}}


def _judge(store: Store, known: Known) -> None:
    """Look at versions with includes, whose verdict hangs on others, and at unknown ones."""
    specs: dict[tuple[str, int], PromptVersionSpec] = {}
    for obj in known.versions:
        try:
            spec = PromptVersionSpec.model_validate(obj["spec"])
        except ValidationError:
            continue  # of another version of the API; the operator will say
        specs[spec.prompt, spec.version] = spec
    for key, version in list(store.versions()):
        body = specs.get((key[1], version.number))
        if version.verdict is None and body is not None:
            verdict = judge(body, lambda name, n: specs.get((name, n))).verdict
            store.set_verdict(key, version.uid, version.number, verdict)


def _config_maps(release: Json) -> Iterable[Json]:
    """The ConfigMaps that a release's status tells of, without their files."""
    meta = release["metadata"]
    for label, its in wire.release(release).status.labels.items():
        if its.served is not None:
            made = render.config_map(
                meta["namespace"], meta["name"], meta["uid"], label, its.served, {}
            )
            made["metadata"] |= {"uid": "", "resourceVersion": "1"}
            yield made


def _outcome(view: View, label: str, now: datetime) -> Outcome:
    if view.release is None:
        raise AssertionError("the move was put into a release")
    return next(o for o in outcomes(view, view.release, now) if o.label == label)


def _waits(outcome: Outcome) -> tuple[str, ...]:
    if not outcome.problem:
        return ()
    return outcome.pending.waiting_for if outcome.pending is not None else (outcome.problem,)


def _kind(view: View, move: Move, outcome: Outcome) -> str:
    if outcome.target is not None and outcome.target != outcome.served:
        return outcome.target.kind
    if move.to is None or move.to == move.serves:
        return "Nothing"
    version = view.versions.get(move.to)
    digest = version.verdict.digest if version is not None and version.verdict is not None else ""
    entries = (*view.log.get(move.label, ()), *view.older.get(move.label, ()))
    return "Rollback" if log.has_served(entries, move.to, digest) else "Promotion"


def _downstream(known: Known, prompt: str, label: str) -> tuple[str, ...]:
    """Who consumes a prompt's output where it would be served, directly or not."""
    consumes: dict[str, Sequence[str]] = {}
    specs = {v["metadata"]["name"]: v["spec"] for v in known.versions}
    for release in known.releases:
        name = release["metadata"]["name"]
        its = wire.release(release).status.labels.get(label)
        if its is not None and its.served is not None:
            spec = specs.get(f"{name}-v{its.served.version}") or {}
            consumes[name] = spec.get("consumes") or ()
    served = graph.build(consumes)
    return graph.downstream(served, {prompt}) if prompt in served.consumers else ()


def _differences(known: Known, move: Move) -> Iterable[str]:
    versions = known.numbers(move.prompt)
    old, new = versions.get(move.serves or 0), versions.get(move.to or 0)
    if old is None or new is None or old is new:
        return ()
    return brief(old["spec"], new["spec"])
