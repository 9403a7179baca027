"""Pods that opted in are told of a move; withdrawn content stays as long as pods use it.

There is no kubelet here: pods are objects that never run. tests/node has real ones.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import CONFIG_MAPS, RELEASES, Api, condition, release, version, wait_for
from harness.operator import Operator, install

P = "ticket-summary"
NAME = f"{P}.production"
TOLD = "promptrelease.dev/refreshed"


@pytest.fixture
def served(api: Api) -> Api:
    api.apply(version(P, 1), version(P, 2), release(P, production=(1, "first")))
    api.ready(P)
    return api


def pod(api: Api, name: str, *, opted_in: bool = True, **spec: Any) -> None:
    api.control_plane.request(
        "POST",
        f"/api/v1/namespaces/{api.namespace}/pods",
        {
            "metadata": {
                "name": name,
                "labels": {"promptrelease.dev/refresh": "true"} if opted_in else {},
            },
            "spec": {
                "serviceAccountName": "default",
                "automountServiceAccountToken": False,
                "containers": [
                    {
                        "name": "app",
                        "image": "app",
                        "volumeMounts": [{"name": "prompts", "mountPath": "/prompts"}],
                    }
                ],
                "volumes": [{"name": "prompts", "configMap": {"name": NAME}}],
                **spec,
            },
        },
    )


@pytest.fixture(autouse=True)
def account(api: Api) -> None:
    """Pods need one, and nothing makes it where no controllers run."""
    api.control_plane.request(
        "POST",
        f"/api/v1/namespaces/{api.namespace}/serviceaccounts",
        {"metadata": {"name": "default"}},
    )


def told(api: Api, name: str) -> str:
    path = f"/api/v1/namespaces/{api.namespace}/pods/{name}"
    annotations = api.control_plane.request("GET", path)["metadata"].get("annotations") or {}
    return str(annotations.get(TOLD, ""))


def consumers(api: Api) -> dict[str, Any]:
    label = api.get(RELEASES, P)["status"]["labels"]["production"]
    found: dict[str, Any] = label.get("consumers") or {}
    return found if found.get("revision") == label.get("revision") else {}


def test_those_that_opted_in_are_told(served: Api) -> None:
    pod(served, "in")
    pod(served, "out", opted_in=False)
    pod(served, "elsewhere", volumes=[{"name": "prompts", "configMap": {"name": f"{P}.latest"}}])
    served.move(P, "production", 2, "better")
    wait_for(lambda: consumers(served).get("refreshed") == 1, "the status to tell of it")
    assert consumers(served)["pods"] == 1
    assert told(served, "in").startswith(f"{NAME}/")
    assert not told(served, "out")
    assert NAME not in told(served, "elsewhere")


def test_those_that_can_never_follow_are_named(served: Api) -> None:
    mount = {"name": "prompts", "mountPath": "/p", "subPath": "prompt.txt"}
    pod(served, "fixed", containers=[{"name": "app", "image": "app", "volumeMounts": [mount]}])
    served.move(P, "production", 2, "better")
    wait_for(lambda: consumers(served).get("never"), "the status to tell of it")
    assert consumers(served)["never"] == [{"pod": "fixed", "container": "app", "reason": "subPath"}]
    wait_for(lambda: served.events(P, "NotRefreshable"), "a warning")
    assert "fixed (app: subPath)" in served.events(P, "NotRefreshable")[0]


def test_a_move_without_pods_says_so(served: Api) -> None:
    served.move(P, "production", 2, "better")
    wait_for(lambda: consumers(served), "the status to tell of it")
    assert consumers(served)["pods"] == 0


def test_withdrawn_content_stays_until_the_last_pod_ends(served: Api) -> None:
    pod(served, "user", opted_in=False)
    served.merge(RELEASES, P, {"spec": {"labels": {"production": None}}})
    wait_for(lambda: "Withdrawing" in conditions(served), "the condition")
    withdrawing = condition(served.get(RELEASES, P), "Withdrawing")
    assert "user" in withdrawing["message"]
    assert condition(served.get(RELEASES, P), "Ready")["status"] == "True"
    assert served.get(CONFIG_MAPS, NAME)
    path = f"/api/v1/namespaces/{served.namespace}/pods/user"
    served.control_plane.request("DELETE", path, {"gracePeriodSeconds": 0})
    wait_for(lambda: not served.get(CONFIG_MAPS, NAME), "the ConfigMap to go", 90)
    wait_for(lambda: "Withdrawing" not in conditions(served), "the condition to go")


def conditions(api: Api) -> set[str]:
    return {c["type"] for c in api.get(RELEASES, P)["status"]["conditions"]}


def test_a_label_that_comes_back_while_it_leaves_stays(served: Api) -> None:
    pod(served, "user", opted_in=False)
    uid = served.get(CONFIG_MAPS, NAME)["metadata"]["uid"]
    served.merge(RELEASES, P, {"spec": {"labels": {"production": None}}})
    wait_for(lambda: "Withdrawing" in conditions(served), "the condition")
    served.merge(
        RELEASES, P, {"spec": {"labels": {"production": {"version": 2, "reason": "back"}}}}
    )
    served.ready(P)
    wait_for(lambda: "Withdrawing" not in conditions(served), "the condition to go")
    assert served.get(CONFIG_MAPS, NAME)["metadata"]["uid"] == uid


def test_without_the_permission_moves_go_on_and_the_status_says_so(served: Api) -> None:
    plane = served.control_plane
    shared = install(plane)
    assert shared is not None
    plane.kubectl("delete", "clusterrolebinding", "promptrelease-refresh")
    try:
        pod(served, "in")
        served.move(P, "production", 2, "better")
        wait_for(lambda: consumers(served).get("message"), "the status to tell of it")
        assert "next syncs" in consumers(served)["message"]
        labels = served.get(CONFIG_MAPS, NAME)["metadata"]["labels"]
        assert labels["promptrelease.dev/version"] == "2"
        assert not told(served, "in")
    finally:
        install(plane)


def test_after_a_crash_pods_are_told_once_it_is_back(served: Api, operator: Operator) -> None:
    pod(served, "in")
    operator.kill()
    served.move(P, "production", 2, "better")
    operator.start()
    wait_for(lambda: told(served, "in"), "the pod to be told")
