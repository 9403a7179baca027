"""Installed, upgraded and uninstalled as docs/install.md says, on a real API server.

The garbage collector and the namespace controller are real, too: what is left behind, and what goes
with what, is theirs to say. There is no node; the operator runs as a process, under the service
account and with the arguments and the environment of its Deployment on the cluster.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.api import CONFIG_MAPS, Api, Json, release, version, wait_for
from harness.components import COMPONENTS
from harness.controlplane import ControlPlane
from harness.guide import Guide
from harness.installation import (
    ACCOUNT,
    MANIFESTS,
    ROOT,
    SYSTEM,
    history,
    mounted,
    now,
    running,
    stayed,
)

pytestmark = pytest.mark.slow

SHOP = "shop"
UPGRADE = f"helm upgrade promptrelease charts/promptrelease -n {SYSTEM} --reuse-values"
PREVIOUS = {
    "before policies": "39328b9cf44901bc0bfbed8e338e367a02b21c6f",
    "before the chart": "0473d279e6cc3cf27513fc379e79f02e5e684f2b",
}
"""Commits to upgrade from. Nothing was released yet; these were the states of manifests/base."""


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """A control plane of the test's own: it starts sooner than an old one is cleaned up."""
    with ControlPlane(COMPONENTS[:3]) as its_own:
        yield its_own


@pytest.fixture
def guide(plane: ControlPlane, tmp_path: Path) -> Guide:
    return Guide(plane, tmp_path)


def of_cluster(plane: ControlPlane) -> set[str]:
    """Return the names of what belongs to the whole cluster and is ours."""
    kinds = (
        "crd,clusterroles,clusterrolebindings,validatingadmissionpolicies,"
        "validatingadmissionpolicybindings,mutatingadmissionpolicies,"
        "mutatingadmissionpolicybindings,namespaces"
    )
    names = plane.kubectl("get", kinds, "-o", "name").stdout.splitlines()
    return {name for name in names if "promptrelease" in name}


def established(plane: ControlPlane) -> None:
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


def examples_served(plane: ControlPlane) -> dict[str, Json]:
    """Return what workloads mount, once all of the examples is served."""
    wait = ("wait", "-n", SHOP, "--for=condition=Ready", "promptreleases", "--all")
    if plane.kubectl(*wait, "--timeout=60s", check=False).returncode != 0:
        raise AssertionError(plane.kubectl("get", "prompts", "-n", SHOP, "-o", "yaml").stdout)
    found = mounted(plane, SHOP)
    assert {"ticket-summary.production", "ticket-router.production"} <= found.keys()
    return found


def works(api: Api, prompt: str) -> None:
    """Have a new prompt served: by then, whoever serves it has looked at all others."""
    api.apply(version(prompt, 1), version(prompt, 2), release(prompt, production=(1, "begin")))
    api.served(prompt, "production", f"{prompt} v1")
    api.move(prompt, "production", 2, "better")
    api.served(prompt, "production", f"{prompt} v2")
    api.ready(prompt)


def contents(config_map: Json) -> dict[str, str]:
    """Return the files but for the one that says which move brought them."""
    return {name: text for name, text in config_map["data"].items() if name != "metadata.json"}


class TestHelm:
    def test_installs_serves_and_leaves_what_is_served(
        self, plane: ControlPlane, guide: Guide
    ) -> None:
        assert "serves all namespaces" in guide.run("By Helm")
        established(plane)
        with running(plane, SYSTEM):
            assert "ticket-summary.production" in guide.run("Does it work?")
            before, since = examples_served(plane), now(plane)
            guide.sh(f"{UPGRADE} --set roles.enabled=true,admission.enabled=true")
            works(Api(plane, SHOP), "first")
        assert {ours.partition(".")[0] for ours in of_cluster(plane)} >= {
            *("clusterrole", "validatingadmissionpolicy", "mutatingadmissionpolicy")
        }

        guide.run("The operator only", 1)

        kinds = {ours.partition(".")[0] for ours in of_cluster(plane)}
        assert kinds == {"customresourcedefinition", f"namespace/{SYSTEM}"}
        # Once more, onto what stayed: it is taken up where it was left.
        guide.run("By Helm")
        with running(plane, SYSTEM):
            works(Api(plane, SHOP), "second")
        stayed(before, history(plane, SHOP, since))

    def test_upgrades_without_a_byte_of_difference(self, plane: ControlPlane, guide: Guide) -> None:
        install = "helm install promptrelease charts/promptrelease --create-namespace"
        guide.sh(f"{install} --namespace {SYSTEM} --set image.tag=0.0.9,rights.retention=false")
        established(plane)
        with running(plane, SYSTEM):
            guide.run("Does it work?")
            before, since = examples_served(plane), now(plane)
            guide.run("High availability", 1)  # while the old one is at work
        with running(plane, SYSTEM):
            works(Api(plane, SHOP), "two")
        held = ("get", "lease", ACCOUNT, "-n", SYSTEM, "-o", "jsonpath={.spec.holderIdentity}")
        assert plane.kubectl(*held).stdout == "", "it was held, and given back"
        guide.run("Upgrade", 1)
        with running(plane, SYSTEM):
            works(Api(plane, SHOP), "upgraded")
        guide.sh(f"helm rollback promptrelease 1 --namespace {SYSTEM}")
        with running(plane, SYSTEM):
            works(Api(plane, SHOP), "rolled-back")
        stayed(before, history(plane, SHOP, since))


@pytest.fixture
def previous(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the project as it was before."""
    commit = PREVIOUS[request.param]
    git = ("git", "-C", str(ROOT))
    shallow = subprocess.run(
        [*git, "rev-parse", "--is-shallow-repository"], capture_output=True, text=True
    )
    if shallow.stdout.strip() != "false":
        pytest.skip("the project's history is not here: a full clone has it")
    archive = [*git, "archive", commit, "operator", "crds", "manifests"]
    done = subprocess.run(archive, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(tmp_path / "previous", filter="data")
    return tmp_path / "previous"


class TestAnUpgrade:
    """From what a commit of the past had, its operator included, to what is here."""

    @pytest.mark.parametrize(
        ("previous", "by"),
        [("before policies", "kubectl"), ("before the chart", "helm")],
        indirect=["previous"],
    )
    def test_keeps_everything_served(
        self, plane: ControlPlane, guide: Guide, previous: Path, by: str
    ) -> None:
        api = Api(plane, SHOP)
        plane.kubectl("apply", "-k", previous / "manifests" / "base")
        plane.kubectl("create", "namespace", SHOP)
        established(plane)
        with running(plane, SYSTEM, previous / "operator"):
            plane.kubectl("apply", "-n", SHOP, "-k", previous / "manifests" / "examples")
            before, since = examples_served(plane), now(plane)
            if by == "kubectl":
                guide.run("Upgrade")
            else:
                install = "helm install promptrelease charts/promptrelease"
                guide.sh(f"{install} -n {SYSTEM} --take-ownership --force-conflicts")
            established(plane)
        with running(plane, SYSTEM):
            works(api, "upgraded")
            examples_served(plane)
            stayed(before, history(plane, SHOP, since))
            # What was served by the old one can be moved, and taken back, by the new one.
            api.move("ticket-summary", "production", 3, "after the upgrade")
            api.ready("ticket-summary")
            api.move("ticket-summary", "production", 2, "and back")
            api.ready("ticket-summary")
        name = "ticket-summary.production"
        assert contents(mounted(plane, SHOP)[name]) == contents(before[name])


class TestKubectl:
    def test_uninstalls_in_order_and_leaves_what_workloads_mount(
        self, plane: ControlPlane, guide: Guide
    ) -> None:
        guide.run("By kubectl")
        established(plane)
        with running(plane, SYSTEM):
            guide.run("Does it work?")
            guide.run("Who may do what")
            guide.run("High availability")
        with running(plane, SYSTEM):
            works(Api(plane, SHOP), "probe")
            before, since = examples_served(plane), now(plane)

        guide.run("All of it, but what workloads mount")

        assert of_cluster(plane) == set()
        collected(plane)
        after = mounted(plane, SHOP)
        assert after.keys() == before.keys()
        assert all("ownerReferences" not in obj["metadata"] for obj in after.values())
        stayed(before, history(plane, SHOP, since))
        # Installed again, the same manifests take up what stayed.
        guide.run("By kubectl")
        established(plane)
        with running(plane, SYSTEM):
            # Where a kind was deleted a moment ago, its successor takes a while.
            again = ("apply", "-n", SHOP, "-k", MANIFESTS / "examples")
            wait_for(lambda: plane.kubectl(*again, check=False).returncode == 0, "the kinds")
            found = examples_served(plane)
        for name in ("ticket-summary.production", "ticket-router.staging"):
            assert found[name]["metadata"]["ownerReferences"]
            assert found[name]["metadata"]["uid"] == before[name]["metadata"]["uid"]
            assert contents(found[name]) == contents(before[name])

    def test_uninstalls_all_of_it_and_gets_stuck_nowhere(
        self, plane: ControlPlane, guide: Guide
    ) -> None:
        guide.run("By kubectl")
        established(plane)
        with running(plane, SYSTEM):
            guide.run("Does it work?")
            guide.run("Who may do what")
            examples_served(plane)
            # Nor does a namespace that has prompts in it.
            plane.kubectl("create", "namespace", "other")
            works(Api(plane, "other"), "probe")
            plane.kubectl("delete", "namespace", "other", "--timeout=60s")
            works(Api(plane, SHOP), "probe")
        guide.run("The operator only")
        assert mounted(plane, SHOP)
        guide.run("All of it")
        assert of_cluster(plane) == set()
        wait_for(lambda: not mounted(plane, SHOP), "the ConfigMaps to be collected", seconds=180)


class TestOneNamespace:
    TEAM = "team-a"

    def test_installs_by_kubectl_and_by_helm(self, plane: ControlPlane, guide: Guide) -> None:
        plane.kubectl("create", "namespace", self.TEAM)
        guide.run("For one namespace only", 0)
        established(plane)
        overlay = guide.checkout / self.TEAM
        overlay.mkdir()
        text = guide.manifest("For one namespace only")
        (overlay / "kustomization.yaml").write_text(text)
        guide.run("For one namespace only", 1)
        with running(plane, self.TEAM):
            works(Api(plane, self.TEAM), "first")
        # Two replicas, and what can be had by kubectl can be handed over to Helm.
        (overlay / "kustomization.yaml").write_text(text.replace("# components", "components"))
        guide.run("For one namespace only", 1)
        with running(plane, self.TEAM):
            works(Api(plane, self.TEAM), "second")
        guide.sh(f"kubectl delete -k {self.TEAM}")
        guide.run("For one namespace only", 2)
        with running(plane, self.TEAM):
            works(Api(plane, self.TEAM), "third")
        assert {ours.partition(".")[0] for ours in of_cluster(plane)} == {
            "customresourcedefinition"
        }

    def test_overlays_of_the_guide_do_what_it_says(self, plane: ControlPlane, guide: Guide) -> None:
        folder = guide.checkout / "deploy"
        folder.mkdir()
        (folder / "kustomization.yaml").write_text(guide.manifest("By kubectl"))
        assert "image: REGISTRY/promptrelease:0.1.0" in guide.sh("kubectl kustomize deploy")
        (folder / "kustomization.yaml").write_text(guide.manifest("What it may do"))
        built = guide.sh("kubectl kustomize deploy")
        assert "promptrelease-refresh" not in built
        assert "promptrelease-retention" in built


def collected(plane: ControlPlane) -> None:
    """Start the garbage collector anew, and wait until it has taken what has no owner any more."""
    plane.stop_component("kube-controller-manager")
    plane.start_component("kube-controller-manager")
    api = Api(plane, SHOP)
    gone = {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "0-0-0"}
    orphan = {"metadata": {"name": "orphan", "ownerReferences": [gone]}}
    plane.request("POST", api.path(CONFIG_MAPS), orphan)
    wait_for(lambda: not api.get(CONFIG_MAPS, "orphan"), "the garbage to be collected", seconds=180)
