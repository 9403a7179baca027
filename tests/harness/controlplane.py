"""A control plane for tests: etcd and kube-apiserver, and more when asked for."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from harness import audit, binary
from harness.components import COMPONENTS, Layout, free_port
from harness.credentials import Credentials
from harness.supervisor import ControlPlaneError, Supervisor

KEEP_LOGS_VARIABLE = "PROMPTRELEASE_KEEP_LOGS"
PORT_ATTEMPTS = 5
POLL_SECONDS = 0.05
POLL_TIMEOUT_SECONDS = 2.0  # whoever listens on our port may be somebody else, and silent
KUBECTL_SECONDS = 120.0


class KubectlError(subprocess.CalledProcessError):
    """kubectl failed; unlike its base, the message has what it wrote."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stdout}{self.stderr}"


class RequestError(RuntimeError):
    """The API server refused a request."""

    def __init__(self, status: int, body: str) -> None:
        """Keep the HTTP status code and the answer: a Status object in JSON, mostly."""
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class ControlPlane:
    """A real Kubernetes control plane on loopback, as a context manager.

    Everything it starts and writes goes away with it, also when this process is killed. The logs
    alone are kept, and their folder printed, when the with block ends by an exception, when
    `keep_logs` is true, or when the environment has PROMPTRELEASE_KEEP_LOGS=1. With
    PROMPTRELEASE_AUDIT, see harness.audit, it leaves what the operator asked for.
    """

    def __init__(
        self,
        components: Sequence[str] = ("etcd", "kube-apiserver"),
        *,
        arguments: Mapping[str, Sequence[str]] | None = None,
        keep_logs: bool = False,
        timeout: float = 60.0,
    ) -> None:
        """Choose what to start.

        components: in the order to start, from COMPONENTS; etcd and kube-apiserver come first.
        arguments: more command line arguments, by component; they win over the ones given here.
        timeout: in seconds, for each component to be ready.
        """
        unknown = set(components) - set(COMPONENTS)
        if unknown or tuple(components[:2]) != COMPONENTS[:2]:
            raise ValueError(f"components: {COMPONENTS[:2]}, then any of {COMPONENTS[2:]}")
        self.timeout = timeout
        self._components = tuple(components)
        self._arguments = dict(arguments or {})
        self._keep_logs = keep_logs or os.environ.get(KEEP_LOGS_VARIABLE) == "1"
        self._audited = os.environ.get(audit.VARIABLE, "")
        self._port = 0

    # ---- its life

    def __enter__(self) -> ControlPlane:
        """Start. Raises BuildError, or ControlPlaneError with the end of the logs."""
        programs = binary.find()
        # A socket's path may have about 100 characters, ours among them.
        where = tempfile.gettempdir() if len(tempfile.gettempdir()) < 60 else "/tmp"
        self.folder = Path(tempfile.mkdtemp(prefix="promptrelease-", dir=where)).resolve()
        # First of all, so that the folder already has somebody who removes it.
        self._supervisor = Supervisor(programs.own, self.folder)
        try:
            certificate = self.folder / "certificates" / "apiserver.crt"
            self._layout = Layout(self.folder, Credentials(self.folder, certificate))
            programs.link_into(self.bin_dir)
            key = self._layout.service_account_key
            subprocess.run([programs.own, "service-account-key", key], check=True)
            for component in self._components:
                self.start_component(component)
        except BaseException as error:
            self._close(failed=isinstance(error, Exception))
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End everything; an interrupt or sys.exit() is no failure."""
        self._close(failed=isinstance(error, Exception))

    def _close(self, *, failed: bool) -> None:
        if self._audited:
            log = audit.log_of(self._arguments.get("kube-apiserver", ()), self.folder)
            audit.keep(log, Path(self._audited), self.folder.name)
        if self._keep_logs or failed:
            try:
                self._supervisor.keep_logs()
                print(f"\ncontrol plane: the logs are in {self.folder / 'logs'}", file=sys.stderr)
            except ControlPlaneError as gone:
                print(f"\ncontrol plane: no logs: {gone}", file=sys.stderr)
        self._supervisor.close()

    # ---- where and who

    @property
    def url(self) -> str:
        """The API server's URL."""
        return self._layout.credentials.server

    @property
    def ca_file(self) -> Path:
        """The certificates, in PEM, by which to verify the API server."""
        return self._layout.credentials.ca_file

    @property
    def bin_dir(self) -> Path:
        """A folder with kubectl and the others, for a PATH."""
        return self._layout.bin

    @property
    def log_dir(self) -> Path:
        """A folder with a log file for each component."""
        return self._layout.logs

    @property
    def supervisor_pid(self) -> int:
        """The process that ends the others."""
        return self._supervisor.pid

    def token(self, user: str = "admin") -> str:
        """Return a user's bearer token. Raises KeyError when it is not in credentials.GROUPS."""
        return self._layout.credentials.token(user)

    def kubeconfig(self, user: str = "admin", namespace: str | None = None) -> Path:
        """Return a user's kubeconfig file, with `namespace` as its default namespace."""
        return self._layout.credentials.kubeconfig(user, namespace)

    def kubeconfig_for_service_account(self, namespace: str, name: str) -> Path:
        """Return a kubeconfig with a token that is asked for now, and valid for a day.

        Raises KubectlError when there is no such service account.
        """
        asked = self.kubectl("create", "token", name, f"--namespace={namespace}", "--duration=24h")
        user = f"system:serviceaccount:{namespace}:{name}"
        return self._layout.credentials.write_kubeconfig(user, asked.stdout.strip(), namespace)

    # ---- speaking to it

    def kubectl(
        self,
        *args: str | Path,
        user: str | Path = "admin",
        stdin: str | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as `user`: an identity's name, or a kubeconfig file.

        Raises KubectlError when it fails, unless `check` is false, and
        subprocess.TimeoutExpired after KUBECTL_SECONDS.
        """
        kubeconfig = user if isinstance(user, Path) else self.kubeconfig(user)
        command = [str(self.bin_dir / "kubectl"), *map(str, args)]
        done = subprocess.run(
            command,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=KUBECTL_SECONDS,
            env={**os.environ, **self.environment(kubeconfig)},
        )
        if check and done.returncode != 0:
            raise KubectlError(done.returncode, command, done.stdout, done.stderr)
        return done

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """Return what a program's environment needs for kubectl to be found and to reach us."""
        return {
            "KUBECONFIG": str(kubeconfig or self.kubeconfig()),
            "KUBECACHEDIR": str(self.folder / "kubectl-cache"),
            "KUBERC": "off",
            "PATH": f"{self.bin_dir}:{os.environ['PATH']}",
        }

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "admin",
        content_type: str = "application/json",
        timeout: float = 30.0,
    ) -> Any:
        """Send one request and return the answer, parsed if it is JSON: kubectl takes longer.

        Raises RequestError when the API server refuses it, and OSError or http.client.HTTPException
        when it does not answer, in `timeout` seconds for each step of it.
        """
        address = urllib.parse.urlsplit(self.url)
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection(address.netloc, timeout=timeout, context=context)
        with contextlib.closing(connection):
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={
                    "Authorization": f"Bearer {self.token(user)}",
                    "Content-Type": content_type,
                },
            )
            response = connection.getresponse()
            text = response.read().decode()
        if response.status >= 400:
            raise RequestError(response.status, text)
        is_json = response.headers.get_content_type() == "application/json"
        return json.loads(text) if is_json else text

    # ---- its components, one by one

    def start_component(self, name: str) -> int:
        """Start a component, or start it again, wait until it is ready, and return its process id.

        The API server comes back on the port it had. Raises ControlPlaneError.
        """
        if name != "kube-apiserver":
            return self._start(name, self._port)
        if self._port:
            pid = self._start(name, self._port)
            self._wait_until(self._ask_for_its_kinds, name)
            return pid
        for _ in range(PORT_ATTEMPTS):
            port = free_port()
            try:
                pid = self._start(name, port)
            except ControlPlaneError:
                # Somebody else may have taken the port since we looked.
                if "address already in use" not in self._tail(name):
                    raise
            else:
                self._port = port
                return pid
        raise ControlPlaneError(f"no free port in {PORT_ATTEMPTS} attempts")

    def stop_component(self, name: str, sig: signal.Signals = signal.SIGTERM) -> str:
        """Send `sig` to a component, wait for its end, and return how it ended.

        A component that does not end is killed after supervisor.GRACE_SECONDS.
        """
        return self._supervisor.stop(name, sig)

    def running(self, name: str) -> int | None:
        """Return a component's process id, or None when it has ended by itself."""
        return self._supervisor.running(name)

    def start_process(
        self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> int:
        """Start any other program, which ends before the control plane does; return its id.

        Its working folder is the control plane's, and `logs(name)` is what it writes.
        """
        return self._supervisor.start(name, command, env)

    def logs(self, name: str) -> str:
        """Return what a component has written so far, its earlier runs included."""
        return (self.log_dir / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str, port: int) -> int:
        self._layout.credentials.server = f"https://127.0.0.1:{port}"
        command = self._layout.command(name, port)
        if self._audited and name == "kube-apiserver":
            command += audit.arguments(self.folder)
        command += self._arguments.get(name, ())
        if not Path(command[0]).exists():
            raise ControlPlaneError(f"there is no {name} in KUBEBUILDER_ASSETS")
        pid = self._supervisor.start(name, command)
        ready: dict[str, Callable[[], object]] = {
            "etcd": self._connect_to_etcd,  # an API server that comes too early waits a second
            "kube-apiserver": lambda: self.request("GET", "/readyz", timeout=POLL_TIMEOUT_SECONDS),
            # The first thing that pods wait for.
            "kube-controller-manager": lambda: self.request(
                "GET", "/api/v1/namespaces/default/serviceaccounts/default"
            ),
        }
        if name in ready:
            self._wait_until(ready[name], name)
        return pid

    def _wait_until(self, ready: Callable[[], object], name: str) -> None:
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                ready()
            except (OSError, http.client.HTTPException, RequestError) as error:
                reason = error
            else:
                return
            ended = self._supervisor.running(name) is None
            if ended or time.monotonic() > deadline:
                how = "ended" if ended else f"was not ready in {self.timeout:.0f} s ({reason})"
                raise ControlPlaneError(f"{name} {how}; the end of its log:\n{self._tail(name)}")
            time.sleep(POLL_SECONDS)

    def _ask_for_its_kinds(self) -> None:
        """Custom kinds are served again some time after the API server is ready."""
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for crd in self.request("GET", crds)["items"]:
            spec = crd["spec"]
            version = next(one["name"] for one in spec["versions"] if one["served"])
            path = f"/apis/{spec['group']}/{version}/{spec['names']['plural']}?limit=1"
            self.request("GET", path)
            self._try_to_write(spec, version)

    def _try_to_write(self, spec: Mapping[str, Any], version: str) -> None:
        """Where a MutatingAdmissionPolicy has a say, writes wait for the kind's schema."""
        kind = {"apiVersion": f"{spec['group']}/{version}", "kind": spec["names"]["kind"]}
        path = f"/apis/{kind['apiVersion']}/namespaces/default/{spec['names']['plural']}"
        try:
            body = {**kind, "metadata": {"name": "probe"}, "spec": {}}
            self.request("POST", f"{path}?dryRun=All", body)
        except RequestError as error:
            if error.status == 503:
                raise

    def _connect_to_etcd(self) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._layout.etcd_socket))

    def _tail(self, name: str) -> str:
        return "\n".join(self.logs(name).splitlines()[-25:])
