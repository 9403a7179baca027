"""Comparing: ``diff``."""

from __future__ import annotations

from typing import Annotated

import typer

from promptrelease.cli.cluster import Cluster
from promptrelease.cli.commands.look import find_version
from promptrelease.cli.completing import Name, references
from promptrelease.cli.look import diffview
from promptrelease.cli.options import Output, on_cluster
from promptrelease.cli.output import Format, emit, note, out, say
from promptrelease.views.failures import UsageMistake
from promptrelease.views.look import briefly, comparing

DIFFERENT = 1
"""Exit code, as of diff(1)."""

_WHICH = "7, v7, or a label for what it serves, as in production."


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(on_cluster(diff))


def diff(
    cluster: Cluster,
    name: Name,
    old: Annotated[str, typer.Argument(metavar="A", help=_WHICH, autocompletion=references)],
    new: Annotated[str, typer.Argument(metavar="B", help=_WHICH, autocompletion=references)],
    side_by_side: Annotated[
        bool | None,
        typer.Option(
            "--side-by-side/--unified",
            help=f"Default: side by side on a terminal of {diffview.WIDE} columns or more.",
            show_default=False,
        ),
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """What differs between two versions, word by word: text, messages, model, variables, tools.

    Exit code 0: they behave the same; 1: they differ. In a pipe [-what goes-] and {+what comes+}.
    """
    if not old or not new:
        raise UsageMistake("two versions are compared", f"kubectl prompt diff {name} v1 production")
    (before, _), (after, _) = (find_version(cluster, name, which) for which in (old, new))
    parts = comparing.differences(before["spec"], after["spec"])
    heads = tuple(
        f"{v['metadata']['name']}: {v['spec'].get('message', '')}" for v in (before, after)
    )
    if output is not Format.TEXT:
        sides = [
            {
                "version": version["spec"]["version"],
                "digest": (version.get("status") or {}).get("digest"),
                "message": version["spec"].get("message"),
            }
            for version in (before, after)
        ]
        plain = comparing.plain(parts)
        emit(
            {"prompt": name, "old": sides[0], "new": sides[1], "same": not parts, "parts": plain},
            output,
        )
    elif not parts:
        note(f"{before['metadata']['name']} and {after['metadata']['name']} behave the same")
    elif side_by_side or (side_by_side is None and out.is_terminal and out.width >= diffview.WIDE):
        width = None if out.is_terminal else diffview.WIDE
        out.print(diffview.side_by_side(parts, (heads[0], heads[1])), soft_wrap=False, width=width)
    elif out.is_terminal and not out.no_color and out.color_system:
        say(f"--- {heads[0]}\n+++ {heads[1]}", "bold")
        for line in diffview.unified(parts):
            out.print(line)
    else:
        say(f"--- {heads[0]}\n+++ {heads[1]}")
        for plain_line in briefly.plain(parts):
            say(plain_line)
    if parts:
        raise typer.Exit(DIFFERENT)
