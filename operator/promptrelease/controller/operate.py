"""The parts of the operator, put together and run until one ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import logging
import signal
import socket
import uuid
from collections.abc import Callable, Coroutine, Set
from functools import partial
from pathlib import Path
from typing import Any, cast

import kopf
from kubernetes.aio.client import Configuration

from promptrelease.controller.contents import Contents
from promptrelease.controller.early import Early
from promptrelease.controller.evaluator import Evaluator, evaluate
from promptrelease.controller.gauges import State
from promptrelease.controller.handlers import Handlers, settings
from promptrelease.controller.health import Health
from promptrelease.controller.kube import (
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    EVALUATIONS,
    FAILURES,
    JOBS,
    POLICIES,
    RELEASES,
    SUITES,
    VERSIONS,
    ApiError,
    Kube,
)
from promptrelease.controller.leader import Election
from promptrelease.controller.queue import Lane, WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.refresh import Refresher
from promptrelease.controller.watch import Reflector
from promptrelease.controller.worker import WORKERS, Worker
from promptrelease.release.render import MANAGED_BY, MANAGER
from promptrelease.release.wire_evaluation import EVALUATION_LABEL
from promptrelease.state.sinks import (
    ApprovalSink,
    ChangeSink,
    ConfigMapSink,
    EvaluationSink,
    PolicySink,
    SuiteSink,
    VersionSink,
)
from promptrelease.state.store import Key, Store

logger = logging.getLogger("promptrelease")

CRD_SECONDS = 2.0
LISTS_AT_ONCE = 2
"""Enough to have the API server at work while we read; more only keeps early edits waiting."""
Part = Callable[[], Coroutine[Any, Any, None]]
KINDS = (RELEASES, VERSIONS, POLICIES, APPROVALS, CHANGES, SUITES, EVALUATIONS)


async def operate(
    kube: Kube, client: Configuration, args: argparse.Namespace, stop: asyncio.Event
) -> None:
    """Run the operator until ``stop`` is set, or a part of it ends."""
    namespace = args.namespace or None
    election = election_of(kube, args) if args.leader_elect else None
    if election is not None:
        kube = kube.behind(election.holds)
    queue: WorkQueue[Key] = WorkQueue()
    ready = asyncio.Event()

    def later(key: Key) -> None:
        queue.add(key, Lane.LOOK)

    def dirty(key: Key) -> None:
        # What a start lists is to be looked at; what is heard afterwards somebody has just done.
        queue.add(key, Lane.SERVE if ready.is_set() else Lane.LOOK)

    store = Store(dirty, later)
    contents = Contents(kube)
    recorder = Recorder(kube)
    releases = RELEASES.path(namespace)
    early = Early(kube, releases, contents, recorder)
    handlers = Handlers(kube, store, releases, early.heard)
    evaluator = Evaluator(kube, store, contents, recorder, args.max_jobs)
    selector = f"{MANAGED_BY}={MANAGER}"
    turns = asyncio.Semaphore(LISTS_AT_ONCE)
    reflectors = (
        # All of these before the first move: a policy that is not known yet would hold nothing.
        Reflector(kube, POLICIES.path(namespace), PolicySink(store)),
        Reflector(kube, APPROVALS.path(namespace), ApprovalSink(store)),
        Reflector(kube, CHANGES.path(namespace), ChangeSink(store)),
        Reflector(kube, SUITES.path(namespace), SuiteSink(store)),
        Reflector(kube, EVALUATIONS.path(namespace), EvaluationSink(store, evaluator.dirty)),
        Reflector(kube, JOBS.path(namespace), evaluator, EVALUATION_LABEL),
        Reflector(kube, VERSIONS.path(namespace), VersionSink(store, contents.heard)),
        Reflector(kube, CONFIG_MAPS.path(namespace), ConfigMapSink(store), selector),
    )
    for reflector in reflectors:
        reflector.turns = turns
    watched = (handlers.reflector, *reflectors)
    state = State(store, queue, watched, ready, each_release=args.release_metrics)
    health = Health(queue, watched, ready, state)
    async with contextlib.AsyncExitStack() as stack:
        if args.health_port:
            runner = await health.serve(args.health_port)
            stack.push_async_callback(runner.cleanup)
        await _until_installed(kube, namespace, stop)
        if stop.is_set():
            return
        if election is not None:
            stack.push_async_callback(election.release)  # after the tasks below have ended
        # Nothing of what is listed is garbage: collections would walk it again and again.
        gc.disable()
        store.scenes.listing = True
        tasks: set[asyncio.Task[Any]] = set()
        stack.push_async_callback(_end, tasks)
        hasty = set() if election is not None else {asyncio.create_task(early.run(), name="early")}
        stack.push_async_callback(_end, hasty)
        tasks.add(asyncio.create_task(handlers.run(), name="watch releases"))
        # First, and alone: it tells what was edited while nobody looked.
        await _until(handlers.reflector.listed, tasks)
        tasks |= {asyncio.create_task(r.run(), name=f"watch {r.path}") for r in reflectors}
        for reflector in reflectors:
            await _until(reflector.listed, tasks)
        await _end(hasty)
        store.scenes.listing = False
        ready.set()
        for key, release in store.releases():
            if release.status.observed_generation != release.generation:
                queue.add(key)  # edited while nobody looked: before all the others
        gc.freeze()
        gc.enable()
        leading = asyncio.Event()
        worker = Worker(kube, store, queue, contents, recorder, Refresher(kube))
        parts: dict[str, Part] = {f"worker {i}": worker.run for i in range(WORKERS)}
        parts["evaluations"] = partial(evaluate, evaluator)
        if args.resync:
            parts["resync"] = partial(_resync, store, queue, args.resync)
        tasks |= {asyncio.create_task(_once(leading, part), name=n) for n, part in parts.items()}
        if election is not None:
            tasks.add(asyncio.create_task(election.run(), name="election"))
            elected = asyncio.create_task(election.leading.wait(), name="elected")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        tasks.add(
            asyncio.create_task(
                _kopf(handlers, client, namespace, stop, queue if election is None else None),
                name="kopf",
            )
        )
        if election is not None:
            # Who waits knows everything that who leads knows, and queues what is to be looked at.
            await _first(tasks | {elected, stopped})
        if not stop.is_set():
            leading.set()
            health.working = state.working = True
            queue.begin()
            logger.info("serving %s, %d prompts", namespace or "all namespaces", len(store.keys()))
            await _first(tasks | {stopped})
        logger.info("stopping")


async def _once(event: asyncio.Event, part: Part) -> None:
    await event.wait()
    await part()


def election_of(kube: Kube, args: argparse.Namespace) -> Election:
    """The election that the command line asks for."""
    namespace, _, name = args.lease.rpartition("/")
    if not namespace:
        in_pod = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
        namespace = in_pod.read_text().strip() if in_pod.exists() else args.namespace or "default"
    me = args.identity or f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    return Election(kube, namespace, name or MANAGER + "-operator", me, args.lease_seconds)


async def _kopf(
    handlers: Handlers,
    client: Configuration,
    namespace: str | None,
    stop: asyncio.Event,
    first: WorkQueue[Key] | None,
) -> None:
    if first is not None:
        # It lists all releases once more, which would keep edits waiting.
        await first.looked()
    registry = kopf.OperatorRegistry()
    handlers.register(registry, client)
    others = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings(),
        clusterwide=namespace is None,
        namespaces=[namespace] if namespace else [],
        standalone=True,
        # Kopf would make one of the user's name, which a container's user may not have.
        identity=cast(Any, socket.gethostname()),
    )
    # Kopf took the signals for itself, and would wait 5 s for tasks that are not its own.
    stop_on_signals(stop)
    await kopf.run_tasks(tasks, ignored=others)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Have the operator end when it is asked to."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _resync(store: Store, queue: WorkQueue[Key], seconds: float) -> None:
    """Look at everything again now and then: should an event have been lost, it is made good."""
    for turn in itertools.count(1):
        await asyncio.sleep(seconds)
        keys = store.keys()
        for key in keys:
            queue.add(key, Lane.LOOK)
        logger.info("resync %d: %d prompts", turn, len(keys))


async def _until_installed(kube: Kube, namespace: str | None, stop: asyncio.Event) -> None:
    """Wait for the CustomResourceDefinitions, which may be applied after the Deployment.

    And for the API server: it may be away for minutes, and kubelet's back-off between restarts
    would only add to that.
    """
    told = False
    while not stop.is_set():
        try:
            for resource in KINDS:
                async for _ in kube.pages(resource.path(namespace), metadata_only=True, limit=1):
                    break
        except FAILURES as error:
            status = error.status if isinstance(error, ApiError) else 503
            if status not in (404, 429) and status < 500:
                raise
            if not told:
                crds = "the CustomResourceDefinitions are not installed; apply crds/"
                logger.warning("%s. Waiting", crds if status == 404 else error or repr(error))
            told = True
        else:
            return
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), CRD_SECONDS)


async def _until(event: asyncio.Event, tasks: set[asyncio.Task[Any]]) -> None:
    """Wait for an event; a task that ends before it takes everything down."""
    waiter = asyncio.create_task(event.wait())
    try:
        await _first({waiter, *tasks})
    finally:
        waiter.cancel()


async def _first(tasks: Set[asyncio.Task[Any]]) -> None:
    """Wait until one of them ends; what it raised is raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _end(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
