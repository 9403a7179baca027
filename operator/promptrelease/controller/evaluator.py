"""Runs evaluations: one Job for each attempt, and the verdict that it leaves behind.

What to do is decided in ``release.run``; here it is done, and done again after a crash: Jobs and
ConfigMaps are named after the evaluation, and what is there already is not made twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from promptrelease.api import API_VERSION
from promptrelease.api.promptversion import version_name
from promptrelease.controller import metrics
from promptrelease.controller.contents import Contents
from promptrelease.controller.kube import (
    CONFIG_MAPS,
    EVALUATIONS,
    FAILURES,
    JOBS,
    PODS,
    ApiError,
    Kube,
    asked_pause,
)
from promptrelease.controller.logs import about
from promptrelease.controller.queue import WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.release import notes, render, render_job, wire_evaluation
from promptrelease.release.evaluation import (
    ERROR,
    PENDING,
    Container,
    Evaluation,
    EvaluationStatus,
    Job,
    Member,
    Suite,
)
from promptrelease.release.model import Served
from promptrelease.release.run import Todo, attempt_of, decide
from promptrelease.release.times import timestamp
from promptrelease.state.store import Key, Store

logger = logging.getLogger(__name__)

Json = dict[str, Any]

WORKERS = 4
POLL_SECONDS = 3.0
"""A container that can't start shows in its pod, which nobody watches."""


class Unanswerable(Exception):
    """An evaluation can't be run as it is; the text says why."""


class Busy(Exception):
    """What is left of an evaluation of the same name must go first."""

    def __str__(self) -> str:
        return "what an earlier evaluation of that name has left is still there"


class Evaluator:
    """Brings evaluations to their verdicts.

    Args:
        most: Jobs that may run at once, over all namespaces.

    """

    def __init__(
        self, kube: Kube, store: Store, contents: Contents, recorder: Recorder, most: int
    ) -> None:
        self._kube = kube
        self._store = store
        self._contents = contents
        self._recorder = recorder
        self._most = most
        self._queue: WorkQueue[Key] = WorkQueue()
        self._jobs: dict[Key, dict[str, Job]] = {}
        self._starting: dict[Key, str] = {}

    def dirty(self, key: Key) -> None:
        """Something is new about an evaluation."""
        self._queue.add(key)

    async def run(self) -> None:
        """Never returns; several run side by side."""
        while True:
            key, _ = await self._queue.get()
            try:
                await self._reconcile(key)
                self._queue.forget(key)
            except Busy:
                self._queue.retry(key, most=POLL_SECONDS)
            except FAILURES as error:
                delay = self._queue.retry(key, least=asked_pause(error))
                text, where = "%s/%s: %s; again in %.1f s", about(key[0])
                logger.warning(text, *key, error or repr(error), delay, extra=where)
            except Exception:
                delay = self._queue.retry(key)
                text, where = "%s/%s: a bug; again in %.1f s", about(key[0])
                logger.exception(text, *key, delay, extra=where)
            finally:
                self._queue.done(key)

    # Jobs, for a list or a watch

    def put(self, obj: Json) -> None:
        """Take in a Job."""
        job = wire_evaluation.job(obj)
        key = (obj["metadata"]["namespace"], job.evaluation)
        self._jobs.setdefault(key, {})[job.name] = job
        self.dirty(key)

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Forget a Job."""
        for key, jobs in list(self._jobs.items()):
            if key[0] == namespace and name in jobs and jobs[name].uid == uid:
                del jobs[name]
                if not jobs:
                    del self._jobs[key]
                self.dirty(key)

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget Jobs that a list did not show."""
        for (namespace, _), jobs in list(self._jobs.items()):
            for job in list(jobs.values()):
                if job.uid not in uids:
                    self.drop(namespace, job.name, job.uid)

    # One evaluation

    async def _reconcile(self, key: Key) -> None:
        evaluation = self._store.scenes.evaluation(*key)
        if evaluation is None:
            return
        suite = self._store.scenes.suite(key[0], evaluation.suite)
        jobs = [job for job in self._jobs.get(key, {}).values() if job.owner == evaluation.uid]
        container = None
        if jobs and not evaluation.finished:
            container = await self._container(key[0], max(jobs, key=attempt_of))
        now = datetime.now(timezone.utc)
        room = suite is not None and self._has_room(key, suite)
        todo = decide(evaluation, suite, jobs, container, has_room=room, now=now)
        if todo.start is not None and suite is not None:
            todo = await self._start(key, evaluation, suite, todo.start.attempt, todo)
        if todo.status != evaluation.status:
            await self._record(key[0], evaluation, todo.status)
        for job in todo.remove:
            await self._remove(key[0], job)
        self._sleep(key, todo, jobs, now)

    def _has_room(self, key: Key, suite: Suite) -> bool:
        """Whether another Job may be started."""
        running = [
            (namespace, job)
            for (namespace, _), jobs in self._jobs.items()
            for job in jobs.values()
            if not job.outcome
        ]
        mine = [job for namespace, job in running if (namespace, job.suite) == (key[0], suite.name)]
        starting = [k for k, name in self._starting.items() if k != key]
        same = [k for k in starting if (k[0], self._starting[k]) == (key[0], suite.name)]
        return len(mine) + len(same) < suite.parallel and len(running) + len(starting) < self._most

    async def _start(
        self, key: Key, evaluation: Evaluation, suite: Suite, attempt: int, todo: Todo
    ) -> Todo:
        """Make the Job; what the API server does not take is told in the status."""
        # Before anything is waited for: since the look whether there is room, nobody had a turn.
        self._starting[key] = suite.name
        try:
            await self._make(key, evaluation, suite, attempt)
        except Unanswerable as error:
            return _without_verdict(evaluation, str(error))
        except ApiError as error:
            if error.status in (400, 422):
                return _without_verdict(evaluation, f"the API server refused: {error.message}")
            if error.status != 403:
                raise
            # A quota, perhaps: that may pass.
            text = f"the API server refused: {error.message}"[:1024]
            self._queue.retry(key)
            return Todo(replace(evaluation.status, phase=PENDING, message=text))
        finally:
            self._starting.pop(key, None)
        return todo

    async def _make(self, key: Key, evaluation: Evaluation, suite: Suite, attempt: int) -> None:
        namespace = key[0]
        sides = {
            "candidate": await self._files(namespace, "candidate", evaluation.candidate),
            "baseline": await self._files(namespace, "baseline", evaluation.baseline),
        }
        maps = render_job.config_maps(namespace, evaluation, sides)
        for config_map in maps:
            await self._create(CONFIG_MAPS.path(namespace), config_map)
        job = render_job.job(namespace, evaluation, suite, attempt, maps)
        self.put(await self._create(JOBS.path(namespace), job))

    async def _files(
        self, namespace: str, side: str, members: Sequence[Member]
    ) -> dict[str, dict[str, str]]:
        result = {}
        for member in members:
            name = version_name(member.prompt, member.version)
            known = self._store.view((namespace, member.prompt)).versions.get(member.version)
            found = None
            if known is not None:
                found = (await self._contents.resolve(namespace, name, known.uid)).content
            if found is None or found.digest != member.digest:
                raise Unanswerable(f"PromptVersion {name} is not there with that content any more")
            now = timestamp(datetime.now(timezone.utc))
            served = Served(member.version, member.digest, revision=1, since=now, reason=side)
            result[member.prompt] = render.files(member.prompt, side, served, found)
        return result

    async def _create(self, path: str, body: Json) -> Json:
        """Create, or find what this very evaluation has created before."""
        try:
            return await self._kube.create(path, body)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            name = body["metadata"]["name"]
            found = await self._kube.get(f"{path}/{name}")
            mine = body["metadata"]["ownerReferences"][0]["uid"]
            owners = (found or {}).get("metadata", {}).get("ownerReferences") or ()
            if found is None or mine not in [owner["uid"] for owner in owners]:
                raise Busy from error
            return found

    async def _record(
        self, namespace: str, evaluation: Evaluation, status: EvaluationStatus
    ) -> None:
        body = {
            "apiVersion": API_VERSION,
            "kind": "PromptEvaluation",
            "metadata": {
                "name": evaluation.name,
                "namespace": namespace,
                "uid": evaluation.uid,
                "resourceVersion": evaluation.resource_version,
            },
            "status": wire_evaluation.status_manifest(status),
        }
        try:
            path = EVALUATIONS.path(namespace, evaluation.name, "status")
            self._store.put_evaluation(await self._kube.apply(path, body, force=True))
        except ApiError as error:
            if error.status in (404, 409):
                return  # it is gone or newer; the watch brings it, and with it another turn
            raise
        if not status.finished:
            return
        metrics.EVALUATIONS_FINISHED.labels(status.phase).inc()
        # Without its message: a suite's own words may quote a prompt.
        text, where = "%s/%s: %s", about(namespace)
        logger.info(text, namespace, evaluation.name, status.phase, extra=where)
        note = notes.of_evaluation(evaluation, status)
        await self._recorder.record(
            "PromptEvaluation", namespace, evaluation.name, evaluation.uid, note
        )
        for key, other in self._store.scenes.evaluations():
            if not other.finished:
                self._queue.add(key)  # there is room now

    async def _container(self, namespace: str, job: Job) -> Container | None:
        pods: list[Json] = []
        selector = f"batch.kubernetes.io/job-name={job.name}"
        async for page in self._kube.pages(PODS.path(namespace), selector=selector):
            pods += page["items"]
        return wire_evaluation.container(pods)

    async def _remove(self, namespace: str, job: Job) -> None:
        """Delete a Job; one that seems to run still is looked at again: the watch may be late."""
        try:
            if not job.outcome:
                found = await self._kube.get(JOBS.path(namespace, job.name))
                if found is not None and wire_evaluation.job(found).outcome:
                    self.put(found)  # it stays for a while, as any that has ended
                    return
            await self._kube.remove(JOBS.path(namespace, job.name), uid=job.uid)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    def _sleep(self, key: Key, todo: Todo, jobs: Sequence[Job], now: datetime) -> None:
        seconds = None if todo.again is None else (todo.again - now).total_seconds() + 0.01
        if not todo.status.finished and any(not job.outcome for job in jobs):
            seconds = min(POLL_SECONDS, seconds or POLL_SECONDS)
        self._queue.wake(key, seconds)


def _without_verdict(evaluation: Evaluation, message: str) -> Todo:
    now = timestamp(datetime.now(timezone.utc))
    return Todo(replace(evaluation.status, phase=ERROR, message=message[:1024], ended=now))


async def evaluate(evaluator: Evaluator) -> None:
    """Run an evaluator's workers."""
    await asyncio.gather(*(evaluator.run() for _ in range(WORKERS)))
