"""A cached virtual environment for the packages that we measure ourselves against."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path


def peer_python(requirements: Path) -> Path:
    """The interpreter of an environment with these requirements, made when there is none yet.

    Raises:
        CalledProcessError: the installation failed; pip says why on stderr.
    """
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    environment = _cache() / key
    python = environment / "bin" / "python"
    complete = environment / "complete"
    if not complete.exists():
        _say(f"installing {', '.join(requirements.read_text().split())} (once, some minutes)")
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--requirement", requirements],
            check=True,
            stdout=sys.stderr,
        )
        complete.touch()
        _say(f"installed into {environment}")
    return python


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "promptrelease" / "bench-peers"


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
