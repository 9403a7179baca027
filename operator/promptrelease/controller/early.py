"""Serve edits while everything is still being listed: nobody waits for 100,000 objects.

A release that has just been edited, or was while no operator ran, is looked at by itself: all that
decides where its labels go is asked for, from its own prompt and its own namespace, so that nothing
is decided on half a picture. What hangs on other prompts as well, or withdraws something, waits for
the whole picture; so do status, log and pods. What is found here is not kept: the lists bring it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from promptrelease.api.promptrelease import LATEST
from promptrelease.controller.contents import Contents
from promptrelease.controller.kube import (
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    FAILURES,
    POLICIES,
    RELEASES,
    VERSIONS,
    Kube,
    Resource,
    parse,
)
from promptrelease.controller.queue import WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.records import Stale
from promptrelease.controller.refresh import Refresher
from promptrelease.controller.serving import Serving
from promptrelease.release.model import View, config_map_name
from promptrelease.release.plan import plan_serve
from promptrelease.release.render import MANAGED_BY, MANAGER, PREFIX
from promptrelease.release.steps import ApplyConfigMap
from promptrelease.state.store import Key, Store, key_of

logger = logging.getLogger(__name__)

Json = dict[str, Any]

WORKERS = 4
MOST = 100
"""Prompts that may wait here: with more, the lists are as soon done."""

PAGE = 50
PAUSE_SECONDS = 1.0
TRIES = 4


class Early:
    """Serves what can't wait, until it is cancelled.

    Args:
        kube: by whom.
        path: of the releases' collection.
        contents: bodies of versions.
        recorder: told of repairs.

    """

    def __init__(self, kube: Kube, path: str, contents: Contents, recorder: Recorder) -> None:
        self._kube = kube
        self._path = path
        self._contents = contents
        self._recorder = recorder
        self._refresher = Refresher(kube)
        self._queue: WorkQueue[Key] = WorkQueue()
        self._over = False

    def heard(self, obj: Json) -> None:
        """Take in a release: one whose status is not of its latest edit is looked at."""
        if self._over or _is_settled(obj) or len(self._queue) >= MOST:
            return
        self._queue.add(key_of(obj))

    async def run(self) -> None:
        """Listen and serve; never returns."""
        try:
            await asyncio.gather(self._listen(), *(self._work() for _ in range(WORKERS)))
        finally:
            self._over = True

    async def _listen(self) -> None:
        """Hear of edits from now on; those before are found by the list of releases."""
        version = ""
        while True:
            try:
                if not version:
                    page = await anext(self._kube.pages(self._path, metadata_only=True, limit=1))
                    version = page["metadata"]["resourceVersion"]
                async for line in self._kube.watch(self._path, version):
                    event = parse(line)
                    if event["type"] == "ERROR":
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self.heard(event["object"])
            except (*FAILURES, ValueError) as error:
                logger.debug("listening for early edits: %s", error or repr(error))
                version = ""
                await asyncio.sleep(PAUSE_SECONDS)

    async def _work(self) -> None:
        while True:
            key, _ = await self._queue.get()
            try:
                await self._serve(key)
            except Stale:
                if self._queue.failures(key) < TRIES:
                    self._queue.retry(key)
            # It is not lost: the lists bring it, and whatever is wrong is told then.
            except FAILURES as error:
                logger.debug("%s/%s: not served early: %s", *key, error or repr(error))
            except Exception:
                logger.exception("%s/%s: not served early: a bug", *key)
            else:
                self._queue.forget(key)
            finally:
                self._queue.done(key)

    async def _serve(self, key: Key) -> None:
        store = await self._picture(key)
        serving = Serving(
            self._kube, store, self._contents, self._recorder, self._refresher, lambda *_: None
        )
        await serving.judge(key)
        view = store.view(key)
        if _hangs_on_others(view):
            return
        for step in plan_serve(view, datetime.now(timezone.utc)):
            if isinstance(step, ApplyConfigMap) and not step.drift:
                await serving.serve(key, view.release, step, self._queue.since(key))

    async def _picture(self, key: Key) -> Store:
        """All that a prompt's moves hang on, unless suites are asked."""
        namespace, prompt = key
        store = Store(lambda _: None)
        mine = f"spec.release={prompt}"
        release, *_ = await asyncio.gather(
            self._kube.get(RELEASES.path(namespace, prompt)),
            self._all(VERSIONS, namespace, store.put_version, fields=f"spec.prompt={prompt}"),
            self._all(
                CONFIG_MAPS,
                namespace,
                store.put_config_map,
                selector=f"{MANAGED_BY}={MANAGER},{PREFIX}prompt={prompt}",
            ),
            self._all(POLICIES, namespace, store.put_policy),
            self._all(APPROVALS, namespace, store.put_approval, fields=mine),
            self._all(CHANGES, namespace, store.put_change, fields=mine),
        )
        if release is None:
            return store
        store.put_release(release)
        # Whatever somebody has written into the label by which they were listed.
        known = store.view(key).config_maps.keys()
        labels = {LATEST, *(release["spec"].get("labels") or ())}
        labels |= (release.get("status") or {}).get("labels", {}).keys()
        for label in sorted(labels - known):
            found = await self._kube.get(
                CONFIG_MAPS.path(namespace, config_map_name(prompt, label))
            )
            if found is not None and _is_marked(found):
                store.put_config_map(found)
        return store

    async def _all(
        self,
        resource: Resource,
        namespace: str,
        put: Callable[[Json], None],
        *,
        selector: str = "",
        fields: str = "",
    ) -> None:
        path = resource.path(namespace)
        async for page in self._kube.pages(path, selector=selector, fields=fields, limit=PAGE):
            for obj in page["items"]:
                put(obj)


def _is_settled(release: Json) -> bool:
    """Whether a release's status is of its latest edit."""
    status = release.get("status") or {}
    generation: int = release["metadata"]["generation"]
    return status.get("observedGeneration") == generation


def _is_marked(config_map: Json) -> bool:
    """Whether it has the label by which we watch."""
    return (config_map["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def _hangs_on_others(view: View) -> bool:
    """Whether suites have a say in any of a prompt's moves: they look at other prompts, too."""
    labels = view.release.labels if view.release is not None else ()
    return any(
        policy.evaluations and policy.governs(view.prompt, label)
        for policy in view.policies
        for label in labels
    )
