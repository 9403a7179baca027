"""A cached virtual environment with promptrelease's extras, for the real clients of others.

They are heavy and have no place beside the operator. Langfuse and MLflow are those of the bench.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[3]
PINS = (ROOT / "bench" / "peers.txt", Path(__file__).with_name("requirements.txt"))
EXTRAS = "langfuse,manifests,mlflow"
RUN_SECONDS = 300.0


def client_python() -> Path:
    """The interpreter of the environment, which is made when there is none yet.

    Raises:
        CalledProcessError: the installation failed; pip says why on stderr.
    """
    environment = cache() / _key()
    python = environment / "bin" / "python"
    complete = environment / "complete"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be at it
        if not complete.exists():
            say(f"installing promptrelease[{EXTRAS}], {_pinned()} (once, some minutes)")
            subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
            install: list[str | Path] = [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            install += [f"--requirement={path}" for path in PINS]
            install += ["--editable", f"{ROOT}[{EXTRAS}]"]
            subprocess.run(install, check=True, stdout=sys.stderr)
            complete.touch()
            say(f"installed into {environment}")
    return python


def run(
    *args: str,
    variables: Mapping[str, str] | None = None,
    stdin: str | None = None,
    seconds: float = RUN_SECONDS,
) -> str:
    """Run ``python -m ARGS`` there, with these environment variables; what it writes.

    Raises:
        AssertionError: it failed; with what it wrote.
    """
    python = client_python()
    done = subprocess.run(
        [python, "-m", *args],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=cache(),
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), **(variables or {})},
    )
    assert done.returncode == 0, f"{args} ended with {done.returncode}\n{done.stderr[-4000:]}"
    return done.stdout


def cache() -> Path:
    """The folder in the user's cache for all of this."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "promptrelease" / "exchange"


def say(text: str) -> None:
    """Tell whoever waits."""
    print(f"exchange: {text}", file=sys.stderr, flush=True)


def _pinned() -> str:
    return ", ".join(" ".join(path.read_text() for path in PINS).split())


def _key() -> str:
    project = (ROOT / "pyproject.toml").read_text()
    wanted = re.search(r"\[project\.optional-dependencies\].*?\n\[", project, re.DOTALL)
    parts = [_pinned(), wanted[0] if wanted else "", str(ROOT), sys.version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
