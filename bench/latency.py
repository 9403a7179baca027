"""From a label edit to its ConfigMap, beside the floor, turn by turn in one run."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptrelease.controller.kube import (
    APPROVALS,
    CONFIG_MAPS,
    POLICIES,
    RELEASES,
    VERSIONS,
    Kube,
)

EDITS = 200
PROMPT = "subject"
LAST = 1000
POLICY = {
    "apiVersion": "promptrelease.dev/v1alpha1",
    "kind": "PromptPolicy",
    "metadata": {"name": "approved"},
    "spec": {"labels": ["production"], "require": {"approvals": {"count": 1, "notBy": []}}},
}


@dataclass
class Subject:
    """A namespace whose release somebody serves, and a watch that sees when.

    Attributes:
        seconds: from sending the edit until the new ConfigMap was seen, one for each edit.
    """

    kube: Kube
    namespace: str
    seconds: list[float] = field(default_factory=list)
    _seen: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def prepare(self, text: str) -> None:
        """Create two versions and a release that serves the first."""
        for number in (1, 2):
            await self.create_version(number, text)
        await self.kube.create(RELEASES.path(self.namespace), release(PROMPT, production=1))

    async def create_version(self, number: int, text: str) -> None:
        """Create a version whose text begins with its number."""
        body = version(PROMPT, number, text=f"{number} {text}")
        await self.kube.create(VERSIONS.path(self.namespace), body)

    async def watch(self) -> None:
        """Note every state of the ConfigMap; never returns."""
        path, resource_version = CONFIG_MAPS.path(self.namespace), ""
        async for page in self.kube.pages(path):
            resource_version = page["metadata"]["resourceVersion"]
            for item in page["items"]:
                self._note(item)
        while True:
            async for line in self.kube.watch(path, resource_version):
                event = json.loads(line)
                resource_version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._note(event["object"])

    async def move(self, number: int, reason: str) -> None:
        """Edit the label and wait until the ConfigMap follows."""
        patch = {"spec": {"labels": {"production": {"version": number, "reason": reason}}}}
        start = time.perf_counter()
        await self.kube.merge(RELEASES.path(self.namespace, PROMPT), patch)
        await self.until(number)
        self.seconds.append(time.perf_counter() - start)

    async def until(self, number: int) -> None:
        """Wait for the version to be seen in the ConfigMap.

        Raises:
            TimeoutError: it was not within 30 s.
        """
        while await asyncio.wait_for(self._seen.get(), 30) != str(number):
            pass

    def _note(self, config_map: Mapping[str, Any]) -> None:
        if config_map["metadata"]["name"] == f"{PROMPT}.production":
            labels = config_map["metadata"].get("labels", {})
            self._seen.put_nowait(labels.get("promptrelease.dev/version", ""))


async def copy_status(source: Subject, target: Subject) -> None:
    """Give a release that nobody writes a status to the status of another.

    What an edit costs the API server grows with the object: this makes two edits cost the same.
    """
    found = await source.kube.get(RELEASES.path(source.namespace, PROMPT))
    if found is None or "status" not in found:
        raise RuntimeError(f"no status in namespace {source.namespace} yet")
    body = {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": {"name": PROMPT, "namespace": target.namespace},
        "status": found["status"],
    }
    path = RELEASES.path(target.namespace, PROMPT, "status")
    await target.kube.apply(path, body, force=True)


async def alternate(
    subjects: tuple[Subject, ...],
    text: str,
    between: Callable[[], Awaitable[None]],
    edits: int = EDITS,
) -> None:
    """Prepare the subjects, then let each in turn follow an edit, ``edits`` times over.

    Args:
        subjects: who follows.
        text: of the versions.
        between: done once the subjects are prepared.
        edits: how many are counted, for each.
    """
    for subject in subjects:
        await subject.prepare(text)
    watches = [asyncio.create_task(subject.watch()) for subject in subjects]
    for subject in subjects:
        await subject.until(1)
    await asyncio.sleep(1)
    await between()
    for turn in range(edits + 10):
        for subject in subjects:
            await subject.move(2 - turn % 2, f"turn {turn}")
            # What follows a move (status, events) must not burden the next one's time.
            await asyncio.sleep(0.05)
    for subject, watch in zip(subjects, watches, strict=True):
        del subject.seconds[:10]
        watch.cancel()


async def promote_and_return(free: Subject, gated: Subject, text: str, edits: int = EDITS) -> None:
    """Promote one release again and again, and promote the other and roll it back, in turns.

    Args:
        free: has no policy. All of its seconds are those of promotions.
        gated: its policy asks for an approval, which is there when the label moves. Its seconds are
            those of promotions and rollbacks, one after the other.
        text: of the versions.
        edits: how many are counted, for each.
    """
    for subject in (free, gated):
        # What latest serves: it stays there.
        await subject.create_version(LAST, text)
        await subject.prepare(text)
    watches = [asyncio.create_task(subject.watch()) for subject in (free, gated)]
    for subject in (free, gated):
        await subject.until(1)
    await gated.kube.create(POLICIES.path(gated.namespace), POLICY)
    before = 1
    for number in range(3, edits + 23, 2):
        await free.create_version(number, text)
        await free.create_version(number + 1, text)
        await gated.create_version(number, text)
        await asyncio.sleep(0.05)
        await _approve(gated, number)
        await asyncio.sleep(0.1)
        # The same time after its own last move for each.
        for subject, to in (free, number), (gated, number), (free, number + 1), (gated, before):
            await subject.move(to, f"to {to} in turn {number}")
            await asyncio.sleep(0.05)
        before = number
    for subject, watch in zip((free, gated), watches, strict=True):
        del subject.seconds[:20]
        watch.cancel()


async def _approve(subject: Subject, number: int) -> None:
    name = f"{PROMPT}-v{number}"
    found: dict[str, Any] | None = {}
    while found is None or "status" not in found:
        found = await subject.kube.get(VERSIONS.path(subject.namespace, name))
    body = {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptApproval",
        "metadata": {"name": name},
        "spec": {
            "release": PROMPT,
            "label": "production",
            "version": number,
            "digest": found["status"]["digest"],
            "decision": "approve",
            "by": "bench",
        },
    }
    await subject.kube.create(APPROVALS.path(subject.namespace), body)


def p99(seconds: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(seconds, n=100)[98]


def version(prompt: str, number: int, **spec: Any) -> dict[str, Any]:
    """A PromptVersion; a text that uses no variable unless told otherwise."""
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptVersion",
        "metadata": {"name": f"{prompt}-v{number}"},
        "spec": {
            "prompt": prompt,
            "version": number,
            "text": f"Version {number}.",
            "model": {"provider": "openai", "name": "gpt-5-2026-08-06"},
            "message": "for the benchmark",
        }
        | spec,
    }


def release(prompt: str, **labels: int) -> dict[str, Any]:
    """A PromptRelease."""
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptRelease",
        "metadata": {"name": prompt},
        "spec": {
            "labels": {
                label: {"version": number, "reason": "to begin with"}
                for label, number in labels.items()
            }
        },
    }
