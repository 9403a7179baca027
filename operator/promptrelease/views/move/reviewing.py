"""What somebody should see of a move that waits, before they approve or deny it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptrelease.release import wire_policy
from promptrelease.release.policy import AUTHOR, MOVER
from promptrelease.release.render import PREFIX
from promptrelease.views.failures import Failure, Forbidden, NotFound
from promptrelease.views.look.briefly import brief
from promptrelease.views.move.moving import short, status, version, wanted
from promptrelease.views.move.progress import pending

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A move that waits, exactly: an approval is about this and nothing else.

    Attributes:
        mover: who asked for it, and ``author``: who created the version; empty if not known.

    """

    prompt: str
    label: str
    version: int
    digest: str
    waits: tuple[str, ...]
    mover: str
    author: str


def candidate(
    release: Json, label: str, versions: Mapping[int, Json], digest: str | None = None
) -> Candidate:
    """The move that waits on a label.

    Args:
        release: as it is.
        label: which.
        versions: of the prompt, by number.
        digest: what was looked at before, or its beginning; none for whatever waits.

    Raises:
        NotFound: nothing waits.
        Failure: what waits has no content yet, or is not what was looked at.

    """
    prompt = release["metadata"]["name"]
    waits = pending(release, label)
    if not waits:
        serves = version(status(release, label).get("version"))
        asked = wanted(release, label).get("version")
        hint = "kubectl prompt list shows what waits where"
        if asked is not None and version(asked) != serves:
            hint = f"v{asked} was asked for, and the operator has not looked at it yet: try again"
        raise NotFound(f"nothing waits on {label} of {prompt}: it serves {serves}", hint)
    number, found = waits["version"], waits.get("digest", "")
    lines = tuple(short(line) for line in waits["waitingFor"])
    if not found:
        raise Failure(
            f"v{number} can't be approved or denied, there is no content yet: {'; '.join(lines)}",
            f"kubectl prompt status {prompt} shows how that goes on",
        )
    if digest and not found.removeprefix("sha256:").startswith(digest.removeprefix("sha256:")):
        raise Failure(
            f"what waits on {label} of {prompt} is v{number}, {found}, and not {digest}",
            "look at it again before you decide",
        )
    meta = versions.get(number, {}).get("metadata") or {}
    author = (meta.get("annotations") or {}).get(f"{PREFIX}author", "")
    mover = wanted(release, label).get("by", "")
    return Candidate(prompt, label, number, found, lines, mover, author)


def check_eyes(about: Candidate, me: str, policies: Sequence[Json]) -> str:
    """A warning where an approval would change nothing; empty when it counts.

    Raises Forbidden when a policy asks for other eyes than those of who approves.
    """
    asking = [
        policy
        for policy in map(wire_policy.policy, policies)
        if policy.approvals is not None and policy.governs(about.prompt, about.label)
    ]
    for policy in asking:
        roles = policy.approvals.not_by if policy.approvals is not None else ()
        people = {MOVER: about.mover, AUTHOR: about.author}
        deeds = {MOVER: "moved it", AUTHOR: "wrote it"}
        for role in roles:
            if me and people.get(role) == me:
                raise Forbidden(
                    f"your approval would not count: you ({me}) {deeds[role]}, and policy "
                    f"{policy.name} asks for somebody else",
                    "ask a colleague to approve it",
                )
    if not asking:
        return f"no policy asks for approvals on {about.label}: this one opens nothing"
    return ""


def review(
    about: Candidate,
    release: Json,
    versions: Mapping[int, Json],
    evaluations: Sequence[Json],
    approvals: Sequence[Json],
) -> Iterator[tuple[str, str]]:
    """Lines and their style: who wants what, what differs, what is known of it."""
    served = status(release, about.label).get("version")
    yield f"{about.label} of {about.prompt}: {version(served)} -> v{about.version}", "bold"
    yield f"  moved by {about.mover or 'somebody'}: {wanted(release, about.label)['reason']}", ""
    new = versions.get(about.version)
    if new is not None:
        yield f"  written by {about.author or 'somebody'}: {new['spec'].get('message', '')}", ""
    old = versions.get(served or 0)
    if new is not None and old is not None:
        for line in brief(old["spec"], new["spec"]):
            yield f"  {line}", ""
        yield f"  in full: kubectl prompt diff {about.prompt} v{served} v{about.version}", "dim"
    yield f"  {short(about.digest)}", "dim"
    yield from _evaluations(about, evaluations)
    for approval in _of(about, approvals):
        spec = approval["spec"]
        done = "approved" if spec["decision"] == "approve" else "denied"
        said = f": {spec['comment']}" if spec.get("comment") else ""
        style = "green" if spec["decision"] == "approve" else "red"
        yield f"  {done} by {spec.get('by') or 'somebody'}{said}", style
    for line in about.waits:
        yield f"  waits for {line}", "yellow"


def approval(about: Candidate, decision: str, comment: str | None, by: str) -> dict[str, Any]:
    """The PromptApproval to create; ``decision`` is approve or deny."""
    spec = {
        "release": about.prompt,
        "label": about.label,
        "version": about.version,
        "digest": about.digest,
        "decision": decision,
        "comment": comment,
        "by": by,
    }
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptApproval",
        "metadata": {"generateName": f"{about.prompt}-{about.label}-"},
        "spec": {name: value for name, value in spec.items() if value},
    }


def _of(about: Candidate, approvals: Sequence[Json]) -> list[Json]:
    """Those that are about this very content, oldest first."""
    exact = (about.label, about.version, about.digest)
    return sorted(
        (
            one
            for one in approvals
            if (one["spec"]["label"], one["spec"]["version"], one["spec"]["digest"]) == exact
        ),
        key=lambda one: str(one["metadata"].get("creationTimestamp")),
    )


def _evaluations(about: Candidate, evaluations: Sequence[Json]) -> Iterator[tuple[str, str]]:
    for one in sorted(evaluations, key=lambda one: str(one["metadata"]["name"])):
        judged = {(m["prompt"], m.get("digest")) for m in one["spec"].get("candidate") or ()}
        if (about.prompt, about.digest) not in judged:
            continue
        its = one.get("status") or {}
        verdict = its.get("verdict") or one["spec"].get("verdict") or {}
        phase = its.get("phase", "Pending")
        score = f", score {verdict['score']:g}" if "score" in verdict else ""
        if "baselineScore" in verdict:
            score += f" (was {verdict['baselineScore']:g})"
        style = {"Passed": "green", "Failed": "red", "Error": "red"}.get(phase, "yellow")
        said = f": {its['message']}" if its.get("message") and phase != "Passed" else ""
        yield f"  suite {one['spec']['suite']}: {phase}{score}{said}", style
