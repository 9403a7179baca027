"""The thread that looks at the mounts, and what becomes of it in a forked child.

It polls: one ``stat`` a mount and look. inotify would wake it only when needed, but its instances
are a scarce resource of the node (128 a user by default, shared by all pods of that user), its
descriptor would be shared with every forked child, and some sandboxes never send its events. What
polling costs is a row of ``make bench``.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Protocol

INTERVAL = 0.15
"""Seconds between two looks; a swap is noticed within this and the time to read it."""


class Refreshable(Protocol):
    """What a watcher keeps fresh."""

    def refresh(self) -> None:
        """Look at the mounts, and serve what changed."""

    def _watch_failed(self, error: Exception) -> None: ...

    def _after_fork_in_child(self) -> None: ...


class Watcher:
    """A daemon thread that refreshes ``target`` until stopped, or until nobody holds ``target``."""

    def __init__(self, target: Refreshable) -> None:
        """Start at once."""
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_watch,
            args=(weakref.ref(target), self._stop),
            name="promptrelease-watcher",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Return when the thread has ended; without waiting when it is the thread that stops."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            # Bounded: it may be in a callback that waits for whoever is stopping it.
            self._thread.join(timeout=5)


def _watch(target_ref: weakref.ref[Any], stop: threading.Event) -> None:
    failing = False
    while not stop.wait(INTERVAL):
        target = target_ref()
        if target is None:
            return
        try:
            target.refresh()
            failing = False
        except Exception as error:
            # Whatever it is, what was read well is still served; health() turns stale.
            if not failing:
                target._watch_failed(error)
            failing = True
        del target


_forking: weakref.WeakSet[Any] = weakref.WeakSet()


def survive_fork(target: Refreshable) -> None:
    """Have ``target._after_fork_in_child`` called in every child, where its thread is missing."""
    _forking.add(target)


def _after_fork_in_child() -> None:
    for target in list(_forking):
        target._after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork_in_child)
