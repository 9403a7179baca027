"""``python -m tools.chart``: write what is generated of the Helm chart, or ``--check`` it."""

from __future__ import annotations

import argparse
import sys

from tools.chart.sources import CHART, ROOT
from tools.chart.templates import templates
from tools.chart.values import papers


def main() -> int:
    """Write, or compare; 1 when ``--check`` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m tools.chart", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    args = parser.parse_args()
    wanted = templates() | papers()
    stale = [path for path in (CHART / "templates").glob("*/*.yaml") if path not in wanted]
    stale += [p for p, text in wanted.items() if not p.exists() or p.read_text() != text]
    if args.check and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        print(f"stale: {names}; run `make chart`", file=sys.stderr)
        return 1
    for path in stale:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
        print(f"{'wrote' if path in wanted else 'removed'} {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
