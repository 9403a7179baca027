"""What the writing commands read of a cluster before they write."""

from __future__ import annotations

from typing import Any

from promptrelease.api.resources import (
    APPROVALS,
    CHANGES,
    EVALUATIONS,
    POLICIES,
    RELEASES,
    SUITES,
    VERSIONS,
)
from promptrelease.cli.cluster import Cluster
from promptrelease.release import wire_policy
from promptrelease.views.failures import Failure, NotFound
from promptrelease.views.move.moving import Move
from promptrelease.views.move.preview import Known


def known(cluster: Cluster, move: Move) -> Known:
    """All that the operator's decision about a move hangs on."""
    policies = cluster.list(POLICIES)
    asks_suites = any(
        policy.evaluations and policy.governs(move.prompt, move.label)
        for policy in map(wire_policy.policy, policies)
    )
    of_prompt = "" if asks_suites else f"spec.release={move.prompt}"
    return Known(
        namespace=cluster.namespace,
        releases=cluster.list(RELEASES),
        versions=cluster.list(VERSIONS),
        policies=policies,
        approvals=cluster.list(APPROVALS, fields=of_prompt),
        changes=cluster.list(CHANGES, fields=of_prompt),
        suites=cluster.list(SUITES) if asks_suites else (),
        evaluations=cluster.list(EVALUATIONS) if asks_suites else (),
    )


def numbers(cluster: Cluster, prompt: str, needed: int | None = None) -> dict[int, dict[str, Any]]:
    """The versions of a prompt, by number.

    Args:
        cluster: where.
        prompt: whose.
        needed: one that must be there.

    Raises:
        NotFound: it is not.

    """
    listed = cluster.list(VERSIONS, fields=f"spec.prompt={prompt}")
    found = {int(v["spec"]["version"]): v for v in listed}
    if needed is not None and needed not in found:
        raise NotFound(
            f"v{needed} of {prompt} does not exist any more",
            "name another one with --to, or create it again",
        )
    return found


def whoami(cluster: Cluster) -> str:
    """Who one is; empty where the cluster won't tell."""
    try:
        return cluster.whoami()
    except Failure:
        return ""
