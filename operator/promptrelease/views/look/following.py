"""What has changed of a release between two looks at it, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from promptrelease.release import wire
from promptrelease.release.consumers import Consumers
from promptrelease.release.model import LabelStatus, Release
from promptrelease.views.look.overview import UNSEEN, Label, health, labels

Json = Mapping[str, Any]


def changes(before: Json | None, after: Json | None) -> Iterator[str]:
    """Lines on what happened; none where nothing has that concerns people.

    Args:
        before: the release at the look before; none when it was not there.
        after: the release now; none when it is gone.

    """
    if after is None:
        if before is not None:
            yield "the release was deleted"
        return
    new = wire.release(after)
    old = wire.release(before) if before is not None else Release(new.name, "", "", 0)
    known = {label.name: label for label in labels(old)}
    for label in labels(new):
        yield from _label(known.pop(label.name, Label(label.name, None, LabelStatus())), label)
    for gone in known.values():
        served = gone.status.served
        yield f"{gone.name}: " + (f"v{served.version} is gone" if served else "withdrawn")
    was, now = health(old), health(new)
    if before is not None and was.state != now.state and now.state != UNSEEN:
        yield f"is {now.state}" + (f": {now.message}" if now.message else "")


def _label(before: Label, after: Label) -> Iterator[str]:
    served, was = after.status.served, before.status.served
    name = after.name
    if served is not None and (was is None or was.revision != served.revision):
        by = f" by {served.by}" if served.by else ""
        reason = f": {served.reason}" if served.reason else ""
        move = f"{_version(before.status)} -> v{served.version}"
        yield f"{name}: {move}, {served.kind or 'moved'}{by}{reason}"
        if served.break_glass:
            yield f"{name}: went past its gates: {served.break_glass}"
    elif after.wanted is not None and after.wanted != before.wanted and after.going:
        by = f" by {after.wanted.by}" if after.wanted.by else ""
        yield f"{name}: v{after.going} asked for{by}: {after.wanted.reason}"
    if after.withdrawn and before.wanted is not None and served is not None:
        yield f"{name}: withdrawn; v{served.version} stays while pods mount it"
    yield from _pending(before, after)
    yield from _consumers(name, before.status.consumers, after.status.consumers)


def _pending(before: Label, after: Label) -> Iterator[str]:
    was, now = before.status.pending, after.status.pending
    if now is not None:
        told = was.waiting_for if was is not None and was.version == now.version else ()
        for wait in now.waiting_for:
            if wait not in told:
                yield f"{after.name}: v{now.version} waits for {wait}"
        for wait in told:
            if wait not in now.waiting_for and len(now.waiting_for) < len(told):
                yield f"{after.name}: v{now.version} no longer waits for {wait}"
    elif was is not None:
        served = after.status.served
        if served is None or served.version != was.version:
            yield f"{after.name}: v{was.version} is not asked for any more"


def _consumers(name: str, was: Consumers | None, now: Consumers | None) -> Iterator[str]:
    if now is None or now == was:
        return
    if now.pods:
        yield f"{name}: {pods(now)}"
    if now.message:
        yield f"{name}: {now.message}"
    for fixed in now.never:
        yield (
            f"{name}: pod {fixed.pod}, container {fixed.container} keeps the old content until it "
            f"is restarted ({fixed.reason})"
        )


def pods(consumers: Consumers) -> str:
    """Who was told of a move: ``told 3 of 4 pods``."""
    plural = "" if consumers.pods == 1 else "s"
    return f"told {consumers.refreshed} of {consumers.pods} pod{plural}"


def _version(status: LabelStatus) -> str:
    return f"v{status.served.version}" if status.served else "nothing"
