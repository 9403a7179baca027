"""``doctor``: what is wrong with an installation, and with the prompts of a namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

import promptrelease
from promptrelease.api.resources import (
    CRDS,
    DEPLOYMENTS,
    LEASES,
    MUTATING,
    MUTATING_BINDINGS,
    PODS,
    RELEASES,
    VALIDATING,
    VALIDATING_BINDINGS,
    VERSIONS,
)
from promptrelease.cli.check import checkup, installation
from promptrelease.cli.check.checkup import BAD, OK, SKIPPED, WARN, Finding
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.look.statusview import short
from promptrelease.cli.options import Output, on_cluster
from promptrelease.cli.output import Format, emit, say, show
from promptrelease.views.failures import Failure, Forbidden, Unreachable
from promptrelease.views.plain import safe

VERBS = ("promote", "rollback", "withdraw", "approve", "breakglass")
MOST_LABELS = 8
"""Of so many labels one's rights are asked, one request for each verb."""

_STYLES = {OK: "green", WARN: "yellow", BAD: "bold red", SKIPPED: "dim"}


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(on_cluster(doctor))


def doctor(
    cluster: Cluster,
    stuck: Annotated[
        float, typer.Option(min=0, metavar="MINUTES", help="A move that waits longer is told of.")
    ] = 60,
    output: Output = Format.TEXT,
) -> None:
    """What is wrong, in the cluster and with the prompts of a namespace, and what to do.

    Exit code 1 where something is bad. What one may not look at is skipped.
    """
    findings: list[Finding] = []
    try:
        for finding in _look(cluster, timedelta(minutes=stuck)):
            findings.append(finding)
            if output is Format.TEXT:
                _tell(finding)
    finally:
        if output is not Format.TEXT:
            emit(checkup.plain(findings), output)
    if output is Format.TEXT:
        counts = {level: sum(f.level == level for f in findings) for level in (OK, WARN, BAD)}
        say(f"\n{counts[OK]} ok, {counts[WARN]} to look at, {counts[BAD]} bad")
    if code := checkup.code(findings):
        raise typer.Exit(code)


def _look(cluster: Cluster, stuck: timedelta) -> Iterator[Finding]:
    now = datetime.now(timezone.utc)
    server = cluster.request("GET", "/version")["gitVersion"]
    yield Finding(
        OK,
        "versions",
        f"kubectl prompt {promptrelease.__version__}, Kubernetes {server}; "
        f"namespace {cluster.namespace} at {cluster.server}",
    )
    yield from _or_skipped("CRDs", lambda: [installation.definitions(_all(cluster, CRDS))])
    releases = cluster.list(RELEASES)
    versions = cluster.list(VERSIONS)
    yield from _or_skipped("operator", lambda: [_operator(cluster, now)])
    yield installation.at_work(releases, now)
    yield from _or_skipped("admission", lambda: [_admission(cluster, stamp=False)])
    yield from _or_skipped("admission, the stamp", lambda: [_admission(cluster, stamp=True)])
    yield from _or_skipped("rights", lambda: [_rights(cluster, releases)])
    yield from checkup.prompts(releases, now, stuck)
    yield from checkup.invalid(versions, releases)
    yield from checkup.sprawl(versions)
    yield from _or_skipped("pods", lambda: checkup.workloads(releases, cluster.list(PODS)))


def _or_skipped(about: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a look finds, or that one may not look."""
    try:
        yield from look()
    except Forbidden as error:
        yield checkup.skipped(about, str(error))


def _all(cluster: Cluster, resource: Any) -> list[dict[str, Any]]:
    return cluster.list(resource, everywhere=True)


def _operator(cluster: Cluster, now: datetime) -> Finding:
    name = "app.kubernetes.io/name=promptrelease"
    found = cluster.list(DEPLOYMENTS, labels=name, everywhere=True)
    leases: list[dict[str, Any]] = []
    for namespace in {deployment["metadata"]["namespace"] for deployment in found}:
        try:
            path = f"{LEASES.prefix}/namespaces/{namespace}/{LEASES.plural}/promptrelease-operator"
            leases.append(cluster.request("GET", path))
        except Failure:
            continue  # with one replica there is none; and not everybody may look
    return installation.operator(found, leases, now)


def _admission(cluster: Cluster, *, stamp: bool) -> Finding:
    kinds = (MUTATING, MUTATING_BINDINGS) if stamp else (VALIDATING, VALIDATING_BINDINGS)
    try:
        policies, bindings = (_all(cluster, kind) for kind in kinds)
    except Unreachable:
        # Servers before 1.36, or 1.30, have no such kind.
        policies = bindings = []
    names = [policy["metadata"]["name"] for policy in policies]
    bound = [binding["spec"]["policyName"] for binding in bindings]
    wanted = installation.STAMPS if stamp else installation.POLICIES
    return installation.admission(names, bound, wanted, stamp)


def _rights(cluster: Cluster, releases: list[dict[str, Any]]) -> Finding:
    labels = sorted({label for raw in releases for label in raw["spec"].get("labels") or {}})
    allowed = {
        label: [verb for verb in VERBS if cluster.may(verb, RELEASES, subresource=label)]
        for label in labels[:MOST_LABELS]
    }
    allowed["versions"] = [v for v in ("create", "delete") if cluster.may(v, VERSIONS)]
    return installation.rights(cluster.whoami(), allowed)


def _tell(finding: Finding) -> None:
    level = Text(finding.level.ljust(8), _STYLES[finding.level])
    told = Text(safe(f"{finding.about}: {short(finding.what)}"))
    if finding.todo:
        told.append(safe(f"\n-> {finding.todo}"), "cyan")
    made = Table.grid()
    made.add_column(width=8)
    made.add_column(overflow="fold")
    made.add_row(level, told)
    show(made)
