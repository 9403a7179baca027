"""Events, counted instead of repeated.

By the conventions of events.k8s.io/v1: an event that comes again within minutes becomes a series
on the first one, and the series is written at most every half minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import socket
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from promptrelease.api import API_VERSION
from promptrelease.controller.kube import EVENTS, FAILURES, Kube
from promptrelease.controller.logs import about
from promptrelease.release.notes import Note

logger = logging.getLogger(__name__)

CONTROLLER = "promptrelease.dev/operator"
SERIES_SECONDS = 360.0
WRITE_SECONDS = 30.0
REMEMBERED = 4096


@dataclass
class _Series:
    path: str
    count: int
    first: float
    written: float


class Recorder:
    """Posts Events on behalf of the operator; losing one is never an error."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._series: dict[tuple[str, ...], _Series] = {}
        self._instance = f"{socket.gethostname()}-{os.getpid()}"[:128]

    async def record(self, kind: str, namespace: str, name: str, uid: str, note: Note) -> None:
        """Tell something about an object."""
        now = asyncio.get_running_loop().time()
        key = (uid, note.type, note.reason, note.message)
        series = self._series.get(key)
        try:
            if series is not None and now - series.first < SERIES_SECONDS:
                series.count += 1
                if now - series.written >= WRITE_SECONDS or series.count == 2:
                    series.written = now
                    await self._kube.merge(
                        series.path, {"series": {"count": series.count, "lastObservedTime": _now()}}
                    )
                return
            event = self._event(kind, namespace, name, uid, note)
            path = EVENTS.path(namespace, event["metadata"]["name"])
            self._remember(key, _Series(path, 1, now, now))
            await self._kube.create(EVENTS.path(namespace), event)
        except FAILURES as error:
            self._series.pop(key, None)
            text, where = "event %s on %s %s/%s was not written: %s", about(namespace)
            logger.warning(text, note.reason, kind, namespace, name, error, extra=where)

    def _remember(self, key: tuple[str, ...], series: _Series) -> None:
        while len(self._series) >= REMEMBERED:
            self._series.pop(next(iter(self._series)))
        self._series[key] = series

    def _event(self, kind: str, namespace: str, name: str, uid: str, note: Note) -> dict[str, Any]:
        stamp = _now()
        unique = hashlib.sha256(f"{uid}{note}{stamp}".encode()).hexdigest()[:16]
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{unique}", "namespace": namespace},
            "eventTime": stamp,
            "type": note.type,
            "reason": note.reason,
            "action": note.reason,
            "note": note.message.encode()[:1024].decode(errors="ignore"),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": kind,
                "namespace": namespace,
                "name": name,
                "uid": uid,
            },
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
        }


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
