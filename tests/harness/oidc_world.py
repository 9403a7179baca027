"""An OpenID provider, an API server that trusts it, and consoles that send people to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.components import free_port
from harness.console import console
from harness.controlplane import ControlPlane
from harness.oidc_provider import PREFIX, OpenIdProvider, openid_provider

RBAC = "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class OidcWorld:
    """All three.

    Attributes:
        plane: its people are ``oidc:alice`` and so on; ControlPlane.token's are there beside them.
        provider: where they sign in.
        ports: where consoles may be, so that the provider sends people back to them.

    """

    plane: ControlPlane
    provider: OpenIdProvider
    ports: Sequence[int]

    @contextmanager
    def console(self, *arguments: str, number: int = 0, secret: str = "") -> Iterator[str]:
        """Run a console on one of the ports; yields its URL."""
        with console(
            self.plane,
            "default",
            *self.provider.console_arguments,
            *arguments,
            port=self.ports[number],
            secret=secret,
        ) as url:
            yield url

    def bind(self, namespace: str, role: str, user: str = "", group: str = "") -> None:
        """Give one of the provider's people, or a group of it, a role of manifests/roles."""
        kind, name = ("User", user) if user else ("Group", group)
        subject = {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": kind,
            "name": PREFIX + name,
        }
        self.plane.request(
            "POST",
            f"{RBAC}/namespaces/{namespace}/rolebindings",
            {
                "metadata": {"name": f"{kind.lower()}-{name}-{role}"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": f"promptrelease-{role}",
                },
                "subjects": [subject],
            },
        )


@contextmanager
def oidc_world(
    folder: Path,
    *,
    consoles: int = 1,
    components: Sequence[str] = ("etcd", "kube-apiserver"),
) -> Iterator[OidcWorld]:
    """Start a provider and a control plane; neither has CRDs or roles yet.

    Args:
        folder: for the provider's files.
        consoles: how many of them the provider sends people back to.
        components: of the control plane.

    """
    ports = [free_port() for _ in range(consoles)]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(openid_provider(urls, folder=folder / "oidc"))
        arguments = {"kube-apiserver": provider.api_server_arguments}
        plane = stack.enter_context(ControlPlane(components, arguments=arguments))
        yield OidcWorld(plane, provider, ports)
