"""The operator killed at every step of a gated promotion: one verdict, no Job twice, one entry.

It runs as a process here, as the shipped service account, in place of the pod: a pod that is killed
takes the kubelet's back-off to come again.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.api import (
    CHANGES,
    CONFIG_MAPS,
    EVALUATIONS,
    JOBS,
    RELEASES,
    Api,
    policy,
    release,
    suite,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.images import PAUSE
from harness.node import Node
from harness.node_fixtures import OPERATOR, SYSTEM, deployed
from harness.operator import Operator
from harness.pods import Pods

CHAIN = {"summary": (), "router": ("summary",)}
VERDICT = '{"score": 0.97, "baselineScore": 0.95, "text": "12 of 12"}'
WATCHED = (CONFIG_MAPS, JOBS, EVALUATIONS, CHANGES, RELEASES)

Json = dict[str, Any]


class Watch:
    """Every change in a namespace, as it happens, from before the first move."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._streams: list[http.client.HTTPSConnection] = []
        self._news = threading.Condition()
        self.events: list[tuple[str, str, Json]] = []

    def __enter__(self) -> Watch:
        for resource in WATCHED:
            since = self._api.control_plane.request("GET", self._api.path(resource))["metadata"]
            thread = threading.Thread(
                target=self._follow, args=(resource, since["resourceVersion"]), daemon=True
            )
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams:
            if stream.sock is not None:
                stream.sock.close()

    def wait_for_writes(self, count: int, seconds: float) -> bool:
        """Wait until so many changes were seen."""
        with self._news:
            return self._news.wait_for(lambda: len(self.events) >= count, seconds)

    def added(self, resource: str) -> list[str]:
        """Names of the objects that came to be, in order."""
        return [
            o["metadata"]["name"] for r, kind, o in self.events if (r, kind) == (resource, "ADDED")
        ]

    def _follow(self, resource: str, since: str) -> None:
        plane: ControlPlane = self._api.control_plane
        context = ssl.create_default_context(cafile=str(plane.ca_file))
        host = urllib.parse.urlsplit(plane.url).netloc
        stream = http.client.HTTPSConnection(host, context=context)
        self._streams.append(stream)
        path = f"{self._api.path(resource)}?watch=1&resourceVersion={since}"
        try:
            stream.request("GET", path, headers={"Authorization": f"Bearer {plane.token()}"})
            for line in stream.getresponse():
                event = json.loads(line)
                with self._news:
                    self.events.append((resource, event["type"], event["object"]))
                    self._news.notify_all()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # closed at the end


def judged(prompt: str) -> Json:
    """A suite whose Job runs here, as the restricted Pod Security Standard wants it."""
    made = suite(f"{prompt}-suite", prompt, accept=False, timeoutSeconds=60)
    made["spec"]["job"]["spec"]["template"]["spec"] = {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "judge",
                "image": PAUSE,
                "imagePullPolicy": "Never",
                "command": ["/busybox", "sh", "-c"],
                "args": [f"/busybox sleep 0.3; echo '{VERDICT}' > /dev/termination-log"],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    return made


@pytest.fixture(scope="module")
def operator(node: Node) -> Iterator[Operator]:
    with instead_of_the_pod(node) as running:
        yield running


@contextmanager
def instead_of_the_pod(node: Node) -> Iterator[Operator]:
    plane = node.control_plane

    def scale(replicas: int) -> None:
        plane.kubectl("scale", f"deployment/{OPERATOR}", "-n", SYSTEM, f"--replicas={replicas}")
        pods = f"/api/v1/namespaces/{SYSTEM}/pods"
        wait_for(lambda: len(plane.request("GET", pods)["items"]) == replicas, "the pods", 60)
        deployed(node)

    scale(0)
    try:
        with Operator(plane, plane.kubeconfig_for_service_account(SYSTEM, OPERATOR)) as running:
            yield running
    finally:
        scale(1)


@pytest.fixture
def gated(pods: Pods, operator: Operator) -> Api:
    if not operator.running:
        operator.start()
    api = pods.api
    for prompt, consumes in CHAIN.items():
        for number in (1, 2):
            api.create(version(prompt, number, consumes=list(consumes) or None))
        api.create(release(prompt, production=(1, "begin")))
    for prompt in CHAIN:
        api.ready(prompt)
    for prompt in CHAIN:
        api.create(judged(prompt))
    api.create(policy("gate", labels=["production"], require={"evaluations": ["*"]}))
    return api


# A clean run shows 14 changes: the move, the status that holds it, two evaluations, two ConfigMaps
# and two Jobs, the evaluations' statuses and the Jobs' own, the ConfigMap, the log, the status.
@pytest.mark.parametrize("after", range(1, 16))
def test_killed_after_so_many_changes(gated: Api, operator: Operator, after: int) -> None:
    with Watch(gated) as watch:
        gated.move("summary", "production", 2, f"killed after {after}")
        watch.wait_for_writes(after, seconds=6)
        operator.kill()
        time.sleep(0.05 * (after % 3))  # what goes on without it differs
        operator.start(wait=False)
        gated.served("summary", "production", "summary v2")
        gated.ready("summary")
        # The witness may hear of it later than we do.
        wait_for(lambda: "summary.production.3" in watch.added(CHANGES), "the log")

        jobs = watch.added(JOBS)
        evaluations = watch.added(EVALUATIONS)
        moves = [n for n in watch.added(CHANGES) if n.startswith("summary.production.")]
        texts = {
            o["data"]["prompt.txt"]
            for r, _, o in watch.events
            if r == CONFIG_MAPS and o["metadata"]["name"] == "summary.production"
        }
    assert sorted(jobs) == sorted(f"{name}-1" for name in evaluations), "no Job runs twice"
    assert len(evaluations) == len(CHAIN)
    assert moves == ["summary.production.3"]
    assert texts <= {"summary v1", "summary v2"}
    for name in evaluations:
        status = gated.get(EVALUATIONS, name)["status"]
        assert (status["phase"], status["verdict"]["score"]) == ("Passed", 0.97)
    change = gated.get(CHANGES, "summary.production.3")["spec"]
    assert sorted(change["evaluations"]) == sorted(evaluations)
