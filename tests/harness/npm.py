"""Packages from the npm registry, as a lock file names them, in the user's cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

SECONDS = 600.0


class NpmError(RuntimeError):
    """npm is missing, or failed; the message has the end of what it wrote."""


def installed(folder: Path, *more: str) -> Path:
    """Return ``node_modules`` with what ``package-lock.json`` in a folder names.

    Installed once for each content of the files; no script of a package is run. ``more`` files of
    the folder, such as a program, are copied beside ``node_modules``. Raises NpmError.
    """
    files = [folder / name for name in ("package.json", "package-lock.json", *more)]
    key = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:20]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "promptrelease" / "npm" / key
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "done").exists():
            print(f"npm: installing what {folder.name} needs (once)", file=sys.stderr, flush=True)
            for file in files:
                shutil.copy(file, target)
            _ci(target)
            (target / "done").touch()
    return target / "node_modules"


def _ci(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise NpmError("npm is needed (Debian: apt-get install npm)")
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode != 0:
        raise NpmError(f"npm ci failed in {folder}:\n{done.stdout[-2000:]}")
