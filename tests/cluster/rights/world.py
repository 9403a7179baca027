"""A cluster on which two replicas of the operator run, confined, and who may do what on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cluster.test_manifests import Cluster, Installation
from harness import audit
from harness.api import Json, wait_for
from harness.controlplane import ControlPlane
from harness.installation import ACCOUNT, MANIFESTS, SYSTEM
from harness.operator import Operator

CONFINE = MANIFESTS / "admission" / "confine"
GUIDE = MANIFESTS.parent / "docs" / "threat-model.md"
SHOP = "shop"
OPERATOR = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"


@dataclass(frozen=True)
class World:
    """A cluster with two replicas of the operator, and its audit log."""

    plane: ControlPlane
    log: Path
    replicas: tuple[Operator, Operator]
    kubeconfig: Path

    @property
    def installation(self) -> Installation:
        """The same, as test_manifests knows it."""
        cluster = Cluster(self.plane, self.log)
        built = cluster.build(MANIFESTS / "high-availability")
        return Installation(cluster, built, SYSTEM, SHOP)

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl with the operator's token; returns all that it said."""
        done = self.plane.kubectl(*args, user=self.kubeconfig, stdin=stdin, check=False)
        return done.stdout + done.stderr


@contextmanager
def built(folder: Path) -> Iterator[World]:
    """Everything installed; the audit log is in the folder."""
    log = folder / "audit.log"
    components = ("etcd", "kube-apiserver", "kube-controller-manager")
    arguments = {
        "kube-apiserver": audit.arguments(folder),
        # The tour deletes what is left of an evaluation by itself.
        "kube-controller-manager": ["--controllers=*,-garbage-collector-controller"],
    }
    with ControlPlane(components, arguments=arguments) as plane:
        plane.kubectl("apply", "--server-side", "-k", MANIFESTS / "high-availability")
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        plane.kubectl("create", "namespace", SHOP)
        plane.kubectl("create", "serviceaccount", "mounter", "-n", SHOP)
        plane.kubectl("apply", "-k", CONFINE)
        plane.kubectl("create", "-n", SHOP, "-f", "-", stdin=guide("Evaluations"))
        kubeconfig = plane.kubeconfig_for_service_account(SYSTEM, ACCOUNT)
        options = ["--leader-elect", f"--lease={SYSTEM}/{ACCOUNT}", "--lease-seconds=3"]
        first = Operator(plane, kubeconfig, options=[*options, "--identity=first"])
        second = Operator(plane, kubeconfig, options=[*options, "--identity=second"])
        with first, second:
            made = World(plane, log, (first, second), kubeconfig)
            wait_for(partial(confined, made), "the operator to be confined")
            yield made


def confined(world: World) -> bool:
    """Whether all the policies that confine the operator are in force."""
    stray = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray"}}
    said = world.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(stray))
    return "promptrelease-confine-config-maps" in said and "promptrelease-confine-jobs" in (
        world.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(job("kube-system")))
    )


def guide(heading: str) -> str:
    """Return the manifest below a heading of the threat model."""
    section = GUIDE.read_text().split(f"# {heading}\n")[1]
    return section.split("```yaml\n")[1].split("```")[0]


def job(namespace: str, **pod: Any) -> Json:
    """Return a Job that passes for an evaluation's."""
    owner = {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptEvaluation",
        "name": "stolen",
        "uid": "0-0-0",
        "controller": True,
    }
    container = {"name": "any", "image": "none"}
    spec = {"restartPolicy": "Never", "containers": [container], **pod}
    metadata = {"name": "stolen-0", "namespace": namespace, "ownerReferences": [owner]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"template": {"spec": spec}},
    }


def may(plane: ControlPlane, user: str, namespace: str) -> set[audit.Right]:
    """Return all that RBAC lets somebody do in a namespace, as the API server says it."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    groups = ("system:serviceaccounts", "system:authenticated")
    impersonated = [f"--as={user}", *(f"--as-group={group}" for group in groups)]
    asked = ("create", "--validate=false", "-f", "-", "-o", "json", *impersonated)
    status = json.loads(plane.kubectl(*asked, stdin=json.dumps(review)).stdout)["status"]
    assert not status["incomplete"]
    return {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def allowed(plane: ControlPlane, attributes: Json) -> bool:
    """Whether RBAC lets the operator do a thing."""
    groups = ["system:serviceaccounts", "system:authenticated"]
    spec = {"user": OPERATOR, "groups": groups, "resourceAttributes": attributes}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(plane.request("POST", path, {"spec": spec})["status"]["allowed"])
