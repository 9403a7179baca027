"""What the operator asks of the API servers of tests, and which of its rights nobody needs.

PROMPTRELEASE_AUDIT names a folder: each control plane of the tests then leaves there what was asked
of it. `python -m harness.audit FOLDER` adds all of that up, compares it with the roles in
manifests/, writes build/verbs.json, and fails when a right was never used or one was missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

VARIABLE = "PROMPTRELEASE_AUDIT"
ROOT = Path(__file__).resolve().parents[2]
ROLES = (
    ROOT / "manifests" / "operator",
    ROOT / "manifests" / "high-availability" / "component",
)
ACCOUNT = ":promptrelease-operator"
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}
KEPT: Mapping[str, str] = {}
"""Rights that are shipped though no test needs them, as `words` has them, each with its reason.

There are none. One that is neither used nor here fails tests/cluster/test_rights.py.
"""

Object = dict[str, Any]
Right = tuple[str, str, str]
"""API group, resource with its subresource, and verb."""


def arguments(folder: Path) -> list[str]:
    """Return an API server's arguments by which it writes down what service accounts ask."""
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(POLICY))
    return [f"--audit-policy-file={policy}", f"--audit-log-path={folder / 'audit.log'}"]


def events(log: Path) -> Iterator[Object]:
    """Yield what the operator asked, but for what a test asks by kubectl in its name."""
    if not log.exists():
        return  # nothing was asked
    for line in log.read_text().splitlines(keepends=True):
        if not line.endswith("\n"):
            return  # it is being written
        event: Object = json.loads(line)
        asked_by_test = event.get("userAgent", "").startswith(("kubectl", "Python-urllib"))
        if event["user"]["username"].endswith(ACCOUNT) and not asked_by_test:
            yield event


def rights_of(event: Object) -> list[Right]:
    """Return the rights that one request needs."""
    about = event.get("objectRef") or {}
    if "resource" not in about:
        return []  # discovery, which is open to everyone who is authenticated
    resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
    group, verb = about.get("apiGroup", ""), event["verb"]
    found = [(group, resource, verb)]
    if verb == "patch" and event["responseStatus"]["code"] == 201:
        # A server-side apply that made the object: the server asked for this right as well.
        found.append((group, resource, "create"))
    return found


def used(asked: Iterable[Object]) -> Counter[Right]:
    """Return how often each right was used."""
    return Counter(right for event in asked if not _is_refused(event) for right in rights_of(event))


def refused(asked: Iterable[Object]) -> Counter[Right]:
    """Return what RBAC did not let pass; what admission refuses, RBAC has let pass."""
    return Counter(right for event in asked if _is_refused(event) for right in rights_of(event))


def _is_refused(event: Object) -> bool:
    decision: str = event.get("annotations", {}).get("authorization.k8s.io/decision", "")
    return decision == "forbid"


def granted(objects: Iterable[Object]) -> set[Right]:
    """Return every single right that roles give."""
    return {
        (group, resource, verb)
        for role in objects
        if role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def shipped() -> list[Object]:
    """Return the objects from which each installation is made."""
    files = [file for folder in ROLES for file in sorted(folder.glob("*.yaml"))]
    found = [obj for file in files for obj in yaml.safe_load_all(file.read_text())]
    return [obj for obj in found if obj and "rules" in obj]


def words(right: Right) -> str:
    """Return a right as people say it: ``get leases.coordination.k8s.io``."""
    group, resource, verb = right
    return f"{verb} {resource}{'.' if group else ''}{group}"


def log_of(api_server: Sequence[str], folder: Path) -> Path:
    """Return where an API server writes: a test may have asked for a log of its own."""
    option = "--audit-log-path="
    given = [one.removeprefix(option) for one in api_server if one.startswith(option)]
    return Path(given[-1]) if given else folder / "audit.log"


def keep(log: Path, folder: Path, name: str) -> None:
    """Leave what a log says in a folder, in few words; the log itself may be of any size."""
    found = list(events(log))
    kept = {
        name: {words(right): count for right, count in sorted(counted.items())}
        for name, counted in (("used", used(found)), ("refused", refused(found)))
    }
    if any(kept.values()):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(kept))


def report(folder: Path) -> Object:
    """Add up what is in a folder, beside what is granted.

    Returns:
        ``servers``, how many; ``used`` and ``refused``, right to how often; ``neverUsed`` and
        ``notGranted``, rights.

    """
    files = sorted(folder.glob("*.json"))
    kept = [json.loads(file.read_text()) for file in files]
    total = {
        name: sum((Counter(one[name]) for one in kept), Counter[str]())
        for name in ("used", "refused")
    }
    may = {words(right) for right in granted(shipped())}
    return {
        "servers": len(files),
        "used": dict(sorted(total["used"].items())),
        "refused": dict(sorted(total["refused"].items())),
        "neverUsed": sorted(may - total["used"].keys() - KEPT.keys()),
        "notGranted": sorted(total["used"].keys() - may),
    }


def main() -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness.audit", description=__doc__)
    parser.add_argument("folder", type=Path, help=f"what {VARIABLE} named")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "verbs.json")
    args = parser.parse_args()
    found = report(args.folder)
    if not found["servers"]:
        print(f"nothing in {args.folder}: run tests with {VARIABLE}={args.folder}", file=sys.stderr)
        return 2
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(found, indent=2) + "\n")
    for right, count in found["used"].items():
        print(f"{count:9,}  {right}")
    for name, what in (("neverUsed", "never used"), ("notGranted", "used, not granted")):
        for right in found[name]:
            print(f"{what}: {right}")
    print(f"{found['servers']} API servers; {args.out}")
    return 1 if found["neverUsed"] or found["notGranted"] else 0


if __name__ == "__main__":
    sys.exit(main())
