"""What is wrong with an installation: definitions, operator, admission, rights.

As in ``checkup``, each function looks at one thing, in plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import yaml

from promptrelease.api import crd
from promptrelease.cli.check.checkup import BAD, OK, WARN, Finding, some
from promptrelease.release.times import moment

Json = Mapping[str, Any]

POLICIES = frozenset(
    f"promptrelease-{name}"
    for name in (
        "approvals",
        "approvals-given",
        "attribution",
        "authors",
        "break-glass",
        "changes",
        "config-maps",
        "evaluations",
        "moves",
        "status",
        "versions-in-use",
        "withdrawals",
    )
)
"""The ValidatingAdmissionPolicies of manifests/admission."""

STAMPS = frozenset(
    f"promptrelease-{name}" for name in ("approvals", "authors", "evaluations", "releases")
)
"""The MutatingAdmissionPolicies of manifests/admission/stamp."""


def definitions(found: Iterable[Json]) -> Finding:
    """CustomResourceDefinitions, of the cluster: they are there, and those of this command line."""
    known = {obj["metadata"]["name"]: obj for obj in found}
    wanted = {}
    for text in crd.manifests().values():
        made = yaml.safe_load(text)
        wanted[made["metadata"]["name"]] = made
    install = "kubectl apply --server-side -k manifests/base, from the release that you run"
    absent = sorted(wanted.keys() - known.keys())
    if absent:
        return Finding(BAD, "CRDs", f"not there: {', '.join(absent)}", install)
    other = sorted(
        name
        for name, made in wanted.items()
        if made["spec"]["versions"] != known[name]["spec"].get("versions")
    )
    if other:
        what = f"of another release than this command line: {', '.join(other)}"
        return Finding(WARN, "CRDs", what, install)
    return Finding(OK, "CRDs", f"all {len(wanted)} are there, and as this command line knows them")


def operator(deployments: Sequence[Json], leases: Sequence[Json], now: datetime) -> Finding:
    """The operator's Deployment, and who holds its Lease where there are several replicas."""
    if not deployments:
        return Finding(
            WARN,
            "operator",
            "no Deployment labelled app.kubernetes.io/name=promptrelease",
            "unless it runs elsewhere: kubectl apply --server-side -k manifests/base",
        )
    parts, level = [], OK
    for deployment in deployments:
        meta, status = deployment["metadata"], deployment.get("status") or {}
        ready, wanted = status.get("readyReplicas", 0), deployment["spec"].get("replicas", 1)
        containers = deployment["spec"].get("template", {}).get("spec", {}).get("containers", ())
        image = "".join(f" ({container.get('image')})" for container in containers[:1])
        parts.append(f"{meta['namespace']}/{meta['name']}{image}: {ready} of {wanted} ready")
        if not ready:
            level = BAD
    for lease in leases:
        spec = lease["spec"]
        renewed = moment(spec.get("renewTime") or "")
        late = now - renewed > timedelta(seconds=2 * (spec.get("leaseDurationSeconds") or 15))
        holder = spec.get("holderIdentity") or "nobody"
        parts.append(f"leader: {holder}" + (", long not renewed" if late else ""))
        level = BAD if late else level
    namespace = deployments[0]["metadata"]["namespace"]
    logs = f"kubectl -n {namespace} logs deployment/{deployments[0]['metadata']['name']}"
    return Finding(level, "operator", "; ".join(parts), logs if level == BAD else "")


def at_work(releases: Sequence[Json], now: datetime, patience: float = 10) -> Finding:
    """Whether the operator has looked at every edit that is older than some seconds."""
    late = [
        raw["metadata"]["name"]
        for raw in releases
        if (raw.get("status") or {}).get("observedGeneration", 0) < raw["metadata"]["generation"]
        and (now - _edited(raw)).total_seconds() > patience
    ]
    if late:
        return Finding(
            BAD,
            "operator at work",
            f"edits that it has not looked at: {some(late)}",
            "is it running, and does it serve this namespace?",
        )
    if not releases:
        return Finding(OK, "operator at work", "there is no release in this namespace to look at")
    return Finding(OK, "operator at work", f"it has looked at all {len(releases)} releases")


def admission(
    policies: Iterable[str], bound: Iterable[str], wanted: frozenset[str], stamp: bool
) -> Finding:
    """Whether admission policies are there and bound; all by name."""
    about = "admission, the stamp" if stamp else "admission"
    path = "manifests/admission/stamp" if stamp else "manifests/admission"
    absent = sorted(wanted - (set(policies) & set(bound)))
    if not absent:
        return Finding(OK, about, f"all {len(wanted)} policies are there and bound")
    what = "not installed" if len(absent) == len(wanted) else f"missing: {', '.join(absent)}"
    if stamp:
        meaning = "by is whatever the client writes, so that four eyes can't be kept"
        what, path = f"{what}: {meaning}", f"{path} (Kubernetes 1.36 and newer)"
    else:
        what = f"{what}: whoever may edit a release may move all its labels"
    return Finding(WARN, about, what, f"kubectl apply -k {path}")


def rights(who: str, allowed: Mapping[str, Sequence[str]]) -> Finding:
    """What somebody may do, verb by label; nothing is wrong with having few rights."""
    parts = [f"{label}: {', '.join(verbs) or 'nothing'}" for label, verbs in allowed.items()]
    return Finding(OK, f"{who or 'you'} may", "; ".join(parts) or "no label to ask about")


def _edited(raw: Json) -> datetime:
    """When a spec was written last, by whoever but the operator."""
    times = [
        entry.get("time", "")
        for entry in raw["metadata"].get("managedFields") or ()
        if entry.get("subresource") != "status"
    ]
    return moment(max(times, default=raw["metadata"].get("creationTimestamp", "")))
