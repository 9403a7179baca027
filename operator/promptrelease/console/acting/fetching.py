"""What a decision about a move hangs on, read as the person who is signed in.

Of a namespace with thousands of prompts only those are looked at that have to do with the move: the
prompt itself exactly, those beside it on the label as the feed knows them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptrelease.api.resources import (
    APPROVALS,
    CHANGES,
    EVALUATIONS,
    PODS,
    POLICIES,
    SUITES,
    VERSIONS,
)
from promptrelease.console.acting.around import Around
from promptrelease.console.kube.client import Kube
from promptrelease.console.kube.rights import Rights
from promptrelease.release import wire_policy
from promptrelease.views.failures import Forbidden
from promptrelease.views.move import moving
from promptrelease.views.move.moving import Move
from promptrelease.views.move.preview import Known, Workloads, last_told, workloads

Json = dict[str, Any]

VERBS = ("promote", "rollback", "withdraw", "breakglass", "approve")
"""What one may have the right to do with a label."""

AT_ONCE = 8
"""Requests for one page that are on their way at the same time."""


@dataclass(frozen=True)
class Used:
    """Who uses a label's content.

    Attributes:
        counted: pods; none where the person may not see any and the status tells nothing.
        named: workload to how many pods of it, the largest first; empty where one may not look.

    """

    counted: Workloads | None
    named: tuple[tuple[str, int], ...] = ()


async def numbers(kube: Kube, prompt: str) -> dict[int, Json]:
    """The versions of a prompt, by number, the lowest first."""
    listed = await kube.list(VERSIONS, fields=f"spec.prompt={prompt}")
    return {int(v["spec"]["version"]): v for v in sorted(listed, key=_number)}


async def known(
    kube: Kube, around: Around, move: Move, release: Json | None, versions: Mapping[int, Json]
) -> Known:
    """All that the operator's decision about a move hangs on.

    Args:
        kube: the namespace, as the person.
        around: what is known of it.
        move: what is wanted.
        release: of the prompt, as it is; none when there is none.
        versions: of the prompt.

    """
    policies = await kube.list(POLICIES)
    asked = _asks_suites(policies, move)
    suites = await kube.list(SUITES) if asked else []
    waiting = around.waiting(move.label) if asked else set[str]()
    starts = {move.prompt, *_consumes(versions.get(move.to or 0)), *waiting}
    for suite in suites:
        starts.update(suite["spec"].get("prompts") or ())
    beside = sorted(around.connected(move.label, starts) - {move.prompt})
    concerned = [move.prompt, *sorted(waiting - {move.prompt})]
    approvals, changes, evaluations, taken_in = await asyncio.gather(
        _of_each(kube, APPROVALS, concerned),
        _of_each(kube, CHANGES, concerned),
        kube.list(EVALUATIONS) if asked else _nothing(),
        included(kube, versions.values()),
    )
    return Known(
        namespace=kube.namespace,
        releases=[*([release] if release else []), *around.releases(beside)],
        versions=[*versions.values(), *taken_in, *around.versions(kube.namespace, beside)],
        policies=policies,
        approvals=approvals,
        changes=changes,
        suites=suites,
        evaluations=evaluations,
    )


async def used(kube: Kube, release: Json | None, prompt: str, label: str) -> Used:
    """Who uses a label's content, as far as the person may see that."""
    try:
        pods = await kube.list(PODS)
    except Forbidden:
        told = moving.status(release, label).get("consumers") or {}
        return Used(last_told(told))
    by_workload: dict[str, int] = {}
    for pod in pods:
        if workloads([pod], prompt, label).pods:
            name = workload(pod)
            by_workload[name] = by_workload.get(name, 0) + 1
    named = sorted(by_workload.items(), key=lambda it: (-it[1], it[0]))
    return Used(workloads(pods, prompt, label), tuple(named))


def workload(pod: Json) -> str:
    """What a pod belongs to, as people call it: ``checkout``; of a pod alone its own name."""
    meta = pod["metadata"]
    owner = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None)
    if owner is None:
        return str(meta["name"])
    name = str(owner["name"])
    if owner["kind"] == "ReplicaSet":  # of a Deployment, whose name comes before the hash
        name = name.removesuffix(f"-{(meta.get('labels') or {}).get('pod-template-hash', '')}")
    return name


async def rights(rights: Rights, prompt: str, label: str) -> dict[str, bool]:
    """What the person may do with a label: each of VERBS."""
    answers = await asyncio.gather(
        rights.promote(prompt, label),
        rights.rollback(prompt, label),
        rights.withdraw(prompt, label),
        rights.break_glass(prompt, label),
        rights.approve(prompt, label),
    )
    return dict(zip(VERBS, answers, strict=True))


def _asks_suites(policies: Iterable[Json], move: Move) -> bool:
    return any(
        policy.evaluations and policy.governs(move.prompt, move.label)
        for policy in map(wire_policy.policy, policies)
    )


def _consumes(version: Json | None) -> Sequence[str]:
    return tuple(version["spec"].get("consumes") or ()) if version else ()


async def _of_each(kube: Kube, resource: Any, prompts: Sequence[str]) -> list[Json]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(prompt: str) -> list[Json]:
        async with gate:
            return await kube.list(resource, fields=f"spec.release={prompt}")

    return [it for found in await asyncio.gather(*map(one, prompts)) for it in found]


async def _nothing() -> list[Json]:
    return []


async def included(kube: Kube, versions: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Versions whose text is taken in, and what these take in; missing ones are left out."""
    found: dict[str, Json] = {}
    wanted = _names(versions)
    while wanted:
        got = await asyncio.gather(*(kube.find(VERSIONS, name) for name in sorted(wanted)))
        new = {it["metadata"]["name"]: it for it in got if it is not None}
        found |= new
        wanted = _names(new.values()) - found.keys()
    return list(found.values())


def _names(versions: Iterable[Mapping[str, Any]]) -> set[str]:
    return {
        f"{include['prompt']}-v{include['version']}"
        for version in versions
        for include in (version["spec"].get("includes") or {}).values()
    }


def _number(version: Json) -> int:
    return int(version["spec"]["version"])
