"""Which versions were served together, and what has moved since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from promptrelease.api import PromptChange, PromptVersion
from promptrelease.cli.manifests import Manifest, ManifestError
from promptrelease.release import chain, wire_policy
from promptrelease.release.model import Change
from promptrelease.release.times import EARLIEST, moment, timestamp
from promptrelease.views.failures import NotFound, UsageMistake


def answer(
    manifests: Sequence[Manifest], prompt: str, label: str, at: str | None, digest: str | None
) -> chain.Chain:
    """Answer from the log.

    Args:
        manifests: PromptChanges and PromptVersions of one namespace.
        prompt: any of the chain.
        label: on which.
        at: RFC 3339; none for now.
        digest: instead of a time: when this was served last.

    Raises:
        ManifestError: there is no log.
        UsageMistake: the time is none.
        NotFound: the log knows of no such thing.

    """
    spaces = {m.namespace for m in manifests}
    if len(spaces) > 1:
        raise ManifestError(f"several namespaces ({', '.join(sorted(spaces))}): choose with -n")
    changes = [wire_policy.change(m.raw) for m in manifests if isinstance(m.model, PromptChange)]
    if not changes:
        raise ManifestError("no PromptChange there: is it the right namespace?")
    try:
        time = _time(prompt, label, at, digest, changes)
        return chain.at(changes, _consumes(manifests), prompt, label, time)
    except chain.NotServed as error:
        hint = f"kubectl prompt history {prompt} shows when it moved"
        raise NotFound(str(error), hint) from error


def _time(
    prompt: str, label: str, at: str | None, digest: str | None, changes: Sequence[Change]
) -> datetime:
    if digest:
        # The last time is the one that people ask about.
        return chain.times_of(changes, prompt, label, digest)[-1]
    if at is None:
        return datetime.now(timezone.utc)
    found = moment(at)
    if found == EARLIEST:
        raise UsageMistake(f"--at {at!r} is not an RFC 3339 time, as in 2026-11-21T02:00:00Z")
    return found


def _consumes(manifests: Sequence[Manifest]) -> chain.Consumes:
    known = {
        (m.model.spec.prompt, m.model.spec.version): tuple(m.model.spec.consumes or ())
        for m in manifests
        if isinstance(m.model, PromptVersion)
    }
    return lambda prompt, version: known.get((prompt, version), ())


def text(found: chain.Chain) -> Iterator[str]:
    """Lines for a person."""
    yield f"{found.label} at {timestamp(found.at)}"
    yield from _table([_row(change) for change in found.members])
    yield ""
    if not found.since:
        yield "nothing of it has moved since"
        return
    yield "since then"
    yield from _table([[change.at, *_move(change)] for change in found.since])


def _row(change: Change) -> list[str]:
    return [change.release, f"v{change.to}", change.digest, f"since {change.at}", *_why(change)]


def _move(change: Change) -> list[str]:
    before, after = (f"v{v}" if v else "nothing" for v in (change.before, change.to))
    return [change.release, f"{before} -> {after}", change.kind, *_why(change)]


def _why(change: Change) -> list[str]:
    return [f"by {change.by}" if change.by else "", change.reason]


def _table(rows: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def plain(found: chain.Chain) -> dict[str, Any]:
    """Plain values for a script."""
    return {
        "label": found.label,
        "at": timestamp(found.at),
        "members": [_plain_change(change) for change in found.members],
        "since": [_plain_change(change) for change in found.since],
    }


def _plain_change(change: Change) -> dict[str, Any]:
    spec: dict[str, Any] = wire_policy.change_manifest("", change)["spec"]
    return spec
