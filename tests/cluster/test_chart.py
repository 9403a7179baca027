"""The Helm chart: the same objects as the kustomizations, and each of its values."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from harness.api import Json
from harness.controlplane import ControlPlane
from harness.helm import Helm, HelmError
from harness.installation import CHART, MANIFESTS, ROOT, SYSTEM, objects, overlay

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
STAMP_API = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"

Objects = dict[tuple[str, str], Json]


@pytest.fixture(scope="module")
def helm(control_plane: ControlPlane) -> Helm:
    return Helm(control_plane)


def rendered(
    helm: Helm, values: Json | None = None, *args: str, namespace: str = SYSTEM
) -> Objects:
    """Return what the chart renders to."""
    given = ("--values", "-") if values else ()
    done = helm(
        *("template", "anything", CHART, "--namespace", namespace, *given, *args),
        stdin=json.dumps(values),
    )
    return objects(done.stdout)


def on_purpose(sources: Objects, *left_out: tuple[str, str]) -> Objects:
    """Return what kustomize renders, with all that the chart has another way."""
    wanted = {key: copy.deepcopy(obj) for key, obj in sources.items() if key not in left_out}
    for (kind, _), obj in wanted.items():
        if kind == "CustomResourceDefinition":  # helm uninstall leaves them
            annotations = obj["metadata"].setdefault("annotations", {})
            annotations["helm.sh/resource-policy"] = "keep"
    return wanted


NAMESPACE = ("Namespace", SYSTEM)  # helm install --create-namespace
DENY = ("NetworkPolicy", "default-deny")  # networkPolicy.denyOthers


class TestTheSameObjects:
    def kustomized(self, plane: ControlPlane, folder: Path) -> Objects:
        return objects(plane.kubectl("kustomize", folder).stdout)

    def test_as_base(self, control_plane: ControlPlane, helm: Helm) -> None:
        sources = self.kustomized(control_plane, MANIFESTS / "base")
        assert rendered(helm) == on_purpose(sources, NAMESPACE, DENY)
        denying = rendered(helm, {"networkPolicy": {"denyOthers": True}})
        assert denying == on_purpose(sources, NAMESPACE)

    def test_as_high_availability(self, control_plane: ControlPlane, helm: Helm) -> None:
        sources = self.kustomized(control_plane, MANIFESTS / "high-availability")
        assert rendered(helm, {"replicas": 2}) == on_purpose(sources, NAMESPACE, DENY)

    def test_as_the_console(self, control_plane: ControlPlane, helm: Helm, tmp_path: Path) -> None:
        base = self.kustomized(control_plane, MANIFESTS / "base")
        url = "https://prompts.example.com"
        wanted = on_purpose(base, NAMESPACE, DENY) | self.kustomized(
            control_plane, MANIFESTS / "console"
        )
        assert rendered(helm, {"console": {"enabled": True, "url": url}}) == wanted

        impersonating = overlay(tmp_path / "system", SYSTEM, of="console")
        component = str(MANIFESTS / "console" / "impersonation")
        kustomization = json.loads((impersonating / "kustomization.yaml").read_text())
        kustomization["components"] = [os.path.relpath(component, impersonating.resolve())]
        (impersonating / "kustomization.yaml").write_text(json.dumps(kustomization))
        wanted |= self.kustomized(control_plane, impersonating)
        people = {
            "users": ["alice@example.com", "bob@example.com"],
            "groups": ["prompt-authors", "prompt-approvers"],
        }
        console = {"enabled": True, "url": url, "impersonation": people}
        assert rendered(helm, {"console": console}) == wanted

    def test_the_console_needs_an_address(self, helm: Helm) -> None:
        with pytest.raises(HelmError, match=r"console\.url is needed"):
            rendered(helm, {"console": {"enabled": True}})

    def test_nobody_may_speak_for_the_system(self, helm: Helm) -> None:
        people = {"users": ["system:admin"]}
        console = {"enabled": True, "url": "https://x.example", "impersonation": people}
        with pytest.raises(HelmError, match="impersonation"):
            rendered(helm, {"console": console})

    @pytest.mark.parametrize("several", [False, True])
    def test_as_one_namespace(
        self, control_plane: ControlPlane, helm: Helm, tmp_path: Path, several: bool
    ) -> None:
        folder = overlay(tmp_path / "team-a", "team-a", several=several)
        values = {
            "scope": "Namespace",
            "crds": {"install": False},
            "replicas": 2 if several else 1,
        }
        sources = self.kustomized(control_plane, folder)
        assert rendered(helm, values, namespace="team-a") == sources

    def test_as_all_that_is_beside_it(self, control_plane: ControlPlane, helm: Helm) -> None:
        wanted = on_purpose(
            self.kustomized(control_plane, MANIFESTS / "base")
            | self.kustomized(control_plane, MANIFESTS / "roles")
            | self.kustomized(control_plane, MANIFESTS / "monitoring")
            | self.kustomized(control_plane, MANIFESTS / "admission")
            | self.kustomized(control_plane, MANIFESTS / "admission" / "stamp")
            | self.kustomized(control_plane, MANIFESTS / "admission" / "confine"),
            NAMESPACE,
            DENY,
        )
        names = ("roles", "admission", "monitoring")
        values: Json = {name: {"enabled": True} for name in names}
        values["admission"] |= {"stamp": True, "confine": True}
        assert rendered(helm, values) == wanted

    def test_in_a_namespace_of_another_name(self, helm: Helm) -> None:
        values = {"admission": {"enabled": True, "stamp": True}, "roles": {"enabled": True}}
        text = json.dumps(list(rendered(helm, values, namespace="elsewhere").values()))
        assert SYSTEM not in text
        assert "system:serviceaccount:elsewhere:promptrelease-operator" in text

    def test_whose_generated_files_are_fresh(self) -> None:
        command = [sys.executable, "-m", "tools.chart", "--check"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.stderr == ""

    def test_of_the_same_version_as_the_package(self, helm: Helm) -> None:
        found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
        assert found is not None
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        assert chart["version"] == chart["appVersion"] == found[1]


def leaves(schema: Json, prefix: str = "") -> Iterator[str]:
    """Yield the path of each value."""
    for name, said in schema["properties"].items():
        if "properties" in said:
            yield from leaves(said, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


# A value that is not the default, what has to be there beside it, and what it brings.
ADMITTED = {"admission": {"enabled": True}}
MONITORED = {"monitoring": {"enabled": True}}
CONSOLE = {"console": {"enabled": True, "url": "https://prompts.example.com"}}
SAMPLES: dict[str, tuple[object, Json, str]] = {
    "image.repository": ("registry.example/p", {}, "registry.example/p:0.1.0"),
    "image.tag": ("0.2.0", {}, "promptrelease:0.2.0"),
    "image.digest": (f"sha256:{0:064}", {}, f"promptrelease@sha256:{0:064}"),
    "image.pullPolicy": ("Always", {}, '"imagePullPolicy": "Always"'),
    "imagePullSecrets": ([{"name": "registry"}], {}, '"imagePullSecrets": [{"name": "registry"}]'),
    "scope": ("Namespace", {}, "PROMPTRELEASE_NAMESPACE"),
    "replicas": (3, {}, '"replicas": 3'),
    "leaderElection.enabled": (True, {}, "PROMPTRELEASE_LEADER_ELECT"),
    "podDisruptionBudget.enabled": (False, {"replicas": 2}, "RollingUpdate"),
    "crds.install": (False, {}, "Deployment"),
    "admission.enabled": (True, {}, "ValidatingAdmissionPolicy"),
    "admission.stamp": (True, ADMITTED, '"MutatingAdmissionPolicy"'),
    "roles.enabled": (True, {}, "promptrelease-on-call"),
    "admission.confine": (True, {}, "promptrelease-confine-config-maps"),
    "rights.evaluation": (False, {}, "promptrelease-refresh"),
    "rights.refresh": (False, {}, "promptrelease-retention"),
    "rights.retention": (False, {}, "promptrelease-refresh"),
    "networkPolicy.enabled": (False, {}, "Deployment"),
    "networkPolicy.apiServerPorts": ([16443], {}, '{"protocol": "TCP", "port": 16443}'),
    "networkPolicy.denyOthers": (True, {}, "default-deny"),
    "monitoring.enabled": (True, {}, '"PodMonitor"'),
    "monitoring.labels": (
        {"release": "kps"},
        {"monitoring": {"enabled": True}},
        '"release": "kps"',
    ),
    "console.enabled": (True, {"console": {"url": "https://x.example"}}, "promptrelease-console"),
    "console.replicas": (3, CONSOLE, '"replicas": 3'),
    "console.url": ("https://other.example", CONSOLE, "https://other.example"),
    "console.namespace": ("shop", CONSOLE, '"PROMPTRELEASE_CONSOLE_NAMESPACE": "shop"'),
    "console.secretName": ("sealed", CONSOLE, '{"name": "sealed", "key": "secret"}'),
    "console.oidc.issuer": ("https://id.example", CONSOLE, '_ISSUER": "https://id.example"'),
    "console.oidc.clientId": ("prompts", CONSOLE, '_CLIENT_ID": "prompts"'),
    "console.impersonation.users": (["alice"], CONSOLE, '"resourceNames": ["alice"]'),
    "console.impersonation.groups": (["authors"], CONSOLE, '"resourceNames": ["authors"]'),
    "console.allowFrom": ([{"podSelector": {}}], CONSOLE, '"from": [{"podSelector": {}}]'),
    "console.env": ([{"name": "TZ", "value": "UTC"}], CONSOLE, '{"name": "TZ", "value": "UTC"}'),
    "console.resources": ({"limits": {"memory": "1Gi"}}, CONSOLE, '"memory": "1Gi"'),
    "resources": ({"limits": {"memory": "1Gi"}}, {}, '"memory": "1Gi"'),
    "nodeSelector": ({"disk": "ssd"}, {}, '"disk": "ssd"'),
    "tolerations": ([{"operator": "Exists"}], {}, '"tolerations": [{"operator": "Exists"}]'),
    "affinity": ({"podAntiAffinity": {}}, {}, '"affinity": {"podAntiAffinity": {}}'),
    "topologySpreadConstraints": ([{"maxSkew": 5}], {"replicas": 2}, '[{"maxSkew": 5}]'),
    "priorityClassName": ("urgent", {}, '"priorityClassName": "urgent"'),
    "podLabels": ({"team": "ml"}, {}, '"team": "ml"'),
    "podAnnotations": ({"note": "1"}, {}, '"annotations": {"note": "1"}'),
    "extraArgs": (["--resync=300"], {}, '"args": ["--resync=300"]'),
    "env": ([{"name": "TZ", "value": "UTC"}], {}, '{"name": "TZ", "value": "UTC"}'),
    "global": ({"any": "thing"}, {}, "Deployment"),
}
GONE = {
    "podDisruptionBudget.enabled": "PodDisruptionBudget",
    "crds.install": "CustomResourceDefinition",
    "rights.evaluation": "promptrelease-evaluation",
    "rights.refresh": "promptrelease-refresh",
    "rights.retention": "promptrelease-retention",
    "networkPolicy.enabled": "NetworkPolicy",
    "scope": "ClusterRole",
    "topologySpreadConstraints": "topology.kubernetes.io/zone",
}
"""What is no longer there."""


def with_value(base: Json, path: str, value: object) -> Json:
    """Return values in which one is set."""
    first, _, rest = path.partition(".")
    inner = with_value(base.get(first, {}), rest, value) if rest else value
    return {**base, first: inner}


class TestEachValue:
    def test_lint_has_nothing_to_say(self, helm: Helm) -> None:
        said = helm("lint", "--strict", CHART).stdout
        assert re.findall(r"\[(WARNING|ERROR)\].*", said) == []

    @pytest.mark.parametrize("path", [*leaves(SCHEMA)])
    def test_has_its_effect(self, helm: Helm, path: str) -> None:
        value, beside, brings = SAMPLES[path]
        without = ("--api-versions", "none/v1")  # as if the server knew no stamp
        before = json.dumps(list(rendered(helm, beside, *without).values()))
        after = json.dumps(list(rendered(helm, with_value(beside, path, value), *without).values()))
        assert brings in after
        if path in GONE:
            assert GONE[path] in before
            assert GONE[path] not in after
        elif path != "global":
            assert brings not in before

    @pytest.mark.parametrize(
        ("values", "complaint"),
        [
            ({"scope": "cluster"}, "scope"),
            ({"replicas": -1}, "replicas"),
            ({"replicas": "2"}, "replicas"),
            ({"replica": 2}, "replica"),
            ({"image": {"digest": "sha256:abc"}}, "digest"),
            ({"image": {"repository": ""}}, "repository"),
            ({"admission": {"stamp": "maybe"}}, "stamp"),
            ({"networkPolicy": {"apiServerPorts": []}}, "apiServerPorts"),
            ({"extraArgs": "--resync=300"}, "extraArgs"),
        ],
    )
    def test_is_refused_when_it_is_wrong(self, helm: Helm, values: Json, complaint: str) -> None:
        command = ("template", "x", CHART, "--values", "-")
        done = helm(*command, stdin=json.dumps(values), check=False)
        assert done.returncode != 0
        assert "values don't meet the specifications of the schema" in done.stderr
        assert complaint in done.stderr

    def test_stamps_where_the_server_can(self, helm: Helm) -> None:
        def stamps(*args: str, **admission: object) -> bool:
            found = rendered(helm, {"admission": admission}, *args)
            return any(kind == "MutatingAdmissionPolicy" for kind, _ in found)

        can = ("--api-versions", STAMP_API)
        assert stamps(*can, enabled=True)
        assert not stamps(*can, enabled=True, stamp=False)
        assert not stamps(*can, enabled=False, stamp=True)
