"""Promptrelease's objects on a real API server, in few words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.controlplane import ControlPlane, RequestError

Json = dict[str, Any]
Objects = list[Json]
Texts = list[str]
T = TypeVar("T")

API_VERSION = "promptrelease.dev/v1alpha1"
RELEASES = "promptreleases"
VERSIONS = "promptversions"
CONFIG_MAPS = "configmaps"
POLICIES = "promptpolicies"
APPROVALS = "promptapprovals"
CHANGES = "promptchanges"
SUITES = "promptsuites"
EVALUATIONS = "promptevaluations"
JOBS = "jobs"
EVENTS = "events"
WATCHED = (
    RELEASES,
    VERSIONS,
    CONFIG_MAPS,
    POLICIES,
    APPROVALS,
    CHANGES,
    SUITES,
    EVALUATIONS,
    EVENTS,
)

_PREFIX = {
    RELEASES: f"/apis/{API_VERSION}",
    VERSIONS: f"/apis/{API_VERSION}",
    POLICIES: f"/apis/{API_VERSION}",
    APPROVALS: f"/apis/{API_VERSION}",
    CHANGES: f"/apis/{API_VERSION}",
    SUITES: f"/apis/{API_VERSION}",
    EVALUATIONS: f"/apis/{API_VERSION}",
    JOBS: "/apis/batch/v1",
    CONFIG_MAPS: "/api/v1",
    EVENTS: "/api/v1",
}
_POLL_SECONDS = 0.02
PATIENCE = 60.0
"""Seconds until something counts as not happening; machines are shared, so this tells no speed."""
_KINDS = {
    "PromptRelease": RELEASES,
    "PromptVersion": VERSIONS,
    "PromptPolicy": POLICIES,
    "PromptApproval": APPROVALS,
    "PromptChange": CHANGES,
    "PromptSuite": SUITES,
    "PromptEvaluation": EVALUATIONS,
    "ConfigMap": CONFIG_MAPS,
}


class Refused(Exception):
    """The API server said no; the text is what a person would read."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def version(prompt: str, number: Any = 1, **spec: Any) -> Json:
    """A PromptVersion whose text says its number, unless ``spec`` differs.

    A field given as None is left out.
    """
    full = {
        "prompt": prompt,
        "version": number,
        "text": f"{prompt} v{number}",
        "model": {"provider": "openai", "name": "gpt-5-2026-08-06"},
        "message": f"try {number}",
        **spec,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptVersion",
        "metadata": {"name": f"{prompt}-v{number}"},
        "spec": {name: value for name, value in full.items() if value is not None},
    }


def release(prompt: str, **labels: tuple[int, str]) -> Json:
    """A PromptRelease: each label with its version and reason."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptRelease",
        "metadata": {"name": prompt},
        "spec": {
            "labels": {name: {"version": v, "reason": why} for name, (v, why) in labels.items()}
        },
    }


def policy(name: str, **spec: Any) -> Json:
    """A PromptPolicy; ``from_`` of its requirements is ``from``."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def approval(name: str, pending: Mapping[str, Any], by: str, **spec: Any) -> Json:
    """A PromptApproval of what a label's status shows as pending.

    Give ``release`` and ``label``, and ``decision`` for a denial.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptApproval",
        "metadata": {"name": name},
        "spec": {
            "version": pending["version"],
            "digest": pending["digest"],
            "decision": "approve",
            "by": by,
            **spec,
        },
    }


def suite(name: str, prompt: str, *, accept: bool, **spec: Any) -> Json:
    """A PromptSuite that asks for a score of 0.9, and whose Job needs an image that is nowhere."""
    pod = {"containers": [{"name": "judge", "image": "none"}]}
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptSuite",
        "metadata": {"name": name},
        "spec": {
            "prompts": [prompt],
            "acceptEvidence": accept,
            "pass": {"minScore": 0.9},
            "job": {"spec": {"template": {"spec": pod}}},
            **spec,
        },
    }


def condition(obj: Mapping[str, Any], kind: str) -> Json:
    """A condition of an object's status; empty when it isn't there."""
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((dict(c) for c in found if c["type"] == kind), {})


def holds(obj: Mapping[str, Any], kind: str) -> bool:
    """Whether a condition is True, and said of the spec as it is now."""
    found = condition(obj, kind)
    return (
        found.get("status") == "True"
        and found["observedGeneration"] == obj["metadata"]["generation"]
    )


def wait_for(probe: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """What ``probe`` returns once that is true in Python's sense."""
    deadline = time.monotonic() + seconds
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}; last seen: {result!r}")
        time.sleep(_POLL_SECONDS)
    return result


@dataclass(frozen=True)
class Api:
    """One namespace, seen by its administrator."""

    control_plane: ControlPlane
    namespace: str

    def path(self, resource: str, name: str = "") -> str:
        """Path of a collection, or of an object in it."""
        path = f"{_PREFIX[resource]}/namespaces/{self.namespace}/{resource}"
        return f"{path}/{name}" if name else path

    def create(self, obj: Json) -> Json:
        """Create, as strictly as kubectl does: unknown fields are errors."""
        path = self.path(_KINDS[obj["kind"]])
        return self._request("POST", f"{path}?fieldValidation=Strict", obj)

    def apply(self, *objects: Json) -> None:
        """Server-side apply of each, as ``kubectl apply --server-side`` does.

        Not for emoji: the API server reads this as YAML, which has no escapes in pairs.
        """
        for obj in objects:
            path = self.path(_KINDS[obj["kind"]], obj["metadata"]["name"])
            query = "fieldManager=person&force=true&fieldValidation=Strict"
            self._request("PATCH", f"{path}?{query}", obj, "application/apply-patch+yaml")

    def merge(self, resource: str, name: str, patch: Json, *, who: str = "person") -> Json:
        """JSON merge patch, with ``who`` as field manager."""
        path = f"{self.path(resource, name)}?fieldManager={who}"
        return self._request("PATCH", path, patch, "application/merge-patch+json")

    def edit(self, resource: str, name: str, *operations: Json) -> Json:
        """JSON patch."""
        path = self.path(resource, name)
        return self._request("PATCH", path, list(operations), "application/json-patch+json")

    def move(self, prompt: str, label: str, to: int, why: str) -> Json:
        """One edit of one label."""
        labels = {label: {"version": to, "reason": why}}
        return self.merge(RELEASES, prompt, {"spec": {"labels": labels}})

    def get(self, resource: str, name: str) -> Json:
        """Read an object; empty when there is no such thing."""
        try:
            return self._request("GET", self.path(resource, name))
        except Refused as refused:
            if refused.status == 404:
                return {}
            raise

    def list(self, resource: str) -> Objects:
        """Read all objects."""
        items: Objects = self._request("GET", self.path(resource))["items"]
        return items

    def delete(self, resource: str, name: str) -> None:
        """Delete an object."""
        self._request("DELETE", self.path(resource, name))

    def clear(self) -> None:
        """Delete all there is, releases first."""
        for resource in (*WATCHED, JOBS):
            # A Job whose pods are to be orphaned waits for the garbage collector.
            self._request("DELETE", f"{self.path(resource)}?propagationPolicy=Background")

    def files(self, prompt: str, label: str) -> dict[str, str]:
        """What a workload would mount; empty when there is no such ConfigMap."""
        data: dict[str, str] = self.get(CONFIG_MAPS, f"{prompt}.{label}").get("data") or {}
        return data

    def events(self, name: str, reason: str = "") -> Texts:
        """What was told about an object."""
        return [
            event["message"]
            for event in self.list(EVENTS)
            if event["involvedObject"]["name"] == name and reason in ("", event["reason"])
        ]

    def state(self) -> dict[tuple[str, str], str]:
        """Resource versions of all that the operator could write."""
        return {
            (resource, obj["metadata"]["name"]): obj["metadata"]["resourceVersion"]
            for resource in WATCHED
            for obj in self.list(resource)
        }

    # What tests wait for

    def served(self, prompt: str, label: str, text: str) -> dict[str, str]:
        """The files, once ``prompt.txt`` has that text."""

        def files() -> dict[str, str]:
            found = self.files(prompt, label)
            return found if found.get("prompt.txt") == text else {}

        return wait_for(files, f"{prompt}.{label} to serve {text!r}")

    def ready(self, prompt: str) -> Json:
        """The release, once every label of its present spec is served."""
        return self.release_with(prompt, "Ready", "True")

    def release_with(self, prompt: str, kind: str, status: str, words: str = "") -> Json:
        """The release, once it says so of its present spec, and all its versions say where."""
        return self._with(RELEASES, prompt, kind, status, words)

    def version_with(self, name: str, status: str, words: str = "") -> Json:
        """The version, once it is found valid ("True") or not, with those words."""
        return self._with(VERSIONS, name, "Valid", status, words)

    def _with(self, resource: str, name: str, kind: str, status: str, words: str) -> Json:
        last: Json = {}

        def probe() -> bool:
            last.clear()
            last.update(self.get(resource, name))
            found = condition(last, kind)
            return (
                found.get("status") == status
                and found["observedGeneration"] == last["metadata"]["generation"]
                and words in found["message"]
            )

        try:
            wait_for(probe, f"{resource}/{name} to have {kind}={status} {words!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(last.get('status'), indent=1)}") from None
        return last

    def _request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> Json:
        try:
            answer: Json = self.control_plane.request(method, path, body, content_type=content_type)
        except RequestError as error:
            try:
                message = json.loads(error.body)["message"]
            except ValueError:
                message = error.body
            raise Refused(error.status, message) from None
        return answer
