"""The least that any operator must do: a bare watch, and one apply for each event. No status.

Run as a program it serves a namespace's releases: ``python -m bench.floor KUBECONFIG NAMESPACE``.
It is what the operator is measured against, in the same run, with the same client library.
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
from promptrelease.controller.kube import CONFIG_MAPS, RELEASES, Kube
from promptrelease.release import render
from promptrelease.release.model import Served

TEXT = "Summarize the ticket for the team that will answer it. " * 20


async def serve(kubeconfig: Path, namespace: str, workers: int = 16) -> None:
    """Write a ConfigMap for each release that changes; never returns."""
    client = await configuration(kubeconfig, None)
    async with ApiClient(client) as api:
        kube = Kube(api)
        queue: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        tasks = [asyncio.create_task(_apply(kube, namespace, queue)) for _ in range(workers)]
        version = ""
        async for page in kube.pages(RELEASES.path(namespace)):
            version = page["metadata"]["resourceVersion"]
        print("ready", flush=True)
        while tasks:
            async for line in kube.watch(RELEASES.path(namespace), version):
                event = json.loads(line)
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in ("ADDED", "MODIFIED"):
                    obj = event["object"]
                    wanted = obj["spec"]["labels"]["production"]["version"]
                    queue.put_nowait((obj["metadata"]["name"], wanted))


async def _apply(kube: Kube, namespace: str, queue: asyncio.Queue[tuple[str, int]]) -> None:
    while True:
        release, version = await queue.get()
        body = config_map(namespace, release, version)
        await kube.apply(CONFIG_MAPS.path(namespace, body["metadata"]["name"]), body, force=True)


def config_map(namespace: str, release: str, number: int) -> dict[str, Any]:
    """What the operator would write, so that both ask the same of the API server."""
    content = Content(text=TEXT, model={"provider": "openai", "name": "gpt-5-2026-08-06"})
    served = Served(number, content.digest, number, "2026-01-01T00:00:00Z", "a reason", "", (1, 2))
    data = render.files(release, "production", served, content)
    served = render.with_checksum(served, data)
    return render.config_map(namespace, release, "0" * 36, "production", served, data)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
