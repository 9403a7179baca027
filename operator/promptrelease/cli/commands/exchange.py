"""``import`` and ``export``: from and to other places where prompts are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from promptrelease.api.resources import KINDS, RELEASES, VERSIONS
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.manifests import load
from promptrelease.cli.options import Output
from promptrelease.cli.output import Format, emit, note, say, table
from promptrelease.cli.output import out as console
from promptrelease.exchange import (
    SYSTEMS,
    Entry,
    ExchangeError,
    Merged,
    Options,
    System,
    apply,
    export_to,
    import_from,
    write,
)
from promptrelease.views.failures import Conflict, Failure, UsageMistake

Json = dict[str, Any]


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("import")(import_)
    app.command("export")(export)


def _system(text: str) -> System:
    if text not in SYSTEMS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(SYSTEMS)}")
    return text


Place = Annotated[
    str, typer.Argument(metavar="|".join(SYSTEMS), parser=_system, show_default=False)
]
Location = Annotated[
    str,
    typer.Option(
        "--location",
        "-l",
        metavar="WHERE",
        help="URL of Langfuse, registry URI of MLflow, a folder or a file. "
        "Default: what that system's own environment variables say.",
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", metavar="PATTERN", help="Only these names, as in file names."),
]
Move = Annotated[
    bool, typer.Option("--move", help="Move labels that point elsewhere; else they stay.")
]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", rich_help_panel="Cluster")]
Context = Annotated[str | None, typer.Option("--context", rich_help_panel="Cluster")]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", rich_help_panel="Cluster")]


def import_(
    source: Place,
    location: Location = "",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="DIR", help="Write manifests there, for a repository."),
    ] = None,
    apply_: Annotated[
        bool, typer.Option("--apply", help="Create the objects in the cluster instead.")
    ] = False,
    select: Select = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="THEIRS=OURS", help="Where the derived name won't do."),
    ] = None,
    provider: Annotated[
        str, typer.Option(help="Of models for which the source names none, as openai.")
    ] = "",
    model: Annotated[str, typer.Option(help="For versions that name none.")] = "",
    move: Move = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TEXT,
) -> None:
    """Take prompts over from Langfuse, MLflow, Dotprompt or Prompty files.

    Versions keep their numbers, and labels, settings, messages, authors and times come along. What
    can't be carried over as it was is reported, and never mangled. A second time changes nothing.
    """
    if (to is None) == (not apply_):
        raise UsageMistake("give --to DIR for manifests, or --apply for the cluster")
    options = Options(location, provider, model, _names(name), tuple(select or ()), move)
    cluster = Cluster(kubeconfig, context, namespace) if apply_ else None
    note(f"reading {source}")
    try:
        imported = import_from(cast(System, source), options)
        if cluster is not None:
            note(f"{len(imported.objects)} objects to namespace {cluster.namespace}")
            done = apply(_Objects(cluster), imported, move=move)
        else:
            done = write(cast(Path, to), imported, move=move)
    except ExchangeError as error:
        raise Failure(str(error)) from error
    entries = [*imported.report, *done.conflicts]
    if output is Format.TEXT:
        say(_sum(done))
        _report(entries)
    else:
        counts = {
            "created": done.created,
            "changed": done.changed,
            "unchanged": done.unchanged,
        }
        emit({**counts, "report": [asdict(entry) for entry in entries]}, output)
    if done.conflicts:
        raise Conflict(f"{len(done.conflicts)} conflicts; all else is done")


def export(
    target: Place,
    location: Location = "",
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", metavar="FILE", help="Manifests. Default: the cluster's."),
    ] = None,
    select: Select = None,
    move: Move = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Output = Format.TEXT,
) -> None:
    """Write prompts to Langfuse, MLflow, Dotprompt or Prompty files, which keep what they have."""
    options = Options(location, select=tuple(select or ()), move=move)
    if files:
        objects = [manifest.raw for manifest in load(files)]
    else:
        cluster = Cluster(kubeconfig, context, namespace)
        objects = cluster.list(VERSIONS) + cluster.list(RELEASES)
    try:
        done = export_to(cast(System, target), objects, options)
    except ExchangeError as error:
        raise Failure(str(error)) from error
    if output is Format.TEXT:
        say(f"{len(done.created)} created, {len(done.unchanged)} unchanged")
        _report(done.report)
    else:
        counts = {"created": done.created, "unchanged": done.unchanged}
        emit({**counts, "report": [asdict(entry) for entry in done.report]}, output)
    if conflicts := done.report.having("conflict"):
        raise Conflict(f"{len(conflicts)} conflicts; all else is done")


class _Objects:
    """The cluster, as the exchange wants it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def list(self, kind: str) -> Iterable[Mapping[str, Any]]:
        return self._cluster.list(KINDS[kind])

    def create(self, obj: Json) -> bool:
        try:
            self._cluster.create(KINDS[obj["kind"]], obj)
        except Conflict:
            return False
        return True

    def patch(self, kind: str, name: str, patch: Json) -> bool:
        try:
            self._cluster.merge(KINDS[kind], name, patch)
        except Conflict:
            return False
        return True


def _names(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or ():
        theirs, equals, ours = pair.rpartition("=")
        if not equals:
            raise UsageMistake(f"--name {pair!r} is not THEIRS=OURS")
        found[theirs] = ours
    return found


def _sum(done: Merged) -> str:
    counted = {
        "created": done.created,
        "changed": done.changed,
        "unchanged": done.unchanged,
    }
    return ", ".join(f"{len(names)} {word}" for word, names in counted.items())


def _report(entries: Iterable[Entry]) -> None:
    rows = [
        (e.prompt, f"v{e.version}" if e.version else "", e.effect, e.field, e.why) for e in entries
    ]
    if rows:
        say("")
        console.print(table(("PROMPT", "VERSION", "", "FIELD", "WHY"), rows))
