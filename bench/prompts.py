"""Thousands of prompts in one namespace, and people who may look at them.

The prompts are as the operator leaves them: it serves a few, and all others are copies of these,
made in etcd.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

from bench import cluster
from bench.floor import TEXT
from bench.latency import release, version
from bench.population import Etcd

from harness.controlplane import ControlPlane
from promptrelease.controller.kube import POLICIES, RELEASES, VERSIONS, Kube

SEED = "seed"
SEEDS = tuple(f"s{number}" for number in range(10))
OURS = "/registry/promptrelease.dev/prompt"
WORDS = ("ticket", "invoice", "refund", "legal", "product", "renewal", "onboarding", "churn")

Json = dict[str, Any]


def populate(plane: ControlPlane, namespace: str, prompts: int) -> None:
    """Make the prompts: most serve what they shall, some wait, a few are stalled."""
    with cluster.operator(plane, "--namespace", SEED):
        cluster.run(plane, _seed)
    plane.stop_component("kube-apiserver")
    etcd = Etcd(plane.folder / "etcd.sock")
    stored = [(key, json.loads(value)) for key, value in etcd.range(OURS) if f"/{SEED}/" in key]
    of_seed = {
        name: [it for it in stored if it[0].split("/")[-1].split("-")[0] == name] for name in SEEDS
    }
    etcd.put(
        copy
        for index in range(prompts)
        for copy in _copies(of_seed[random.choice(SEEDS)], namespace, index)
    )
    plane.start_component("kube-apiserver")


async def _seed(kube: Kube) -> None:
    await kube.create(POLICIES.path(SEED), _policy("asks", [SEEDS[-2], SEEDS[-1]]))
    for name in SEEDS:
        for number in (1, 2, 3):
            body = version(name, number, text=f"{number} {TEXT}")
            await kube.create(VERSIONS.path(SEED), body)
        canary = 9 if name == SEEDS[0] else 3
        body = release(name, production=1, staging=2, canary=canary)
        await kube.create(RELEASES.path(SEED), body)
    await cluster.settled(lambda: _states(kube), quiet=3)


def _copies(
    stored: list[tuple[str, Json]], namespace: str, index: int
) -> Iterator[tuple[str, bytes]]:
    """A prompt's objects under another name, in another namespace, with words of their own."""
    name = _name(index)
    for key, obj in stored:
        seed = key.rpartition("/")[2].partition("-")[0]
        text = (
            json.dumps(obj).replace(f'"{seed}', f'"{name}').replace(f"/{SEED}/", f"/{namespace}/")
        )
        new = json.loads(text)
        new["metadata"] |= {"namespace": namespace, "uid": str(uuid.uuid4())}
        if "message" in new["spec"]:
            new["spec"]["message"] = f"{_word(index)} as it was asked for on day {index}"
            new["spec"]["text"] = f"{name} {new['spec']['text']}"
        place = key.replace(f"/{SEED}/{seed}", f"/{namespace}/{name}")
        yield place, json.dumps(new, separators=(",", ":")).encode()


async def _states(kube: Kube) -> list[str]:
    return [
        item["metadata"]["resourceVersion"]
        for kind in (RELEASES, VERSIONS)
        async for page in kube.pages(kind.path(SEED))
        for item in page["items"]
    ]


def _policy(name: str, prompts: list[str]) -> Json:
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptPolicy",
        "metadata": {"name": name},
        "spec": {
            "prompts": prompts,
            "labels": ["production"],
            "require": {"approvals": {"count": 1, "notBy": []}},
        },
    }


def _word(index: int) -> str:
    return WORDS[index % len(WORDS)]


def _name(index: int) -> str:
    return f"{_word(index)}-{index:05}"


def any_name(prompts: int) -> str:
    """Name of any of so many prompts."""
    return _name(random.randrange(prompts))


def people(plane: ControlPlane, namespace: str, count: int) -> list[str]:
    """A token for each, of a service account that may look at the prompts."""
    group = "system:serviceaccounts:seed"
    plane.kubectl("apply", "-k", str(cluster.ROOT / "manifests" / "roles"))
    binding = ("rolebinding", "people", "--clusterrole=promptrelease-author", f"--group={group}")
    plane.kubectl("-n", namespace, "create", *binding)
    accounts = f"/api/v1/namespaces/{SEED}/serviceaccounts"
    tokens = []
    for number in range(count):
        name = f"person-{number}"
        plane.request("POST", accounts, {"metadata": {"name": name}})
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        made = plane.request("POST", f"{accounts}/{name}/token", asked)
        tokens.append(made["status"]["token"])
    return tokens
