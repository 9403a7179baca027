"""The command line against a real API server: the operator at work, roles and admission in force.

A control plane of its own, since admission holds for a whole cluster, and others test without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.cli.command import COMMAND as COMMAND
from harness.admission import Admission
from harness.api import RELEASES, Api, Json, policy, release, version, wait_for
from harness.controlplane import ControlPlane, RequestError
from harness.operator import ROOT, Operator, install
from promptrelease.cli.main import main

ROLES = {
    "alice": "author",
    "bob": "promoter",
    "carol": "on-call",
    "dave": "approver",
    "erin": "platform",
}
"""Who has which of the shipped roles, everywhere; frank has none."""

P = "greeting"
SPARE = 8
"""A version that a retention would delete: see ``demand``."""

SECONDS = 60


@dataclass(frozen=True)
class Shop:
    """A namespace of its own for a test, and people who run the command line in it."""

    plane: ControlPlane
    api: Api

    @property
    def namespace(self) -> str:
        return self.api.namespace

    def environment(self, who: str = "admin") -> dict[str, str]:
        """For a process: whose kubeconfig, and a terminal without colours."""
        kubeconfig = self.plane.kubeconfig(who, self.namespace)
        return {
            **os.environ,
            **self.plane.environment(kubeconfig),
            "PYTHONPATH": str(ROOT / "operator"),
            "NO_COLOR": "1",
        }

    def run(self, who: str, *args: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it as a process, with pipes."""
        return subprocess.run(
            [*COMMAND, *map(str, args)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=self.environment(who),
        )


Call = Callable[..., tuple[int, str, str]]
"""Who, then the arguments; the exit code and what was written to the two outputs."""


@pytest.fixture(scope="session")
def world() -> Iterator[ControlPlane]:
    """Run everything that is shipped, with one person for each role."""
    with ControlPlane() as plane:
        account = install(plane)
        plane.kubectl("apply", "-k", ROOT / "manifests" / "roles")
        Admission(plane).stamp(True)
        bindings = [_binding(who, f"promptrelease-{role}") for who, role in ROLES.items()]
        plane.kubectl("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, bindings)))
        with Operator(plane, account):
            yield plane


@pytest.fixture
def shop(world: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Make a namespace of the test's own."""
    test = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    name = f"{test}-{uuid.uuid4().hex[:8]}"
    world.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield Shop(world, Api(world, name))
    # What is served can't be deleted, but with its namespace.
    world.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def greeting(shop: Shop) -> Shop:
    """Three versions of a prompt: v1 in production, v2 on staging."""
    for number in (1, 2, 3):
        shop.api.create(version(P, number, text=f"Hello {number}\nGreet {{{{who}}}}", **_WHO))
    shop.api.create(release(P, production=(1, "begin"), staging=(2, "try")))
    shop.api.ready(P)
    return shop


@pytest.fixture
def four_eyes(greeting: Shop) -> Shop:
    """The same, and production asks for an approval."""
    demand(greeting, "four-eyes", labels=["production"], require={"approvals": {}})
    return greeting


def demand(shop: Shop, name: str, **spec: object) -> None:
    """Create a policy, and wait until the operator knows it.

    A release and a policy come by two watches: which is heard first is nobody's promise. So this
    one would also have a version deleted, and the release's status tells that.
    """
    api = shop.api
    api.create(version(P, SPARE + 1))
    api.create(version(P, SPARE))  # it has never been served, not even as latest
    api.create(policy(name, retention={"keep": 1, "olderThanDays": 0}, **spec))

    def known() -> bool:
        return SPARE in api.get(RELEASES, P)["status"].get("retention", {}).get("versions", ())

    wait_for(known, f"policy {name} to be known")


def mount(shop: Shop, name: str, label: str, *, told: bool = False) -> None:
    """Make a pod that mounts a label's ConfigMap, and is told of moves or not; nothing runs it."""
    core = f"/api/v1/namespaces/{shop.namespace}"
    with contextlib.suppress(RequestError):  # it is there already
        shop.plane.request("POST", f"{core}/serviceaccounts", {"metadata": {"name": "default"}})
    container = {
        "name": "app",
        "image": "none",
        "volumeMounts": [{"name": "prompts", "mountPath": "/etc/prompts"}],
    }
    labels = {"promptrelease.dev/refresh": "true"} if told else {}
    pod = {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": [{"name": "prompts", "configMap": {"name": f"{P}.{label}"}}],
        },
    }
    shop.plane.request("POST", f"{core}/pods", pod)


@pytest.fixture
def call(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run it in this process, which is quicker."""

    def run(who: str, *args: str | Path) -> tuple[int, str, str]:
        monkeypatch.setenv("KUBECONFIG", str(shop.plane.kubeconfig(who, shop.namespace)))
        capsys.readouterr()
        code = main(list(map(str, args)))
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


_WHO: Json = {"variables": {"who": {"type": "string"}}}


def _binding(who: str, role: str) -> Json:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{who}-{role}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": who, "apiGroup": group}],
    }
