"""The least that any operator must do: a bare watch, and one apply for each event. No status.

Run as a program it serves a namespace's releases: ``python -m bench.floor KUBECONFIG NAMESPACE``,
or all there are where that is ``""``; then it lists the versions, too, as any operator must. It is
what the operator is measured against, in the same run, with the same client library.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from kubernetes.aio.client import ApiClient

from promptrelease.content.files import Content
from promptrelease.controller.client import configuration
from promptrelease.controller.kube import CONFIG_MAPS, RELEASES, VERSIONS, Kube
from promptrelease.release import render
from promptrelease.release.model import Served
from promptrelease.release.render import MANAGED_BY

APART = "t"
"""Namespaces of a population begin so: what serves them has ConfigMaps there already."""

TEXT = "Summarize the ticket for the team that will answer it. " * 20


async def serve(kubeconfig: Path, namespace: str | None, workers: int = 16) -> None:
    """Write a ConfigMap for each release that changes; never returns."""
    client = await configuration(kubeconfig, None)
    async with ApiClient(client) as api:
        kube = Kube(api)
        queue: asyncio.Queue[tuple[str, str, int]] = asyncio.Queue()
        tasks = [asyncio.create_task(_apply(kube, queue)) for _ in range(workers)]
        version = ""
        known: dict[str, str] = {}
        if namespace is None:
            async for page in kube.pages(VERSIONS.path(namespace)):
                known |= _names(page)
        async for page in kube.pages(RELEASES.path(namespace)):
            version = page["metadata"]["resourceVersion"]
            known |= _names(page)
        print("ready", flush=True)
        while tasks:
            async for line in kube.watch(RELEASES.path(namespace), version):
                event = json.loads(line)
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in ("ADDED", "MODIFIED"):
                    obj = event["object"]
                    wanted = obj["spec"]["labels"]["production"]["version"]
                    meta = obj["metadata"]
                    queue.put_nowait((meta["namespace"], meta["name"], wanted))


def _names(page: dict[str, Any]) -> dict[str, str]:
    return {item["metadata"]["uid"]: item["metadata"]["name"] for item in page["items"]}


async def _apply(kube: Kube, queue: asyncio.Queue[tuple[str, str, int]]) -> None:
    while True:
        namespace, release, version = await queue.get()
        body = config_map(namespace, release, version)
        if namespace.startswith(APART):
            # The operator's own are left as they are, and it is not told of these.
            body["metadata"]["name"] = f"{release}.floor"
            del body["metadata"]["labels"][MANAGED_BY]
        await kube.apply(CONFIG_MAPS.path(namespace, body["metadata"]["name"]), body, force=True)


def config_map(namespace: str, release: str, number: int) -> dict[str, Any]:
    """What the operator would write, so that both ask the same of the API server."""
    content = Content(text=TEXT, model={"provider": "openai", "name": "gpt-5-2026-08-06"})
    served = Served(number, content.digest, number, "2026-01-01T00:00:00Z", "a reason", "", (1, 2))
    data = render.files(release, "production", served, content)
    served = render.with_checksum(served, data)
    return render.config_map(namespace, release, "0" * 36, "production", served, data)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2] or None))
