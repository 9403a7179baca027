"""What the operator counts and times while it works, for Prometheus.

What can be looked up is not counted here but collected at each scrape: see ``gauges``. Names follow
Prometheus' conventions: base units, ``_total`` for what only grows. No label of a metric here is a
release or a namespace, of which there may be any number.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

# When a series began says nothing that process_start_time_seconds does not.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

SECONDS = (
    *(0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
)
"""From what an idle API server takes for one write to what people take for a failure."""

MAX_LABELS = 64
OTHER = "(other)"

PROMOTED, ROLLED_BACK, FOLLOWED, WITHDRAWN = "promoted", "rolled_back", "followed", "withdrawn"
HELD, REFUSED = "held", "refused"
RESULT_OF = {"Promotion": PROMOTED, "Rollback": ROLLED_BACK, "Follow": FOLLOWED}
"""A move's kind to what is counted of it."""

EDITED, DELETED = "edited", "deleted"
CONFLICT, FAILURE, PODS, BUG = "conflict", "failure", "pods", "bug"

MOVES = Counter(
    "promptrelease_moves",
    "Moves of labels by how they ended: served as promoted, rolled_back or followed (latest); "
    "withdrawn; held by a gate or an unusable version; refused by the API server, each try.",
    ("label", "result"),
    registry=REGISTRY,
)
EDIT_TO_SERVED = Histogram(
    "promptrelease_edit_to_served_seconds",
    "From hearing of what lets a label move (its edit, an approval, a verdict) to the API server's "
    "word that the ConfigMap is written.",
    ("label",),
    buckets=SECONDS,
    registry=REGISTRY,
)
EDIT_TO_PODS_TOLD = Histogram(
    "promptrelease_edit_to_pods_told_seconds",
    "From hearing of what lets a label move until the last pod that asked for it was told.",
    ("label",),
    buckets=SECONDS,
    registry=REGISTRY,
)
PODS_TOLD = Counter("promptrelease_pods_told", "Pods that were told of a move.", registry=REGISTRY)
GLASS_BROKEN = Counter(
    "promptrelease_glass_broken", "Moves that skipped their gates.", registry=REGISTRY
)
DRIFT_REPAIRS = Counter(
    "promptrelease_drift_repairs",
    "ConfigMaps that were put back after somebody else had edited or deleted them.",
    ("what",),
    registry=REGISTRY,
)
EVALUATIONS_FINISHED = Counter(
    "promptrelease_evaluations_finished", "Verdicts of evaluations.", ("phase",), registry=REGISTRY
)
RECONCILE_SECONDS = Histogram(
    "promptrelease_reconcile_seconds",
    "One turn of one prompt, by lane: serve writes ConfigMaps, record the log and statuses.",
    ("lane",),
    buckets=SECONDS,
    registry=REGISTRY,
)
RETRIES = Counter(
    "promptrelease_reconcile_retries",
    "Turns that are taken again: after a conflict with somebody else's write, a failure on the way "
    "to the API server, pods that could not be told, or a bug.",
    ("cause",),
    registry=REGISTRY,
)
API_REQUESTS = Counter(
    "promptrelease_api_requests",
    "Requests to the API server, without Kopf's; code is error when there was no answer.",
    ("verb", "resource", "code"),
    registry=REGISTRY,
)
API_SECONDS = Histogram(
    "promptrelease_api_request_seconds",
    "Requests to the API server until its answer began, without watches.",
    ("verb",),
    buckets=SECONDS,
    registry=REGISTRY,
)

# From the start, so that the first of each shows as an increase.
for _counter, _values in (
    (DRIFT_REPAIRS, (EDITED, DELETED)),
    (RETRIES, (CONFLICT, FAILURE, PODS, BUG)),
    (EVALUATIONS_FINISHED, ("Passed", "Failed", "Error")),
):
    for _value in _values:
        _counter.labels(_value)

_named: set[str] = set()


def bounded(label: str) -> str:
    """A label's name as a metric's label: the first 64 by their names, all others together.

    Whoever may edit releases may give labels any name, and what was counted once is never dropped.
    """
    if label in _named:
        return label
    if len(_named) < MAX_LABELS:
        _named.add(label)
        return label
    return OTHER


def requested(verb: str, url: str, code: str, seconds: float) -> None:
    """Count a request to the API server.

    Args:
        verb: the HTTP method, or WATCH.
        url: its path, with or without a query.
        code: HTTP status, or ``error``.
        seconds: until the answer began.

    """
    API_REQUESTS.labels(verb, resource_of(url), code).inc()
    if verb != "WATCH":
        API_SECONDS.labels(verb).observe(seconds)


def resource_of(url: str) -> str:
    """Plural, and subresource, of what a path of the API is about; no names."""
    parts = url.partition("?")[0].split("/")
    at = 3 if parts[1] == "api" else 4
    if parts[at] == "namespaces" and len(parts) > at + 2:
        at += 2
    plural = parts[at]
    return f"{plural}/{parts[at + 2]}" if len(parts) > at + 2 else plural
