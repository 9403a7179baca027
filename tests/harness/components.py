"""The command lines of the control plane's components."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass
from pathlib import Path

from harness.credentials import Credentials

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

# Below what Linux hands out as source ports (32768 and up): there, anybody's outgoing connection
# could take the API server's port between its end and its restart.
PORTS = range(20_000, 30_000)


@dataclass(frozen=True)
class Layout:
    """Where a control plane keeps what its components read and write."""

    folder: Path
    credentials: Credentials

    @property
    def bin(self) -> Path:
        """Links to the programs, by their names."""
        return self.folder / "bin"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.folder / "logs"

    @property
    def certificates(self) -> Path:
        """Made by the API server when it first starts."""
        return self.folder / "certificates"

    @property
    def service_account_key(self) -> Path:
        """Signs and verifies the tokens of service accounts."""
        return self.folder / "service-account.key"

    def command(self, component: str, port: int) -> list[str]:
        """Return the command line of a component; `port` is the API server's."""
        arguments = {
            "etcd": self._etcd,
            "kube-apiserver": lambda: self._api_server(port),
            "kube-controller-manager": self._controller_manager,
            "kube-scheduler": self._scheduler,
        }[component]()
        return [str(self.bin / component), *arguments]

    @property
    def etcd_socket(self) -> Path:
        """Where etcd listens: in our own folder there is no port to lose, and no other etcd."""
        return self.folder / "etcd.sock"

    def _etcd(self) -> list[str]:
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls=unix://{self.etcd_socket}",
            "--advertise-client-urls=http://127.0.0.1:0",  # not a socket, says etcd
            "--listen-peer-urls=http://127.0.0.1:0",  # there are no peers
            "--unsafe-no-fsync",  # the data need not survive the machine
        ]

    def _api_server(self, port: int) -> list[str]:
        return [
            f"--etcd-servers=unix://{self.etcd_socket}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # Endpoints refuse loopback addresses
            f"--cert-dir={self.certificates}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.credentials.token_file}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.service_account_key}",
            f"--service-account-signing-key-file={self.service_account_key}",
            "--allow-privileged=true",
            "--profiling=false",
        ]

    def _controller_manager(self) -> list[str]:
        return [
            f"--kubeconfig={self.credentials.kubeconfig('system:kube-controller-manager')}",
            f"--root-ca-file={self.credentials.ca_file}",
            f"--service-account-private-key-file={self.service_account_key}",
            # Each controller under its own name, which admission policies may ask for, as usual.
            "--use-service-account-credentials",
            # That many identities take 5 s at the default rate, and 0.5 s without a limit.
            "--kube-api-qps=1000",
            "--kube-api-burst=1000",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
        ]

    def _scheduler(self) -> list[str]:
        return [
            f"--kubeconfig={self.credentials.kubeconfig('system:kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--profiling=false",
        ]


def free_port() -> int:
    """Return a loopback port on which nobody listens now."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Go listens
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
