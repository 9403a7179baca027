"""Tell the pods that mount a ConfigMap that it has changed.

kubelet looks at a pod's ConfigMaps when it syncs the pod: about once a minute, or at once when the
pod itself has changed. An annotation is such a change, and restarts nothing.

Pods are looked up when they are needed and not kept: a cluster has many, and few are ours.
"""

from __future__ import annotations

import asyncio
from typing import Any

from promptrelease.controller.kube import PODS, ApiError, Kube
from promptrelease.release.consumers import (
    MAX_NAMED,
    OPT_IN,
    REFRESHED,
    Consumers,
    usages,
)

PARALLEL = 16
PER_SECOND = 200.0
"""Patches; 5,000 pods are told in 25 s, and the API server hardly notices."""


class Refresher:
    """Looks up and tells pods, within a rate that the API server can bear."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._parallel = asyncio.Semaphore(PARALLEL)
        self._next_slot = 0.0
        self._listing: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, asyncio.Task[list[dict[str, Any]]]] = {}

    async def refresh(self, namespace: str, config_map: str, revision: int) -> Consumers:
        """Tell every pod that opted in and mounts the ConfigMap; says who and how many.

        Raises:
            ApiError: the API server refused for another reason than missing permission.
        """
        try:
            found = usages(await self._opted_in(namespace), config_map)
        except ApiError as error:
            if error.status != 403:
                raise
            return Consumers(revision, message=_by_itself(error))
        mark = f"{config_map}/{revision}"
        mounting = [usage.pod for usage in found if usage.mounted]
        answers = await asyncio.gather(*(self._tell(namespace, pod, mark) for pod in mounting))
        refused = [answer for answer in answers if isinstance(answer, ApiError)]
        never = tuple(fixed for usage in found for fixed in usage.never)
        return Consumers(
            revision,
            pods=len(found),
            refreshed=sum(answer is True for answer in answers),
            never=never[:MAX_NAMED],
            message=_by_itself(refused[0]) if refused else "",
        )

    async def users(self, namespace: str, config_map: str) -> list[str]:
        """Names of all running pods that take in a ConfigMap, opted in or not.

        Without the permission to look there are none: then nothing waits for them.
        """
        try:
            found = usages(await self._list(namespace, selector=""), config_map)
        except ApiError as error:
            if error.status != 403:
                raise
            return []
        return [usage.pod for usage in found]

    async def _tell(self, namespace: str, pod: str, mark: str) -> bool | ApiError:
        async with self._parallel:
            await self._slot()
            try:
                await self._kube.merge(
                    # By way of the status: who may patch that can't change what a pod runs.
                    PODS.path(namespace, pod, "status"),
                    {"metadata": {"annotations": {REFRESHED: mark}}},
                )
            except ApiError as error:
                if error.status == 404:
                    return False  # it went away, and its successor mounts what is there now
                return error
        return True

    async def _slot(self) -> None:
        """Wait for a place in the row that keeps to the rate."""
        now = asyncio.get_running_loop().time()
        self._next_slot = max(now, self._next_slot + 1 / PER_SECOND)
        if self._next_slot > now:
            await asyncio.sleep(self._next_slot - now)

    async def _opted_in(self, namespace: str) -> list[dict[str, Any]]:
        """Pods with the label; labels that move together share one look.

        A look that began before the ConfigMap was written may have missed a pod: only one that
        has yet to begin is shared.
        """
        if namespace not in self._waiting:
            self._waiting[namespace] = asyncio.create_task(self._look(namespace))
        return await asyncio.shield(self._waiting[namespace])

    async def _look(self, namespace: str) -> list[dict[str, Any]]:
        async with self._listing.setdefault(namespace, asyncio.Lock()):
            self._waiting.pop(namespace, None)
            return await self._list(namespace, selector=f"{OPT_IN}=true")

    async def _list(self, namespace: str, *, selector: str) -> list[dict[str, Any]]:
        pods: list[dict[str, Any]] = []
        async for page in self._kube.pages(PODS.path(namespace), selector=selector):
            pods += page["items"]
        return pods


def _by_itself(error: ApiError) -> str:
    return (
        f"pods were not told, and follow when their kubelet next syncs, within about a minute "
        f"and a half: {error.message}"
    )[:1024]
