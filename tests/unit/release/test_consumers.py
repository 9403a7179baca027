"""Which pods take in a ConfigMap, and which of their containers can follow."""

from __future__ import annotations

from typing import Any

import pytest

from promptrelease.release.consumers import Fixed, usages

NAME = "ticket-summary.production"


def pod(
    containers: list[dict[str, Any]],
    volumes: list[dict[str, Any]] | None = None,
    *,
    kind: str = "containers",
    phase: str = "Running",
) -> dict[str, Any]:
    return {
        "metadata": {"name": "app-1"},
        "spec": {"volumes": volumes or [], kind: containers},
        "status": {"phase": phase},
    }


def mounting(**mount: str) -> dict[str, Any]:
    return {"name": "app", "volumeMounts": [{"name": "prompts", "mountPath": "/prompts", **mount}]}


PLAIN = {"name": "prompts", "configMap": {"name": NAME}}
PROJECTED = {
    "name": "prompts",
    "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": NAME}}]},
}


@pytest.mark.parametrize("kind", ["containers", "initContainers", "ephemeralContainers"])
@pytest.mark.parametrize("volume", [PLAIN, PROJECTED], ids=["plain", "projected"])
def test_every_kind_of_container_and_volume_counts(kind: str, volume: dict[str, Any]) -> None:
    (usage,) = usages([pod([mounting()], [volume], kind=kind)], NAME)
    assert usage.mounted
    assert not usage.never


@pytest.mark.parametrize("how", [{"subPath": "prompt.txt"}, {"subPathExpr": "$(X)"}])
def test_a_subpath_never_follows(how: dict[str, str]) -> None:
    (usage,) = usages([pod([mounting(**how)], [PLAIN])], NAME)
    assert not usage.mounted
    assert usage.never == (Fixed("app-1", "app", "subPath"),)


@pytest.mark.parametrize(
    "container",
    [
        {"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": NAME, "key": "k"}}}]},
        {"envFrom": [{"configMapRef": {"name": NAME}}]},
    ],
    ids=["env", "envFrom"],
)
def test_environment_variables_never_follow(container: dict[str, Any]) -> None:
    (usage,) = usages([pod([{"name": "app", **container}])], NAME)
    assert usage.never == (Fixed("app-1", "app", "environment variables"),)


def test_a_pod_can_do_both() -> None:
    both = mounting()
    both["volumeMounts"].append({"name": "prompts", "mountPath": "/x", "subPath": "prompt.txt"})
    (usage,) = usages([pod([both], [PLAIN])], NAME)
    assert usage.mounted
    assert usage.never


@pytest.mark.parametrize(
    "other",
    [
        pod([mounting()], [{"name": "prompts", "configMap": {"name": "ticket-summary.staging"}}]),
        pod([{"name": "app"}], [PLAIN]),
        pod([mounting()], [PLAIN], phase="Succeeded"),
        pod([mounting()], [PLAIN], phase="Failed"),
        pod([{"name": "app", "env": [{"name": "X", "value": NAME}]}]),
    ],
    ids=["another", "not mounted", "done", "failed", "only named"],
)
def test_others_are_left_out(other: dict[str, Any]) -> None:
    assert usages([other], NAME) == []
