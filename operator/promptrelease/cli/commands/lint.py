"""Manifests, checked before anybody applies them: ``lint``."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from promptrelease.api.resources import KINDS
from promptrelease.cli.asking import read_file
from promptrelease.cli.check.findings import MISTAKE, WARNING, Finding, Place
from promptrelease.cli.check.linting import lint
from promptrelease.cli.cluster import MANAGER, Cluster
from promptrelease.cli.manifests import files_of
from promptrelease.cli.output import Format, emit, note, say
from promptrelease.views.failures import Failure, Unreachable


class LintFormat(str, enum.Enum):
    """How findings are told."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    GITHUB = "github"


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(name="lint")(lint_files)


def lint_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; a folder; - for input.")
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as mistakes.")] = False,
    server: Annotated[
        bool, typer.Option("--server", help="Have the cluster try each of them, too, as a dry run.")
    ] = False,
    output: Annotated[
        LintFormat,
        typer.Option("--output", "-o", help="For people, for scripts, or for GitHub Actions."),
    ] = LintFormat.TEXT,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="With --server. Default: the context's.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="With --server. Of the kubeconfig.")] = None,
    kubeconfig: Annotated[
        str | None, typer.Option(help="With --server. Default: $KUBECONFIG, ~/.kube/config.")
    ] = None,
) -> None:
    """Check manifests as the API server and the operator would, without a cluster.

    Every mistake with its file and line: fields, the rules of the CRDs, templates and variables,
    includes among the files, labels that name versions which are not there. Exit code 1 when there
    is any. Warnings: a model without a snapshot, content that is there twice, prompts that nothing
    serves. What only a server knows (that a version can't be changed, that a move needs a new
    reason, who may do it): --server.
    """
    texts = {str(path): read_file(path) for path in files_of(files)}
    findings, places = lint(texts)
    if server:
        findings += _by_server(Cluster(kubeconfig, context, namespace), namespace, places)
    _tell(findings, output)
    mistakes = sum(finding.level == MISTAKE for finding in findings)
    warnings = sum(finding.level == WARNING for finding in findings)
    if output is LintFormat.TEXT:
        looked_at = f"{_count(len(texts), 'file')}, {_count(len(places), 'object')}"
        note(f"{looked_at}: {_count(mistakes, 'mistake')}, {_count(warnings, 'warning')}")
    if mistakes or (strict and warnings):
        raise typer.Exit(1)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _tell(findings: list[Finding], output: LintFormat) -> None:
    if output in (LintFormat.JSON, LintFormat.YAML):
        emit([finding.plain() for finding in findings], Format(output.value))
        return
    for finding in findings:
        if output is LintFormat.GITHUB:
            say(finding.annotation())
        else:
            say(str(finding), "yellow" if finding.level == WARNING else "red")


def _by_server(cluster: Cluster, namespace: str | None, places: list[Place]) -> list[Finding]:
    """What the API server would refuse, of a server-side apply of each, none of it carried out.

    Raises Unreachable.
    """
    found = []
    default = cluster.namespace
    for place in places:
        manifest = place.manifest
        cluster.namespace = manifest.namespace or namespace or default
        body = {name: value for name, value in manifest.raw.items() if name != "status"}
        name = manifest.raw["metadata"].get("name")
        if not name:
            continue  # the server will make one up, and there is nothing to apply it to
        query = {
            "fieldManager": MANAGER,
            "force": "true",
            "dryRun": "All",
            "fieldValidation": "Strict",
        }
        path = cluster.path(KINDS[manifest.raw["kind"]], name)
        try:
            cluster.request(
                "PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml"
            )
        except Unreachable:
            raise
        except Failure as error:
            found.append(Finding(MISTAKE, *place.at(), f"the API server: {error}"))
    cluster.namespace = default
    return found
