"""``promptrelease-operator``: the command."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from pathlib import Path

import kopf
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from promptrelease.controller.contents import Contents
from promptrelease.controller.handlers import Handlers, settings
from promptrelease.controller.health import Health
from promptrelease.controller.kube import CONFIG_MAPS, RELEASES, VERSIONS, ApiError, Kube
from promptrelease.controller.queue import WorkQueue
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.refresh import Refresher
from promptrelease.controller.store import ConfigMapSink, Key, Store, VersionSink
from promptrelease.controller.watch import Reflector
from promptrelease.controller.worker import WORKERS, Worker
from promptrelease.release.render import MANAGED_BY, MANAGER

logger = logging.getLogger("promptrelease")

CRD_SECONDS = 2.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="promptrelease-operator",
        description="Serve labelled prompt versions through ConfigMaps.",
    )
    result.add_argument(
        "-n",
        "--namespace",
        default=os.environ.get("PROMPTRELEASE_NAMESPACE", ""),
        help="work in this namespace only (default: all; env PROMPTRELEASE_NAMESPACE)",
    )
    result.add_argument("--kubeconfig", type=Path, help="default: in the pod, else $KUBECONFIG")
    result.add_argument("--context", help="context of the kubeconfig (default: its current one)")
    result.add_argument(
        "--health-port", type=int, default=8080, help="for the probes; 0 for none (default: 8080)"
    )
    result.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"]
    )
    return result


def main() -> int:
    """Run until SIGTERM or SIGINT; 1 when something failed that a restart may mend."""
    args = parser().parse_args()
    logging.basicConfig(
        level=args.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if args.log_level != "debug":
        logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(_run(args))
    except config.ConfigException as error:
        print(f"no cluster to talk to: {error}", file=sys.stderr)
        return 2
    except Exception:
        logger.exception("stopping; a restart begins anew from what is on the cluster")
        return 1
    return 0


async def _run(args: argparse.Namespace) -> None:
    client = await configuration(args.kubeconfig, args.context)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ApiClient(client) as api:
        await operate(Kube(api), client, args.namespace or None, args.health_port, stop)


async def configuration(kubeconfig: Path | None, context: str | None) -> Configuration:
    """Where the API server is and who we are: the pod's service account, else a kubeconfig."""
    client = Configuration()
    client.connection_pool_maxsize = 64
    if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(  # type: ignore[no-untyped-call]
            client_configuration=client
        )
    else:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=client,
        )
    return client


async def operate(
    kube: Kube,
    client: Configuration,
    namespace: str | None,
    health_port: int,
    stop: asyncio.Event,
) -> None:
    """Run the operator until ``stop`` is set, or a part of it ends."""
    queue: WorkQueue[Key] = WorkQueue()
    store = Store(queue.add)
    contents = Contents(kube)
    selector = f"{MANAGED_BY}={MANAGER}"
    reflectors = (
        Reflector(kube, VERSIONS.path(namespace), VersionSink(store, contents.heard)),
        Reflector(kube, CONFIG_MAPS.path(namespace), ConfigMapSink(store), selector),
    )
    handlers = Handlers(kube, store, RELEASES.path(namespace))
    ready = asyncio.Event()
    health = Health(queue, reflectors, ready)
    async with contextlib.AsyncExitStack() as stack:
        if health_port:
            runner = await health.serve(health_port)
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
        worker = Worker(kube, store, queue, contents, Recorder(kube), Refresher(kube))
        tasks |= {asyncio.create_task(worker.run(), name=f"worker {i}") for i in range(WORKERS)}
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
    )
    # Kopf takes the signals for itself, and returns when there was one; else it raises.
    stop.set()


async def _until_installed(kube: Kube, namespace: str | None, stop: asyncio.Event) -> None:
    """Wait for the CustomResourceDefinitions: they may be applied after the Deployment."""
    told = False
    while not stop.is_set():
        try:
            for resource in (RELEASES, VERSIONS):
                async for _ in kube.pages(f"{resource.path(namespace)}", metadata_only=True):
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


if __name__ == "__main__":
    sys.exit(main())
