"""The operator's token, as a pod has it: a file that is replaced, and that once comes too late.

Nothing but the process is not the kubelet's here: the account is the shipped one, the folder is
swapped as the kubelet swaps it, and it is the API server that says when a token has expired.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from ssl import create_default_context

import pytest
import yaml

from harness.api import Api, release, version, wait_for
from harness.components import free_port
from harness.controlplane import ControlPlane
from harness.installation import ACCOUNT, MANIFESTS, SYSTEM
from harness.operator import ROOT, install
from harness.tokens import Projected, token

pytestmark = pytest.mark.slow

P = "ticket-summary"
SHORT = 45.0
"""Seconds of a token that expires while it is used; it must do for a start."""

# The folder is not ours to write on this machine: the process is told of another one.
IN_POD = """
import pathlib, sys
from promptrelease.controller import client, main
client.SERVICE_ACCOUNT = pathlib.Path(sys.argv.pop(1))
sys.exit(main.main())
"""


@dataclass(frozen=True)
class Pod:
    """The operator, as if in a pod."""

    plane: ControlPlane
    name: str
    port: int
    projected: Projected

    @property
    def log(self) -> str:
        return self.plane.logs(self.name)

    @property
    def pid(self) -> int:
        """Of the process. Raises AssertionError when it has ended."""
        pid = self.plane.running(self.name)
        assert pid is not None, self.log[-4000:]
        return pid

    def probe(self, path: str) -> bool:
        """Whether a probe of the pod succeeds."""
        assert self.pid
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as it:
                return bool(it.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of its own: its API server is started again here."""
    with ControlPlane() as its_own:
        install(its_own)
        yield its_own


@contextmanager
def in_pod(plane: ControlPlane, folder: Path, first: str) -> Iterator[Pod]:
    """Run the operator with a token, until the end of the with block."""
    address = urllib.parse.urlsplit(plane.url)
    pod = Pod(plane, f"pod-{folder.name}", free_port(), Projected(folder, plane.ca_file, first))
    environment = {
        "KUBERNETES_SERVICE_HOST": str(address.hostname),
        "KUBERNETES_SERVICE_PORT": str(address.port),
        "PYTHONPATH": str(ROOT / "operator"),
        "PYTHONUNBUFFERED": "1",
    }
    command: list[str | Path] = [sys.executable, "-c", IN_POD, folder, f"--health-port={pod.port}"]
    plane.start_process(pod.name, command, environment)
    try:
        wait_for(partial(pod.probe, "/readyz"), "the operator to be ready", seconds=60)
        yield pod
    finally:
        if plane.running(pod.name) is not None:
            plane.stop_component(pod.name)


def taken(plane: ControlPlane, bearer: str) -> bool:
    """Whether the API server knows whose token that is."""
    request = urllib.request.Request(
        f"{plane.url}/version", headers={"Authorization": f"Bearer {bearer}"}
    )
    context = create_default_context(cafile=str(plane.ca_file))
    try:
        with urllib.request.urlopen(request, context=context, timeout=10):
            return True
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        return False


def cut_all_watches(plane: ControlPlane) -> None:
    plane.stop_component("kube-apiserver")
    plane.start_component("kube-apiserver")


def begin(plane: ControlPlane, namespace: str) -> Api:
    """Have a first version served."""
    plane.kubectl("create", "namespace", namespace)
    api = Api(plane, namespace)
    api.apply(*(version(P, number) for number in (1, 2, 3, 4)), release(P, production=(1, "begin")))
    api.served(P, "production", f"{P} v1")
    return api


def fresh(plane: ControlPlane, seconds: float = 3600) -> str:
    return token(plane, SYSTEM, ACCOUNT, seconds)


def test_a_replaced_token_is_used_from_then_on(plane: ControlPlane, tmp_path: Path) -> None:
    first, second = fresh(plane, SHORT), fresh(plane)
    with in_pod(plane, tmp_path / "replaced", first) as pod:
        before = pod.pid
        api = begin(plane, "replaced")
        pod.projected.write(second)
        wait_for(lambda: not taken(plane, first), "the first token to expire", seconds=90)
        api.move(P, "production", 2, "with the second token")
        api.served(P, "production", f"{P} v2")
        assert " 401 " not in pod.log
        cut_all_watches(plane)
        api.move(P, "production", 3, "by watches that began with the second token")
        api.served(P, "production", f"{P} v3")
        assert pod.pid == before


def test_one_that_expires_too_early_stops_nothing_for_good(
    plane: ControlPlane, tmp_path: Path
) -> None:
    short = fresh(plane, SHORT)
    with in_pod(plane, tmp_path / "expired", short) as pod:
        before = pod.pid
        api = begin(plane, "expired")
        wait_for(lambda: not taken(plane, short), "the token to expire", seconds=90)
        # Watches go on: it hears of the move, and can't make it.
        api.move(P, "production", 2, "hears of it")
        wait_for(lambda: "401" in pod.log, "a write to be refused")
        # Now it hears nothing any more, Kopf included.
        cut_all_watches(plane)
        wait_for(lambda: "refused our token" in pod.log, "Kopf to be refused")
        api.move(P, "production", 3, "does not hear of it")
        assert pod.probe("/livez")
        assert api.files(P, "production")["prompt.txt"] == f"{P} v1"

        pod.projected.write(fresh(plane))

        wait_for(lambda: api.files(P, "production")["prompt.txt"] == f"{P} v3", "it to heal", 60)
        api.move(P, "production", 4, "as ever")
        api.served(P, "production", f"{P} v4")
        assert pod.pid == before
        assert pod.log.count("refused our token") == 1


@pytest.mark.parametrize("broken", ["", "\n"])
def test_an_empty_file_is_no_token(plane: ControlPlane, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / f"empty-{len(broken)}"
    with in_pod(plane, folder, fresh(plane)) as pod:
        pod.projected.write(broken)
        api = begin(plane, folder.name)
        (folder / "token").unlink()
        api.move(P, "production", 2, "and no file at all")
        api.served(P, "production", f"{P} v2")
        assert pod.log.count("the token can't be read") == 1


def test_a_stolen_token_ends_with_its_pod(plane: ControlPlane) -> None:
    built = yaml.safe_load_all(plane.kubectl("kustomize", MANIFESTS / "base").stdout)
    (deployment,) = [obj for obj in built if obj["kind"] == "Deployment"]
    path = f"/api/v1/namespaces/{SYSTEM}/pods"
    spec = deployment["spec"]["template"]["spec"]
    plane.request("POST", path, {"metadata": {"name": "robbed"}, "spec": spec})
    bound = ("--bound-object-kind=Pod", "--bound-object-name=robbed")
    stolen = plane.kubectl("create", "token", ACCOUNT, "-n", SYSTEM, *bound).stdout.strip()
    assert taken(plane, stolen)
    plane.request("DELETE", f"{path}/robbed")  # on no node yet: it is gone at once
    wait_for(lambda: not taken(plane, stolen), "the token to be worthless", seconds=60)
