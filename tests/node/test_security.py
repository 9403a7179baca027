"""What holds on a real node: nothing but restricted pods, and an operator that is confined."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator

import pytest
import yaml

from harness.api import EVALUATIONS, JOBS, Json, release, suite, version, wait_for
from harness.installation import MANIFESTS
from harness.node import Node
from harness.node_fixtures import OPERATOR, SYSTEM
from harness.pods import START_SECONDS, Pods, container, mounted, numbered, pod_spec

P = "ticket-summary"
CONFIG_MAP = f"{P}.production"
CONFINE = MANIFESTS / "admission" / "confine"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments"
VIOLATES = 'violates PodSecurity "restricted'

# What a workload in wrong hands tries first.
BREAK_IN = """
import os, pathlib, sys
done = []
for path in ("prompt.txt", "new", "..data/new", "/x"):
    try:
        pathlib.Path("/prompts/prompt", path).write_text("obey me")
        done.append(f"wrote {path}")
    except OSError:
        pass
if pathlib.Path("/var/run/secrets/kubernetes.io").exists():
    done.append("has a token")
if os.getuid() == 0:
    done.append("is root")
sys.exit("; ".join(done) or 0)
"""


def privileged(deployment: Json) -> Json:
    """Return the shipped Deployment under another name, as somebody would have it in a hurry."""
    obj = copy.deepcopy(deployment)
    name = f"{OPERATOR}-privileged"
    obj["metadata"] = {"name": name, "namespace": SYSTEM}
    labels = {"app": name}
    obj["spec"]["selector"] = {"matchLabels": labels}
    obj["spec"]["template"]["metadata"] = {"labels": labels}
    (one,) = obj["spec"]["template"]["spec"]["containers"]
    one["securityContext"] = {"privileged": True}
    return obj


def test_a_privileged_variant_of_the_operator_gets_no_pod(node: Node) -> None:
    plane = node.control_plane
    namespace = plane.request("GET", f"/api/v1/namespaces/{SYSTEM}")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    shipped = yaml.safe_load((MANIFESTS / "operator" / "deployment.yaml").read_text())
    obj = privileged(shipped)
    name = obj["metadata"]["name"]
    plane.request("POST", DEPLOYMENTS, obj)

    def refused() -> str:
        conditions = plane.request("GET", f"{DEPLOYMENTS}/{name}").get("status", {})
        found = [c for c in conditions.get("conditions", ()) if c["type"] == "ReplicaFailure"]
        return str(found[0]["message"]) if found else ""

    try:
        assert VIOLATES in wait_for(refused, "the pod to be refused", START_SECONDS)
        pods = plane.request("GET", f"/api/v1/namespaces/{SYSTEM}/pods?labelSelector=app%3D{name}")
        assert pods["items"] == []
    finally:
        plane.request("DELETE", f"{DEPLOYMENTS}/{name}")


def test_a_suite_that_asks_for_more_gets_no_pod(pods: Pods) -> None:
    asking = suite("greedy", P, accept=False, evaluateOn=["production"], retries=0)
    asking["spec"]["timeoutSeconds"] = 10
    (one,) = asking["spec"]["job"]["spec"]["template"]["spec"]["containers"]
    one["securityContext"] = {"privileged": True}
    pods.api.apply(asking, version(P, 1), release(P, production=(1, "begin")))

    wait_for(lambda: pods.api.list(JOBS), "its Job", START_SECONDS)
    wait_for(lambda: any(VIOLATES in told for told in refusals(pods)), "its pod to be refused", 60)
    assert pods.all() == []
    ended = wait_for(lambda: over(pods), "the evaluation to end", 90)
    assert ended == "Error"


def refusals(pods: Pods) -> list[str]:
    path = f"/api/v1/namespaces/{pods.namespace}/events"
    events = pods.node.control_plane.request("GET", path)["items"]
    return [event["message"] for event in events if event["reason"] == "FailedCreate"]


def over(pods: Pods) -> str:
    phases = [one.get("status", {}).get("phase", "") for one in pods.api.list(EVALUATIONS)]
    return next((phase for phase in phases if phase in ("Passed", "Failed", "Error")), "")


def test_a_workload_in_wrong_hands_changes_nothing_of_its_own(pods: Pods) -> None:
    pods.api.apply(numbered(P, 1), release(P, production=(1, "begin")))
    pods.api.ready(P)
    thief = container(command=["python3", "-c", BREAK_IN])
    del thief["readinessProbe"]
    pods.start("thief", pod_spec(mounted(CONFIG_MAP), [thief]) | {"restartPolicy": "Never"})

    def ended() -> Json:
        status = pods.get("thief").get("status", {})
        states = [one["state"].get("terminated") for one in status.get("containerStatuses", ())]
        return next(filter(None, states), {})

    found = wait_for(ended, "the workload to end", START_SECONDS)
    log = pods.node.container_log(pods.namespace, "thief")
    assert found["exitCode"] == 0, log


@pytest.fixture
def confined(node: Node) -> Iterator[None]:
    """The policies of manifests/admission/confine, in force."""
    plane = node.control_plane
    plane.kubectl("apply", "-k", CONFINE)
    stray = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray"}}
    account = plane.kubeconfig_for_service_account(SYSTEM, OPERATOR)

    def refuses() -> bool:
        asked = ("create", "--dry-run=server", "-f", "-")
        done = plane.kubectl(*asked, user=account, stdin=json.dumps(stray), check=False)
        return "promptrelease-confine-config-maps" in done.stderr

    wait_for(refuses, "the operator to be confined")
    yield
    plane.kubectl("delete", "-k", CONFINE)


@pytest.mark.usefixtures("confined")
def test_confined_it_still_tells_pods_as_kubelets_leave_them(pods: Pods) -> None:
    pods.api.apply(*(numbered(P, n) for n in (1, 2)), release(P, production=(1, "begin")))
    pods.api.ready(P)
    pods.start("app", pod_spec(mounted(CONFIG_MAP)))
    pods.ready("app")

    pods.api.move(P, "production", 2, "to be told of")

    wait_for(lambda: pods.told("app").startswith(f"{CONFIG_MAP}/"), "the pod to be told")
    assert pods.get("app")["status"]["phase"] == "Running"
