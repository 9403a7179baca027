"""What an outsider saw, judged: the end, and every moment before it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from faults.desk import Desk
from faults.observer import Event, Json
from faults.workloads import Gate
from harness.api import CHANGES, CONFIG_MAPS, JOBS, RELEASES, VERSIONS
from promptrelease.content.files import FORMAT, METADATA, ContentError, from_files

PREFIX = "promptrelease.dev/"
LATEST = "latest"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_KEPT = ("name", "labels", "annotations")

Content = tuple[str, str, int, int, str]
"""Release, label, revision, version and digest of what was served by one move."""


def picture(desk: Desk) -> dict[str, Json]:
    """A namespace's objects, without what differs from run to run: times, UIDs, counters.

    Revisions are counted over all labels of a release, so that labels that move together may get
    theirs in another order; here they are counted for each label by itself.
    """
    now = desk.observer.now(desk.namespace)
    ranks = _ranks([obj["spec"] for (kind, _), obj in now.items() if kind == CHANGES])
    found = {}
    for (resource, name), obj in sorted(now.items()):
        known = _picture(resource, obj, desk.namespace)
        if resource == CHANGES:
            release, label, revision, *end = name.split(".")
            name = ".".join((release, label, ranks.get((label, int(revision)), "?"), *end))
            known["metadata"]["name"] = name
        found[f"{resource}/{name}"] = known
        _count_anew(resource, known, ranks)
    return found


def _ranks(changes: Sequence[Json]) -> dict[tuple[str, int], str]:
    """Label and revision to which move of the label that was."""
    places: dict[str, set[int]] = {}
    for spec in changes:
        places.setdefault(spec["label"], set()).add(spec["revision"])
    return {
        (label, revision): f"#{rank}"
        for label, revisions in places.items()
        for rank, revision in enumerate(sorted(revisions), 1)
    }


def _count_anew(resource: str, obj: Json, ranks: dict[tuple[str, int], str]) -> None:
    if resource == CHANGES:
        spec = obj["spec"]
        spec["revision"] = ranks.get((spec["label"], spec["revision"]), "?")
    elif resource == RELEASES:
        status = obj.get("status", {})
        status.pop("revision", None)
        for label, its in status.get("labels", {}).items():
            for place in (its, its.get("consumers", {})):
                if "revision" in place:
                    place["revision"] = ranks.get((label, place["revision"]), "?")
    elif resource == CONFIG_MAPS and "." in obj["metadata"]["name"]:
        label, its = obj["metadata"]["name"].split(".")[1], obj["metadata"]["annotations"]
        its[f"{PREFIX}revision"] = ranks.get((label, int(its[f"{PREFIX}revision"])), "?")
        obj["data"].pop(METADATA, None)  # the same once more; that it is whole is looked at, too


def _picture(resource: str, obj: Json, namespace: str) -> Json:
    meta = {key: obj["metadata"][key] for key in _KEPT if key in obj["metadata"]}
    meta["owners"] = [owner["name"] for owner in obj["metadata"].get("ownerReferences", ())]
    kept = {key: obj[key] for key in ("spec", "status", "data") if key in obj}
    if resource == JOBS:
        kept.pop("spec")  # the API server puts UIDs into it
    text = json.dumps({"metadata": meta, **kept}, sort_keys=True)
    known: Json = json.loads(_TIME.sub("TIME", text).replace(namespace, "NAMESPACE"))
    # Of files in which times are, and what was not logged yet at some moment; that files are whole
    # and the log is complete is looked at event by event.
    for name in ("checksum", "backlog"):
        known["metadata"].get("annotations", {}).pop(f"{PREFIX}{name}", None)
    for label in known.get("status", {}).get("labels", {}):
        if isinstance(label, str) and isinstance(known["status"]["labels"], dict):
            known["status"]["labels"][label].pop("checksum", None)
    if resource == VERSIONS and not known.get("status", {}).get("labels"):
        known.get("status", {}).pop("labels", None)
    return known


def differences(expected: dict[str, Json], found: dict[str, Json]) -> list[str]:
    """What differs, object by object and field by field."""
    result = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            result.append(f"{name} is missing")
        elif name not in expected:
            result.append(f"{name} is one too many: {json.dumps(found[name])[:600]}")
        else:
            result += _fields(name, expected[name], found[name])
    return result


def _fields(where: str, expected: Any, found: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            yield from _fields(f"{where}.{key}", expected.get(key), found.get(key))
    elif expected != found:
        yield f"{where}: {str(found)[:300]!r} instead of {str(expected)[:300]!r}"


def complaints(
    desk: Desk, gates: Sequence[Gate] = (), *, old: bool = False, grace: float = 0.0
) -> list[str]:
    """What was wrong at some moment since the namespace was made.

    Args:
        desk: of the namespace.
        gates: contents that had to wait for something.
        old: whether an operator of an earlier format was at work.
        grace: seconds for which a label must have been wanted until its ConfigMap may not go.

    """
    events = desk.observer.events(desk.namespace)
    maps = [event for event in events if _is_served(event)]
    found = [words for event in maps for words in _moment(desk, gates, old, grace, events, event)]
    for name in sorted({event.name for event in maps}):
        found += _order(desk, events, [event for event in maps if event.name == name])
    return [*found, *_log(desk, events, maps)]


def _is_served(event: Event) -> bool:
    """Whether it is of a ConfigMap that workloads mount; those of evaluations have no dot."""
    return event.resource == CONFIG_MAPS and "." in event.name


def _moment(
    desk: Desk,
    gates: Sequence[Gate],
    old: bool,
    grace: float,
    events: Sequence[Event],
    event: Event,
) -> Iterator[str]:
    """What a workload would have found at this moment."""
    where = f"ConfigMap {event.name} at {event.at}"
    prompt, _, label = event.name.rpartition(".")
    if event.kind == "DELETED":
        is_ours = event.object["metadata"]["uid"] in desk.deleted
        if not is_ours and label in _wanted(events, prompt, event, grace):
            yield f"{where}: gone, and wanted"
        return
    if str(event.at) in desk.edits:
        return
    its = event.object["metadata"]["annotations"]
    number = int(event.object["metadata"]["labels"][f"{PREFIX}version"])
    data = dict(event.object.get("data") or {})
    if old and its[f"{PREFIX}format"] != str(FORMAT):
        data[METADATA] = re.sub(r'"format": \d+', f'"format": {FORMAT}', data[METADATA])
    try:
        content, metadata = from_files(data)
    except ContentError as error:
        yield f"{where}: not whole: {error}"
        return
    if content.text != f"{prompt} v{number}":
        yield f"{where}: labelled v{number}, and the text is {content.text!r}"
    told = (its[f"{PREFIX}digest"], int(its[f"{PREFIX}revision"]))
    if (metadata.version, metadata.digest, metadata.revision) != (number, *told):
        yield f"{where}: v{number} {told} in the annotations, {metadata} in the file"
    for gate in gates:
        is_its = (gate.label, gate.version) == (label, number)
        if is_its and not any(e.at < event.at and gate.opens(e) for e in events):
            yield f"{where}: v{number} is served before {gate.what}"


def _order(desk: Desk, events: Sequence[Event], maps: Sequence[Event]) -> Iterator[str]:
    """Each content was wanted when it came, and none came again after it was not."""
    prompt, _, label = maps[0].name.rpartition(".")
    place, revision = 0, 0
    for event in maps:
        if event.kind == "DELETED" or str(event.at) in desk.edits:
            continue
        number = int(event.object["metadata"]["labels"][f"{PREFIX}version"])
        its = int(event.object["metadata"]["annotations"][f"{PREFIX}revision"])
        if its < revision:
            yield f"ConfigMap {event.name} at {event.at}: revision {its} after {revision}"
        if its == revision:
            continue  # the same move, written again
        revision = its
        wanted = _specs(events, prompt, label, event.at)
        after = [i for i in range(place, len(wanted)) if wanted[i] == number]
        if not after:
            yield (
                f"ConfigMap {event.name} at {event.at}: serves v{number} (revision {its}), and "
                f"wanted since the move before was {wanted[place:]}"
            )
            continue
        place = after[0]


def _specs(events: Sequence[Event], prompt: str, label: str, before: int) -> list[int]:
    """Versions that were wanted under a label, one after the other, until then."""
    found: list[int] = []
    numbers: set[int] = set()
    for event in events:
        if event.at >= before:
            break
        spec = event.object.get("spec") or {}
        if label == LATEST and event.resource == VERSIONS and spec["prompt"] == prompt:
            number = spec["version"]
            (numbers.discard if event.kind == "DELETED" else numbers.add)(number)
            wanted = max(numbers, default=0)
        elif label != LATEST and (event.resource, event.name) == (RELEASES, prompt):
            labels = event.object["spec"].get("labels") or {}
            wanted = labels.get(label, {}).get("version", 0)
        else:
            continue
        if not found or found[-1] != wanted:
            found.append(wanted)
    return found


def _wanted(events: Sequence[Event], prompt: str, before: Event, grace: float) -> set[str]:
    """Labels that a release wanted at that moment, and all the time of so many seconds before."""
    labels: set[str] = set()
    for event in events:
        if event.at < before.at and (event.resource, event.name) == (RELEASES, prompt):
            now = {*(event.object["spec"].get("labels") or {}), LATEST}
            labels = now if event.seen <= before.seen - grace else now & labels
    return labels


def _log(desk: Desk, events: Sequence[Event], maps: Sequence[Event]) -> Iterator[str]:
    """Exactly one entry for each content that was ever served, and none was ever changed."""
    served = {
        _content(event)
        for event in maps
        if event.kind != "DELETED" and str(event.at) not in desk.edits
    }
    entries = [e for e in events if e.resource == CHANGES]
    yield from (f"PromptChange {e.name} was {e.kind}" for e in entries if e.kind != "ADDED")
    specs = [e.object["spec"] for e in entries if e.object["spec"]["kind"] != "Withdrawal"]
    logged = Counter((s["release"], s["label"], s["revision"], s["to"], s["digest"]) for s in specs)
    yield from (f"not in the log: {content}" for content in sorted(served - logged.keys()))
    yield from (
        f"in the log, never served: {content}" for content in sorted(logged.keys() - served)
    )
    yield from (f"{count} entries of {content}" for content, count in logged.items() if count > 1)


def _content(event: Event) -> Content:
    prompt, _, label = event.name.rpartition(".")
    its = event.object["metadata"]["annotations"]
    number = int(event.object["metadata"]["labels"][f"{PREFIX}version"])
    return (prompt, label, int(its[f"{PREFIX}revision"]), number, its[f"{PREFIX}digest"])
