"""Following: ``graph``, who consumes whom, and ``watch``, what happens now."""

from __future__ import annotations

import enum
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timezone
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from promptrelease.api.resources import RELEASES, VERSIONS
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.completing import labels, names
from promptrelease.cli.look import statusview
from promptrelease.cli.options import Output, on_cluster
from promptrelease.cli.output import Format, emit, note, out, say
from promptrelease.release import graph as graphs
from promptrelease.views.failures import NotFound, Unreachable, UsageMistake
from promptrelease.views.look import following, graphing
from promptrelease.views.look.refs import no_label, no_version
from promptrelease.views.plain import safe

ONE_WATCH_SECONDS = 300
"""How long one watch lasts at most; then it is looked afresh."""

LOST_SECONDS = 2.0
"""How long to wait before an API server that has gone is tried again."""


class Drawing(str, enum.Enum):
    """How a graph is drawn."""

    TREE = "tree"
    DOT = "dot"
    MERMAID = "mermaid"


Prompt = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="Default: all prompts.", autocompletion=names),
]


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(on_cluster(graph))
    app.command()(on_cluster(watch))


def graph(
    cluster: Cluster,
    name: Prompt = None,
    label: Annotated[
        str,
        typer.Option(
            "--label", "-l", metavar="LABEL", help="What it serves.", autocompletion=labels
        ),
    ] = "production",
    drawing: Annotated[
        Drawing, typer.Option("--format", help="dot is for Graphviz.", show_choices=True)
    ] = Drawing.TREE,
    output: Output = Format.TEXT,
) -> None:
    """Who consumes whose output, of what a label serves.

    What is indented consumes what is above it. Marked are prompts that need to be evaluated again,
    since something upstream of them has moved, cycles, and what is consumed and not served.
    """
    if drawing is not Drawing.TREE and output is not Format.TEXT:
        raise UsageMistake("--format and -o are two answers: give one of them")
    releases = cluster.list(RELEASES)
    versions = cluster.list(VERSIONS)
    seen = graphing.picture(releases, versions, label)
    if name is not None:
        if name not in seen.graph.producers and name not in seen.graph.consumers:
            release = next((r for r in releases if r["metadata"]["name"] == name), None)
            numbers = [v["spec"]["version"] for v in versions if v["spec"]["prompt"] == name]
            raise no_label(name, label, release) if numbers else no_version(name, None, [])
        seen = graphing.around(seen, name)
    if output is not Format.TEXT:
        emit(graphing.plain(seen), output)
    elif drawing is Drawing.DOT:
        say(graphs.dot(seen.graph))
    elif drawing is Drawing.MERMAID:
        say(graphs.mermaid(seen.graph))
    elif not seen.graph.producers:
        note(f"{label} serves nothing in namespace {cluster.namespace}")
    else:
        for line in _trees(seen, name):
            out.print(line)


def _trees(seen: graphing.Picture, name: str | None) -> Iterator[Text]:
    roots = graphing.roots(seen.graph)
    joined = [root for root in roots if seen.graph.consumers.get(root)]
    for root in joined:
        for prompt, version, wrong in graphing.lines(seen, root):
            style = "bold" if name and prompt.split(" ")[-1] == name else ""
            line = Text.assemble((prompt, style), (version, "dim"))
            yield line.append(f"  ! {wrong}", "yellow") if wrong else line
    alone = [root for root in roots if root not in joined]
    if alone:
        if joined:
            yield Text("")
        yield Text("neither consume nor are consumed: " if len(alone) > 1 or joined else "", "dim")
        for prompt in alone:
            yield Text(prompt).append(f" v{seen.versions.get(prompt)}", "dim")
    told = list(graphing.warnings(seen))
    if told:
        yield Text("")
    for prompt, wrong in told:
        yield Text.assemble((f"! {prompt}", "yellow"), safe(f": {wrong}"))


def watch(
    cluster: Cluster,
    name: Prompt = None,
    seconds: Annotated[
        float | None,
        typer.Option("--for", min=0, metavar="SECONDS", help="How long. Default: until Ctrl-C."),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """What happens, as it happens: moves, what they wait for, pods that are told.

    A line for each change; on a terminal with the state of all below. With -o json or yaml an
    object or a document for each.
    """
    seen: dict[str, dict[str, Any]] = {}
    started = False
    live = Live(console=out, auto_refresh=False) if _on_screen(output) else None
    deadline = None if seconds is None else time.monotonic() + seconds
    try:
        with live or nullcontext():
            for prompt, raw in _looks(cluster, name, deadline):
                if prompt is None:
                    started = True
                elif started:
                    for line in following.changes(seen.get(prompt), raw):
                        _tell(prompt, line, output)
                if prompt is not None:
                    _remember(seen, prompt, raw)
                if live is not None and started:
                    live.update(_screen(seen, name), refresh=True)
    except KeyboardInterrupt:
        note("")


def _looks(
    cluster: Cluster, name: str | None, deadline: float | None
) -> Iterator[tuple[str | None, dict[str, Any] | None]]:
    """Every release as it is now and whenever it changes, none once it is gone.

    A prompt of None says that all which is there has been told. What is seen twice is no harm.
    """
    known: set[str] = set()
    lost = False
    while True:
        try:
            listed = cluster.list(RELEASES, fields=f"metadata.name={name}" if name else "")
            if name is not None and not listed and not known:
                raise NotFound(
                    f"there is no release of {name} in namespace {cluster.namespace}",
                    "kubectl prompt list shows what there is",
                )
            there = {raw["metadata"]["name"] for raw in listed}
            yield from ((gone, None) for gone in sorted(known - there))
            yield from ((raw["metadata"]["name"], raw) for raw in listed)
            yield None, None
            known, lost = there, False
            left = ONE_WATCH_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return
            for kind, raw in cluster.watch(
                RELEASES, name=name or "", seconds=min(left, ONE_WATCH_SECONDS)
            ):
                if kind == "DELETED":
                    known.discard(raw["metadata"]["name"])
                    yield raw["metadata"]["name"], None
                elif kind in ("ADDED", "MODIFIED"):
                    known.add(raw["metadata"]["name"])
                    yield raw["metadata"]["name"], raw
        except Unreachable as error:
            # Whoever could be reached once may be on the way back.
            if not known and not lost:
                raise
            if not lost:
                note(f"{error}; trying again")
            lost = True
            time.sleep(LOST_SECONDS)
        if deadline is not None and time.monotonic() >= deadline:
            return


def _remember(seen: dict[str, dict[str, Any]], prompt: str, raw: dict[str, Any] | None) -> None:
    if raw is None:
        seen.pop(prompt, None)
    else:
        seen[prompt] = raw


def _tell(prompt: str, line: str, output: Format) -> None:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if output is Format.JSON:
        emit({"time": now, "prompt": prompt, "change": line}, output, lines=True)
    elif output is Format.YAML:
        print("---")
        emit({"time": now, "prompt": prompt, "change": line}, output)
    else:
        shown = Text(f"{now[11:19]}  " if out.is_terminal else f"{now}  ", "dim")
        shown.append(safe(prompt), "bold not dim")
        shown.append(safe(f"  {statusview.short(line)}"), "not dim not bold")
        out.print(shown, soft_wrap=False)
    out.file.flush()


def _on_screen(output: Format) -> bool:
    return output is Format.TEXT and out.is_terminal


def _screen(seen: dict[str, dict[str, Any]], name: str | None) -> Group:
    now = datetime.now(timezone.utc)
    if name is not None and name in seen:
        return Group("", *statusview.status(seen[name], now))
    shown = [seen[prompt] for prompt in sorted(seen)]
    return Group("", statusview.listing(shown, None, everywhere=False))
