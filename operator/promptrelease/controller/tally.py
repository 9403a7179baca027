"""What has been done to labels, counted and logged: a line for each.

A status may quote a prompt where it says why a version is invalid; here it is named only which gate
a move waits for.
"""

from __future__ import annotations

import logging

from promptrelease.controller import metrics
from promptrelease.controller.logs import about
from promptrelease.controller.waits import gate_of
from promptrelease.release import log, notes
from promptrelease.release.model import LabelStatus, ReleaseStatus
from promptrelease.release.steps import ApplyConfigMap, DeleteConfigMap
from promptrelease.state.store import Key

logger = logging.getLogger(__name__)


def written(key: Key, step: ApplyConfigMap, seconds: float) -> None:
    """A ConfigMap was written: a move is served, or somebody's change to it undone.

    Args:
        key: namespace and prompt.
        step: what was written.
        seconds: since it was asked for.

    """
    served = step.served
    where = about(*key, label=step.label, version=served.version, revision=served.revision)
    if step.drift:
        what = metrics.DELETED if step.replaces is None else metrics.EDITED
        metrics.DRIFT_REPAIRS.labels(what).inc()
        logger.warning("%s/%s: %s", *key, notes.of_repair(key[1], step).message, extra=where)
        return
    label = metrics.bounded(step.label)
    metrics.MOVES.labels(label, metrics.RESULT_OF.get(served.kind, metrics.OTHER)).inc()
    metrics.EDIT_TO_SERVED.labels(label).observe(seconds)
    if served.break_glass:
        metrics.GLASS_BROKEN.inc()
    extra = where | about(
        *key,
        kind=served.kind,
        before=served.before,
        by=served.by,
        reason=served.reason,
        break_glass=served.break_glass,
        seconds=round(seconds, 4),
    )
    for note in notes.of_change(log.of_move(key[1], step.label, served)):
        level = logging.INFO if note.type == "Normal" else logging.WARNING
        logger.log(level, "%s/%s: %s", *key, note.message, extra=extra)


def refused(key: Key, step: ApplyConfigMap, status: int) -> None:
    """The API server does not take a ConfigMap; it is tried again, and counted each time."""
    if not step.drift:
        metrics.MOVES.labels(metrics.bounded(step.label), metrics.REFUSED).inc()
    version = step.served.version
    text = "%s/%s: %s can't serve v%d, the API server refused with %d; see the release's status"
    where = about(*key, label=step.label, version=version)
    logger.warning(text, *key, step.label, version, status, extra=where)


def withdrawn(key: Key, step: DeleteConfigMap) -> None:
    """The ConfigMap of a withdrawn label was removed."""
    label, served = step.config_map.label, step.config_map.served
    metrics.MOVES.labels(metrics.bounded(label), metrics.WITHDRAWN).inc()
    where = about(*key, label=label, revision=served.revision if served else None)
    logger.info("%s/%s: %s is withdrawn", *key, label, extra=where)


def held(key: Key, before: ReleaseStatus, after: ReleaseStatus) -> None:
    """A status was written: moves that are newly held back in it."""
    for label, status in sorted(after.labels.items()):
        pending = status.pending
        known = before.labels.get(label, LabelStatus()).pending
        if pending is None or (known is not None and known.version == pending.version):
            continue
        metrics.MOVES.labels(metrics.bounded(label), metrics.HELD).inc()
        gates = ", ".join(sorted({gate_of(text) for text in pending.waiting_for}))
        text = "%s/%s: %s stays, v%d waits for: %s"
        where = about(*key, label=label, version=pending.version)
        logger.info(text, *key, label, pending.version, gates, extra=where)


def told(label: str, pods: int, seconds: float | None) -> None:
    """Pods were told of a move.

    Args:
        label: that moved.
        pods: how many were told.
        seconds: since the move was asked for; none where this process did not serve it.

    """
    metrics.PODS_TOLD.inc(pods)
    if pods and seconds is not None:
        metrics.EDIT_TO_PODS_TOLD.labels(metrics.bounded(label)).observe(seconds)
