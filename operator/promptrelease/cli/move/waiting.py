"""Staying with a move until it is served, or until it is clear that it won't be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext

import typer
from rich.text import Text

from promptrelease.api.resources import RELEASES
from promptrelease.cli.cluster import Cluster, Json
from promptrelease.cli.output import err, note
from promptrelease.views.failures import Conflict, Held, TimedOut, Unreachable
from promptrelease.views.move.progress import Goal, Progress, Stage, progress

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

AT_ONCE_SECONDS = 60
"""How long one watch lasts; it is begun anew where the last one ended."""

LOST_SECONDS = 1.0


def wait(cluster: Cluster, goal: Goal, seconds: float) -> Progress:
    """Tell of each change, until the last pod is told.

    Args:
        cluster: where.
        goal: what is waited for.
        seconds: how long at most.

    Raises:
        Held: a gate or an obstacle holds it back, and somebody must act.
        Conflict: somebody else has moved the label meanwhile.
        TimedOut: it may still come.
        typer.Exit: the person had enough of it.

    """
    told = _Told()
    try:
        with err.status(Text("waiting")) if err.is_terminal else nullcontext():
            found = _wait(cluster, goal, seconds, told)
    except KeyboardInterrupt:
        note("stopped waiting. The move stays asked for, and is made when nothing holds it back.")
        note(f"  take it back: kubectl prompt rollback {goal.prompt} {goal.label} --to VERSION")
        raise typer.Exit(INTERRUPTED) from None
    if found.stage is Stage.DONE:
        return found
    what = "; ".join(found.lines)
    if found.stage is Stage.LOST:
        raise Conflict(what, f"look at it: kubectl prompt status {goal.prompt}")
    if found.stage is Stage.HELD:
        raise Held(
            f"{goal.label} of {goal.prompt} stays as it is: {what}",
            f"somebody must act: kubectl prompt status {goal.prompt} says more",
        )
    hint = f"it is made when that is over; look at it: kubectl prompt status {goal.prompt}"
    if found.stage is Stage.ASKED:
        hint = "is the operator running? (kubectl prompt doctor)"
    raise TimedOut(f"not served after {seconds:g} s: {what}", hint)


class _Told:
    """Says each line once, with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._lines: tuple[str, ...] = ()

    def tell(self, found: Progress) -> None:
        for line in found.lines:
            if line not in self._lines:
                note(f"{time.monotonic() - self._start:6.1f} s  {line}", style="")
        self._lines = found.lines


def _wait(cluster: Cluster, goal: Goal, seconds: float, told: _Told) -> Progress:
    deadline = time.monotonic() + seconds
    found = Progress(Stage.ASKED)
    while True:
        try:
            for release in _looks(cluster, goal, deadline):
                found = progress(goal, release)
                told.tell(found)
                if found.ended:
                    return found
        except Unreachable as error:
            # The API server may be on its way back; how long that may take, the deadline says.
            if time.monotonic() > deadline:
                raise
            told.tell(Progress(found.stage, (str(error),)))
            time.sleep(LOST_SECONDS)
        if time.monotonic() > deadline:
            return found


def _looks(cluster: Cluster, goal: Goal, deadline: float) -> Iterator[Json | None]:
    """The release as it is, and each time that it changes for a while; none once it is gone."""
    release = cluster.find(RELEASES, goal.prompt)
    yield release
    left = deadline - time.monotonic()
    if release is None or left <= 0:
        return
    since = release["metadata"]["resourceVersion"]
    seconds = min(left, AT_ONCE_SECONDS)
    for kind, seen in cluster.watch(RELEASES, name=goal.prompt, since=since, seconds=seconds):
        yield None if kind == "DELETED" else seen
