"""Where the API server is, and who we are."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import Configuration


async def configuration(kubeconfig: Path | None, context: str | None) -> Configuration:
    """Where the API server is and who we are: the pod's service account, else a kubeconfig."""
    client = Configuration()
    client.connection_pool_maxsize = 64
    if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=client)
    else:
        await config.load_kube_config(
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=client,
        )
    _settle_proxy(client)
    return client


def _settle_proxy(client: Configuration) -> None:
    """Look for a proxy once: aiohttp would ask the environment, in a thread, at every request."""
    client.client_session_kwargs = {"trust_env": False}
    url = urllib.parse.urlsplit(client.host)
    if client.proxy is None and not urllib.request.proxy_bypass(url.netloc):
        client.proxy = urllib.request.getproxies().get(url.scheme)
