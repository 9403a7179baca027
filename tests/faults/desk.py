"""Where people work in a namespace: few edits, in few words, and none of them repeated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from faults.observer import PREFIXES, Json, Observer
from harness.api import CONFIG_MAPS, RELEASES, Refused, condition

RBAC = "/apis/rbac.authorization.k8s.io/v1"
PATHS = {
    **PREFIXES,
    **dict.fromkeys(("pods", "serviceaccounts", "events"), "/api/v1"),
    **dict.fromkeys(("roles", "rolebindings"), RBAC),
}
KINDS = {
    "Pod": "pods",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "PromptRelease": "promptreleases",
    "PromptVersion": "promptversions",
    "PromptPolicy": "promptpolicies",
    "PromptApproval": "promptapprovals",
    "PromptSuite": "promptsuites",
    "PromptEvaluation": "promptevaluations",
    "ConfigMap": "configmaps",
}
MERGE = "application/merge-patch+json"


@dataclass
class Desk:
    """The administrator's hands and eyes in one namespace.

    Attributes:
        edits: resource versions of ConfigMaps as they were after an edit of ours.
        deleted: UIDs of ConfigMaps that we have deleted.
        lock: held during each request: while somebody else has it, nothing is under way.

    """

    session: aiohttp.ClientSession
    url: str
    namespace: str
    observer: Observer
    edits: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def create(self, *objects: Json) -> None:
        """Create, one after the other."""
        for obj in objects:
            await self._send("POST", self._path(KINDS[obj["kind"]]), obj)

    async def merge(self, resource: str, name: str, patch: Json, below: str = "") -> None:
        """JSON merge patch; ``below`` is a subresource."""
        path = "/".join(part for part in (self._path(resource), name, below) if part)
        answer = await self._send("PATCH", f"{path}?fieldManager=person", patch, MERGE)
        if resource == CONFIG_MAPS:
            self.edits.add(answer["metadata"]["resourceVersion"])

    async def delete(self, resource: str, name: str, *, as_seen: bool = False) -> None:
        """Delete; on wish only if it still is as it was last heard of."""
        meta = self.get(resource, name).get("metadata", {})
        state = {"preconditions": {"resourceVersion": meta.get("resourceVersion")}}
        if resource == CONFIG_MAPS:
            self.deleted.add(meta.get("uid", ""))
        body = state if as_seen else None
        answer = await self._send("DELETE", f"{self._path(resource)}/{name}", body)
        if resource == CONFIG_MAPS:
            self.deleted.add(answer["details"]["uid"])

    async def clear(self, resource: str) -> None:
        """Delete all objects of a kind."""
        await self._send("DELETE", f"{self._path(resource)}?propagationPolicy=Background")

    async def move(self, prompt: str, label: str, to: int, why: str, **more: Any) -> None:
        """One edit of one label."""
        labels = {label: {"version": to, "reason": why, **more}}
        await self.merge(RELEASES, prompt, {"spec": {"labels": labels}})

    async def withdraw(self, prompt: str, *labels: str) -> None:
        """Take labels away, in one edit."""
        gone = dict.fromkeys(labels)
        await self.merge(RELEASES, prompt, {"spec": {"labels": gone}})

    # What is there

    def get(self, resource: str, name: str) -> Json:
        """An object; empty when there is no such thing."""
        return self.observer.now(self.namespace).get((resource, name), {})

    def all(self, resource: str) -> list[Json]:
        """All objects of a kind."""
        now = self.observer.now(self.namespace)
        return [obj for (kind, _), obj in sorted(now.items()) if kind == resource]

    def text(self, prompt: str, label: str) -> str:
        """What a workload would read; empty when there is nothing."""
        text: str = (self.get(CONFIG_MAPS, f"{prompt}.{label}").get("data") or {}).get(
            "prompt.txt", ""
        )
        return text

    def says(self, prompt: str, kind: str, status: str, words: str = "") -> bool:
        """Whether a release's condition says so, of the spec as it is now."""
        obj = self.get(RELEASES, prompt)
        found = condition(obj, kind) if obj else {}
        return (
            found.get("status") == status
            and found["observedGeneration"] == obj["metadata"]["generation"]
            and words in found["message"]
        )

    async def until(self, probe: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
        """What ``probe`` returns, once that is true in Python's sense. Raises AssertionError."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not (found := probe()):
            if loop.time() > end:
                raise AssertionError(f"{self.namespace}: waited {seconds:.0f} s for {what}")
            await self.observer.news(self.namespace, 0.2)
        return found

    async def ready(self, prompt: str) -> None:
        """Wait until every label of the present spec is served, and told of."""
        await self.until(lambda: self.says(prompt, "Ready", "True"), f"{prompt} to be ready")

    def _path(self, resource: str) -> str:
        return f"{self.url}{PATHS[resource]}/namespaces/{self.namespace}/{resource}"

    async def _send(
        self, method: str, url: str, body: object = None, content_type: str = "application/json"
    ) -> Json:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        sending = self.session.request(method, url, data=data, headers=headers)
        async with self.lock, sending as answer:
            if answer.status >= 400:
                raise Refused(answer.status, await answer.text())
            result: Json = await answer.json()
            return result
