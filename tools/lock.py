"""Write requirements/: every package that is installed here, with its version and its hashes.

    python tools/lock.py [--upgrade]

What is locked stays as it is as long as pyproject.toml allows it; --upgrade takes the newest. No
address of a package index gets into the files: they hold for any index that has the same files.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
TOOL = "uv==0.13.9"
# The docs' packages need that much.
DEV_PYTHON = "3.11.5"
IMAGE_PYTHON = "3.11"

Source = tuple[str, ...]
# In this order: what one has chosen, those after it must take.
FILES: dict[str, tuple[str, Source]] = {
    "dev.txt": (DEV_PYTHON, ("pyproject.toml", "--extra=dev")),
    "image.txt": (IMAGE_PYTHON, ("pyproject.toml", "--extra=operator", "--extra=console")),
    "build.txt": (IMAGE_PYTHON, ("requirements/build.in",)),
    "fuzz.txt": (DEV_PYTHON, ("pyproject.toml", "--extra=fuzz")),
}


def main() -> None:
    """Write all of them."""
    more = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
    for name, (python, source) in FILES.items():
        others = [] if name == "dev.txt" else ["--constraint", "requirements/dev.txt"]
        options = ["--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
        options += ["--python-version", python, "--output-file", f"requirements/{name}"]
        command = [str(_tool()), "pip", "compile", *options, *others, *more, *source]
        subprocess.run(command, cwd=ROOT, check=True)


def _tool() -> Path:
    folder = ROOT / "build" / TOOL
    if not (folder / "bin" / "uv").exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "pip"), "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", TOOL], check=True)
    return folder / "bin" / "uv"


if __name__ == "__main__":
    main()
