"""The control plane that other cluster tests stand on: what it offers, and that it goes away."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import binary, components, controlplane
from harness.build import BuildError
from harness.controlplane import ControlPlane, KubectlError
from harness.supervisor import ControlPlaneError

HARNESS = Path(controlplane.__file__).parent.parent
HOLDER = """
import json, signal, time
from harness.controlplane import ControlPlane

# What a shell starts in the background is born deaf to SIGINT, and so are its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

with ControlPlane() as it:
    pids = [it.supervisor_pid, it.running("etcd"), it.running("kube-apiserver")]
    print(json.dumps({"folder": str(it.folder), "pids": pids}), flush=True)
    time.sleep(600)
"""

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


def alive(pid: int) -> bool:
    """Say whether a process runs; one that has ended and was not waited for does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z", "X")


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def another() -> Iterator[ControlPlane]:
    """A control plane beside the session's, for tests that stop parts of it."""
    with ControlPlane() as running:
        yield running
    assert not running.folder.exists()


class TestWhatItOffers:
    @pytest.mark.skipif("KUBEBUILDER_ASSETS" in os.environ, reason="of any version")
    def test_client_and_server_are_of_the_version_that_go_mod_names(
        self, control_plane: ControlPlane
    ) -> None:
        versions = json.loads(control_plane.kubectl("version", "--output=json").stdout)
        for side in ("clientVersion", "serverVersion"):
            assert versions[side]["gitVersion"] == "v1.36.3"
            assert (versions[side]["major"], versions[side]["minor"]) == ("1", "36")

    def test_a_user_may_do_what_rbac_allows_and_no_more(self, kubectl: Kubectl) -> None:
        refused = kubectl("get", "configmaps", user="alice", check=False)
        assert refused.returncode == 1
        assert 'User "alice" cannot list resource "configmaps"' in refused.stderr

        kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps")
        kubectl("create", "rolebinding", "readers", "--role=reader", "--group=promptrelease:alice")

        assert wait_until(
            lambda: kubectl("get", "configmaps", user="alice", check=False).returncode == 0
        )
        assert kubectl("get", "configmaps", user="bob", check=False).returncode == 1
        assert kubectl("get", "secrets", user="alice", check=False).returncode == 1

    def test_a_service_account_gets_a_token(
        self, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
    ) -> None:
        with pytest.raises(KubectlError, match="not found"):
            control_plane.kubeconfig_for_service_account(namespace, "operator")

        kubectl("create", "serviceaccount", "operator")
        kubeconfig = control_plane.kubeconfig_for_service_account(namespace, "operator")

        whoami = control_plane.kubectl("auth", "whoami", "--output=json", user=kubeconfig)
        user = json.loads(whoami.stdout)["status"]["userInfo"]["username"]
        assert user == f"system:serviceaccount:{namespace}:operator"

    def test_admission_policies_are_there(self, control_plane: ControlPlane) -> None:
        found = control_plane.request("GET", "/apis/admissionregistration.k8s.io/v1")
        names = {resource["name"] for resource in found["resources"]}
        assert {"validatingadmissionpolicies", "mutatingadmissionpolicies"} <= names


@pytest.mark.slow
class TestItsComponents:
    def test_two_of_them_know_nothing_of_each_other(
        self, control_plane: ControlPlane, another: ControlPlane
    ) -> None:
        assert control_plane.url != another.url
        another.kubectl("create", "configmap", "only-here")
        missing = control_plane.kubectl("get", "configmap", "only-here", check=False)
        assert "NotFound" in missing.stderr

    @pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
    def test_a_killed_component_comes_back_with_its_data(
        self, another: ControlPlane, component: str
    ) -> None:
        name, url = f"kept-over-{component}", another.url
        another.kubectl("create", "configmap", name)

        assert another.stop_component(component, signal.SIGKILL) == "signal: killed"
        if component == "kube-apiserver":
            with pytest.raises(OSError, match="refused"):
                another.request("GET", "/readyz")
        another.start_component(component)

        assert another.url == url
        assert wait_until(
            lambda: another.kubectl("get", "configmap", name, check=False).returncode == 0
        )

    def test_controllers_can_join_later(self, another: ControlPlane) -> None:
        another.start_component("kube-controller-manager")
        another.kubectl("create", "namespace", "looked-after")
        made_by_them = ("get", "serviceaccount", "default", "--namespace=looked-after")
        assert wait_until(lambda: another.kubectl(*made_by_them, check=False).returncode == 0)

    def test_a_port_that_is_taken_meanwhile_is_left_to_its_owner(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as owner:
            taken = owner.getsockname()[1]
            ports = iter([taken, components.free_port()])
            monkeypatch.setattr(controlplane, "free_port", lambda: next(ports))
            with ControlPlane() as started:
                assert not started.url.endswith(f":{taken}")
                assert next(ports, None) is None, "the taken port has not been tried"


@pytest.mark.slow
class TestItsEnd:
    @pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    def test_nothing_is_left_when_its_holder_is_ended(self, sig: signal.Signals) -> None:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            env={**os.environ, "PYTHONPATH": str(HARNESS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert holder.stdout is not None
            started = json.loads(holder.stdout.readline())
            folder, pids = Path(started["folder"]), started["pids"]
            assert folder.is_dir()
            assert all(alive(pid) for pid in pids)
        finally:
            holder.send_signal(sig)
            holder.communicate(timeout=60)

        assert wait_until(lambda: not any(alive(pid) for pid in pids))
        assert wait_until(lambda: not folder.exists())

    @pytest.mark.skipif(sys.platform != "linux", reason="the parent death signal is Linux's")
    def test_no_process_is_left_when_the_supervisor_is_killed(self) -> None:
        with ControlPlane() as started:
            pids = [started.running("etcd"), started.running("kube-apiserver")]
            os.kill(started.supervisor_pid, signal.SIGKILL)
            try:
                assert wait_until(lambda: not any(alive(pid) for pid in pids if pid))
                with pytest.raises(ControlPlaneError, match="supervisor has ended"):
                    started.running("etcd")
            finally:
                shutil.rmtree(started.folder)

    def test_the_logs_are_kept_when_it_cannot_start(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        refused = ControlPlane(arguments={"kube-apiserver": ["--no-such-flag"]})
        with pytest.raises(ControlPlaneError, match="unknown flag: --no-such-flag"):
            refused.__enter__()
        try:
            assert str(refused.log_dir) in capfd.readouterr().err
            assert [entry.name for entry in refused.folder.iterdir()] == ["logs"]
            assert "unknown flag" in refused.logs("kube-apiserver")
        finally:
            shutil.rmtree(refused.folder)


class TestItsPrograms:
    def test_without_go_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(BuildError, match=r"no go on the PATH: install Go 1\.26 or newer"):
            binary.find()

    def test_an_old_go_is_told_so(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
        old = tmp_path / "go"
        old.write_text("#!/bin/sh\necho go1.9.7 linux amd64\n")
        old.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(BuildError, match=r"go1\.9\.7 is too old: install Go 1\.26"):
            binary.find()

    def test_assets_without_the_programs_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "etcd").touch()
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
        with pytest.raises(BuildError, match="no kube-apiserver and no kubectl"):
            binary.find()

    @pytest.mark.slow
    def test_assets_are_used(
        self, control_plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("etcd", "kube-apiserver", "kubectl"):
            (tmp_path / name).symlink_to((control_plane.bin_dir / name).resolve())
        monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))

        with ControlPlane() as started:
            assert (started.bin_dir / "etcd").readlink() == tmp_path / "etcd"
            assert started.request("GET", "/readyz") == "ok"
            with pytest.raises(ControlPlaneError, match="no kube-scheduler in KUBEBUILDER_ASSETS"):
                started.start_component("kube-scheduler")
