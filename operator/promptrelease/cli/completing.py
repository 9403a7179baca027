"""Names and labels for the shell to complete: quick, and silent where there is no cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from promptrelease.api.resources import RELEASES, VERSIONS
from promptrelease.cli import cluster as wire
from promptrelease.cli.cluster import Cluster
from promptrelease.views.failures import Failure

SECONDS = 2
"""A shell that hangs at a tab is worse than one that knows no names."""


def names(context: typer.Context, incomplete: str) -> list[str]:
    """Prompts that have a version or a release."""
    cluster = _cluster(context)
    if cluster is None:
        return []
    try:
        found = {r["metadata"]["name"] for r in cluster.list(RELEASES)}
        found |= {v["spec"]["prompt"] for v in cluster.list(VERSIONS)}
    except Failure:
        return []
    return sorted(name for name in found if name.startswith(incomplete))


def labels(context: typer.Context, incomplete: str) -> list[str]:
    """Labels of the prompt that was named before, or of all."""
    return sorted(name for name in _labels(context) if name.startswith(incomplete))


def references(context: typer.Context, incomplete: str) -> list[str]:
    """Versions of the prompt that was named before, the newest first, and its labels."""
    cluster, prompt = _cluster(context), context.params.get("name")
    if cluster is None or not prompt:
        return []
    try:
        listed = cluster.list(VERSIONS, fields=f"spec.prompt={prompt}")
    except Failure:
        return []
    found = [f"v{n}" for n in sorted((v["spec"]["version"] for v in listed), reverse=True)]
    found += ["latest", *(f"@{label}" for label in _labels(context))]
    return [one for one in found if one.startswith(incomplete)]


def _labels(context: typer.Context) -> list[str]:
    cluster, prompt = _cluster(context), context.params.get("name")
    if cluster is None:
        return []
    try:
        releases = [cluster.find(RELEASES, prompt) or {}] if prompt else cluster.list(RELEASES)
    except Failure:
        return []
    specs = [release.get("spec") or {} for release in releases]
    return sorted({label for spec in specs for label in spec.get("labels") or {}})


def _cluster(context: typer.Context) -> Cluster | None:
    wire.CONNECT_SECONDS = wire.ANSWER_SECONDS = SECONDS  # of this process, which only completes
    given = context.params
    try:
        return Cluster(given.get("kubeconfig"), given.get("context"), given.get("namespace"))
    except Failure:
        return None


Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The prompt.", autocompletion=names, show_default=False),
]
Label = Annotated[
    str,
    typer.Argument(
        metavar="LABEL", help="As in production.", autocompletion=labels, show_default=False
    ),
]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="7, v7, latest, or @staging for what that label serves.",
        autocompletion=references,
        show_default=False,
    ),
]
