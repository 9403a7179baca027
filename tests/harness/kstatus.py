"""What GitOps tools make of objects, by their own code: kstatus, Flux, Argo CD's interpreter.

The Go module `tests/kstatus` is built once, which takes two minutes, and kept in the user's cache
folder under a hash of all that goes into it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.build import BuildError

MODULE = Path(__file__).resolve().parent.parent / "kstatus"
FLAGS = ("-trimpath", "-ldflags=-s -w")
BUILD_SECONDS = 1200
SECONDS = 60


@dataclass(frozen=True)
class Judgement:
    """What is said of one object.

    Attributes:
        kstatus: by sigs.k8s.io/cli-utils: Current, InProgress, Failed, Terminating.
        flux: by the health check expressions of a Flux Kustomization, where it has some for the
            kind; Unknown where one can't be evaluated, which Flux waits out.
        flux_plain: by Flux's own kstatus, without any expressions.
        argo: by Argo CD's health check; empty where there is none for the kind.
        message: the health check's.

    """

    kstatus: str
    flux: str
    flux_plain: str
    argo: str
    message: str


@dataclass(frozen=True)
class GitOps:
    """The program.

    Attributes:
        binary: of tests/kstatus.
        kustomization: a file with a Flux Kustomization.
        argocd_cm: a file with Argo CD's ConfigMap.

    """

    binary: Path
    kustomization: Path
    argocd_cm: Path

    def judge(self, objects: Iterable[Any]) -> list[Judgement]:
        """What each tool says of each object. Raises ToolError for what is no object."""
        lines = "".join(f"{json.dumps(obj)}\n" for obj in objects)
        said = self._run("judge", str(self.kustomization), str(self.argocd_cm), stdin=lines)
        answers = map(json.loads, said.stdout.splitlines())
        return [
            Judgement(it["kstatus"], it["flux"], it["fluxPlain"], it["argo"], it["message"])
            for it in answers
        ]

    def flux_apply(self, manifests: str, kubeconfig: Path) -> dict[str, str]:
        """Apply as Flux's kustomize-controller does, with its own package.

        Returns what has become of each KIND/NAMESPACE/NAME: created, configured, unchanged or
        skipped. Raises ToolError when the API server refuses it.
        """
        said = self._run("apply", stdin=manifests, kubeconfig=kubeconfig)
        pairs = (line.rpartition(" ") for line in said.stdout.splitlines())
        return {name: action for name, _, action in pairs}

    def _run(
        self, *args: str, stdin: str, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.binary, *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "KUBECONFIG": str(kubeconfig or os.devnull)},
        )
        if done.returncode != 0:
            raise ToolError(done.stderr)
        return done


class ToolError(RuntimeError):
    """The program failed; the text is what it wrote."""


def find() -> Path:
    """Return the binary, building it if need be.

    Raises BuildError when there is no Go or the build fails.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "promptrelease" / "kstatus" / _key()
    binary = folder / "kstatus"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel drops it when this process ends
            if not binary.exists():
                _build(binary)
    return binary


def _build(binary: Path) -> None:
    print("kstatus: building it; once, and in minutes", file=sys.stderr, flush=True)
    partial = binary.with_suffix(".partial")
    _go("build", *FLAGS, "-o", str(partial), ".", seconds=BUILD_SECONDS)
    partial.rename(binary)


def _key() -> str:
    digest = hashlib.sha256(_go("env", "GOVERSION", "GOOS", "GOARCH").encode())
    for file in sorted(MODULE.iterdir()):
        if file.suffix in {".go", ".mod", ".sum"}:
            digest.update(f"\0{file.name}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:20]


def _go(*args: str, seconds: float = SECONDS) -> str:
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    try:
        done = subprocess.run(
            ["go", *args], cwd=MODULE, env=env, capture_output=True, text=True, timeout=seconds
        )
    except FileNotFoundError:
        raise BuildError("there is no go on the PATH: install Go 1.26 or newer") from None
    if done.returncode != 0:
        raise BuildError(f"go {args[0]} failed in {MODULE}:\n{done.stderr[-4000:]}")
    return done.stdout
