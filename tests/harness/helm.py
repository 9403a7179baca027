"""The real Helm, built from the Go module in `tests/helm` and kept in the user's cache folder.

`python -m harness.helm` prints where it is, and builds it if need be, which takes a minute or more.
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
from pathlib import Path

from harness.build import BuildError
from harness.controlplane import ControlPlane

MODULE = Path(__file__).resolve().parent.parent / "helm"
PACKAGE = "helm.sh/helm/v4/cmd/helm"
FLAGS = ("-trimpath", "-ldflags=-s -w")
BUILD_SECONDS = 1200.0
HELM_SECONDS = 180.0


class HelmError(subprocess.CalledProcessError):
    """Helm failed; unlike its base, the message has what it wrote."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stdout}{self.stderr}"


class Helm:
    """Helm, speaking to one control plane.

    Raises BuildError when Helm is not in the cache and can't be built.
    """

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self._binary = find()

    def __call__(
        self, *args: str | Path, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run helm as the administrator. Raises HelmError when it fails, unless not to check."""
        command = [str(self._binary), *map(str, args)]
        done = subprocess.run(
            command,
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=HELM_SECONDS,
            env={
                **os.environ,
                **self._control_plane.environment(),
                **folders(self._control_plane.folder / "helm"),
            },
        )
        if check and done.returncode != 0:
            raise HelmError(done.returncode, command, done.stdout, done.stderr)
        return done


def folders(home: Path) -> dict[str, str]:
    """Return the environment that keeps Helm's own files below a folder."""
    return {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}


def find() -> Path:
    """Return Helm, building it if it is not there yet, with a word on standard error.

    Raises BuildError when Go is missing or too old, or when the build fails.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "promptrelease" / "helm" / _key()
    binary = folder / "helm"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not binary.exists():  # whoever held the lock before us has built it
                partial = folder / "helm.partial"
                _build(partial)
                partial.rename(binary)
    return binary


def _key() -> str:
    """Hash what goes into it: the modules, the flags and the compiler."""
    digest = hashlib.sha256("\0".join([PACKAGE, *FLAGS, *_toolchain()]).encode())
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    return digest.hexdigest()[:20]


def _toolchain() -> list[str]:
    """Return Go's version, operating system and architecture."""
    needed = re.findall(r"^go (\d+)\.(\d+)", (MODULE / "go.mod").read_text(), re.MULTILINE)[0]
    advice = f"install Go {'.'.join(needed)} or newer: Helm is built with it, from the module proxy"
    if shutil.which("go") is None:
        raise BuildError(f"there is no go on the PATH: {advice}")
    asked = _go("env", "GOVERSION", "GOOS", "GOARCH")
    answer = asked.stdout.split()
    found = re.match(r"go(\d+)\.(\d+)", answer[0]) if asked.returncode == 0 and answer else None
    if found is None:
        raise BuildError(f"go does not work: {asked.stderr.strip() or asked.stdout}; {advice}")
    if tuple(map(int, found.groups())) < tuple(map(int, needed)):
        raise BuildError(f"{answer[0]} is too old: {advice}")
    return answer


def _build(target: Path) -> None:
    print("helm: building it; once, and in minutes", file=sys.stderr, flush=True)
    started = time.monotonic()
    built = _go("build", *FLAGS, "-o", str(target), PACKAGE)
    if built.returncode != 0:
        end = "\n".join(built.stderr.splitlines()[-30:])
        raise BuildError(f"go build {PACKAGE} failed with exit code {built.returncode}:\n{end}")
    size = target.stat().st_size / 1e6
    print(f"helm: done in {time.monotonic() - started:.0f} s, {size:.0f} MB", file=sys.stderr)


def _go(*args: str) -> subprocess.CompletedProcess[str]:
    # No C compiler is needed, and no go.work of the folders above counts.
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    return subprocess.run(
        ["go", *args], cwd=MODULE, env=env, capture_output=True, text=True, timeout=BUILD_SECONDS
    )


def main() -> int:
    """Print where it is."""
    try:
        print(find())
    except BuildError as error:
        print(f"helm: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
