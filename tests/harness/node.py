"""A real node: containerd and kubelet beside a control plane, for tests that need real pods."""

from __future__ import annotations

import ipaddress
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from harness import images, packages
from harness.components import COMPONENTS, free_port
from harness.controlplane import ControlPlane
from harness.keeper import READY, Keep
from harness.packages import Unavailable, which
from harness.supervisor import ControlPlaneError

NAME = "node"
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
NETWORKS = ipaddress.ip_network("10.128.0.0/9")
CNI_PLUGINS = "/usr/lib/cni"
AUTHENTICATION = {
    "apiVersion": "apiserver.config.k8s.io/v1",
    "kind": "AuthenticationConfiguration",
    "jwt": [],
}

Json = dict[str, Any]


class Node:
    """A control plane with controllers and scheduler, and one node, as a context manager.

    Pods reach the API server where they do everywhere, at the Service ``kubernetes``, and the test
    reaches pods by their addresses. Pods do not reach each other's Services, names, or the world:
    there is no kube-proxy, no DNS and no route out. Everything it starts goes away with it, also
    when this process is killed; when the supervisor is killed too, containers and the bridge stay.
    """

    def __init__(self, *, keep_logs: bool = False) -> None:
        """Look at the machine, install missing packages, choose addresses.

        Raises Unavailable.
        """
        packages.require()
        pods, services = _free_networks()
        self._pods, self._gateway = pods, next(pods.hosts())
        self._service = next(services.hosts())
        self._trusted = tempfile.TemporaryDirectory(prefix="promptrelease-trust-")
        self._authentication = Path(self._trusted.name, "authentication.yaml")
        self._authentication.write_text(json.dumps(AUTHENTICATION))
        self.control_plane = ControlPlane(
            COMPONENTS,
            arguments={
                "kube-apiserver": [
                    f"--service-cluster-ip-range={services}",
                    f"--authentication-config={self._authentication}",
                ]
            },
            keep_logs=keep_logs,
        )
        self._snapshotter = ""

    def __enter__(self) -> Node:
        """Start, with images built or from the cache.

        Raises Unavailable, ImageError, BuildError, or ControlPlaneError with the end of the logs.
        """
        archives = images.archives()
        self.control_plane.__enter__()
        try:
            self._start(archives)
        except BaseException as error:
            self.control_plane.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the node and the control plane; pods are not asked."""
        self.control_plane.__exit__(kind, error, trace)
        self._trusted.cleanup()

    def trust(self, issuer: Json) -> None:
        """Have the API server take an OpenID provider's tokens: ``jwt`` of its configuration.

        It reads the file again as that changes, within a second or a minute.
        """
        partial = self._authentication.with_suffix(".partial")
        partial.write_text(json.dumps({**AUTHENTICATION, "jwt": [issuer]}))
        partial.rename(self._authentication)

    @property
    def folder(self) -> Path:
        """All that belongs to it."""
        return self.control_plane.folder

    @property
    def bridge(self) -> str:
        """The network interface that the pods are plugged into."""
        return f"pr{self.folder.name[-8:]}"

    def container_log(self, namespace: str, pod: str) -> str:
        """What a pod's containers wrote, in kubelet's format; empty when they wrote nothing."""
        files = (self.folder / "pod-logs").glob(f"{namespace}_{pod}_*/*/*.log")
        return "\n".join(file.read_text(errors="replace") for file in sorted(files))

    def containers(self) -> list[str]:
        """The ids of all containers that run, those included which only hold a pod's network."""
        tasks = self._state / "io.containerd.runtime.v2.task" / "k8s.io"
        return sorted(task.name for task in tasks.iterdir()) if tasks.exists() else []

    def process_status(self, container: str) -> dict[str, str]:
        """What the kernel says about a container's first process: /proc/PID/status, by name."""
        task = self._state / "io.containerd.runtime.v2.task" / "k8s.io" / container
        status = Path("/proc", (task / "init.pid").read_text(), "status").read_text()
        return {
            name: value.strip()
            for name, _, value in (s.partition(":") for s in status.splitlines())
        }

    def load(self, archive: Path) -> None:
        """Import an image, so that pods find it. Raises ControlPlaneError."""
        done = self._ctr(
            *("--namespace=k8s.io", "images", "import"),
            *(f"--snapshotter={self._snapshotter}", str(archive)),
        )
        if done.returncode != 0:
            raise ControlPlaneError(f"import of {archive}: {done.stdout}{done.stderr}")

    def stop_kubelet(self) -> None:
        """Kill kubelet, as if the node were lost: containers go on, and nobody hears of them."""
        self.control_plane.stop_component("kubelet", signal.SIGKILL)

    def start_kubelet(self) -> None:
        """Start kubelet; what it finds running is its own."""
        arguments = [
            f"--config={self.folder / 'kubelet.json'}",
            f"--kubeconfig={self.control_plane.kubeconfig()}",
            f"--root-dir={self.folder / 'kubelet'}",
            f"--cert-dir={self.folder / 'kubelet-certificates'}",
            f"--hostname-override={NAME}",
            f"--node-ip={self._gateway}",
        ]
        kubelet = str(self.control_plane.bin_dir / "kubelet")
        self.control_plane.start_process("kubelet", [kubelet, *arguments])

    # ---- its parts, in the order of their start

    def _start(self, archives: list[Path]) -> None:
        kubelet = self.control_plane.bin_dir / "kubelet"
        if not kubelet.exists():
            raise Unavailable("there is no kubelet in KUBEBUILDER_ASSETS")
        self._start_keeper()
        self._start_containerd(archives)
        self._write("kubelet.json", json.dumps(self._kubelet_config()))
        self.start_kubelet()
        self._wait("kubelet", self._is_ready)

    def _start_keeper(self) -> None:
        config = self.folder / "keeper.json"
        Keep(
            bridge=self.bridge,
            gateway=f"{self._gateway}/{self._pods.prefixlen}",
            service=str(self._service),
            api_server=int(self.control_plane.url.rpartition(":")[2]),
            folder=str(self.folder),
            state=str(self._state),
        ).write(config)
        command: list[str | Path] = [sys.executable, "-m", "harness.keeper", config]
        source = str(Path(__file__).parents[1])
        self.control_plane.start_process("keeper", command, {"PYTHONPATH": source})
        self._wait("keeper", lambda: READY in self.control_plane.logs("keeper"))

    def _start_containerd(self, archives: list[Path]) -> None:
        cni = self.folder / "cni"
        cni.mkdir()
        (cni / "10-pods.conflist").write_text(json.dumps(self._cni_config()))
        # Where an overlay can't be mounted, each container gets a copy of its image's files.
        self._snapshotter = "overlayfs" if packages.overlay_works(self.folder) else "native"
        config = self._write("containerd.toml", self._containerd_config(cni))
        self.control_plane.start_process(
            "containerd",
            [which("containerd"), f"--config={config}"],
            {"PATH": packages.SYSTEM_PATH},
        )
        self._wait("containerd", lambda: self._ctr("version").returncode == 0)
        for archive in archives:
            self.load(archive)

    @property
    def _socket(self) -> Path:
        return self.folder / "containerd.sock"

    @property
    def _state(self) -> Path:
        return self.folder / "containerd-state"

    def _is_ready(self) -> bool:
        nodes = self.control_plane.request("GET", "/api/v1/nodes")["items"]
        conditions = [c for node in nodes for c in node["status"].get("conditions", ())]
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
        return ready and not any(node["spec"].get("taints") for node in nodes)

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [which("ctr"), f"--address={self._socket}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    def _wait(self, name: str, ready: Any) -> None:
        """Wait for a part to be ready, or tell how its log ends."""
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            ended = self.control_plane.running(name) is None
            if ended or time.monotonic() > deadline:
                how = "has ended" if ended else f"was not ready in {READY_SECONDS:.0f} s"
                log = self.control_plane.logs(name)[-4000:]
                raise ControlPlaneError(f"{name} {how}; the end of its log:\n{log}")
            time.sleep(POLL_SECONDS)

    def _write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text)
        return file

    # ---- their settings

    def _cni_config(self) -> dict[str, Any]:
        # The bridge is there already: a plugin that makes it the gateway would let the machine
        # forward packets, for everybody.
        ipam = {
            "type": "host-local",
            "dataDir": str(self.folder / "cni-addresses"),
            "ranges": [[{"subnet": str(self._pods), "gateway": str(self._gateway)}]],
            "routes": [{"dst": "0.0.0.0/0", "gw": str(self._gateway)}],
        }
        plugin = {"type": "bridge", "bridge": self.bridge, "ipam": ipam}
        return {"cniVersion": "0.4.0", "name": self.bridge, "plugins": [plugin]}

    def _containerd_config(self, cni: Path) -> str:
        return f"""
version = 2
root = "{self.folder / "containerd"}"
state = "{self._state}"
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{self._socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  # Without CAP_SYS_RESOURCE nobody may lower it below what it inherited.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{self._snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{self.folder / "runc"}"
"""

    def _kubelet_config(self) -> dict[str, Any]:
        socket = f"unix://{self._socket}"
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": socket,
            "imageServiceEndpoint": socket,
            "address": str(self._gateway),
            "port": free_port(),
            "healthzPort": 0,
            "readOnlyPort": 0,
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}},
            "resolvConf": str(self._write("resolv.conf", "")),
            "podLogsDir": str(self.folder / "pod-logs"),
            "volumePluginDir": str(self.folder / "volume-plugins"),
            # For machines like a small virtual one or a container, with cgroups of version 1.
            "failCgroupV1": False,
            "failSwapOn": False,
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "localStorageCapacityIsolation": False,
            "oomScoreAdj": 0,
            # The machine is not ours to tidy up.
            "makeIPTablesUtilChains": False,
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1Mi"},
        }


def _free_networks() -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]:
    """Two neighbouring private /24 networks to which this machine has no route."""
    listed = subprocess.run([which("ip"), "-json", "route"], capture_output=True, text=True)
    taken = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in json.loads(listed.stdout or "[]")
        if route["dst"] != "default"
    ]
    for _ in range(100):
        start = int(NETWORKS.network_address) + random.randrange(NETWORKS.num_addresses >> 9) * 512
        both = ipaddress.IPv4Network((start, 23))
        if not any(both.overlaps(one) for one in taken):
            pods, services = both.subnets(new_prefix=24)
            return pods, services
    raise Unavailable(f"no free network in {NETWORKS}")
