"""``promptrelease chain``: which versions were served together, and what has moved since."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from promptrelease.api import PromptChange, PromptVersion
from promptrelease.cli.manifests import Manifest, ManifestError, load
from promptrelease.release import chain, wire_policy
from promptrelease.release.model import Change
from promptrelease.release.times import EARLIEST, moment, timestamp


def run(args: argparse.Namespace) -> int:
    """Answer from the log; 1 when it knows of no such thing."""
    manifests = [
        m
        for m in load(args.files or [Path("-")])
        if not args.namespace or m.namespace == args.namespace
    ]
    spaces = {m.namespace for m in manifests}
    if len(spaces) > 1:
        raise ManifestError(f"several namespaces ({', '.join(sorted(spaces))}): choose with -n")
    changes = [wire_policy.change(m.raw) for m in manifests if isinstance(m.model, PromptChange)]
    if not changes:
        raise ManifestError(
            "no PromptChange in the given files: pipe in kubectl get pchg,pver -o json"
        )
    try:
        time = _time(args, changes)
        found = chain.at(changes, _consumes(manifests), args.prompt, args.label, time)
    except chain.NotServed as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(_plain(found), indent=2) if args.output == "json" else "\n".join(_text(found)))
    return 0


def _time(args: argparse.Namespace, changes: Sequence[Change]) -> datetime:
    if args.digest:
        # The last time is the one that people ask about.
        return chain.times_of(changes, args.prompt, args.label, args.digest)[-1]
    if args.at is None:
        return datetime.now(timezone.utc)
    found = moment(args.at)
    if found == EARLIEST:
        raise ManifestError(f"--at {args.at!r} is not an RFC 3339 time, as in 2026-11-21T02:00:00Z")
    return found


def _consumes(manifests: Sequence[Manifest]) -> chain.Consumes:
    known = {
        (m.model.spec.prompt, m.model.spec.version): tuple(m.model.spec.consumes or ())
        for m in manifests
        if isinstance(m.model, PromptVersion)
    }
    return lambda prompt, version: known.get((prompt, version), ())


def _text(found: chain.Chain) -> Iterator[str]:
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


def _plain(found: chain.Chain) -> dict[str, Any]:
    return {
        "label": found.label,
        "at": timestamp(found.at),
        "members": [_plain_change(change) for change in found.members],
        "since": [_plain_change(change) for change in found.since],
    }


def _plain_change(change: Change) -> dict[str, Any]:
    spec: dict[str, Any] = wire_policy.change_manifest("", change)["spec"]
    return spec
