"""Ask whether a locked package has a known weakness: ``python tools/audit.py``, or ``make audit``.

pip-audit asks the package index. An index that is a mirror often knows no weaknesses, and pip-audit
says "none found" of what it could not ask about; so what was skipped is counted here.

Ends with 0 when every package was looked up and has none, 1 when one has, 2 when any was not looked
up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ("image.txt", "build.txt")


def main() -> int:
    """Audit each lock file of what is shipped."""
    return max(_audited(ROOT / "requirements" / name) for name in LOCKS)


def _audited(lock: Path) -> int:
    command = [sys.executable, "-m", "pip_audit", "--progress-spinner=off", "--format=json"]
    command += ["--require-hashes", "--disable-pip", f"--requirement={lock}"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        why = done.stderr.strip().splitlines() or ["it said nothing"]
        print(f"{lock.name}: not audited, the weaknesses can't be asked for: {why[-1]}")
        return 2
    return report(lock.name, packages)


def report(name: str, packages: list[dict[str, object]]) -> int:
    """Say what was found. Returns 0, 1 or 2, as the module's docstring says."""
    skipped = [str(package["name"]) for package in packages if "skip_reason" in package]
    weak = [package for package in packages if package.get("vulns")]
    for package in weak:
        for found in package["vulns"]:  # type: ignore[attr-defined]
            mended = ", ".join(found["fix_versions"]) or "no version yet"
            place = f"{package['name']} {package['version']}"
            print(f"{name}: {place}: {found['id']}, mended in {mended}")
    if skipped:
        print(
            f"{name}: {len(skipped)} of {len(packages)} packages were NOT audited: the index has "
            f"no data on {', '.join(skipped[:5])}{', ...' if len(skipped) > 5 else ''}. "
            "Run it where the public index or a mirror with its JSON API can be reached"
        )
    if weak:
        return 1
    if not skipped:
        print(f"{name}: {len(packages)} packages, no known weakness")
    return 2 if skipped else 0


if __name__ == "__main__":
    raise SystemExit(main())
