"""Whose a release is, by the marks that Argo CD and Flux leave."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from promptrelease.console import ownership
from promptrelease.console.ownership import ARGO_CD, FLUX, Owner, owner

SPEC: dict[str, Any] = {"f:spec": {"f:labels": {"f:production": {"f:version": {}}}}}
TRACKED = "shop:promptrelease.dev/PromptRelease:tickets/ticket-summary"


def release(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "ticket-summary", "namespace": "tickets", **metadata}, "spec": {}}


def applied_by(manager: str, fields: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    entry = {"manager": manager, "operation": "Apply", "fieldsV1": fields or SPEC}
    return [{"manager": "promptrelease", "fieldsV1": {"f:status": {}}}, entry]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": TRACKED}},
            Owner(ARGO_CD, "application shop"),
        ),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, Owner(ARGO_CD, "application shop")),
        (
            {
                "labels": {"app.kubernetes.io/instance": "shop"},
                "managedFields": applied_by("argocd-controller"),
            },
            Owner(ARGO_CD, "application shop"),
        ),
        ({"managedFields": applied_by("argocd-application-controller")}, Owner(ARGO_CD)),
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "prompts",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                },
                "managedFields": applied_by("kustomize-controller"),
            },
            Owner(FLUX, "Kustomization flux-system/prompts"),
        ),
        (
            {
                "labels": {
                    "helm.toolkit.fluxcd.io/name": "shop",
                    "helm.toolkit.fluxcd.io/namespace": "tickets",
                }
            },
            Owner(FLUX, "HelmRelease tickets/shop"),
        ),
        ({"managedFields": applied_by("helm-controller")}, Owner(FLUX)),
    ],
)
def test_the_marks_of_both_tools(metadata: dict[str, Any], expected: Owner) -> None:
    assert owner(release(**metadata)) == expected


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {"app.kubernetes.io/instance": "shop"}},  # charts write it as well
        {"managedFields": applied_by("kubectl-client-side-apply")},
        {"managedFields": applied_by("promptrelease-console")},
        # Argo CD's resource actions and health touch statuses only.
        {"managedFields": applied_by("argocd-controller", {"f:metadata": {"f:labels": {}}})},
        # A copy of a tracked object bears the mark of its original.
        {
            "annotations": {
                "argocd.argoproj.io/tracking-id": TRACKED.replace("ticket-summary", "other")
            }
        },
        {"annotations": {"argocd.argoproj.io/tracking-id": "shop"}},
    ],
)
def test_what_is_nobodys(metadata: dict[str, Any]) -> None:
    assert owner(release(**metadata)) is None


def test_a_release_that_is_not_there() -> None:
    assert owner(None) is None


@pytest.mark.parametrize(
    ("annotation", "value", "paused"),
    [("reconcile", "disabled", True), ("ssa", "Ignore", True), ("reconcile", "enabled", False)],
)
def test_flux_told_to_leave_it_alone(annotation: str, value: str, paused: bool) -> None:
    found = owner(
        release(
            labels={"kustomize.toolkit.fluxcd.io/name": "prompts"},
            annotations={f"kustomize.toolkit.fluxcd.io/{annotation}": value},
        )
    )
    assert found == Owner(FLUX, "Kustomization prompts", paused=paused)


@pytest.mark.parametrize(
    "reason",
    [
        "Kept the urgency",
        'quoted "so", and: {braces} # no comment',
        "line\nend",
        "naïve — 雪",
        "' %",
    ],
)
def test_the_patch_says_in_yaml_what_was_meant(reason: str) -> None:
    read = yaml.safe_load(ownership.manifest("ticket-summary", "production", 7, reason))
    assert read == {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptRelease",
        "metadata": {"name": "ticket-summary"},
        "spec": {"labels": {"production": {"version": 7, "reason": reason}}},
    }
    assert "\n" not in ownership.line("production", 7, reason)
