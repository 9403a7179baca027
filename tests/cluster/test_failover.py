"""Several operators, one of which writes: taken over, given back, and never two at once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient

from harness.api import CHANGES, Api, release, version, wait_for
from harness.controlplane import ControlPlane, RequestError
from harness.operator import Operator
from harness.supervisor import GRACE_SECONDS
from promptrelease.controller.client import configuration
from promptrelease.controller.kube import CONFIG_MAPS, FAILURES, Kube, fenced

P = "ticket-summary"
SECONDS = 3
NAMES = ("one", "two")
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts:operators"]},
        {"level": "None"},
    ],
}


class Pair:
    """Two operators, each as a service account of its own, for one namespace."""

    def __init__(self, plane: ControlPlane, namespace: str, audit: Path) -> None:
        self.plane = plane
        self.namespace = namespace
        self._audit = audit
        self.operators = {name: self._operator(name) for name in NAMES}

    def _operator(self, name: str) -> Operator:
        options = ["--leader-elect", "--lease", f"{self.namespace}/lease", "--identity", name]
        return Operator(
            self.plane,
            self.plane.kubeconfig_for_service_account("operators", name),
            self.namespace,
            options=[*options, "--lease-seconds", str(SECONDS)],
        )

    @property
    def lease(self) -> dict[str, Any]:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/lease"
        try:
            return dict(self.plane.request("GET", path)["spec"])
        except RequestError as error:
            if error.status != 404:
                raise
            return {"holderIdentity": ""}  # it is ready before it has asked for one

    def leads(self, name: str) -> None:
        wait_for(lambda: self.lease["holderIdentity"] == name, f"{name} to lead", seconds=30)

    def writes(self, name: str) -> list[str]:
        """What one of them has changed in the namespace, the Lease apart."""
        user = f"system:serviceaccount:operators:{name}"
        return [
            event["requestURI"]
            for event in map(json.loads, self._audit.read_text().splitlines())
            if event["user"]["username"] == user
            and event["verb"] not in ("get", "list", "watch")
            and event["objectRef"].get("namespace") == self.namespace
            and event["objectRef"]["resource"] != "leases"
            and event["responseStatus"]["code"] < 300
        ]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlPlane, Path]]:
    folder = tmp_path_factory.mktemp("audit")
    rules, log = folder / "policy.json", folder / "audit.log"
    rules.write_text(json.dumps(AUDIT_POLICY))
    arguments = [f"--audit-policy-file={rules}", f"--audit-log-path={log}"]
    with ControlPlane(arguments={"kube-apiserver": arguments}) as plane:
        for crd in sorted((Path(__file__).parents[2] / "crds").glob("promptrelease.dev_*.yaml")):
            plane.kubectl("apply", "--server-side", "-f", crd)
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        plane.kubectl("create", "namespace", "operators")
        for name in NAMES:
            plane.kubectl("create", "serviceaccount", name, "-n", "operators")
            plane.kubectl(
                *("create", "clusterrolebinding", name, "--clusterrole=cluster-admin"),
                f"--serviceaccount=operators:{name}",
            )
        yield plane, log


@pytest.fixture
def pair(audited: tuple[ControlPlane, Path], request: pytest.FixtureRequest) -> Iterator[Pair]:
    plane, log = audited
    namespace = request.node.name.replace("_", "-")[:60].strip("-")
    plane.kubectl("create", "namespace", namespace)
    made = Pair(plane, namespace, log)
    one, two = made.operators.values()
    with one:
        made.leads("one")
        with two:
            yield made


@pytest.fixture
def api(pair: Pair) -> Api:
    made = Api(pair.plane, pair.namespace)
    for number in range(1, 8):
        made.create(version(P, number))
    made.create(release(P, production=(1, "begin")))
    made.served(P, "production", f"{P} v1")
    return made


def log_of(api: Api) -> list[tuple[int, int]]:
    """Revision and version of each move of production that was written down."""
    found = [c["spec"] for c in api.list(CHANGES) if c["spec"]["label"] == "production"]
    return sorted((c["revision"], c["to"]) for c in found)


def moved_once(api: Api, *versions: int) -> None:
    wait_for(lambda: len(log_of(api)) >= len(versions), "the log to have all moves")
    assert [version for _, version in log_of(api)] == list(versions)


def test_who_stands_by_is_ready_and_writes_nothing(pair: Pair, api: Api) -> None:
    assert pair.operators["two"].probe("/readyz") == 200
    assert pair.operators["two"].probe("/livez") == 200
    api.move(P, "production", 2, "go")
    api.served(P, "production", f"{P} v2")
    moved_once(api, 1, 2)
    assert pair.writes("one")
    assert pair.writes("two") == []


def test_a_lease_that_is_given_back_is_taken_at_once(pair: Pair, api: Api) -> None:
    how = pair.operators["one"].stop()
    assert how == "exit status 0", pair.operators["one"].logs
    pair.leads("two")
    assert "gave the Lease back" in pair.operators["one"].logs
    api.move(P, "production", 2, "go")
    api.served(P, "production", f"{P} v2")
    moved_once(api, 1, 2)
    assert pair.lease["leaseTransitions"] == 1


def test_who_stands_by_ends_when_asked_to(pair: Pair, api: Api) -> None:
    """At once, and not when it has the Lease: a kubelet would wait for that, and kill it."""
    wait_for(lambda: "standing by: one leads" in pair.operators["two"].logs, "two to stand by")
    began = time.monotonic()
    assert pair.operators["two"].stop() == "exit status 0", pair.operators["two"].logs
    assert time.monotonic() - began < GRACE_SECONDS
    assert pair.lease["holderIdentity"] == "one"


def test_moves_of_the_time_between_are_made_by_the_next(pair: Pair, api: Api) -> None:
    names = list(NAMES)
    for number in (2, 3, 4):
        leader, other = names
        pair.operators[leader].kill()
        api.move(P, "production", number, f"go {number}")
        api.served(P, "production", f"{P} v{number}")
        assert pair.lease["holderIdentity"] == other
        pair.operators[leader].start()
        names.reverse()
    moved_once(api, 1, 2, 3, 4)


def test_who_was_paused_writes_nothing_more(pair: Pair, api: Api) -> None:
    one = pair.operators["one"]
    for number in (2, 3, 4):
        # In the middle of its work, at another place each time.
        api.move(P, "production", number, f"go {number}")
    os.kill(one.pid, signal.SIGSTOP)
    try:
        pair.leads("two")
        for number in (5, 6):
            api.move(P, "production", number, f"go {number}")
            api.served(P, "production", f"{P} v{number}")
        wait_for(lambda: [v for _, v in log_of(api)][-2:] == [5, 6], "the log to have all moves")
        before = len(pair.writes("one"))
    finally:
        os.kill(one.pid, signal.SIGCONT)
    wait_for(lambda: not one.running, "the deposed leader to end", seconds=30)
    assert "holds the Lease now" in one.logs
    assert len(pair.writes("one")) == before
    assert api.get("configmaps", f"{P}.production")["data"]["prompt.txt"] == f"{P} v6"
    revisions = [revision for revision, _ in log_of(api)]
    assert len(revisions) == len(set(revisions))

    one.start()
    api.move(P, "production", 7, "go 7")
    api.served(P, "production", f"{P} v7")
    assert pair.lease["holderIdentity"] == "two"


def test_without_rights_on_the_lease_it_waits_and_says_so(pair: Pair, api: Api) -> None:
    pair.operators["one"].kill()
    pair.plane.kubectl("delete", "clusterrolebinding", "two")
    try:
        words = 'cannot get resource "leases"'
        wait_for(lambda: words in pair.operators["two"].logs, "words about the right")
        assert pair.operators["two"].running
    finally:
        pair.plane.kubectl(
            *("create", "clusterrolebinding", "two", "--clusterrole=cluster-admin"),
            "--serviceaccount=operators:two",
        )
    pair.leads("two")
    api.move(P, "production", 2, "go")
    api.served(P, "production", f"{P} v2")


async def test_the_fence_is_asked_again_when_the_bytes_leave(
    control_plane: ControlPlane, namespace: str
) -> None:
    """Between the first look and the sending a process may have been stopped for a long time."""
    client = await configuration(control_plane.kubeconfig(), None)
    fenced(client)
    answers: list[bool] = []
    path = CONFIG_MAPS.path(namespace)
    async with ApiClient(client) as api_client:
        kube = Kube(api_client)
        writes = kube.behind(lambda: answers.pop(0))
        answers += [True, True]
        await writes.create(path, _a_config_map("let-through"))
        answers += [True, False]
        with pytest.raises(FAILURES):
            await writes.create(path, _a_config_map("too-late"))
        assert answers == []
        names = [item["metadata"]["name"] async for p in kube.pages(path) for item in p["items"]]
    assert "let-through" in names
    assert "too-late" not in names


def _a_config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
