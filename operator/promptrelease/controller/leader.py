"""Which of several operators writes: the holder of a Lease, as other Kubernetes components do it.

The client's own election judges by the wall clock, which may be set, and never gives a Lease back;
so the protocol of client-go's leaderelection is here, with its times (15 s, 10 s, 2 s).

Two things keep a holder that was paused from writing over its successor. ``holds`` is asked right
before each write, and again when its bytes leave: it is false once 10 s have gone by since the last
renewal was sent, 5 s before anybody else may take over. And what was let through just then carries
the UID and the resource version of what it was decided on, or creates something under a name made
of its content.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from promptrelease.controller.kube import FAILURES, LEASES, ApiError, Kube

logger = logging.getLogger(__name__)

Json = dict[str, Any]

LEASE_SECONDS = 15
POLL_SECONDS = 1.0
"""How often who waits looks: a Lease that is given back is taken over within this time."""


class Lost(Exception):
    """Somebody else may write now; the process must end and begin anew as one who waits."""


@dataclass(frozen=True)
class Seen:
    """A Lease as it was seen: who holds it, and by when whoever saw it may take it over.

    Attributes:
        holder: empty when it was given back.
        version: resource version; another one says that the holder is alive.
        expires: monotonic seconds.

    """

    holder: str
    version: str
    expires: float


def look(lease: Json, before: Seen | None, now: float) -> Seen:
    """What is seen of a Lease now.

    Time counts from when a state was first seen, by one's own clock: others' clocks are not asked.
    """
    spec, version = lease.get("spec") or {}, lease["metadata"]["resourceVersion"]
    if before is not None and before.version == version:
        return before
    seconds = spec.get("leaseDurationSeconds") or LEASE_SECONDS
    return Seen(spec.get("holderIdentity") or "", version, now + seconds)


def is_free(seen: Seen, me: str, now: float) -> bool:
    """Whether a Lease may be taken: it is one's own, was given back, or was not renewed in time."""
    return seen.holder in ("", me) or now >= seen.expires


class Election:
    """Waits until a Lease can be had, and keeps it.

    Args:
        kube: not fenced by this very election.
        namespace: of the Lease.
        name: of the Lease.
        me: who this is; no two processes that run at the same time may have the same.
        seconds: for which a Lease is held without being renewed.

    Attributes:
        leading: set once the Lease is ours.

    """

    def __init__(
        self, kube: Kube, namespace: str, name: str, me: str, seconds: int = LEASE_SECONDS
    ) -> None:
        self._kube = kube
        self._path = LEASES.path(namespace)
        self._name = name
        self._me = me
        self._seconds = seconds
        self._renew_within = seconds * 2 / 3
        self._lease: Json = {}
        self._until = 0.0
        self.leading = asyncio.Event()

    def holds(self) -> bool:
        """Whether a write may be sent now."""
        return time.monotonic() < self._until

    async def run(self) -> None:
        """Get the Lease and keep it. Raises Lost; never returns."""
        await self._acquire()
        logger.info("leading as %s", self._me)
        self.leading.set()
        while True:
            await asyncio.sleep(self._seconds * 2 / 15)
            await self._renew()

    async def release(self) -> None:
        """Give the Lease back, if it is held, so that nobody need wait for its end."""
        if not self.holds():
            return
        self._until = 0.0
        try:
            await self._write(self._spec(holder="", seconds=1))
            logger.info("gave the Lease back")
        except FAILURES as error:
            logger.warning("the Lease was not given back: %s", error or repr(error))

    async def _acquire(self) -> None:
        seen: Seen | None = None
        told = ""
        while True:
            try:
                found = await self._kube.get(f"{self._path}/{self._name}")
                now = time.monotonic()
                self._lease = found or {}
                if found is not None:
                    seen = look(found, seen, now)
                if seen is None or found is None or is_free(seen, self._me, now):
                    await self._take()
                    return
                if seen.holder != told:
                    logger.info("standing by: %s leads", seen.holder)
                    told = seen.holder
                pause = min(POLL_SECONDS, seen.expires - now)
            except FAILURES as error:
                if not isinstance(error, ApiError) or error.status != 409:
                    logger.warning("the Lease can't be had: %s", error or repr(error))
                pause = POLL_SECONDS
            await asyncio.sleep(max(0.01, pause))

    async def _renew(self) -> None:
        """Renew, again and again for as long as it is ours for sure."""
        while True:
            try:
                await self._take()
            except FAILURES as error:
                if isinstance(error, ApiError) and error.status in (404, 409):
                    await self._look_again()
                else:
                    logger.warning("the Lease was not renewed: %s", error or repr(error))
            else:
                return
            if not self.holds():
                raise Lost("the Lease was not renewed in time")
            await asyncio.sleep(POLL_SECONDS / 2)

    async def _look_again(self) -> None:
        try:
            self._lease = await self._kube.get(f"{self._path}/{self._name}") or {}
        except FAILURES:
            return
        holder = (self._lease.get("spec") or {}).get("holderIdentity")
        if self._lease and holder != self._me:
            self._until = 0.0
            raise Lost(f"{holder or 'nobody'} holds the Lease now")

    async def _take(self) -> None:
        sent = time.monotonic()
        await self._write(self._spec(holder=self._me, seconds=self._seconds))
        # From when it was sent: whoever sees it, sees it later.
        self._until = sent + self._renew_within

    async def _write(self, spec: Json) -> None:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": self._lease.get("metadata") or {"name": self._name},
            "spec": spec,
        }
        # A request that hangs must not use up the time of those that would not.
        if self._lease:
            writing = self._kube.replace(f"{self._path}/{self._name}", body)
        else:
            writing = self._kube.create(self._path, body)
        self._lease = await asyncio.wait_for(writing, self._renew_within / 2)

    def _spec(self, *, holder: str, seconds: int) -> Json:
        old = self._lease.get("spec") or {}
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        same = bool(holder) and old.get("holderIdentity") == holder
        changes = int(old.get("leaseTransitions") or 0)
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": seconds,
            "acquireTime": old.get("acquireTime", now) if same else now,
            "renewTime": now,
            "leaseTransitions": changes if same or not old or not holder else changes + 1,
        }
