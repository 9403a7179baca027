"""`kubectl apply --dry-run=server` of whatever can be installed: nothing unknown, no warning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.helm import Helm
from harness.installation import CHART, MANIFESTS, ROOT, SYSTEM, overlay

pytestmark = pytest.mark.slow

SHOP = "shop"


@pytest.fixture(scope="module")
def prepared() -> Iterator[ControlPlane]:
    """A control plane with the kinds and the namespaces: a dry run makes none of them."""
    with ControlPlane() as plane:
        plane.kubectl("apply", "--server-side", "-k", ROOT / "crds")
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        for namespace in (SYSTEM, "team-a", SHOP):
            plane.kubectl("create", "namespace", namespace)
        yield plane


@pytest.fixture(scope="module")
def helm(prepared: ControlPlane) -> Helm:
    return Helm(prepared)


def accepted(plane: ControlPlane, manifests: str, namespace: str = "") -> list[str]:
    """Return a line for each object that the API server would take."""
    where = ("-n", namespace) if namespace else ()
    apply = ("apply", "--dry-run=server", "--server-side", *where, "-f", "-")
    done = plane.kubectl(*apply, "--force-conflicts", stdin=manifests)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert all(line.endswith(" serverside-applied (server dry run)") for line in lines)
    return lines


@pytest.mark.parametrize(
    "folder",
    [
        "base",
        "high-availability",
        "roles",
        "admission",
        "admission/stamp",
        "admission/confine",
        "console",
    ],
)
def test_for_the_cluster(prepared: ControlPlane, folder: str) -> None:
    built = prepared.kubectl("kustomize", MANIFESTS / folder).stdout
    assert len(accepted(prepared, built)) == built.count("\nkind: ")


@pytest.mark.parametrize("several", [False, True])
def test_for_one_namespace(prepared: ControlPlane, tmp_path: Path, several: bool) -> None:
    folder = overlay(tmp_path / "team-a", "team-a", several=several)
    built = prepared.kubectl("kustomize", folder).stdout
    assert len(accepted(prepared, built)) == built.count("\nkind: ")


@pytest.mark.parametrize("folder", ["examples", "examples/evaluation"])
def test_of_examples(prepared: ControlPlane, folder: str) -> None:
    built = prepared.kubectl("kustomize", MANIFESTS / folder).stdout
    assert accepted(prepared, built, SHOP)


@pytest.mark.parametrize(
    "settings",
    [
        "replicas=1",
        "replicas=2",
        "scope=Namespace,crds.install=false",
        "admission.enabled=true,admission.stamp=true,roles.enabled=true",
        "networkPolicy.denyOthers=true,priorityClassName=system-cluster-critical",
        "console.enabled=true,console.url=https://prompts.example.com",
        "console.enabled=true,console.url=https://p.example.com,console.impersonation.users={alice}",
    ],
)
def test_that_helm_renders(prepared: ControlPlane, helm: Helm, settings: str) -> None:
    template = ("template", "x", CHART, "--namespace", "team-a", "--set", settings)
    text = helm(*template).stdout
    assert len(accepted(prepared, text)) == text.count("\nkind: ")
