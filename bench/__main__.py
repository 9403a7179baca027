"""``python -m bench [--only GROUP …]``: measure, print one table, write ``build/bench.json``."""

from __future__ import annotations

import argparse
import importlib
import sys

from bench.table import REPORT, Row, table, write

# Each is a module with rows() -> list[Row]; imported only when asked for, as they need much.
GROUPS = {
    "operator": "bench.operator",
    "crowd": "bench.crowd",
    "node": "bench.node",
    "reader": "bench.reader",
    "graph": "bench.graph",
    "failover": "bench.failover",
    "console": "bench.console",
    "scale": "bench.scale",
    "scale-100k": "bench.many_versions",
}
# Takes a quarter of an hour: only when it is asked for.
BY_NAME = {"scale-100k"}


def main() -> int:
    """Return 1 when a demand is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=GROUPS,
        default=[group for group in GROUPS if group not in BY_NAME],
        metavar="GROUP",
        help=f"of {', '.join(GROUPS)} (default: all but {', '.join(BY_NAME)})",
    )
    rows: list[Row] = []
    for group in parser.parse_args().only:
        print(f"bench: {group}", file=sys.stderr, flush=True)
        rows += importlib.import_module(GROUPS[group]).rows()
    print(table(rows))
    write(rows)
    print(f"written to {REPORT}", file=sys.stderr)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
