"""``python -m promptrelease.api DIR``: write the CRDs that the models mean, or ``--check`` them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from promptrelease.api.crd import manifests


def main() -> int:
    """Write or compare; 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m promptrelease.api", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the YAML files go")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    args = parser.parse_args()
    stale = []
    for name, text in manifests().items():
        path = args.folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not args.check:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    if args.check and stale:
        print(f"stale: {', '.join(map(str, stale))}; run `make crds`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
