"""Take a key, plan, have ``serving`` write what workloads wait for, then ``records`` the rest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from datetime import datetime, timezone

from promptrelease.controller import metrics, tally
from promptrelease.controller.contents import Contents
from promptrelease.controller.kube import FAILURES, Kube, asked_pause
from promptrelease.controller.logs import about
from promptrelease.controller.queue import MAX_BACKOFF, Lane, WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.records import Records, Stale
from promptrelease.controller.refresh import Refresher
from promptrelease.controller.serving import Serving
from promptrelease.release.model import Obstacle, Served, config_map_name
from promptrelease.release.plan import plan, plan_serve, untold
from promptrelease.release.steps import (
    ApplyConfigMap,
    DeleteConfigMap,
    Plan,
    Serve,
)
from promptrelease.state.store import Key, Store

logger = logging.getLogger(__name__)

WORKERS = 16
TELLING_SECONDS = 1.0
INTERRUPTIBLE_SECONDS = 0.02
LEAVING_SECONDS = 5.0
LONGEST_SLEEP = 300.0
"""Seconds after which the clock is looked at again: it may have been set."""

PATIENCE = 4
"""Failures in a row before the status tells of them; the first tries take under a second."""


class Worker:
    """Reconciles one prompt at a time; several run side by side on different prompts."""

    def __init__(
        self,
        kube: Kube,
        store: Store,
        queue: WorkQueue[Key],
        contents: Contents,
        recorder: Recorder,
        refresher: Refresher,
    ) -> None:
        self._store = store
        self._queue = queue
        self._serving = Serving(kube, store, contents, recorder, refresher, self._moved)
        self._records = Records(kube, store, recorder)
        self._refresher = refresher
        self._telling: dict[tuple[Key, str], asyncio.Task[None]] = {}
        # When a move was asked for of which pods are yet to be told, by label.
        self._untold: dict[Key, dict[str, float]] = {}

    async def run(self) -> None:
        """Never returns."""
        while True:
            key, lane = await self._queue.get()
            since = self._queue.since(key)
            try:
                with metrics.RECONCILE_SECONDS.labels(lane.name.lower()).time():
                    done = await self._reconcile(key, lane)
                if done:
                    self._queue.forget(key)
            # By the same lane: serving would succeed, and with that the pauses would begin anew.
            except Stale:
                self._queue.retry(key, lane, since=since)
                metrics.RETRIES.labels(metrics.CONFLICT).inc()
            except FAILURES as error:
                delay = self._queue.retry(key, lane, since=since, least=asked_pause(error))
                metrics.RETRIES.labels(metrics.FAILURE).inc()
                text = "%s/%s: %s; again in %.1f s"
                logger.warning(text, *key, error or repr(error), delay, extra=about(*key))
            except Exception:
                delay = self._queue.retry(key, lane, since=since)
                metrics.RETRIES.labels(metrics.BUG).inc()
                logger.exception("%s/%s: a bug; again in %.1f s", *key, delay, extra=about(*key))
            finally:
                self._queue.done(key)

    async def _reconcile(self, key: Key, lane: Lane) -> bool:
        """Do what the lane is for; true when the key is served and owes no more patience."""
        await self._serving.judge(key)
        if lane is Lane.SERVE:
            return await self._serve_all(key)
        if lane is Lane.LOOK:
            return await self._look(key)
        await self._tell_pods(key)
        view = self._store.view(key)
        if view.release is None:
            self._untold.pop(key, None)
        now = datetime.now(timezone.utc)
        todo = plan(view, now)
        self._queue.wake(key, _seconds(todo, now))
        if any(_label(step) not in view.obstacles for step in todo.serve):
            self._queue.add(key, Lane.SERVE)
            return False
        failures = [
            await _failure(self._records.write(key, view.release, one)) for one in todo.record
        ]
        _raise_first(failures)
        return False

    async def _look(self, key: Key) -> bool:
        """See whether there is anything to do about a prompt of which nothing was heard."""
        await asyncio.sleep(0)  # thousands of them, and mostly nothing to wait for
        view = self._store.view(key)
        now = datetime.now(timezone.utc)
        todo = plan(view, now)
        if todo.serve:
            return await self._serve_all(key)
        if todo.record or untold(view):
            self._queue.add(key, Lane.RECORD)
        self._queue.wake(key, _seconds(todo, now))
        return True

    async def _serve_all(self, key: Key) -> bool:
        """Write what is served under every label; one that fails keeps no other waiting."""
        view = self._store.view(key)
        steps = plan_serve(view, datetime.now(timezone.utc))
        asked = self._queue.since(key)
        failures = [
            await _failure(self._serving.serve(key, view.release, step, asked)) for step in steps
        ]
        if any(failures) and self._queue.failures(key) < PATIENCE:
            _raise_first(failures)
        for step, failure in zip(steps, failures, strict=True):
            if failure is not None:
                # It does not mend itself at once: people must know.
                text = f"it is being tried again: {failure or repr(failure)}"[:1024]
                self._store.set_obstacle(key, _label(step), Obstacle(text, lasting=False))
        self._queue.add(key, Lane.RECORD)
        _raise_first(failures)
        obstacles = self._store.alone(key).obstacles
        blocked = [step for step in steps if _label(step) in obstacles]
        if blocked:
            # Nobody tells us when a pod ends: look again soon, and not ever more seldom.
            leaving = any(isinstance(step, DeleteConfigMap) for step in blocked)
            self._queue.retry(key, most=LEAVING_SECONDS if leaving else MAX_BACKOFF)
        return not blocked

    def _moved(self, key: Key, label: str) -> None:
        self._untold.setdefault(key, {})[label] = self._queue.since(key)

    async def _tell_pods(self, key: Key) -> None:
        """Have the pods told of moves, and wait a little, so that one status tells it all.

        What takes longer goes on by itself, and asks for another turn when it is done.
        """
        for label, served in untold(self._store.view(key)):
            if (key, label) not in self._telling:
                task = asyncio.create_task(self._tell(key, label, served))
                self._telling[key, label] = task
        mine = [task for (its_key, _), task in self._telling.items() if its_key == key]
        loop = asyncio.get_running_loop()
        end = loop.time() + TELLING_SECONDS
        # Not when there is something to serve: a rollback waits for nobody.
        while mine and loop.time() < end and not self._queue.is_wanted(key):
            _, pending = await asyncio.wait(mine, timeout=INTERRUPTIBLE_SECONDS)
            mine = list(pending)

    async def _tell(self, key: Key, label: str, served: Served) -> None:
        name = config_map_name(key[1], label)
        try:
            consumers = await self._refresher.refresh(key[0], name, served.revision)
            self._store.set_consumers(key, label, consumers)
            asked = self._untold.get(key, {}).pop(label, None)
            now = asyncio.get_running_loop().time()
            tally.told(label, consumers.refreshed, None if asked is None else now - asked)
        except FAILURES as error:
            metrics.RETRIES.labels(metrics.PODS).inc()
            text = "%s/%s: pods were not told: %s"
            where = about(*key, label=label, version=served.version, revision=served.revision)
            logger.warning(text, key[0], name, error or repr(error), extra=where)
            self._queue.retry(key)
        finally:
            del self._telling[key, label]


def _seconds(todo: Plan, now: datetime) -> float | None:
    """How long until there may be something to do; times are known to the second."""
    if todo.again is None:
        return None
    return min(LONGEST_SLEEP, (todo.again - now).total_seconds() + 0.01)


async def _failure(doing: Coroutine[None, None, None]) -> Exception | None:
    """What went wrong, so that the next can be done before it is dealt with."""
    try:
        await doing
    except (Stale, *FAILURES) as error:
        return error
    return None


def _raise_first(failures: Sequence[Exception | None]) -> None:
    for failure in failures:
        if failure is not None:
            raise failure


def _label(step: Serve) -> str:
    return step.label if isinstance(step, ApplyConfigMap) else step.config_map.label
