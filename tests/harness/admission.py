"""The admission policies that are shipped: applied, and in force.

A policy takes a moment until the API server heeds it, and nothing tells when. So each one is tried,
by requests that it must refuse, or fill in, and that are never carried out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from harness.api import API_VERSION, Json, approval, release, version, wait_for
from harness.controlplane import ControlPlane, RequestError

ADMISSION = Path(__file__).parents[2] / "manifests" / "admission"
STAMP = ADMISSION / "stamp"

PROBE = "admission-probe"
"""A namespace, and a person who may write everything and move nothing."""

SOMEBODY = "somebody"
PREFIX = "promptrelease.dev"
_DIGEST = f"sha256:{0:064}"
_RIGHTS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": PROBE},
    "rules": [
        {
            "apiGroups": [PREFIX],
            "resources": ["*"],
            "verbs": ["get", "create", "patch", "delete"],
        },
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    ],
}
_RIGHTS_GIVEN = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": PROBE},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": PROBE},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PROBE}],
}
_STAMPS = {"promptreleases", "promptversions", "promptapprovals", "promptevaluations"}
_DENIED = re.compile("ValidatingAdmissionPolicy '([^']+)'")


class Admission:
    """The policies on one control plane; its CustomResourceDefinitions must be there already."""

    def __init__(self, control_plane: ControlPlane) -> None:
        """Apply manifests/admission, and wait until each policy refuses what it is there for."""
        self._control_plane = control_plane
        self._prepare()
        rendered = control_plane.kubectl("kustomize", ADMISSION).stdout
        wanted = {
            obj["metadata"]["name"]
            for obj in yaml.safe_load_all(rendered)
            if obj["kind"] == "ValidatingAdmissionPolicy"
        }
        control_plane.kubectl("apply", "-k", ADMISSION)
        seen: set[str] = set()

        def all_seen() -> bool:
            seen.update(self._refusing())
            return seen >= wanted

        try:
            wait_for(all_seen, "the policies to be in force")
        except AssertionError as error:
            raise AssertionError(f"not in force: {wanted - seen}") from error
        self.stamped = False

    def stamp(self, wanted: bool) -> None:
        """Apply manifests/admission/stamp or delete it, unless that is how it is; and wait."""
        if wanted == self.stamped:
            return
        if wanted:
            self._control_plane.kubectl("apply", "-k", STAMP)
        else:
            self._control_plane.kubectl("delete", "-k", STAMP)
        wait_for(lambda: self._stamped() == (_STAMPS if wanted else set()), f"stamp: {wanted}")
        self.stamped = wanted

    def _prepare(self) -> None:
        """Make what can be deleted, before anything is refused."""
        kubectl = self._control_plane.kubectl
        kubectl("create", "namespace", PROBE)
        served = version(PROBE, 1)
        objects = [served, release(PROBE, production=(1, "begin")), _approval("given")]
        kubectl("create", "-f", "-", stdin=_documents(_RIGHTS, _RIGHTS_GIVEN))
        kubectl("create", "-n", PROBE, "-f", "-", stdin=_documents(*objects))
        self._control_plane.request(
            "PATCH",
            f"{_path('promptversions')}/{PROBE}-v1/status",
            {"status": {"labels": ["production"]}},
            content_type="application/merge-patch+json",
        )

    def _refusing(self) -> set[str]:
        """Names of the policies that refuse by now."""
        status = ("--subresource=status", "--type=merge", "-p", '{"status": {"revision": 9}}')
        tried = [
            self._try("create", "-f", "-", stdin=_documents(*_FORBIDDEN)),
            self._try("patch", "promptrelease", PROBE, *status),
            self._try("delete", f"promptrelease/{PROBE}", f"promptversion/{PROBE}-v1"),
            self._try("delete", "promptapproval/given"),
        ]
        return {name for said in tried for name in _DENIED.findall(said)}

    def _try(self, *args: str, stdin: str | None = None) -> str:
        """Return what the API server says to the powerless; it does nothing."""
        flags = ("--dry-run=server", f"--as={PROBE}", "-n", PROBE)
        return self._control_plane.kubectl(*args, *flags, stdin=stdin, check=False).stderr

    def _stamped(self) -> set[str]:
        """Say what is filled in by now."""
        new = release(f"{PROBE}-2", production=(1, "begin"))
        found = {
            "promptreleases": self._created(new, "spec", "labels", "production", "by"),
            "promptversions": self._created(version(PROBE, 2), "metadata", "annotations"),
            "promptapprovals": self._created(_approval(), "spec", "by"),
            "promptevaluations": self._created(_EVALUATION, "spec", "by"),
        }
        return {name for name, value in found.items() if "admin" in str(value)}

    def _created(self, obj: Json, *path: str) -> Any:
        """Return a field of what would be stored."""
        resource = f"{obj['kind'].lower()}s"
        try:
            made = self._control_plane.request("POST", f"{_path(resource)}?dryRun=All", obj)
        except RequestError:
            return None  # refused for lack of a name, or its kind is not known to the stamp yet
        for key in path:
            made = made.get(key, {})
        return made


def _path(resource: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{PROBE}/{resource}"


def _documents(*objects: Json) -> str:
    return "\n---\n".join(map(json.dumps, objects))


def _approval(name: str = "new") -> Json:
    candidate = {"version": 1, "digest": _DIGEST}
    return approval(name, candidate, SOMEBODY, release=PROBE, label="production")


def _annotated(obj: Json, key: str, value: str) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "annotations": {key: value}}}


_EVALUATION: Json = {
    "apiVersion": API_VERSION,
    "kind": "PromptEvaluation",
    "metadata": {"name": "new"},
    "spec": {
        "suite": PROBE,
        "candidate": [{"prompt": PROBE, "version": 1, "digest": _DIGEST}],
        "by": SOMEBODY,
        "verdict": {"passed": True},
    },
}
_CHANGE: Json = {
    "apiVersion": API_VERSION,
    "kind": "PromptChange",
    "metadata": {"name": "new"},
    "spec": {
        "release": PROBE,
        "label": "production",
        "revision": 1,
        "kind": "Promotion",
        "to": 1,
        "at": "2026-01-01T00:00:00Z",
    },
}
_FORBIDDEN: tuple[Json, ...] = (
    release("moves", production=(1, "begin")),
    _annotated(release("glass"), f"breakglass.{PREFIX}/production", "v1: in a hurry"),
    _annotated(release("forged"), f"{PREFIX}/withdrawn-by", f"production {SOMEBODY}"),
    _annotated(version("forged"), f"{PREFIX}/author", SOMEBODY),
    _approval(),
    _EVALUATION,
    _CHANGE,
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "new", "labels": {"app.kubernetes.io/managed-by": "promptrelease"}},
    },
)
