"""How the state of a prompt looks to a person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from promptrelease.cli.output import age, table
from promptrelease.release import wire
from promptrelease.release.model import Release
from promptrelease.views.look import overview
from promptrelease.views.look.advice import advice
from promptrelease.views.look.following import pods
from promptrelease.views.look.overview import Label
from promptrelease.views.plain import safe

Json = Mapping[str, Any]

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_INDENT = (0, 0, 0, 2)
_DEEPER = (0, 0, 0, 6)


def short(text: str) -> str:
    """A text for people: of a digest the beginning will do."""
    return _DIGEST.sub(r"\1", text)


def state(release: Release) -> Text:
    """One word on how a prompt is, in its colour."""
    found = overview.health(release).state
    return Text(found, overview.STYLES.get(found, "red"))


def listing(raws: Sequence[Json], label: str | None, *, everywhere: bool) -> Table:
    """Prompts, one a line; with ``label`` what there is to say of that one."""
    now = datetime.now(timezone.utc)
    releases = [(raw["metadata"].get("namespace", ""), wire.release(raw)) for raw in raws]
    heads = ["NAMESPACE"] if everywhere else []
    if label is not None:
        heads += ["NAME", label.upper(), "SINCE", "BY", "STATE", "WHY"]
        rows = [
            [*([namespace] if everywhere else []), release.name, *_of_label(release, it, now)]
            for namespace, release in releases
            for it in overview.labels(release)
            if it.name == label
        ]
        return table(heads, rows)
    names = overview.columns(release for _, release in releases)
    heads += ["NAME", *(name.upper() for name in names or ("LABELS",)), "STATE", "MOVED"]
    rows = []
    for namespace, release in releases:
        known = {it.name: it for it in overview.labels(release)}
        if names:
            cells = [_going(known[name]) if name in known else Text("") for name in names]
        else:
            cells = [Text("  ".join(f"{it.name} {it.text}" for it in known.values()))]
        ago = age(overview.moved(release), now)
        head = [namespace] if everywhere else []
        rows.append([*head, release.name, *cells, state(release), ago])
    return table(heads, rows)


def _of_label(release: Release, label: Label, now: datetime) -> list[str | Text]:
    served = label.status.served
    told = [age(served.since, now), served.by] if served else ["", ""]
    return [_going(label), *told, state(release), served.reason if served else ""]


def _going(label: Label) -> Text:
    return Text(label.text, "yellow" if label.going or label.withdrawn else "")


def labels(release: Release, now: datetime) -> Table:
    """What each label serves: since when, by whom and why, and who was told."""
    rows: list[list[str | Text]] = []
    for label in overview.labels(release):
        served, consumers = label.status.served, label.status.consumers
        if served is None:
            rows.append([label.name, _going(label), "", "", "", ""])
            continue
        when = f"{age(served.since, now)} ago" if served.since else ""
        told = f"{consumers.refreshed} of {consumers.pods}" if consumers and consumers.pods else "-"
        rows.append(
            [
                label.name,
                _going(label),
                when,
                served.by,
                told,
                ": ".join(part for part in (served.kind, served.reason) if part),
            ]
        )
    return table(["LABEL", "SERVES", "SINCE", "BY", "PODS TOLD", "WHY"], rows)


def status(raw: Json, now: datetime) -> Iterator[RenderableType]:
    """A prompt: state, labels, what waits and what to do, pods, what is wrong."""
    release = wire.release(raw)
    yield Text.assemble((release.name, "bold"), "  ", state(release))
    yield ""
    yield labels(release, now)
    for label in overview.labels(release):
        yield from _pending(release, label)
        yield from _served(label)
        yield from _consumers(label)
    yield from _conditions(release)


def _pending(release: Release, label: Label) -> Iterator[RenderableType]:
    pending, wanted = label.status.pending, label.wanted
    if label.withdrawn:
        yield ""
        yield Text(f"{label.name} was withdrawn, and is served while pods mount it", "yellow")
    if pending is None:
        if label.going is not None:
            yield ""
            yield Text(f"{label.name} -> v{label.going}: the operator has not looked yet", "yellow")
        return
    yield ""
    by = f" by {wanted.by}" if wanted is not None and wanted.by else ""
    reason = f": {wanted.reason}" if wanted is not None else ""
    head = Text(f"{label.name} -> v{pending.version}", "yellow")
    yield head.append(safe(f" is held back; asked for{by}{reason}" if wanted else ""), "default")
    for wait in pending.waiting_for:
        yield Padding(Text(f"waits for {safe(short(wait))}"), _INDENT)
        if todo := advice(wait, release.name, label.name, pending.version):
            yield Padding(Text(f"-> {safe(short(todo))}", "cyan"), _DEEPER)


def _served(label: Label) -> Iterator[RenderableType]:
    served = label.status.served
    if served is None:
        return
    if served.break_glass:
        yield ""
        yield Text(safe(f"{label.name} went past its gates: {served.break_glass}"), "bold red")
    passed = [f"approved by {c.by or c.name}" for c in served.approvals]
    passed += [f"passed {name}" for name in served.evaluations]
    if passed:
        yield ""
        yield Text(safe(f"{label.name} v{served.version}: {', '.join(passed)}"))


def _consumers(label: Label) -> Iterator[RenderableType]:
    found = label.status.consumers
    if found is None or not (found.never or found.message or found.refreshed < found.pods):
        return
    yield ""
    yield Text(f"{label.name}: {pods(found)}", "yellow")
    if found.message:
        yield Padding(Text(safe(found.message)), _INDENT)
    elif found.refreshed < found.pods:
        yield Padding(
            Text(
                "the others follow within a minute or two; the pod label "
                'promptrelease.dev/refresh: "true" has them told at once'
            ),
            _INDENT,
        )
    for fixed in found.never:
        text = f"pod {fixed.pod}, container {fixed.container}: keeps what it started with"
        yield Padding(Text(safe(f"{text} ({fixed.reason})")), _INDENT)
        todo = "-> restart it; mount the whole ConfigMap, without subPath"
        yield Padding(Text(todo, "cyan"), _DEEPER)


def _conditions(release: Release) -> Iterator[RenderableType]:
    found = overview.health(release)
    if found.state == overview.UNSEEN:
        yield ""
        yield Text(found.message, "bold red")
        yield Padding(Text("-> kubectl prompt doctor", "cyan"), _DEEPER)
    told = {
        wait
        for label in overview.labels(release)
        if label.status.pending
        for wait in label.status.pending.waiting_for
    }
    for condition in release.status.conditions:
        if condition.status != "True" or condition.type == "Ready":
            continue
        if condition.type in ("Reconciling", "Stalled") and any(
            wait in condition.message for wait in told
        ):
            continue  # said above, with what to do
        yield ""
        head = Text(condition.type, "bold red" if condition.type == "Stalled" else "yellow")
        yield head.append(safe(f": {short(condition.message)}"), "default not bold")
        if condition.type == overview.NEEDS_REEVALUATION:
            todo = (
                f"-> kubectl prompt graph {release.name}; then evaluate them together, or move it"
            )
            yield Padding(Text(todo, "cyan"), _DEEPER)
    if release.status.retirement is not None and release.status.retirement.count:
        count = release.status.retirement.count
        yield ""
        yield Text(f"retention would delete {count} versions; it is a dry run", "dim")
