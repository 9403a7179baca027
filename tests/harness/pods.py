"""Pods of the small application in `tests/node/app`, in one namespace of a node."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from harness.api import Api, version, wait_for
from harness.controlplane import RequestError
from harness.images import APPLICATION
from harness.node import Node

OPT_IN = {"promptrelease.dev/refresh": "true"}
TOLD = "promptrelease.dev/refreshed"
PORT = 8080
TICKET = "Order 1042 never arrived."  # what the application compiles with
START_SECONDS = 60.0

Json = dict[str, Any]


def numbered(prompt: str, number: int) -> Json:
    """A PromptVersion every part of which says its number."""
    return version(
        prompt,
        number,
        text=f"v{number}: {{{{ticket}}}}",
        variables={"ticket": {"type": "string"}},
        model={"provider": "openai", "name": f"model-{number}"},
    )


def container(name: str = "app", port: int = PORT, **more: Any) -> Json:
    """The application, with the volume ``prompt`` where it looks for prompts."""
    return {
        "name": name,
        "image": APPLICATION,
        "imagePullPolicy": "Never",
        "env": [{"name": "PORT", "value": str(port)}],
        "volumeMounts": [{"name": "prompt", "mountPath": "/prompts/prompt", "readOnly": True}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
    }


def pod_spec(volume: Json, containers: Sequence[Json] = (), init: Sequence[Json] = ()) -> Json:
    """A pod as the restricted Pod Security Standard wants it; ``volume`` is ``prompt``'s source."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 2,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "prompt", **volume}],
        "initContainers": list(init),
        "containers": list(containers) or [container()],
    }


def mounted(config_map: str) -> Json:
    """A volume that is a ConfigMap."""
    return {"configMap": {"name": config_map}}


class Pods:
    """One namespace with the restricted Pod Security Standard enforced."""

    def __init__(self, node: Node, prefix: str) -> None:
        """Make a namespace that is never the same twice."""
        self.node = node
        self.namespace = f"{prefix}-{uuid.uuid4().hex[:6]}"
        self.api = Api(node.control_plane, self.namespace)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": self.namespace, "labels": labels}
        node.control_plane.request("POST", "/api/v1/namespaces", {"metadata": metadata})
        # Pods are refused until the controller has made it.
        wait_for(
            lambda: self._get(f"/api/v1/namespaces/{self.namespace}/serviceaccounts/default"),
            "the default service account",
        )

    def start(self, name: str, spec: Json, *, opt_in: bool = True) -> None:
        """Create a pod."""
        labels = OPT_IN if opt_in else {}
        pod = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        self.node.control_plane.request("POST", self._path(), pod)

    def get(self, name: str) -> Json:
        """Read a pod; empty when there is none."""
        return self._get(self._path(name))

    def all(self) -> list[Json]:
        """Read all pods."""
        items: list[Json] = self._get(self._path())["items"]
        return items

    def delete(self, name: str) -> None:
        """Delete a pod, and wait until it is gone."""
        self.node.control_plane.request("DELETE", self._path(name))
        wait_for(lambda: not self.get(name), f"pod {name} to go", START_SECONDS)

    def ready(self, *names: str) -> None:
        """Wait until pods are ready, and show why not when they are not."""
        for name in names:
            try:
                wait_for(lambda n=name: self._is_ready(n), f"pod {name}", START_SECONDS)  # type: ignore[misc]
            except AssertionError as error:
                about = self.node.control_plane.kubectl(
                    "describe", "pods", f"--namespace={self.namespace}", check=False
                )
                log = self.node.container_log(self.namespace, name)
                raise AssertionError(f"{error}\n{about.stdout}\n{log}") from None

    def address(self, name: str) -> str:
        """A pod's IP address."""
        return str(self.get(name)["status"]["podIP"])

    def told(self, name: str) -> str:
        """The annotation by which a pod was told of a move; empty when it was not."""
        return str(self.get(name)["metadata"].get("annotations", {}).get(TOLD, ""))

    def lives(self) -> dict[str, tuple[str, int]]:
        """Each pod's UID and how often its containers have been restarted, by its name."""
        return {pod["metadata"]["name"]: _life(pod) for pod in self.all()}

    def close(self) -> None:
        """Delete the namespace; does not wait for the end."""
        self.node.control_plane.request("DELETE", f"/api/v1/namespaces/{self.namespace}")

    def _is_ready(self, name: str) -> bool:
        conditions = self.get(name).get("status", {}).get("conditions", ())
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def _get(self, path: str) -> Json:
        try:
            answer: Json = self.node.control_plane.request("GET", path)
        except RequestError as error:
            if error.status == 404:
                return {}
            raise
        return answer

    def _path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods" + (f"/{name}" if name else "")


def _life(pod: Json) -> tuple[str, int]:
    status = pod["status"]
    containers = [
        *status.get("initContainerStatuses", ()),
        *status.get("containerStatuses", ()),
    ]
    return pod["metadata"]["uid"], sum(c["restartCount"] for c in containers)
