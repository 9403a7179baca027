"""Plans in words: lines with their style."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from promptrelease.views.move.moving import Move, short
from promptrelease.views.move.preview import Preview, Workloads

Line = tuple[str, str]
"""A text and its style; the style may be empty."""

MAX_NAMED = 8


def plan(found: Preview, used: Workloads | None) -> Iterator[Line]:
    """What a move would come to.

    Args:
        found: by the operator's own decision.
        used: by whom; none where one may not see pods.

    """
    move = found.move
    yield f"{move}  ({_words(found)})", "bold"
    if move.wants not in (None, move.serves, move.to):
        yield f"  replaces a move to v{move.wants} that waits", "yellow"
    for line in found.differences:
        yield f"  {line}", ""
    if move.serves and move.to and not move.idle:
        if found.differences:
            whole = f"kubectl prompt diff {move.prompt} v{move.serves} v{move.to}"
            yield f"  in full: {whole}", "dim"
        elif move.serves != move.to:
            yield "  the content is the same", ""
    if found.downstream:
        yield f"  downstream on {move.label}: {_some(found.downstream)}", ""
    if found.chain:
        yield f"  the chain: {found.chain}", "yellow"
    yield from _workloads(used)
    if found.policies:
        yield f"  policies: {', '.join(found.policies)}", ""
    yield from _gates(found)


def rights(move: Move, allowed: Mapping[str, bool], refused: str) -> Iterator[Line]:
    """Whether one may.

    Args:
        move: what is wanted.
        allowed: verb to whether one has it for the label.
        refused: what the API server said against the very edit; empty when it would take it.

    """
    have = ", ".join(verb for verb, has in allowed.items() if has) or "none"
    yield f"  your rights on {move.label}: {have}", ""
    if refused:
        yield f"  the API server would refuse it: {refused}", "red"
    elif not move.idle:
        yield "  the API server would take it", "green"


def _words(found: Preview) -> str:
    move = found.move
    if found.kind == "Promotion" and move.serves is None:
        return "the first move"
    if found.kind == "Nothing":
        return "nothing moves" if move.idle else "takes back a move that waits"
    words = {"Promotion": "a promotion", "Rollback": "a rollback", "Withdrawal": "a withdrawal"}
    return words.get(found.kind, found.kind)


def _workloads(used: Workloads | None) -> Iterator[Line]:
    if used is None:
        yield "  pods: you may not look at them here", "dim"
        return
    when = "" if used.looked else ", as of its last move"
    if not used.pods:
        yield "  pods: none " + ("mounts it" if used.looked else f"was told{when}"), ""
        return
    yield f"  pods: {used.pods} use it, {used.told} of them are told at once{when}", ""
    if used.never:
        yield f"  follow only after a restart: {_some(used.never)}", "yellow"


def _gates(found: Preview) -> Iterator[Line]:
    if found.kind == "Withdrawal":
        yield "  its ConfigMap goes when no running pod mounts it", ""
        return
    if found.kind == "Nothing":
        return
    if not found.waits:
        yield "  nothing holds it back: served at once", "green"
        return
    if found.move.break_glass:
        yield "  goes past the gates, which would have it wait; the glass is broken", "bold red"
    style = "red" if found.hopeless else "yellow"
    for line in found.waits:
        yield f"  would wait for {short(line)}", style
    if found.again:
        yield f"  that may be over at {found.again}", ""
    if found.hopeless:
        yield "  waiting alone will not help: somebody must act", "red"


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
