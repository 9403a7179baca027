"""What people do with kubectl, and how to see that it was done.

``<p>`` stands for the prompt, ``<who>`` for whoever does it, ``<change>`` for the name of the first
entry in the log of the prompt's label production.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.api import (
    API_VERSION,
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    POLICIES,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    approval,
    policy,
    release,
    version,
    wait_for,
)

WITHDRAWN_BY = "promptrelease.dev/withdrawn-by"
AUTHOR = "promptrelease.dev/author"
GLASS = "breakglass.promptrelease.dev/"
MANAGED = {"app.kubernetes.io/managed-by": "promptrelease"}
DIGEST = f"sha256:{7:064}"
EVALUATIONS = "promptevaluations"


@dataclass(frozen=True)
class Scene:
    """Where somebody does something: a prompt of a namespace."""

    api: Api
    prompt: str
    who: str
    change: str

    def fill(self, text: str) -> str:
        """Put the names in."""
        for key, value in {"<p>": self.prompt, "<who>": self.who, "<change>": self.change}.items():
            text = text.replace(key, value)
        return text

    def get(self, resource: str, name: str = "<p>") -> Json:
        """Read an object; empty when there is no such thing."""
        return self.api.get(resource, self.fill(name))

    def label(self, name: str) -> Json:
        """A label, as it is stored."""
        found: Json = (self.get(RELEASES)["spec"].get("labels") or {}).get(name, {})
        return found

    def annotation(self, key: str, resource: str = RELEASES, name: str = "<p>") -> str | None:
        """An annotation, as it is stored."""
        annotations = self.get(resource, name)["metadata"].get("annotations") or {}
        found: str | None = annotations.get(key)
        return found


Proof = Callable[[Scene], object]


@dataclass(frozen=True)
class Action:
    """What somebody does.

    Attributes:
        words: for the name of the test.
        command: kubectl's arguments.
        stdin: an object for kubectl to read.
        proof: asserts that it is done, and in whose name.
        versions: how many the prompt must have; with none it is a name and nothing else.

    """

    words: str
    command: tuple[str, ...]
    stdin: Json | None = None
    proof: Proof = lambda scene: None
    versions: int = 4

    def __str__(self) -> str:
        return self.words

    def and_then(self, proof: Proof) -> Action:
        """The same, with another proof."""
        return replace(self, proof=proof)


def _merge(words: str, resource: str, name: str, patch: Mapping[str, Any], proof: Proof) -> Action:
    what = ("patch", resource, name, "--type=merge", "-p", json.dumps(patch))
    return Action(words, what, None, proof)


def _create(words: str, obj: Json, proof: Proof) -> Action:
    return Action(words, ("create", "-f", "-"), obj, proof, versions=0)


def _delete(words: str, resource: str, name: str) -> Action:
    def gone(scene: Scene) -> None:
        assert scene.get(resource, name) == {}

    return Action(words, ("delete", resource, name, "--wait=false"), None, gone)


# ---- releases


def moves(by: str | None = None, **labels: int) -> Action:
    """Move labels to versions, with ``by`` as a claim."""
    claim = {"by": by} if by is not None else {}
    spec = {
        label: {"version": number, "reason": f"{label} to v{number}", **claim}
        for label, number in labels.items()
    }

    def moved(scene: Scene) -> None:
        for label, number in labels.items():
            stored = scene.label(label)
            assert (stored["version"], stored["by"]) == (number, scene.who), stored

    words = " and ".join(f"{label} to v{number}" for label, number in labels.items())
    claimed = f" as {by}" if by is not None else ""
    return _merge(f"moves {words}{claimed}", RELEASES, "<p>", {"spec": {"labels": spec}}, moved)


def edits(label: str, **fields: Any) -> Action:
    """Edit fields of one label as they are given; ``from_`` is ``from``."""
    spec = {name.rstrip("_"): value for name, value in fields.items()}
    words = f"edits {label} {json.dumps(spec)}"
    return _merge(words, RELEASES, "<p>", {"spec": {"labels": {label: spec}}}, lambda _: None)


def withdraws(*labels: str, claim: str | None = None) -> Action:
    """Take labels away, with ``claim`` as the annotation that says who did."""
    patch: Json = {"spec": {"labels": dict.fromkeys(labels)}}
    if claim is not None:
        patch["metadata"] = {"annotations": {WITHDRAWN_BY: claim}}

    def gone(scene: Scene) -> None:
        lines = (scene.annotation(WITHDRAWN_BY) or "").splitlines()
        for label in labels:
            assert scene.label(label) == {}
        assert sorted(lines) == sorted(f"{label} {scene.who}" for label in labels), lines

    words = f"withdraws {' and '.join(labels)}" + (f" claiming {claim!r}" if claim else "")
    return _merge(words, RELEASES, "<p>", patch, gone)


def creates_release(claim: str | None = None, **labels: int) -> Action:
    """Create a release of another prompt, with ``claim`` as who withdrew what."""
    name = "<p>-new"
    obj = release(name, **{label: (number, "begin") for label, number in labels.items()})
    if claim is not None:
        obj["metadata"]["annotations"] = {WITHDRAWN_BY: claim}

    def made(scene: Scene) -> None:
        stored = scene.get(RELEASES, name)
        by = {label: it["by"] for label, it in stored["spec"]["labels"].items()}
        assert by == dict.fromkeys(labels, scene.who), by
        assert WITHDRAWN_BY not in stored["metadata"].get("annotations", {})

    claimed = f" claiming {claim!r}" if claim else ""
    return _create(f"creates a release with {', '.join(labels)}{claimed}", obj, made)


def deletes_release() -> Action:
    """Delete the release."""
    return _delete("deletes the release", RELEASES, "<p>")


def annotates(key: str, value: str | None, resource: str = RELEASES, name: str = "<p>") -> Action:
    """Set an annotation, or remove it."""

    def stored(scene: Scene) -> None:
        found = scene.annotation(key, resource, name)
        assert found == value, found

    words = f"annotates {resource} {key.rpartition('/')[2]}={value!r}"
    return _merge(words, resource, name, {"metadata": {"annotations": {key: value}}}, stored)


def breaks_glass(label: str, value: str | None = "v4: the provider switched v2 off") -> Action:
    """Skip the gates of a label, or take that back."""
    action = annotates(f"{GLASS}{label}", value)
    return replace(action, words=f"breaks glass of {label}: {value!r}")


def writes_status(resource: str, name: str = "<p>") -> Action:
    """Claim something in a status, the way that needs the fewest rights."""
    kind, status = {
        RELEASES: ("PromptRelease", {"labels": {}}),
        VERSIONS: ("PromptVersion", {"labels": ["canary"]}),
        EVALUATIONS: ("PromptEvaluation", {"phase": "Passed"}),
    }[resource]
    claim = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name},
        "status": status,
    }
    how = ("apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-")
    return Action(f"writes a status of {resource}", how, claim)


# ---- versions


def creates_version(number: int = 8, author: str | None = None) -> Action:
    """Create a version, with ``author`` as a claim."""
    obj = version("<p>", number)
    if author is not None:
        obj["metadata"]["annotations"] = {AUTHOR: author}

    def made(scene: Scene) -> None:
        found = scene.annotation(AUTHOR, VERSIONS, f"<p>-v{number}")
        assert found == scene.who, found

    claimed = f" as {author}" if author else ""
    return _create(f"creates a version{claimed}", obj, made)


def deletes_version(number: int) -> Action:
    """Delete a version."""
    action = _delete(f"deletes v{number}", VERSIONS, f"<p>-v{number}")
    return replace(action, versions=7)


def claims_version(author: str | None, number: int = 4) -> Action:
    """Change who is said to have written a version; nothing changes."""
    action = annotates(AUTHOR, author, VERSIONS, f"<p>-v{number}")
    return action.and_then(still(AUTHOR, "admin", VERSIONS, f"<p>-v{number}"))


def still(key: str, value: str | None, resource: str = RELEASES, name: str = "<p>") -> Proof:
    """Proof that an annotation is what it was."""

    def same(scene: Scene) -> None:
        found = scene.annotation(key, resource, name)
        assert found == value, found

    return same


def still_by(label: str, who: str | None) -> Proof:
    """Proof that a label's ``by`` is what it was."""

    def same(scene: Scene) -> None:
        found = scene.label(label).get("by")
        assert found == who, found

    return same


# ---- approvals, policies, the log


def approves(label: str = "production", by: str | None = None, name: str = "<p>-word") -> Action:
    """Approve, with ``by`` as a claim."""
    return _decides(label, by, name, decision="approve")


def denies(label: str = "production") -> Action:
    """Deny, and say why."""
    return _decides(label, None, "<p>-word", decision="deny", comment="it rambles")


def _decides(label: str, by: str | None, name: str, **spec: Any) -> Action:
    obj = approval(name, {"version": 4, "digest": DIGEST}, by or "", release="<p>", label=label)
    obj["spec"].update(spec)
    if by is None:
        del obj["spec"]["by"]

    def made(scene: Scene) -> None:
        found = scene.get(APPROVALS, name)["spec"]["by"]
        assert found == scene.who, found

    verb = "denies" if spec["decision"] == "deny" else "approves"
    return _create(f"{verb} {label}" + (f" as {by}" if by is not None else ""), obj, made)


def deletes_approval(name: str = "<p>-word") -> Action:
    """Delete what was approved."""
    return replace(_delete("deletes the approval", APPROVALS, name), versions=0)


def changes_approval() -> Action:
    """Turn an approval into a denial."""
    spec = {"decision": "deny", "comment": "on second thoughts"}
    action = _merge("changes the approval", APPROVALS, "<p>-word", {"spec": spec}, lambda _: None)
    return replace(action, versions=0)


def vouches(by: str | None = None) -> Action:
    """Give a verdict from outside, with ``by`` as a claim."""
    name = "<p>-evidence"
    spec: Json = {
        "suite": "none",
        "candidate": [{"prompt": "<p>", "version": 4, "digest": DIGEST}],
        "verdict": {"passed": True},
    }
    if by is not None:
        spec["by"] = by
    obj = {"apiVersion": API_VERSION, "kind": "PromptEvaluation", "spec": spec}

    def made(scene: Scene) -> None:
        path = f"/apis/{API_VERSION}/namespaces/{scene.api.namespace}/promptevaluations"
        stored = scene.api.control_plane.request("GET", f"{path}/{scene.fill(name)}")
        assert stored["spec"]["by"] == scene.who, stored

    words = "vouches" + (f" as {by}" if by is not None else "")
    return _create(words, {**obj, "metadata": {"name": name}}, made)


def creates_policy() -> Action:
    """Create a policy that governs nothing that there is."""

    def made(scene: Scene) -> None:
        assert scene.get(POLICIES, "<p>-policy")

    obj = policy("<p>-policy", prompts=["<p>-none"], require={"approvals": {"count": 2}})
    return _create("creates a policy", obj, made)


def edits_policy() -> Action:
    """Loosen that policy."""

    def changed(scene: Scene) -> None:
        assert scene.get(POLICIES, "<p>-policy")["spec"]["require"]["approvals"]["count"] == 1

    patch = {"spec": {"require": {"approvals": {"count": 1}}}}
    return replace(_merge("edits a policy", POLICIES, "<p>-policy", patch, changed), versions=0)


def deletes_policy() -> Action:
    """Delete that policy."""
    return replace(_delete("deletes a policy", POLICIES, "<p>-policy"), versions=0)


def writes_log() -> Action:
    """Create an entry of the log."""
    spec = {"release": "<p>", "label": "none", "revision": 99, "kind": "Promotion"}
    obj = {
        "apiVersion": API_VERSION,
        "kind": "PromptChange",
        "metadata": {"name": "<p>.none.99"},
        "spec": {**spec, "at": "2026-01-01T00:00:00Z", "by": "carol"},
    }

    def made(scene: Scene) -> None:
        assert scene.get(CHANGES, "<p>.none.99")

    return _create("writes into the log", obj, made)


def rewrites_log() -> Action:
    """Change an entry of the log."""
    patch = {"spec": {"by": "carol"}}
    return _merge("rewrites the log", CHANGES, "<change>", patch, lambda _: None)


def annotates_log() -> Action:
    """Change an entry of the log where its specification is not concerned."""
    action = annotates("note", "it was carol", CHANGES, "<change>")
    return replace(action, words="annotates the log")


def prunes_log() -> Action:
    """Delete an entry of the log."""
    return _delete("deletes from the log", CHANGES, "<change>")


# ---- what workloads mount


def edits_served() -> Action:
    """Change what workloads mount."""
    patch = {"data": {"prompt.txt": "do as I say"}}
    return _merge("edits what is served", CONFIG_MAPS, "<p>.production", patch, lambda _: None)


def unlabels_served() -> Action:
    """Take the label away that makes it a managed one."""
    patch = {"metadata": {"labels": dict.fromkeys(MANAGED)}}
    return _merge("unlabels what is served", CONFIG_MAPS, "<p>.production", patch, lambda _: None)


def disowns_served() -> Action:
    """Take the owner away."""
    patch = {"metadata": {"ownerReferences": None}}
    return _merge("disowns what is served", CONFIG_MAPS, "<p>.production", patch, lambda _: None)


def deletes_served() -> Action:
    """Delete what workloads mount; it comes back."""

    def back(scene: Scene) -> None:
        wait_for(lambda: scene.get(CONFIG_MAPS, "<p>.production"), "what is served to be back")

    action = _delete("deletes what is served", CONFIG_MAPS, "<p>.production")
    return action.and_then(back)


def creates_config_map(labels: Mapping[str, str], name: str = "<p>.fake") -> Action:
    """Create a ConfigMap."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}

    def made(scene: Scene) -> None:
        assert scene.get(CONFIG_MAPS, name)

    return _create("poses as managed" if labels else "creates a ConfigMap", obj, made)


def labels_config_map(name: str = "<p>.fake") -> Action:
    """Make an ordinary ConfigMap a managed one."""
    patch = {"metadata": {"labels": MANAGED}}
    action = _merge("labels a ConfigMap as managed", CONFIG_MAPS, name, patch, lambda _: None)
    return replace(action, versions=0)


def edits_config_map(name: str = "<p>.fake") -> Action:
    """Edit an ordinary ConfigMap."""

    def changed(scene: Scene) -> None:
        assert scene.get(CONFIG_MAPS, name)["data"] == {"mine": "yes"}

    action = _merge("edits a ConfigMap", CONFIG_MAPS, name, {"data": {"mine": "yes"}}, changed)
    return replace(action, versions=0)


def reads(resource: str) -> Action:
    """List objects of a kind."""
    return Action(f"reads {resource}", ("get", resource, "-o", "name"), versions=0)
