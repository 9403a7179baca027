"""A cluster with everything installed, and people at their browsers.

A control plane of its own, since admission holds for a whole cluster, and others test without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cluster.cli.command import COMMAND
from console.browsing import Browser
from harness.admission import Admission
from harness.api import RELEASES, Api, Json, policy, release, suite, version, wait_for
from harness.console import console
from harness.controlplane import ControlPlane
from harness.operator import ROOT, Operator, install

ROLES = {
    "alice": "author",
    "bob": "promoter",
    "carol": "on-call",
    "dave": "approver",
    "erin": "platform",
    "frank": "viewer",
}
"""Who has which of the shipped roles, everywhere."""

P = "greeting"
SPARE = 8
"""A version that a retention would delete: see ``demand``."""


@dataclass
class Shop:
    """A namespace of its own for a test, and people who open the console in it."""

    plane: ControlPlane
    api: Api
    url: str
    operator: Operator
    browsers: dict[str, Browser]

    @property
    def base(self) -> str:
        """Address of the namespace's pages."""
        return f"/n/{self.api.namespace}"

    def at(self, page: str, label: str = "production", prompt: str = P) -> str:
        """Address of a page about a label."""
        return f"{self.base}/prompts/{prompt}/labels/{label}/{page}"

    def browser(self, who: str) -> Browser:
        """Somebody's browser, signed in; the same one each time."""
        if who not in self.browsers:
            self.browsers[who] = Browser(self.url, {who: self.plane.token(who)})
            self.browsers[who].sign_in(who)
        return self.browsers[who]

    def command(self, who: str, *args: str) -> str:
        """What the command line prints for somebody."""
        kubeconfig = self.plane.kubeconfig(who, self.api.namespace)
        environment = {**os.environ, **self.plane.environment(kubeconfig)}
        environment |= {"PYTHONPATH": str(ROOT / "operator"), "NO_COLOR": "1"}
        done = subprocess.run(
            [*COMMAND, *args], env=environment, stdout=subprocess.PIPE, text=True, timeout=60
        )
        return done.stdout

    def label(self, name: str = "production", prompt: str = P) -> Json:
        """What the release's status says of a label."""
        status = self.api.get(RELEASES, prompt).get("status") or {}
        found: Json = (status.get("labels") or {}).get(name, {})
        return found

    def serves(self, number: int, name: str = "production", prompt: str = P) -> Json:
        """A label's status, once it serves a version and all is told."""

        def told() -> bool:
            its = self.label(name, prompt)
            consumers = its.get("consumers") or {}
            return bool(
                its.get("version") == number and consumers.get("revision") == its["revision"]
            )

        wait_for(told, f"{name} to serve v{number}")
        return self.label(name, prompt)

    def pending(self, prompt: str = P, label: str = "production") -> Json:
        """The move that waits, once one does and has a digest."""

        def probe() -> Json:
            found: Json = self.label(label, prompt).get("pending", {})
            return found if found.get("digest") else {}

        return wait_for(probe, f"a move of {prompt} to wait")

    def demand(self, name: str, **spec: object) -> None:
        """Create a policy, and wait until the operator knows it.

        A release and a policy come by two watches: which is heard first is nobody's promise. So
        this one would also have a version deleted, and the release's status tells that.
        """
        prompt = f"probe-{name}"
        for number in (1, 2, 3):
            self.api.create(version(prompt, number))
        self.api.create(release(prompt, staging=(3, "probe")))
        self.api.ready(prompt)
        if isinstance(prompts := spec.get("prompts"), list):
            spec["prompts"] = [*prompts, prompt]
        self.api.create(policy(name, retention={"keep": 1, "olderThanDays": 0}, **spec))

        def known() -> bool:
            status = self.api.get(RELEASES, prompt)["status"]
            return bool(status.get("retention", {}).get("versions"))

        wait_for(known, f"policy {name} to be known")

    def evidence(self, suite_name: str, pending: Json, *, passed: bool, who: str = "erin") -> None:
        """Give a verdict from an outside CI about what waits."""
        verdict = {
            "passed": passed,
            "score": 0.93 if passed else 0.4,
            "baselineScore": 0.9,
            "counts": {"total": 20, "passed": 19 if passed else 8, "failed": 1 if passed else 12},
        }
        candidate = {"prompt": P, "version": pending["version"], "digest": pending["digest"]}
        made = {
            "apiVersion": "promptrelease.dev/v1alpha1",
            "kind": "PromptEvaluation",
            "metadata": {"generateName": f"{suite_name}-ci-"},
            "spec": {
                "suite": suite_name,
                "candidate": [candidate],
                "by": who,
                "verdict": verdict,
            },
        }
        kubeconfig = self.plane.kubeconfig(who, self.api.namespace)
        self.plane.kubectl("create", "-f", "-", user=kubeconfig, stdin=json.dumps(made))


@dataclass(frozen=True)
class World:
    """A control plane with everything that is shipped, one person for each role, and a console."""

    plane: ControlPlane
    operator: Operator
    url: str

    def shop(self, name: str) -> Shop:
        """A namespace of one's own."""
        name = f"{name}-{uuid.uuid4().hex[:8]}"
        self.plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        return Shop(self.plane, Api(self.plane, name), self.url, self.operator, {})


@contextmanager
def built() -> Iterator[World]:
    """Run it all."""
    with ControlPlane() as plane:
        account = install(plane)
        plane.kubectl("apply", "-k", ROOT / "manifests" / "roles")
        Admission(plane).stamp(True)
        bindings = [_binding(who, f"promptrelease-{role}") for who, role in ROLES.items()]
        plane.kubectl("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, bindings)))
        with Operator(plane, account) as operator, console(plane, "default") as url:
            yield World(plane, operator, url)


def furnish(shop: Shop, prompt: str = P) -> Shop:
    """Three versions of a prompt: v1 in production, v2 on staging."""
    for number in (1, 2, 3):
        text = f"Hello {number}\nGreet {{{{who}}}} in one short sentence."
        shop.api.create(version(prompt, number, text=text, **WHO))
    shop.api.create(release(prompt, production=(1, "begin"), staging=(2, "try")))
    shop.api.ready(prompt)
    return shop


WHO: Json = {"variables": {"who": {"type": "string", "description": "first name"}}}


def judged(shop: Shop) -> None:
    """A suite that takes verdicts from outside."""
    shop.api.create(suite("politeness", P, accept=True))


def _binding(who: str, role: str) -> Json:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{who}-{role}"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": who, "apiGroup": group}],
    }
