"""What a real node needs from the machine: Linux, root, and a few of Debian's packages."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

# What has to be there, and the package that brings it.
PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/lib/cni/host-local": "containernetworking-plugins",
    "busybox": "busybox-static",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
}
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"  # a user's PATH may lack the sbin folders
CAP_NET_ADMIN, CAP_SYS_ADMIN = 12, 21
INSTALL_SECONDS = 600.0


class Unavailable(Exception):
    """A real node can't run on this machine; the message says why and what would help."""


def require() -> None:
    """Check that a node can run here, and install the packages that are missing, on Debian.

    Raises Unavailable.
    """
    if platform.system() != "Linux":
        raise Unavailable(f"containers need Linux, this is {platform.system()}")
    if os.geteuid() != 0:
        raise Unavailable("containerd and kubelet need root: sudo make test-node")
    if not (_has_capability(CAP_NET_ADMIN) and _has_capability(CAP_SYS_ADMIN)):
        raise Unavailable("root without CAP_NET_ADMIN or CAP_SYS_ADMIN: a container, unprivileged?")
    if missing := _missing():
        install(missing)
    if missing := _missing():
        raise Unavailable(f"still missing after the installation: {', '.join(missing)}")


def which(program: str) -> str:
    """Return where a program of the system is. Raises Unavailable when it is nowhere."""
    if found := shutil.which(program, path=SYSTEM_PATH):
        return found
    raise Unavailable(f"there is no {program}")


def overlay_works(folder: Path) -> bool:
    """Whether an overlay can be mounted below ``folder``: in many a container it can't."""
    probe = folder / "overlay-probe"
    for name in ("lower", "upper", "work", "merged"):
        (probe / name).mkdir(parents=True)
    options = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
    merged = str(probe / "merged")
    command = [which("mount"), "-t", "overlay", "overlay", "-o", options, merged]
    works = subprocess.run(command, capture_output=True).returncode == 0
    if works:
        subprocess.run([which("umount"), merged], check=True)
    shutil.rmtree(probe)
    return works


def codename() -> str:
    """Return Debian's name of the release that runs here, as ``bookworm``; empty elsewhere."""
    file = Path("/etc/os-release")
    facts = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', file.read_text(), re.MULTILINE))
    return facts.get("VERSION_CODENAME", "") if facts.get("ID") == "debian" else ""


def _missing() -> list[str]:
    """Packages that are not there, by what they bring."""
    missing = {
        package
        for what, package in PACKAGES.items()
        if not (Path(what).exists() if what.startswith("/") else _found(what))
    }
    return sorted(missing)


def _found(program: str) -> bool:
    path = shutil.which(program, path=SYSTEM_PATH)
    if path is None:
        return False
    # The package busybox brings a program of that name too, which needs libraries beside it.
    return program != "busybox" or b"/ld-linux" not in Path(path).read_bytes()


def install(packages: list[str]) -> None:
    """Install Debian's packages. Raises Unavailable."""
    wanted = " ".join(packages)
    if not codename():
        raise Unavailable(f"missing, and this is not Debian: {wanted}")
    print(f"installing Debian's {wanted} (once)", file=sys.stderr, flush=True)
    install = ["install", "--yes", "--no-install-recommends", *packages]
    for arguments in (install, ["update"], install):  # the lists may be absent, or old
        done = _apt_get(arguments)
        if done.returncode == 0 and arguments is install:
            return
    raise Unavailable(f"apt-get install {wanted} failed:\n{done.stdout[-2000:]}")


def _apt_get(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", "--option=DPkg::Lock::Timeout=300", "--quiet", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )


def _has_capability(number: int) -> bool:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> number & 1)
