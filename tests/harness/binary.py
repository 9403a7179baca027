"""Finds the programs of a control plane, or builds them.

`KUBEBUILDER_ASSETS`, when set, names a folder with `etcd`, `kube-apiserver`, `kubectl` and perhaps
more: the convention of controller-runtime's envtest. Otherwise the Go module in
`tests/controlplane` is built once, which takes minutes, and kept in the user's cache folder under
a hash of all that goes into it.

`python -m harness.binary` prints the path of the binary, or of the assets, and builds if need be.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.build import BuildError, build

MODULE = Path(__file__).resolve().parent.parent / "controlplane"
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kubectl",
)
UNUSED_BUILDS_KEPT_DAYS = 30


@dataclass(frozen=True)
class Programs:
    """Which file runs which program.

    `own` is what was built from the Go module: everything, or, where `assets` is set, the helpers
    alone.
    """

    own: Path
    assets: Path | None = None

    def link_into(self, folder: Path) -> None:
        """Make `folder` and put a symbolic link with each program's name into it.

        The binary chooses the program by the name it is called by, and so does a reader of `ps`.
        """
        folder.mkdir()
        for name in PROGRAMS:
            target = self.assets / name if self.assets else self.own
            if target.exists():
                (folder / name).symlink_to(target)


def find() -> Programs:
    """Return the programs, building what is missing, with its progress on standard error.

    Raises BuildError when Go is missing or too old, when the build fails, or when
    `KUBEBUILDER_ASSETS` names a folder without the programs.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return Programs(own=_cached(tags=""))
    folder = Path(assets).resolve()
    missing = [n for n in ("etcd", "kube-apiserver", "kubectl") if not (folder / n).is_file()]
    if missing:
        raise BuildError(f"KUBEBUILDER_ASSETS={assets} has no {' and no '.join(missing)}")
    return Programs(own=_cached(tags="supervisor"), assets=folder)


def _cached(tags: str) -> Path:
    flags = ["-trimpath", f"-ldflags={_linker_flags()}", f"-tags={tags}"]
    folder = _cache_folder() / _key(flags)
    binary = folder / "controlplane"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / "lock"):
            if not binary.exists():  # whoever held the lock before us has built it
                partial = folder / "controlplane.partial"
                build(MODULE, flags, partial)
                partial.rename(binary)
        _remove_unused_builds(folder)
    os.utime(folder)  # what _remove_unused_builds goes by
    return binary


def _cache_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "promptrelease" / "controlplane"


def _linker_flags() -> str:
    """Strip the symbols, and tell client and server the version that Kubernetes' own build does."""
    version = _go_mod(r"^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)$")
    values = {"gitVersion": version[1], "gitMajor": version[2], "gitMinor": version[3]}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    variables = [f"-X {p}.{name}={value}" for p in packages for name, value in values.items()]
    return " ".join(["-s", "-w", *variables])


def _go_mod(pattern: str) -> re.Match[str]:
    found = re.search(pattern, (MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{MODULE / 'go.mod'} has no line that matches {pattern}")
    return found


def _key(flags: list[str]) -> str:
    """Hash the sources, the flags and the compiler."""
    digest = hashlib.sha256("\0".join([*flags, *_toolchain()]).encode())
    for file in sorted(MODULE.iterdir()):
        if file.suffix in {".go", ".mod", ".sum"}:
            digest.update(f"\0{file.name}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:20]


def _toolchain() -> list[str]:
    """Return Go's version, operating system and architecture."""
    needed = _go_mod(r"^go (\d+)\.(\d+)")
    advice = (
        f"install Go {needed[1]}.{needed[2]} or newer, or set KUBEBUILDER_ASSETS to a folder with"
        " etcd, kube-apiserver and kubectl (Go is then needed for a small helper only)"
    )
    if shutil.which("go") is None:
        raise BuildError(f"there is no go on the PATH: {advice}")
    # In the module's folder, so that a Go which may fetch a newer toolchain for it answers as that.
    asked = subprocess.run(
        ["go", "env", "GOVERSION", "GOOS", "GOARCH"], cwd=MODULE, capture_output=True, text=True
    )
    answer = asked.stdout.split()
    found = re.match(r"go(\d+)\.(\d+)", answer[0]) if asked.returncode == 0 and answer else None
    if found is None:
        raise BuildError(f"go does not work: {asked.stderr.strip() or asked.stdout}; {advice}")
    if (int(found[1]), int(found[2])) < (int(needed[1]), int(needed[2])):
        raise BuildError(f"{answer[0]} is too old: {advice}")
    return answer


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold an exclusive lock, which the kernel drops when this process ends in whatever way."""
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("controlplane: waiting for another process's build", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _remove_unused_builds(current: Path) -> None:
    oldest = time.time() - UNUSED_BUILDS_KEPT_DAYS * 24 * 3600
    for folder in current.parent.iterdir():
        if folder != current and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Print where the programs are."""
    try:
        programs = find()
    except BuildError as error:
        print(f"controlplane: {error}", file=sys.stderr)
        return 1
    print(programs.assets or programs.own)
    return 0


if __name__ == "__main__":
    sys.exit(main())
