"""From a label edit to the new text in the answers of an application."""

from __future__ import annotations

import time
from typing import Any

import pytest

from harness.api import RELEASES, VERSIONS, release, wait_for
from harness.load import Load
from harness.pods import TICKET, Json, Pods, container, mounted, numbered, pod_spec

PROMPT = "ticket-summary"
CONFIG_MAP = f"{PROMPT}.production"
# bench/node.py measures; here it is enough to be far from kubelet's own minute.
QUICK_SECONDS = 10.0


@pytest.fixture
def served(pods: Pods) -> Pods:
    """Three versions, and production at the first."""
    pods.api.apply(*(numbered(PROMPT, n) for n in (1, 2, 3)))
    pods.api.apply(release(PROMPT, production=(1, "first")))
    pods.api.ready(PROMPT)
    return pods


def consumers(pods: Pods, number: int) -> Json:
    """What the status says about production's pods, once it is about a version's move."""

    def probe() -> dict[str, Any]:
        labels = pods.api.get(RELEASES, PROMPT).get("status", {}).get("labels", {})
        label = labels.get("production", {})
        said: dict[str, Any] = dict(label.get("consumers", {}))
        about_it = said.pop("revision", 0) == label.get("revision")
        return said if about_it and label["version"] == number else {}

    return wait_for(probe, f"the consumers of v{number}")


def digests(pods: Pods) -> dict[int, str]:
    return {obj["spec"]["version"]: obj["status"]["digest"] for obj in pods.api.list(VERSIONS)}


def test_moves_under_load(served: Pods) -> None:
    served.start("app", pod_spec(mounted(CONFIG_MAP)))
    served.ready("app")
    before = served.lives()
    with Load(served.address("app")) as load:
        load.first(1, 0.0, QUICK_SECONDS)
        for turn, number in enumerate((2, 3, 2, 1, 3, 1)):
            since = time.monotonic()
            served.api.move(PROMPT, "production", number, f"turn {turn}")
            load.first(number, since, QUICK_SECONDS)
            time.sleep(0.2)

    assert load.failures == []
    assert load.mixed(digests(served), TICKET) == []
    assert max(answer.seconds for answer in load.answers) < 1.0
    assert served.lives() == before
    assert consumers(served, 1) == {"pods": 1, "refreshed": 1}
    assert served.told("app") == f"{CONFIG_MAP}/{load.answers[-1].body['revision']}"


def test_only_who_opted_in_is_touched(served: Pods) -> None:
    served.start("in", pod_spec(mounted(CONFIG_MAP)))
    served.start("out", pod_spec(mounted(CONFIG_MAP)), opt_in=False)
    served.start("stranger", pod_spec(mounted(CONFIG_MAP)) | _nothing_mounted())
    served.ready("in", "out", "stranger")

    served.api.move(PROMPT, "production", 2, "to see who is told")

    assert consumers(served, 2)["refreshed"] == 1
    assert served.told("in")
    assert not served.told("out")
    assert not served.told("stranger")


def _nothing_mounted() -> Json:
    # It has the opt-in label, and sleeps.
    idle = container(command=["sleep", "600"], readinessProbe=None)
    return {"volumes": [{"name": "prompt", "emptyDir": {}}], "containers": [idle]}


def test_projected_volumes_and_sidecars(served: Pods) -> None:
    projected = {"projected": {"sources": [{"configMap": {"name": CONFIG_MAP}}]}}
    check = "from promptrelease import Prompts; Prompts('/prompts').close()"
    before_start = container("check", command=["python3", "-c", check], readinessProbe=None)
    sidecar = container("sidecar", 8081, restartPolicy="Always")
    idle = container(command=["sleep", "600"], readinessProbe=None, volumeMounts=[])
    served.start("projected", pod_spec(projected))
    served.start("sidecar", pod_spec(mounted(CONFIG_MAP), [idle], [before_start, sidecar]))
    served.ready("projected", "sidecar")
    before = served.lives()

    with (
        Load(served.address("projected"), threads=1) as first,
        Load(served.address("sidecar"), 8081, threads=1) as second,
    ):
        since = time.monotonic()
        served.api.move(PROMPT, "production", 2, "for both")
        first.first(2, since, QUICK_SECONDS)
        second.first(2, since, QUICK_SECONDS)

    assert first.failures == second.failures == []
    assert consumers(served, 2) == {"pods": 2, "refreshed": 2}
    assert served.lives() == before


def test_what_can_never_follow_is_named(served: Pods) -> None:
    key = {"configMapKeyRef": {"name": CONFIG_MAP, "key": "prompt.txt"}}
    single = {"name": "prompt", "mountPath": "/prompt.txt", "subPath": "prompt.txt"}
    sleeper: Json = {"command": ["sleep", "600"], "readinessProbe": None}
    containers = [
        container("file", volumeMounts=[single], **sleeper),
        container("variable", env=[{"name": "T", "valueFrom": key}], volumeMounts=[], **sleeper),
    ]
    served.start("fixed", pod_spec(mounted(CONFIG_MAP), containers))
    served.ready("fixed")

    served.api.move(PROMPT, "production", 2, "which they won't see")

    said = consumers(served, 2)
    assert (said["pods"], said["refreshed"]) == (1, 0)
    assert sorted((n["pod"], n["container"], n["reason"]) for n in said["never"]) == [
        ("fixed", "file", "subPath"),
        ("fixed", "variable", "environment variables"),
    ]
    (warning,) = wait_for(lambda: served.api.events(PROMPT, "NotRefreshable"), "a warning")
    assert "fixed (file: subPath)" in warning


def test_a_withdrawn_label_stays_until_nobody_mounts_it(served: Pods) -> None:
    served.start("app", pod_spec(mounted(CONFIG_MAP)), opt_in=False)
    served.ready("app")

    served.api.merge(RELEASES, PROMPT, {"spec": {"labels": {"production": None}}})

    served.api.release_with(PROMPT, "Withdrawing", "True", "app")
    time.sleep(2)
    assert served.api.files(PROMPT, "production")
    served.delete("app")
    # The operator looks again after a pause that grows to a minute.
    wait_for(lambda: not served.api.files(PROMPT, "production"), "the ConfigMap to go", seconds=75)
