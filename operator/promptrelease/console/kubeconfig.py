"""Where the API server is: from a kubeconfig, or from the pod that the console runs in.

The console takes the address and who vouches for it, and nothing of a kubeconfig's users: what it
does, it does as the people who sign in.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from promptrelease.console.settings import SettingsMistake

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
UNSUPPORTED = ("insecure-skip-tls-verify", "proxy-url", "tls-server-name")


@dataclass(frozen=True)
class Place:
    """An API server.

    Attributes:
        server: its URL.
        ca_file, ca_data: who signed its certificate, as a file or as PEM text; one, or none.
        namespace: of the context, or of the pod; may be empty.

    """

    server: str
    ca_file: str = ""
    ca_data: str = ""
    namespace: str = ""


def in_pod(environment: Mapping[str, str], account: Path = ACCOUNT) -> Place | None:
    """The API server of the pod that this runs in; none outside of one."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (account / "ca.crt").exists():
        return None
    shown = f"[{host}]" if ":" in host else host
    namespace = account / "namespace"
    return Place(
        server=f"https://{shown}:{port}",
        ca_file=str(account / "ca.crt"),
        namespace=namespace.read_text().strip() if namespace.exists() else "",
    )


def read(file: Path, context: str = "") -> Place:
    """The API server of a context of a kubeconfig, the current one when none is named.

    Raises SettingsMistake.
    """
    try:
        config = yaml.safe_load(file.read_text())
    except OSError as error:
        raise SettingsMistake(f"no API server: can't read {file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SettingsMistake(f"{file} is no kubeconfig: {error}") from error
    if not isinstance(config, dict):
        raise SettingsMistake(f"{file} is no kubeconfig")
    name = context or config.get("current-context") or ""
    chosen = _named(config, "contexts", "context", name, file)
    cluster = _named(config, "clusters", "cluster", str(chosen.get("cluster", "")), file)
    for key in UNSUPPORTED:
        if cluster.get(key):
            raise SettingsMistake(f"{file}: {key} is not supported; give --server and --ca-file")
    ca_file = cluster.get("certificate-authority", "")
    try:
        encoded = "".join(str(cluster.get("certificate-authority-data") or "").split())
        ca_data = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise SettingsMistake(f"{file}: certificate-authority-data is not base64") from error
    return Place(
        server=str(cluster.get("server", "")),
        ca_file=str(file.parent / ca_file) if ca_file else "",
        ca_data=ca_data,
        namespace=chosen.get("namespace") or "",
    )


def _named(
    config: Mapping[str, Any], plural: str, singular: str, name: str, file: Path
) -> dict[str, Any]:
    listed = config.get(plural)
    entries: dict[Any, dict[str, Any]] = {
        entry.get("name"): entry[singular]
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get(singular), dict)
    }
    if name not in entries:
        known = ", ".join(map(str, entries)) or "none"
        raise SettingsMistake(f"{file} has no {singular} {name!r}; it has: {known}")
    return entries[name]
