"""Whose a release is: a GitOps tool writes it again from Git, and then an edit here does not last.

Pure; the marks are those that Argo CD and Flux leave on what they apply. See docs/gitops.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

ARGO_CD = "Argo CD"
FLUX = "Flux"

_TRACKING_ID = "argocd.argoproj.io/tracking-id"
_ARGO_INSTANCE = "argocd.argoproj.io/instance"
_INSTANCE = "app.kubernetes.io/instance"
"""Argo CD's label where nobody chose another; charts set it as well, so it proves nothing alone."""
_FLUX_KINDS = {
    "kustomize.toolkit.fluxcd.io": "Kustomization",
    "helm.toolkit.fluxcd.io": "HelmRelease",
}
_MANAGERS = {
    "argocd-controller": ARGO_CD,
    "argocd-application-controller": ARGO_CD,
    "kustomize-controller": FLUX,
    "helm-controller": FLUX,
}


@dataclass(frozen=True)
class Owner:
    """A tool that applies a release.

    Attributes:
        tool: its name.
        source: what of the tool's it comes from, as ``application shop`` or
            ``Kustomization flux-system/shop``; empty where the marks do not say.
        paused: whether the tool has been told to leave the release alone.

    """

    tool: str
    source: str = ""
    paused: bool = False

    def __str__(self) -> str:
        return f"{self.tool} ({self.source})" if self.source else self.tool


def owner(release: Json | None) -> Owner | None:
    """Who applies a release from Git; none when nobody does, as far as its marks tell.

    Args:
        release: as the API server has it, ``managedFields`` among it.

    """
    if release is None:
        return None
    meta = release["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    tools = {tool for tool in map(_tool, meta.get("managedFields") or ()) if tool}
    return _argo(labels, annotations, meta, tools) or _flux(labels, annotations, tools)


def manifest(prompt: str, label: str, version: int, reason: str) -> str:
    """What the repository should say of a label: a patch of the release, in YAML."""
    return (
        "apiVersion: promptrelease.dev/v1alpha1\n"
        "kind: PromptRelease\n"
        f"metadata:\n  name: {prompt}\n"
        f"spec:\n  labels:\n    {line(label, version, reason)}\n"
    )


def line(label: str, version: int, reason: str) -> str:
    """The one line of it that changes."""
    return f"{label}: {{version: {version}, reason: {_quoted(reason)}}}"


def withdrawal(prompt: str, label: str) -> str:
    """What to take out of the repository."""
    return f"# PromptRelease {prompt}: take this label out of spec.labels\n{label}: {{...}}\n"


def _argo(labels: Json, annotations: Json, meta: Json, tools: Iterable[str]) -> Owner | None:
    tracked = str(annotations.get(_TRACKING_ID, ""))
    application, colon, what = tracked.partition(":")
    if colon and _is_about(what, meta):
        return Owner(ARGO_CD, f"application {application}")
    if name := labels.get(_ARGO_INSTANCE):
        return Owner(ARGO_CD, f"application {name}")
    if ARGO_CD in tools:
        name = labels.get(_INSTANCE)
        return Owner(ARGO_CD, f"application {name}" if name else "")
    return None


def _is_about(what: str, meta: Json) -> bool:
    """Whether a tracking id names this object: a copy of it bears the mark of its original."""
    kind, _, place = what.partition(":")
    return kind == "promptrelease.dev/PromptRelease" and place in (
        f"{meta.get('namespace', '')}/{meta['name']}",
        f"/{meta['name']}",
    )


def _flux(labels: Json, annotations: Json, tools: Iterable[str]) -> Owner | None:
    for prefix, kind in _FLUX_KINDS.items():
        if name := labels.get(f"{prefix}/name"):
            namespace = labels.get(f"{prefix}/namespace", "")
            paused = (
                annotations.get(f"{prefix}/reconcile") == "disabled"
                or str(annotations.get(f"{prefix}/ssa", "")).lower() == "ignore"
            )
            return Owner(
                FLUX, f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}", paused
            )
    return Owner(FLUX) if FLUX in tools else None


def _tool(entry: Json) -> str:
    """The tool of a managedFields entry, if it wrote any of the spec."""
    fields = entry.get("fieldsV1") or {}
    return _MANAGERS.get(str(entry.get("manager")), "") if "f:spec" in fields else ""


def _quoted(text: str) -> str:
    """A text as YAML reads it on one line: JSON is YAML."""
    return json.dumps(text, ensure_ascii=False)
