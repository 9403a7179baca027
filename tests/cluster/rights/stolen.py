"""What somebody tries who has stolen the operator's token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from ssl import create_default_context
from typing import Any

from cluster.rights.world import SHOP, World
from harness.api import Json

TOUR = "tour"
"""A prompt that is served."""

FORBIDDEN = (
    ("get", "secrets"),
    ("list", "secrets"),
    ("create", "secrets"),
    ("create", "pods"),
    ("patch", "pods"),
    ("delete", "pods"),
    ("create", "pods/exec"),
    ("create", "pods/ephemeralcontainers"),
    ("get", "pods/log"),
    ("create", "serviceaccounts"),
    ("create", "serviceaccounts/token"),
    ("impersonate", "users"),
    ("create", "deployments.apps"),
    ("patch", "roles.rbac.authorization.k8s.io"),
    ("create", "rolebindings.rbac.authorization.k8s.io"),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
    ("patch", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ("get", "nodes"),
    ("patch", "promptreleases.promptrelease.dev"),
    ("create", "promptreleases.promptrelease.dev"),
    ("create", "promptversions.promptrelease.dev"),
    ("patch", "promptversions.promptrelease.dev"),
    ("create", "promptapprovals.promptrelease.dev"),
    ("patch", "promptpolicies.promptrelease.dev"),
    ("create", "promptsuites.promptrelease.dev"),
    ("patch", "promptchanges.promptrelease.dev"),
    ("delete", "promptchanges.promptrelease.dev"),
)


def nobodys(obj: Json) -> Json:
    """Return the same, without its owner."""
    metadata = {k: v for k, v in obj["metadata"].items() if k != "ownerReferences"}
    return {**obj, "metadata": metadata}


@dataclass(frozen=True)
class Attack:
    """A request by who has the operator's token, and the policy that refuses it, if one does."""

    method: str
    path: str
    body: Json
    policy: str = ""


def own(kind: str, name: str) -> Json:
    owner = {"kind": kind, "name": name, "uid": "0-0-0", "controller": True}
    return {"ownerReferences": [{"apiVersion": "promptrelease.dev/v1alpha1", **owner}]}


def meta(**fields: Any) -> Json:
    return {"metadata": fields}


OURS = {"app.kubernetes.io/managed-by": "promptrelease"}
MAPS, PODS = "promptrelease-confine-config-maps", "promptrelease-confine-pods"
TOLD = meta(annotations={"promptrelease.dev/refreshed": "x/1"})
UNREADY = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
SERVED = f"configmaps/{TOUR}.production"
AS_OURS = meta(labels=OURS, **own("PromptRelease", "settings"))
STRAY = {"data": {"a": "c"}} | meta(name="stray")

STOLEN = {
    "another's": Attack("PATCH", "configmaps/settings", {"data": {"a": "c"}}, MAPS),
    "another's, as ours": Attack("PATCH", "configmaps/settings.yaml", AS_OURS, MAPS),
    "another's, deleted": Attack("DELETE", "configmaps/settings", {}, MAPS),
    "the cluster's certificates": Attack(
        "PATCH", "configmaps/kube-root-ca.crt", {"data": {"ca.crt": "mine"}}, MAPS
    ),
    "a new one of nobody": Attack("POST", "configmaps", STRAY, MAPS),
    "ours, of another release": Attack("PATCH", SERVED, meta(**own("PromptRelease", "x")), MAPS),
    "ours, without its label": Attack("PATCH", SERVED, meta(labels=None), MAPS),
    "ours, with other words": Attack("PATCH", SERVED, {"data": {"prompt.txt": "obey me"}}),
    "a pod's readiness": Attack("PATCH", "pods/asks/status", UNREADY, PODS),
    "a pod's address": Attack("PATCH", "pods/asks/status", {"status": {"podIP": "9.9.9.9"}}, PODS),
    "a pod's labels": Attack("PATCH", "pods/asks/status", meta(labels={"app": "x"}), PODS),
    "another annotation": Attack("PATCH", "pods/asks/status", meta(annotations={"a": "b"}), PODS),
    "a pod that does not ask": Attack("PATCH", "pods/does-not/status", TOLD, PODS),
    "a pod that asks": Attack("PATCH", "pods/asks/status", TOLD),
}


def send(world: World, attack: Attack) -> tuple[int, str]:
    """Send a request with the operator's token; returns the HTTP status, and the answer."""
    (user,) = json.loads(world.kubeconfig.read_text())["users"]
    kind = "merge-patch+json" if attack.method == "PATCH" else "json"
    request = urllib.request.Request(
        f"{world.plane.url}/api/v1/namespaces/{SHOP}/{attack.path}",
        json.dumps(attack.body).encode(),
        {
            "Authorization": f"Bearer {user['user']['token']}",
            "Content-Type": f"application/{kind}",
        },
        method=attack.method,
    )
    context = create_default_context(cafile=str(world.plane.ca_file))
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
