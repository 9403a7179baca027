"""Looking: ``list``, ``status``, ``history`` and ``show``."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

import typer
from rich.text import Text

from promptrelease.api.resources import CHANGES, RELEASES, VERSIONS
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.completing import Name, labels, names
from promptrelease.cli.look import sheet, statusview
from promptrelease.cli.options import Output, on_cluster
from promptrelease.cli.output import Format, emit, note, out, say, show, table
from promptrelease.release import wire_policy
from promptrelease.views.failures import NotFound
from promptrelease.views.look import loglines, overview, refs
from promptrelease.views.plain import safe

OneLabel = Annotated[
    str | None,
    typer.Option(
        "--label", "-l", metavar="LABEL", help="Of one label only.", autocompletion=labels
    ),
]
Everywhere = Annotated[bool, typer.Option("--all-namespaces", "-A", help="In all namespaces.")]


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("list")(on_cluster(list_))
    app.command()(on_cluster(status))
    app.command()(on_cluster(history))
    app.command("show")(on_cluster(show_))


def list_(
    cluster: Cluster,
    label: OneLabel = None,
    everywhere: Everywhere = False,
    output: Output = Format.TEXT,
) -> None:
    """Prompts: what each label serves and where it is going, and how they are.

    `v6 -> v7` is a move that is not served yet; `kubectl prompt status` says why.
    """
    raws = cluster.list(RELEASES, everywhere=everywhere)
    if label is not None:
        raws = [raw for raw in raws if label in _labels(raw)]
    if output is not Format.TEXT:
        emit([overview.plain(raw) for raw in raws], output)
    elif raws:
        show(statusview.listing(raws, label, everywhere=everywhere))
    else:
        where = "any namespace" if everywhere else f"namespace {cluster.namespace}"
        what = "no prompt" if label is None else f"no prompt with the label {label}"
        hint = "" if everywhere else "; -A looks into all, -n NAME into another"
        note(f"{what} in {where}{hint}")


def status(cluster: Cluster, name: Name, output: Output = Format.TEXT) -> None:
    """One prompt: what is served since when and why, what waits for what, and what to do."""
    raw = _release(cluster, name)
    if output is not Format.TEXT:
        emit(overview.plain(raw), output)
        return
    for part in statusview.status(raw, datetime.now(timezone.utc)):
        show(part)


def history(
    cluster: Cluster,
    name: Name,
    label: OneLabel = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="The newest N; 0 for all.")] = 20,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="90m, 24h, 7d, or RFC 3339.")
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """The log of a prompt: every move, newest first, with who, why, and who approved.

    It outlives the release, as the log does.
    """
    begin = loglines.since(since, datetime.now(timezone.utc))
    changes = [
        wire_policy.change(raw) for raw in cluster.list(CHANGES, fields=f"spec.release={name}")
    ]
    found = loglines.chosen(changes, name, label, begin, limit)
    if not changes:
        _release(cluster, name)  # whether there is such a prompt at all
    if output is not Format.TEXT:
        emit([wire_policy.change_manifest("", change)["spec"] for change in found], output)
        return
    if not found:
        note("nothing in the log" if not changes else "nothing of that in the log")
        return
    rows: list[list[str | Text]] = [
        [
            change.at,
            change.label,
            change.kind,
            loglines.arrow(change),
            change.by,
            _why(change.reason, loglines.passed_on(change), glass=bool(change.break_glass)),
        ]
        for change in found
    ]
    show(table(["TIME", "LABEL", "KIND", "MOVE", "BY", "WHY"], rows))
    more = len(loglines.chosen(changes, name, label, begin)) - len(found)
    if more:
        note(f"{more} older; --limit 0 shows all")


def show_(
    cluster: Cluster,
    reference: Annotated[
        str,
        typer.Argument(
            metavar="NAME[@VERSION]",
            help="NAME@v7, or NAME@LABEL; NAME alone is what production serves.",
            autocompletion=names,
        ),
    ],
    output: Output = Format.TEXT,
) -> None:
    """One version: its text or messages, variables, model, tools, and where it is served.

    With -o yaml or json the manifest, as one would apply it.
    """
    prompt, what = refs.split(reference)
    version, release = find_version(cluster, prompt, what)
    if output is not Format.TEXT:
        emit(sheet.manifest(version), output)
        return
    out.print(Text(version["metadata"]["name"], "bold"))
    out.print(_facts(version, release))
    if rows := list(sheet.variables(version["spec"])):
        say("")
        show(table(["VARIABLE", "TYPE", "DEFAULT", "WHAT"], rows))
    for heading, text in (*sheet.texts(version["spec"]), *sheet.documents(version["spec"])):
        say("")
        out.print(Text(f"--- {safe(heading)} ---", "bold cyan"))
        shown = Text(safe(text.removesuffix("\n")))
        shown.highlight_regex(r"\{\{[^{}]*\}\}", "magenta")
        out.print(shown)


def find_version(
    cluster: Cluster, prompt: str, what: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The version that somebody means, and the prompt's release. Raises NotFound."""
    release = cluster.find(RELEASES, prompt)
    number = refs.number(what, prompt, release)
    if number is not None and (found := cluster.find(VERSIONS, f"{prompt}-v{number}")):
        return found, release
    listed = cluster.list(VERSIONS, fields=f"spec.prompt={prompt}")
    by_number = {version["spec"]["version"]: version for version in listed}
    if number is None and by_number:
        return by_number[max(by_number)], release
    raise refs.no_version(prompt, number, list(by_number))


def _release(cluster: Cluster, name: str) -> dict[str, Any]:
    raw = cluster.find(RELEASES, name)
    if raw is not None:
        return raw
    versions = cluster.list(VERSIONS, fields=f"spec.prompt={name}")
    if versions:
        newest = max(version["spec"]["version"] for version in versions)
        raise NotFound(
            f"{name} has versions, up to v{newest}, and no PromptRelease: nothing of it is served",
            f"kubectl prompt promote {name} staging v{newest}",
        )
    raise refs.no_version(name, None, [])


def _labels(raw: dict[str, Any]) -> set[str]:
    spec, status = raw["spec"], raw.get("status") or {}
    return {*(spec.get("labels") or {}), *(status.get("labels") or {})}


def _why(reason: str, passed: str, *, glass: bool) -> Text:
    made = Text(safe(reason))
    if passed:
        made.append(safe(f"  ({passed})"), "bold red" if glass else "dim")
    return made


def _facts(version: dict[str, Any], release: dict[str, Any] | None) -> Text:
    facts = list(sheet.facts(version, release))
    width = max(len(name) for name, _ in facts)
    made = Text()
    for name, value in facts:
        made.append(safe(name.ljust(width)) + "  ", "dim").append(safe(value) + "\n")
    made.right_crop()
    return made
