"""``python -m tools.assets``: fetch the console's scripts from npm into its static files.

The versions are those of ``package-lock.json``, with their hashes. What was fetched once is in the
user's cache, and the network is not asked again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from harness.npm import NpmError, installed

HERE = Path(__file__).parent
VENDOR = HERE.parents[1] / "operator" / "promptrelease" / "console" / "static" / "vendor"
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx-ext-sse.min.js": "htmx-ext-sse/dist/sse.min.js",
}


def main() -> int:
    """Return 1 when npm is missing or fails."""
    try:
        modules = installed(HERE)
    except NpmError as error:
        print(f"assets: {error}", file=sys.stderr)
        return 1
    VENDOR.mkdir(exist_ok=True)
    for name, source in FILES.items():
        shutil.copyfile(modules / source, VENDOR / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
