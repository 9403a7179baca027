"""What can be done with manifests alone: ``render`` and ``chain``, which also asks a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from promptrelease.api.resources import CHANGES, VERSIONS
from promptrelease.cli import chain as asking
from promptrelease.cli import rendering
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.manifests import ManifestError, checked, load
from promptrelease.cli.options import Output
from promptrelease.cli.output import Format, emit, say
from promptrelease.views.failures import UsageMistake


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(render)
    app.command()(chain)


def render(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; a folder; - for input.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="RFC 3339 time of first moves in metadata.json. "
            "Default: $SOURCE_DATE_EPOCH, or now.",
        ),
    ] = None,
) -> None:
    """Write the files that workloads mount, from manifests alone.

    For every label of every PromptRelease in the manifests, the files that the operator would serve
    go into DIR/<release>.<label>/. Prompts without a release are written under their latest
    version. With the output of `kubectl get prel,pver -o yaml` the files are those of the cluster,
    to the byte.
    """
    now = rendering.first_moves(since)
    rendered = list(rendering.folders(load(files), now))
    if not rendered:
        raise ManifestError("no PromptVersion or PromptRelease in the given files")
    for name, texts in rendered:
        rendering.write(out / name, texts)
        say(f"{out / name}: {', '.join(sorted(texts))}")


def chain(
    prompt: Annotated[str, typer.Argument(metavar="NAME", help="Any prompt of the chain.")],
    label: Annotated[str, typer.Option("--label", "-l")] = "production",
    at: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339. Default: now.")] = None,
    digest: Annotated[
        str | None,
        typer.Option(help="When this was served last, as in metadata.json; may be cut short."),
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="PromptChanges and PromptVersions, YAML or JSON; - for input. "
            "Default: ask the cluster.",
        ),
    ] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n")] = None,
    context: Annotated[str | None, typer.Option(help="Of the kubeconfig.")] = None,
    kubeconfig: Annotated[str | None, typer.Option()] = None,
    output: Output = Format.TEXT,
) -> None:
    """Which versions were served together at a moment, and what has moved since.

    Kept logs answer, too: kubectl get pchg,pver -o json | kubectl prompt chain NAME -f -
    """
    if at and digest:
        raise UsageMistake("--at and --digest are two questions: give one of them")
    if files:
        found = [m for m in load(files) if not namespace or m.namespace == namespace]
    else:
        cluster = Cluster(kubeconfig, context, namespace)
        objects = cluster.list(CHANGES) + cluster.list(VERSIONS)
        found = [checked(o, f"{o['kind']} {o['metadata']['name']}") for o in objects]
    answer = asking.answer(found, prompt, label, at, digest)
    if output is Format.TEXT:
        say("\n".join(asking.text(answer)))
    else:
        emit(asking.plain(answer), output)
