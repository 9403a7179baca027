"""Moving labels: ``plan``, ``promote``, ``rollback`` and ``withdraw``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from promptrelease.api.resources import PODS, RELEASES
from promptrelease.cli.asking import confirm, text_or_ask
from promptrelease.cli.cluster import Cluster
from promptrelease.cli.completing import Label, Name, Reference
from promptrelease.cli.move.fetching import known, numbers, whoami
from promptrelease.cli.move.waiting import wait
from promptrelease.cli.options import Output, Reason, Timeout, Wait, Yes, on_cluster
from promptrelease.cli.output import Format, emit, note, say
from promptrelease.views.failures import Conflict, Failure, Forbidden, Held, NotFound, UsageMistake
from promptrelease.views.move import moving, planning
from promptrelease.views.move.moving import Move
from promptrelease.views.move.preview import Preview, Workloads, last_told, preview, workloads
from promptrelease.views.move.progress import Goal

ATTEMPTS = 10
"""How often a move is sent again when something else of its release has changed meanwhile."""

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would happen, ask the server, and stop there.")
]


def add(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (plan, promote, rollback, withdraw):
        app.command()(on_cluster(command))


def plan(
    cluster: Cluster,
    name: Name,
    label: Label,
    version: Reference,
    output: Output = Format.TEXT,
) -> None:
    """What would happen, if a label moved: the way, what it waits for, who is concerned.

    The gates are asked by the operator's own code, the rights and the admission rules by the API
    server, with the very edit that promote sends, as a dry run. Exit code 4: you may not; 7: it
    would be held back, and waiting alone would not help.
    """
    # A reason that nobody has given before: that a move needs a new one is no news here.
    reason = f"plan of {datetime.now(timezone.utc).isoformat()}"
    release, move = _move_to(cluster, name, label, version, reason)
    by = whoami(cluster)
    found = preview(known(cluster, move), move, by, _now())
    used = _workloads(cluster, release, move)
    refused = None if move.idle else _refused(cluster, release, move, by)
    if output is Format.TEXT:
        for line in planning.plan(found, used):
            say(*line)
        for line in planning.rights(move, _rights(cluster, move), str(refused or "")):
            say(*line)
    else:
        plain = found.plain() | {
            "workloads": used.plain() if used is not None else None,
            "rights": _rights(cluster, move),
            "refused": str(refused) if refused else None,
        }
        emit(plain, output)
    if refused is not None:
        raise typer.Exit(refused.code)
    if found.hopeless:
        raise typer.Exit(Held.code)


def promote(
    cluster: Cluster,
    name: Name,
    label: Label,
    version: Reference,
    reason: Reason = None,
    break_glass: Annotated[
        str | None,
        typer.Option(
            metavar="WHY",
            help="Go past the gates, which takes the right to; stands in the log, and rings.",
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait_: Wait = False,
    timeout: Timeout = 600,
    output: Output = Format.TEXT,
) -> None:
    """Move a label to a version.

    It moves away from what it serves now: if somebody else is first, nothing is done, and the exit
    code is 5. Asks before it moves production, or any label that a policy governs.
    """
    if break_glass is not None and not break_glass.strip():
        raise UsageMistake("--break-glass is blank: say why the gates must be skipped")
    if not reason and break_glass:
        reason = break_glass
    reason = text_or_ask(reason, "Why does it move?", "--reason")
    release, move = _move_to(cluster, name, label, version, reason, break_glass or "")
    carry_out(cluster, release, move, yes, dry_run, wait_, timeout, output)


def rollback(
    cluster: Cluster,
    name: Name,
    label: Label,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Default: what it served before.")
    ] = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait_: Wait = False,
    timeout: Timeout = 600,
    output: Output = Format.TEXT,
) -> None:
    """Move a label back to what it has served before; no gate holds that back, unless told to.

    With no --to it is the last version that was served there before the present one.
    """
    reason = text_or_ask(reason, "Why does it go back?", "--reason")
    release = cluster.get(RELEASES, name)
    if to is None:
        target = moving.previous(release, name, label)
        numbers(cluster, name, target)
    else:
        target = moving.number(to, name, release, numbers(cluster, name))
    move = moving.move(release, name, label, target, reason)
    if target not in moving.history(release, label):
        served = ", ".join(f"v{n}" for n in moving.history(release, label)) or "nothing"
        raise UsageMistake(
            f"{label} of {name} has never served v{target}: that is no way back (served: {served})",
            f"kubectl prompt promote {name} {label} {target} moves it there, through the gates",
        )
    carry_out(cluster, release, move, yes, dry_run, wait_, timeout, output)


def withdraw(
    cluster: Cluster,
    name: Name,
    label: Label,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    wait_: Wait = False,
    timeout: Timeout = 600,
    output: Output = Format.TEXT,
) -> None:
    """Take a label away. Its ConfigMap goes when no running pod mounts it any more."""
    reason = text_or_ask(reason, "Why is it withdrawn?", "--reason")
    release = cluster.get(RELEASES, name)
    move = moving.move(release, name, label, None, reason)
    if move.wants is None:
        known_labels = ", ".join(sorted(release["spec"].get("labels") or {})) or "none"
        raise NotFound(f"{name} has no label {label}", f"its labels: {known_labels}")
    carry_out(cluster, release, move, yes, dry_run, wait_, timeout, output)


def _move_to(
    cluster: Cluster, name: str, label: str, version: str, reason: str, break_glass: str = ""
) -> tuple[dict[str, Any] | None, Move]:
    """The release, if there is one, and the move that somebody asks for."""
    release = cluster.find(RELEASES, name)
    target = moving.number(version, name, release, numbers(cluster, name))
    move = moving.move(release, name, label, target, reason)
    return release, replace(move, break_glass=break_glass)


def carry_out(
    cluster: Cluster,
    release: dict[str, Any] | None,
    move: Move,
    yes: bool,
    dry_run: bool,
    wait_: bool,
    timeout: float,
    output: Format,
) -> None:
    """Show what a move would come to, ask where that is due, ask for it, and wait for it."""
    tell = say if output is Format.TEXT else note
    if move.idle:
        tell(f"{move.label} of {move.prompt} serves {moving.version(move.to)} already")
        _emit(output, move, "served")
        return
    goal = Goal(move.prompt, move.label, move.to)
    if release is not None and move.repeats(release):
        tell(f"v{move.to} was asked for with these very words, and waits")
        stage = wait(cluster, goal, timeout).stage.value if wait_ else "asked"
        _emit(output, move, stage)
        return
    by = whoami(cluster)
    namespace = known(cluster, move)
    found = preview(namespace, move, by, _now())
    used = _workloads(cluster, release, move)
    for line in planning.plan(found, used):
        tell(*line)
    if dry_run:
        if refused := _refused(cluster, release, move, by):
            raise refused
        tell("dry run: the API server would take it; nothing is changed")
        _emit(output, move, "dry run", found)
        return
    if moving.asks_first(move.prompt, move.label, namespace.policies):
        confirm(f"{'Withdraw' if move.to is None else 'Move'} {move.label} of {move.prompt}?", yes)
    written = _send(cluster, release, move, by)
    if wait_:
        goal = replace(goal, generation=written["metadata"]["generation"])
        done = wait(cluster, goal, timeout)
        _emit(output, move, done.stage.value, found)
        return
    _emit(output, move, "asked", found)
    tell(f"asked for: kubectl prompt status {move.prompt} shows how far it is", "green")


def _send(
    cluster: Cluster, release: dict[str, Any] | None, move: Move, by: str, dry_run: bool = False
) -> dict[str, Any]:
    """Ask for a move; whatever else changes of the release meanwhile is none of its business.

    Raises Conflict when somebody else has moved that label since it was looked at.
    """
    if release is None:
        return cluster.create(RELEASES, moving.first(move, by), dry_run=dry_run)
    seen = release
    for _ in range(ATTEMPTS):
        try:
            patch = moving.patch(move, seen, by)
            return cluster.merge(RELEASES, move.prompt, patch, dry_run=dry_run)
        except Conflict:
            seen = cluster.get(RELEASES, move.prompt)
            if not moving.same_place(release, seen, move.label):
                break
        except Failure as error:
            if not moving.is_stale(str(error)):
                error.hint = error.hint or moving.hint(str(error))
                raise
            seen = cluster.get(RELEASES, move.prompt)
            break
    now = moving.wanted(seen, move.label)
    who = f" by {now['by']}" if now.get("by") else ""
    why = f": {now['reason']}" if now.get("reason") else ""
    raise Conflict(
        f"somebody else was first: {move.label} of {move.prompt} was set to "
        f"{moving.version(now.get('version'))}{who}{why}",
        "nothing is done; look at it again, and repeat it if it is still right",
    )


def _refused(
    cluster: Cluster, release: dict[str, Any] | None, move: Move, by: str
) -> Failure | None:
    """What the API server says against the very edit; none when it would take it."""
    try:
        _send(cluster, release, move, by, dry_run=True)
    except Failure as error:
        return error
    return None


def _workloads(cluster: Cluster, release: dict[str, Any] | None, move: Move) -> Workloads | None:
    """Who uses the label; none where nobody can tell."""
    try:
        return workloads(cluster.list(PODS), move.prompt, move.label)
    except Forbidden:
        return last_told(moving.status(release, move.label).get("consumers") or {})


def _rights(cluster: Cluster, move: Move) -> dict[str, bool]:
    """Which of the verbs that the move may take one has."""
    return {
        verb: cluster.may(verb, RELEASES, move.prompt, move.label)
        for verb in ("promote", "rollback", "withdraw", "breakglass")
    }


def _emit(output: Format, move: Move, stage: str, found: Preview | None = None) -> None:
    if output is not Format.TEXT:
        plain = (found or Preview(move, "Nothing")).plain()
        emit({**plain, "reason": move.reason, "stage": stage}, output)


def _now() -> datetime:
    return datetime.now(timezone.utc)
