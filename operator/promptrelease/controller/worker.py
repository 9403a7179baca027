"""Take a key, plan, write what workloads wait for, then have ``records`` tell people about it.

Every write carries the state that it was decided on (UID, resource version), so that a view that
has grown stale makes a write fail instead of undoing a newer one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, timezone

from promptrelease.controller import metrics, tally
from promptrelease.controller.contents import Contents
from promptrelease.controller.kube import (
    CONFIG_MAPS,
    FAILURES,
    RELEASES,
    ApiError,
    Json,
    Kube,
)
from promptrelease.controller.logs import about
from promptrelease.controller.queue import MAX_BACKOFF, Lane, WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.records import Records, Stale
from promptrelease.controller.refresh import Refresher
from promptrelease.release import notes, render, wire
from promptrelease.release.consumers import MAX_NAMED
from promptrelease.release.model import (
    Obstacle,
    Release,
    Served,
    config_map_name,
)
from promptrelease.release.moves import is_as_written, is_ours
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
        self._kube = kube
        self._store = store
        self._queue = queue
        self._contents = contents
        self._recorder = recorder
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
                delay = self._queue.retry(key, lane, since=since)
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
        await self._judge(key)
        if lane is Lane.SERVE:
            return await self._serve_all(key)
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

    async def _serve_all(self, key: Key) -> bool:
        """Write what is served under every label; one that fails keeps no other waiting."""
        view = self._store.view(key)
        steps = plan_serve(view, datetime.now(timezone.utc))
        failures = [await _failure(self._serve(key, view.release, step)) for step in steps]
        if any(failures) and self._queue.failures(key) < PATIENCE:
            _raise_first(failures)
        for step, failure in zip(steps, failures, strict=True):
            if failure is not None:
                # It does not mend itself at once: people must know.
                text = f"it is being tried again: {failure or repr(failure)}"[:1024]
                self._store.set_obstacle(key, _label(step), Obstacle(text, lasting=False))
        self._queue.add(key, Lane.RECORD)
        _raise_first(failures)
        obstacles = self._store.view(key).obstacles
        blocked = [step for step in steps if _label(step) in obstacles]
        if blocked:
            # Nobody tells us when a pod ends: look again soon, and not ever more seldom.
            leaving = any(isinstance(step, DeleteConfigMap) for step in blocked)
            self._queue.retry(key, most=LEAVING_SECONDS if leaving else MAX_BACKOFF)
        return not blocked

    async def _judge(self, key: Key) -> None:
        """Find out about versions that nobody has looked at yet."""
        for version in list(self._store.view(key).versions.values()):
            if version.verdict is None:
                resolution = await self._contents.resolve(key[0], version.name, version.uid)
                self._store.set_verdict(key, version.uid, version.number, resolution.verdict)

    async def _serve(self, key: Key, release: Release | None, step: Serve) -> None:
        """Write, or note the obstacle that is in the way, which the status will tell."""
        if release is None:
            return
        if isinstance(step, DeleteConfigMap):
            await self._withdraw(key, release, step)
            return
        try:
            if self._is_behind(key, release, step):
                await self._read_again(key, release)
            await self._apply(key, release, step)
        except ApiError as error:
            if error.status == 409:
                await self._refresh(key, release, step)
                raise Stale from error
            if error.status in (403, 404, 413, 422):
                # Forbidden, the namespace is going, or admission said no: people must know.
                obstacle = Obstacle(f"the API server refused: {error.message}"[:1024], lasting=True)
                self._store.set_obstacle(key, step.label, obstacle)
                tally.refused(key, step, error.status)
                return
            raise

    def _is_behind(self, key: Key, release: Release, step: ApplyConfigMap) -> bool:
        """Whether a move replaces one that the release, as it is known, can't tell of.

        Another process has made that: it has crashed since, or the watch of releases is late, and
        what is wanted may be something else by now.
        """
        replaced = step.replaces.served if step.replaces is not None else None
        if replaced is None or step.served.revision <= replaced.revision:
            return False
        written = self._store.view(key).written.get(step.label)
        known = max(release.status.revision, written.revision if written is not None else 0)
        return replaced.revision > known

    async def _read_again(self, key: Key, release: Release) -> None:
        """Raises Stale when the release is no longer what it was."""
        namespace, prompt = key
        fresh = await self._kube.get(RELEASES.path(namespace, prompt))
        if fresh is None or fresh["metadata"]["uid"] != release.uid:
            self._store.drop_release(namespace, prompt, release.uid)
            raise Stale
        if fresh["metadata"]["resourceVersion"] != release.resource_version:
            self._store.put_release(fresh)
            raise Stale

    async def _apply(self, key: Key, release: Release, step: ApplyConfigMap) -> None:
        namespace, prompt = key
        content = self._contents.cached(step_uid := self._uid(key, step), step.served.digest)
        if content is None:
            resolution = await self._contents.resolve(namespace, step.version, step_uid)
            content = resolution.content
            if content is None or content.digest != step.served.digest:
                version = step.served.version
                self._store.set_verdict(key, step_uid, version, resolution.verdict)
                raise Stale
        data = render.files(prompt, step.label, step.served, content)
        served = render.with_checksum(step.served, data)
        body = render.config_map(
            namespace, prompt, release.uid, step.label, served, data, step.backlog
        )
        path = CONFIG_MAPS.path(namespace, config_map_name(prompt, step.label))
        if step.replaces is None:
            if not await self._is_free(key, release, step, path):
                return
        else:
            body["metadata"]["uid"] = step.replaces.uid
            body["metadata"]["resourceVersion"] = step.replaces.resource_version
        # Without force where it is new: should a foreign one of that name come first, it wins.
        answer = await self._kube.apply(path, body, force=step.replaces is not None)
        if strangers := _strangers(answer, data):
            # Server-side apply leaves alone what others own, and a workload would see it.
            answer = await self._kube.merge(path, strangers)
        self._store.set_obstacle(key, step.label, None)
        self._store.set_written(key, step.label, served)
        self._store.put_config_map(answer)
        asked = self._queue.since(key)
        tally.written(key, step, asyncio.get_running_loop().time() - asked)
        if not step.drift:
            self._untold.setdefault(key, {})[step.label] = asked
        if not is_as_written(wire.config_map(answer), served):
            raise Stale  # with a pause: somebody, or some admission, keeps changing it
        if step.drift:
            note = notes.of_repair(prompt, step)
            await self._recorder.record("PromptRelease", namespace, prompt, release.uid, note)

    def _uid(self, key: Key, step: ApplyConfigMap) -> str:
        version = self._store.view(key).versions.get(step.served.version)
        if version is None:
            raise Stale
        return version.uid

    async def _is_free(self, key: Key, release: Release, step: ApplyConfigMap, path: str) -> bool:
        """Whether the name may be taken; whatever has it and isn't ours is left alone."""
        found = await self._kube.get(path)
        if found is None:
            return True
        if is_ours(wire.config_map(found), release):
            # Ours, but without the label by which we watch.
            self._store.put_config_map(found)
            raise Stale
        obstacle = Obstacle(
            f"a ConfigMap {found['metadata']['name']} that promptrelease did not make is in the "
            "way: delete or rename it",
            lasting=True,
        )
        self._store.set_obstacle(key, step.label, obstacle)
        return False

    async def _refresh(self, key: Key, release: Release, step: ApplyConfigMap) -> None:
        """Read again what a write found changed; the watch may be late."""
        name = config_map_name(key[1], step.label)
        found = await self._kube.get(CONFIG_MAPS.path(key[0], name))
        if step.replaces is not None and (
            found is None or found["metadata"]["uid"] != step.replaces.uid
        ):
            self._store.drop_config_map(key[0], name, step.replaces.uid)
        elif found is not None and is_ours(wire.config_map(found), release):
            self._store.put_config_map(found)

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

    async def _withdraw(self, key: Key, release: Release, step: DeleteConfigMap) -> None:
        """Remove a withdrawn label's ConfigMap, once no running pod has any use for it."""
        name, label = step.config_map.name, step.config_map.label
        users = await self._refresher.users(key[0], name)
        if users:
            shown = ", ".join(users[:MAX_NAMED]) + (", ..." if len(users) > MAX_NAMED else "")
            message = f"{label} is withdrawn; {name} stays until {len(users)} pods end: {shown}"
            self._store.set_obstacle(key, label, Obstacle(message[:1024], lasting=False))
            return
        await self._delete(key, release, step)

    async def _delete(self, key: Key, release: Release, step: DeleteConfigMap) -> None:
        namespace, prompt = key
        fresh = await self._kube.get(RELEASES.path(namespace, prompt))
        if fresh is None or fresh["metadata"]["uid"] != release.uid:
            raise Stale
        if step.config_map.label in (fresh["spec"].get("labels") or {}):
            self._store.put_release(fresh)
            raise Stale
        path = CONFIG_MAPS.path(namespace, step.config_map.name)
        uid = step.config_map.uid
        try:
            await self._kube.delete(
                path, uid=uid, resource_version=step.config_map.resource_version
            )
        except ApiError as error:
            if error.status == 409:
                found = await self._kube.get(path)
                if found is not None and found["metadata"]["uid"] == uid:
                    self._store.put_config_map(found)
                    raise Stale from error
            elif error.status != 404:
                raise
        tally.withdrawn(key, step)
        self._store.set_written(key, step.config_map.label, None)
        self._store.drop_config_map(namespace, step.config_map.name, uid)


def _seconds(todo: Plan, now: datetime) -> float | None:
    """How long until there may be something to do; times are known to the second."""
    if todo.again is None:
        return None
    return min(LONGEST_SLEEP, (todo.again - now).total_seconds() + 0.01)


def _strangers(answer: Json, data: Mapping[str, str]) -> Json | None:
    """A merge patch that removes the files which are not ours; none when there are none."""
    extra = (answer.get("data") or {}).keys() - data.keys()
    if not extra and not answer.get("binaryData"):
        return None
    return {
        "metadata": {"resourceVersion": answer["metadata"]["resourceVersion"]},
        "data": dict.fromkeys(extra),
        "binaryData": None,
    }


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
