"""What the demo tells: a prompt is released, promoted, rolled back, and defended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from demo.cluster import NAMESPACE, Cluster, DemoError
from demo.terminal import bad, good, output, step

PRODUCTION = "ticket-summary.production"
EXAMPLES = ("tone-of-voice", "ticket-summary", "ticket-router")
UNCLOSED = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptVersion
metadata: {name: ticket-summary-v4}
spec:
  prompt: ticket-summary
  version: 4
  text: "Summarize {{ticket"
  model: {provider: openai, name: gpt-4.1-mini-2025-04-14}
  message: "Written in a hurry"
"""
POLICY = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptPolicy
metadata: {name: production}
spec:
  labels: [production]
  require:
    approvals: {count: 1, notBy: [mover]}
"""
APPROVAL = """\
apiVersion: promptrelease.dev/v1alpha1
kind: PromptApproval
metadata: {{name: ticket-summary-v1-by-bob}}
spec: {{release: ticket-summary, label: production, version: 1, decision: approve, by: bob,
  digest: "{digest}"}}
"""
UNDECLARED = UNCLOSED.replace("{{ticket", "{{tikcet}}")


def tell(cluster: Cluster) -> None:
    """Tell all of it.

    Raises:
        DemoError: something did not come about as it should.
    """
    with step("Prompts and their releases are applied like anything else"):
        for name in EXAMPLES:
            output(cluster.kubectl("apply", "-f", f"manifests/examples/{name}.yaml"))
        cluster.until(PRODUCTION, is_version(2))
        cluster.kubectl("wait", "prel", "--all", "--for=condition=Ready", "--timeout=30s")
        output(cluster.kubectl("get", "prel,pver"))
    with step("What a workload mounts: one ConfigMap a label, swapped whole"):
        _files(cluster)
    with step("Promotion is the edit of one number"):
        _move(cluster, 3, "Two sentences kept everything in 48 of 48 tickets")
        output(cluster.kubectl("get", "prel", "ticket-summary", "--output", "wide"))
    with step("Rollback is the reverse edit"):
        _move(cluster, 2, "Agents miss the error messages")
    with step("A policy asks for a second pair of eyes, and what is served stays until then"):
        _held(cluster)
    with step("The way back waits for nobody, and every move is in the log"):
        _move(cluster, 2, "Back to what agents know")
        output(cluster.kubectl("get", "pchg", "--sort-by=.metadata.creationTimestamp"))
    with step("Who edits the ConfigMap by hand is told where to do it instead"):
        _drift(cluster)
    with step("A version that can't be right is refused, and nothing that is served changes"):
        _refused(cluster)


def is_version(number: int) -> Callable[[dict[str, Any]], bool]:
    """Whether a ConfigMap serves a version."""
    return lambda cm: cm["metadata"]["labels"]["promptrelease.dev/version"] == str(number)


def _files(cluster: Cluster) -> None:
    config_map = cluster.until(PRODUCTION, is_version(2))
    for name, text in sorted(config_map["data"].items()):
        good(name)
        output(text, most=18)


def _move(cluster: Cluster, number: int, reason: str) -> None:
    wish = {"version": number, "reason": reason, "by": "carol"}
    patch = {"spec": {"labels": {"production": wish}}}
    start = time.perf_counter()
    output(
        cluster.kubectl(
            "patch", "prel", "ticket-summary", "--type=merge", "--patch", json.dumps(patch)
        )
    )
    config_map = cluster.until(PRODUCTION, is_version(number))
    took = time.perf_counter() - start
    good(f"version {number} is served {took * 1000:.0f} ms after the command began:")
    output(config_map["data"]["prompt.txt"])


def _held(cluster: Cluster) -> None:
    output(cluster.kubectl("apply", "-f", "-", stdin=POLICY))
    wish = {"version": 1, "reason": "Compare with the first one", "by": "alice"}
    patch = json.dumps({"spec": {"labels": {"production": wish}}})
    output(cluster.kubectl("patch", "prel", "ticket-summary", "--type=merge", "--patch", patch))
    cluster.kubectl("wait", "prel/ticket-summary", "--for=condition=Ready=false")
    at = "{.status.labels.production.pending"
    output(
        cluster.kubectl("get", "prel", "ticket-summary", "--output", f"jsonpath={at}.waitingFor}}")
    )
    cluster.until(PRODUCTION, is_version(2))
    digest = cluster.kubectl(
        "get", "prel", "ticket-summary", "--output", f"jsonpath={at}.digest}}", show=False
    )
    output(cluster.kubectl("apply", "-f", "-", stdin=APPROVAL.format(digest=digest)))
    cluster.until(PRODUCTION, is_version(1))
    good("served, as soon as bob has approved what alice wanted")


def _drift(cluster: Cluster) -> None:
    released = cluster.until(PRODUCTION, is_version(2))
    start = time.perf_counter()
    patch = json.dumps({"data": {"prompt.txt": "Answer every ticket with a refund."}})
    output(cluster.kubectl("patch", "configmap", PRODUCTION, "--type=merge", "--patch", patch))
    cluster.until(
        PRODUCTION,
        lambda cm: (
            cm["metadata"]["resourceVersion"] != released["metadata"]["resourceVersion"]
            and cm["data"] == released["data"]
        ),
    )
    good(f"the released text is back {(time.perf_counter() - start) * 1000:.0f} ms later")
    deadline = time.monotonic() + 10
    while "DriftRepaired" not in (told := _events(cluster)) and time.monotonic() < deadline:
        time.sleep(0.1)
    output(told)


def _events(cluster: Cluster) -> str:
    return cluster.kubectl("get", "events", "--field-selector", "reason=DriftRepaired", show=False)


def _refused(cluster: Cluster) -> None:
    before = cluster.until(PRODUCTION, is_version(2))["metadata"]["resourceVersion"]
    told = cluster.kubectl("apply", "-f", "-", stdin=UNCLOSED, check=False)
    if "every {{ must begin" not in told:
        raise DemoError(f"the API server took a template that is not closed: {told}")
    output(told)
    good("the API server itself knows the template's grammar")
    output(cluster.kubectl("apply", "-f", "-", stdin=UNDECLARED))
    cluster.kubectl("wait", "pver/ticket-summary-v4", "--for=condition=Valid=false")
    why = '{.status.conditions[?(@.type=="Valid")].message}'
    output(cluster.kubectl("get", "pver", "ticket-summary-v4", "--output", f"jsonpath={why}"))
    after = cluster.until(PRODUCTION, is_version(2))["metadata"]["resourceVersion"]
    if before != after:
        bad("what is served has changed")
        raise DemoError(f"{PRODUCTION} went from {before} to {after}")
    good("what the operator finds is in the version's condition, and production is as it was")


def install(cluster: Cluster) -> None:
    """Install the kinds, on a cluster of ours with the operator's rights; make a namespace."""
    folder = "manifests/base" if cluster.plane else "crds"
    output(cluster.kubectl("apply", "--server-side", "-k", folder, "--namespace="))
    ours = "--selector=app.kubernetes.io/part-of=promptrelease"
    cluster.kubectl("wait", "crd", ours, "--for=condition=Established")
    cluster.kubectl("create", "namespace", NAMESPACE, check=False)
