"""The parts of the operator, put together and run until one ends."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import logging
import socket
from typing import Any, cast

import kopf
from kubernetes.aio.client import Configuration

from promptrelease.controller.contents import Contents
from promptrelease.controller.evaluator import Evaluator, evaluate
from promptrelease.controller.handlers import Handlers, settings
from promptrelease.controller.health import Health
from promptrelease.controller.kube import (
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    EVALUATIONS,
    JOBS,
    POLICIES,
    RELEASES,
    SUITES,
    VERSIONS,
    ApiError,
    Kube,
)
from promptrelease.controller.queue import WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.refresh import Refresher
from promptrelease.controller.store import (
    ApprovalSink,
    ChangeSink,
    ConfigMapSink,
    EvaluationSink,
    Key,
    PolicySink,
    Store,
    SuiteSink,
    VersionSink,
)
from promptrelease.controller.watch import Reflector
from promptrelease.controller.worker import WORKERS, Worker
from promptrelease.release.render import MANAGED_BY, MANAGER
from promptrelease.release.wire_evaluation import EVALUATION_LABEL

logger = logging.getLogger("promptrelease")

CRD_SECONDS = 2.0
KINDS = (RELEASES, VERSIONS, POLICIES, APPROVALS, CHANGES, SUITES, EVALUATIONS)


async def operate(
    kube: Kube, client: Configuration, args: argparse.Namespace, stop: asyncio.Event
) -> None:
    """Run the operator until ``stop`` is set, or a part of it ends."""
    namespace = args.namespace or None
    queue: WorkQueue[Key] = WorkQueue()
    store = Store(queue.add)
    contents = Contents(kube)
    recorder = Recorder(kube)
    evaluator = Evaluator(kube, store, contents, recorder, args.max_jobs)
    selector = f"{MANAGED_BY}={MANAGER}"
    reflectors = (
        Reflector(kube, VERSIONS.path(namespace), VersionSink(store, contents.heard)),
        Reflector(kube, CONFIG_MAPS.path(namespace), ConfigMapSink(store), selector),
        # All of these before the first move: a policy that is not known yet would hold nothing.
        Reflector(kube, POLICIES.path(namespace), PolicySink(store)),
        Reflector(kube, APPROVALS.path(namespace), ApprovalSink(store)),
        Reflector(kube, CHANGES.path(namespace), ChangeSink(store)),
        Reflector(kube, SUITES.path(namespace), SuiteSink(store)),
        Reflector(kube, EVALUATIONS.path(namespace), EvaluationSink(store, evaluator.dirty)),
        Reflector(kube, JOBS.path(namespace), evaluator, EVALUATION_LABEL),
    )
    handlers = Handlers(kube, store, RELEASES.path(namespace))
    ready = asyncio.Event()
    health = Health(queue, reflectors, ready)
    async with contextlib.AsyncExitStack() as stack:
        if args.health_port:
            runner = await health.serve(args.health_port)
            stack.push_async_callback(runner.cleanup)
        await _until_installed(kube, namespace, stop)
        if stop.is_set():
            return
        tasks = {asyncio.create_task(r.run(), name=f"watch {r.path}") for r in reflectors}
        stack.push_async_callback(_end, tasks)
        for reflector in reflectors:
            await _until(reflector.listed, tasks)
        await handlers.load()
        ready.set()
        # What is known now stays: collections need not walk it again and again.
        gc.collect()
        gc.freeze()
        logger.info("serving %s, %d prompts", namespace or "all namespaces", len(store.keys()))
        worker = Worker(kube, store, queue, contents, recorder, Refresher(kube))
        tasks |= {asyncio.create_task(worker.run(), name=f"worker {i}") for i in range(WORKERS)}
        tasks.add(asyncio.create_task(evaluate(evaluator), name="evaluations"))
        if args.resync:
            tasks.add(asyncio.create_task(_resync(store, queue, args.resync), name="resync"))
        tasks.add(asyncio.create_task(_kopf(handlers, client, namespace, stop), name="kopf"))
        await _until(stop, tasks)
        logger.info("stopping")


async def _kopf(
    handlers: Handlers, client: Configuration, namespace: str | None, stop: asyncio.Event
) -> None:
    registry = kopf.OperatorRegistry()
    handlers.register(registry, client)
    await kopf.operator(
        registry=registry,
        settings=settings(),
        clusterwide=namespace is None,
        namespaces=[namespace] if namespace else [],
        standalone=True,
        # Kopf would make one of the user's name, which a container's user may not have.
        identity=cast(Any, socket.gethostname()),
    )
    # Kopf takes the signals for itself, and returns when there was one; else it raises.
    stop.set()


async def _resync(store: Store, queue: WorkQueue[Key], seconds: float) -> None:
    """Look at everything again now and then: should an event have been lost, it is made good."""
    for turn in itertools.count(1):
        await asyncio.sleep(seconds)
        keys = store.keys()
        for key in keys:
            queue.add(key)
        logger.info("resync %d: %d prompts", turn, len(keys))


async def _until_installed(kube: Kube, namespace: str | None, stop: asyncio.Event) -> None:
    """Wait for the CustomResourceDefinitions: they may be applied after the Deployment."""
    told = False
    while not stop.is_set():
        try:
            for resource in KINDS:
                async for _ in kube.pages(resource.path(namespace), metadata_only=True):
                    break
        except ApiError as error:
            if error.status != 404:
                raise
        else:
            return
        if not told:
            logger.warning("the CustomResourceDefinitions are not installed; apply crds/. Waiting")
            told = True
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), CRD_SECONDS)


async def _until(event: asyncio.Event, tasks: set[asyncio.Task[None]]) -> None:
    """Wait for an event; a task that ends before it takes everything down."""
    waiter = asyncio.create_task(event.wait())
    try:
        done, _ = await asyncio.wait({waiter, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
    for task in done & tasks:
        task.result()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
