"""Yes or no to a move that waits: ``approve`` and ``deny``."""

from __future__ import annotations

from typing import Annotated

import typer

from promptrelease.api.resources import APPROVALS, EVALUATIONS, POLICIES, RELEASES
from promptrelease.cli.asking import confirm, text_or_ask
from promptrelease.cli.cluster import Cluster, Json
from promptrelease.cli.completing import Label, Name
from promptrelease.cli.move.fetching import numbers, whoami
from promptrelease.cli.move.waiting import wait
from promptrelease.cli.options import Output, Timeout, Wait, Yes, on_cluster
from promptrelease.cli.output import Format, emit, note, say
from promptrelease.views.failures import Conflict, Failure, Held, NotFound
from promptrelease.views.move import moving, reviewing
from promptrelease.views.move.progress import Goal
from promptrelease.views.move.reviewing import Candidate

Digest = Annotated[
    str | None,
    typer.Option(
        metavar="DIGEST",
        help="Only if it is this content that waits; may be cut short. Default: whatever waits.",
    ),
]


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(on_cluster(approve))
    app.command()(on_cluster(deny))


def approve(
    cluster: Cluster,
    name: Name,
    label: Label,
    comment: Annotated[
        str | None, typer.Option("--comment", "-m", metavar="TEXT", help="What led to it.")
    ] = None,
    digest: Digest = None,
    yes: Yes = False,
    wait_: Wait = False,
    timeout: Timeout = 600,
    output: Output = Format.TEXT,
) -> None:
    """Approve the move that waits on a label: this version, with exactly this content.

    Shows what differs and what evaluations say, and asks. If something else waits by the time you
    answer, nothing is approved, and the exit code is 5.
    """
    release = cluster.get(RELEASES, name)
    about = _look(cluster, release, label, digest, output)
    policies = cluster.list(POLICIES)
    me = whoami(cluster)
    if warning := reviewing.check_eyes(about, me, policies):
        note(warning, "yellow")
    if moving.asks_first(name, label, policies):
        confirm(f"Approve v{about.version} for {label} of {name}?", yes)
    _decide(cluster, about, "approve", comment, me, output)
    if wait_:
        before = tuple(f"waits for {line}" for line in about.waits)
        wait(cluster, Goal(name, label, about.version, before=before), timeout)


def deny(
    cluster: Cluster,
    name: Name,
    label: Label,
    comment: Annotated[
        str | None,
        typer.Option("--comment", "-m", metavar="TEXT", help="Why; whoever moved it reads this."),
    ] = None,
    digest: Digest = None,
    wait_: Annotated[
        bool, typer.Option("--wait", "-w", help="Stay until the move is stopped.")
    ] = False,
    timeout: Timeout = 60,
    output: Output = Format.TEXT,
) -> None:
    """Stop the move that waits on a label, until you approve it or take the denial back.

    Counts where a policy asks for approvals.
    """
    comment = text_or_ask(comment, "Why not?", "--comment")
    release = cluster.get(RELEASES, name)
    about = _look(cluster, release, label, digest, output)
    me = whoami(cluster)
    _decide(cluster, about, "deny", comment, me, output)
    if wait_:
        before = tuple(f"waits for {line}" for line in about.waits)
        try:
            wait(cluster, Goal(name, label, about.version, before=before), timeout)
        except Held:
            note(f"{label} of {name} is stopped", "green")


def _look(
    cluster: Cluster, release: Json, label: str, digest: str | None, output: Format
) -> Candidate:
    """What waits, shown."""
    name = release["metadata"]["name"]
    versions = numbers(cluster, name)
    about = reviewing.candidate(release, label, versions, digest)
    evaluations = cluster.list(EVALUATIONS)
    approvals = cluster.list(APPROVALS, fields=f"spec.release={name},spec.label={label}")
    tell = say if output is Format.TEXT else note
    for line in reviewing.review(about, release, versions, evaluations, approvals):
        tell(*line)
    return about


def _decide(
    cluster: Cluster,
    about: Candidate,
    decision: str,
    comment: str | None,
    me: str,
    output: Format,
) -> None:
    """Create the approval, if what waits is still what was shown."""
    try:
        now = reviewing.candidate(cluster.get(RELEASES, about.prompt), about.label, {})
    except (NotFound, Failure) as error:
        raise Conflict(f"it has changed since you looked: {error}", error.hint) from error
    if (now.version, now.digest) != (about.version, about.digest):
        raise Conflict(
            f"it has changed since you looked: now v{now.version}, {moving.short(now.digest)}, "
            f"waits on {about.label} of {about.prompt}",
            f"nothing is done; look at it again: kubectl prompt {decision} {about.prompt} "
            f"{about.label}",
        )
    made = cluster.create(APPROVALS, reviewing.approval(about, decision, comment, me))
    if output is Format.TEXT:
        done = "approved" if decision == "approve" else "denied"
        by = made["spec"].get("by") or "nobody who is known"
        say(f"{done} by {by}: PromptApproval {made['metadata']['name']}", "green")
    else:
        emit(made, output)
