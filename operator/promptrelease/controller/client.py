"""Where the API server is, and who we are."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import urllib.parse
import urllib.request
from pathlib import Path

import kopf
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

logger = logging.getLogger(__name__)

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
BEARER = "BearerToken"
REFUSED_SECONDS = 1.0
"""Between two tries with a token that was refused."""


async def configuration(kubeconfig: Path | None, context: str | None) -> Configuration:
    """Where the API server is and who we are: the pod's service account, else a kubeconfig."""
    client = Configuration()
    client.connection_pool_maxsize = 64
    if kubeconfig is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        token, authority = SERVICE_ACCOUNT / "token", SERVICE_ACCOUNT / "ca.crt"
        loader = InClusterConfigLoader(str(token), str(authority), try_refresh_token=False)
        loader.load_and_set(client)
        client.refresh_api_key_hook = TokenFile(token).refresh  # type: ignore[assignment]
    else:
        await config.load_kube_config(
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=client,
        )
    _settle_proxy(client)
    return client


class TokenFile:
    """A token that is replaced while we run, by the kubelet, before it expires.

    Each request has the one that is in the file at that moment: a kubelet that was away, or a
    machine that slept, brings the new one after the old one has expired.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._told = False

    def refresh(self, client: Configuration) -> None:
        """Have the client use what the file says now; what it had while there is nothing in it."""
        try:
            now = self._path.stat()
            state = (now.st_ino, now.st_mtime_ns)
            if state == self._seen:
                return
            token = self._path.read_text().strip()
        except (OSError, ValueError) as error:
            if not self._told:
                logger.warning("the token can't be read, going on with the last one: %s", error)
            self._told = True
            return
        if token:
            client.api_key[BEARER] = f"Bearer {token}"
            self._seen, self._told = state, False


class Login:
    """Our identity as Kopf wants it: at its start, and again whenever it was refused.

    Kopf ends the operator when it is given what was refused before. But that may be the right thing
    a moment later: an API server that has just started knows no service account yet. So each has a
    number, by which Kopf takes it for another one.
    """

    def __init__(self, client: Configuration) -> None:
        self._client = client
        self._numbers = itertools.count(1)
        self._given = ""
        self._told = False

    async def __call__(self) -> kopf.ConnectionInfo:
        """Return the same as our own calls have; one that was refused only after a pause."""
        client = self._client
        number, bearer = next(self._numbers), await client.get_api_key_with_prefix(BEARER) or ""
        if number > 1 and bearer == self._given:
            if not self._told:
                logger.warning("the API server refused our token, and there is no other: again")
            await asyncio.sleep(REFUSED_SECONDS)
            bearer = await client.get_api_key_with_prefix(BEARER) or ""
        self._told, self._given = bearer == self._given, bearer
        return kopf.ConnectionInfo(
            server=client.host,
            ca_path=client.ssl_ca_cert,
            insecure=not client.verify_ssl,
            certificate_path=client.cert_file,
            private_key_path=client.key_file,
            token=bearer.removeprefix("Bearer ").removeprefix("bearer ") or None,
            priority=number,
        )


def _settle_proxy(client: Configuration) -> None:
    """Look for a proxy once: aiohttp would ask the environment, in a thread, at every request."""
    client.client_session_kwargs = {"trust_env": False}
    url = urllib.parse.urlsplit(client.host)
    if client.proxy is None and not urllib.request.proxy_bypass(url.netloc):
        client.proxy = urllib.request.getproxies().get(url.scheme)
