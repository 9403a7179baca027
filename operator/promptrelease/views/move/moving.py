"""A move of a label: from where, to where and why, and the edit that asks for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.api.promptrelease import LATEST
from promptrelease.release import wire_policy
from promptrelease.release.render import PREFIX
from promptrelease.release.wire import BREAK_GLASS
from promptrelease.views.failures import NotFound, UsageMistake

Json = Mapping[str, Any]

ALWAYS_ASKED = ("production", "prod")
"""Labels that move only after a question, whether a policy governs them or not."""

WITHDRAWN_BY = f"{PREFIX}withdrawn-by"
WITHDRAWAL_REASON = f"{PREFIX}withdrawal-reason"

_NUMBER = re.compile("v?([1-9][0-9]{0,9})")
_FROM_IS_STALE = "from names another version than the label has now"
_DIGEST = re.compile("(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True)
class Move:
    """What somebody wants.

    Attributes:
        to: none to withdraw the label.
        serves: the version that is served there now, as they saw it.
        wants: the version that the label is set to now; another one than is served while a move
            waits.
        break_glass: why the gates shall be skipped; empty to pass them.

    """

    prompt: str
    label: str
    to: int | None
    reason: str
    serves: int | None = None
    wants: int | None = None
    break_glass: str = ""

    @property
    def idle(self) -> bool:
        """Whether it is as they want it already."""
        return self.to == self.serves == self.wants

    @property
    def guarded(self) -> bool:
        """Whether ``from`` can hold this move to what was seen.

        Not while another move waits: the API server compares ``from`` with what the label is set
        to, the operator with what it serves, and these are two versions then.
        """
        return self.to is not None and self.serves is not None and self.serves == self.wants

    def repeats(self, release: Json) -> bool:
        """Whether this very move waits already."""
        asked = wanted(release, self.label)
        same = (asked.get("version"), asked.get("reason")) == (self.to, self.reason)
        return self.to is not None and same and not self.break_glass

    def __str__(self) -> str:
        before = version(self.serves)
        return f"{self.label} of {self.prompt}: {before} -> {version(self.to)}"


def version(number: int | None) -> str:
    """A version as people write it."""
    return f"v{number}" if number is not None else "nothing"


def short(text: str) -> str:
    """A text for people: of a digest its beginning will do."""
    return _DIGEST.sub(r"\1…", text)


def wanted(release: Json | None, label: str) -> dict[str, Any]:
    """What a release's spec says of a label; empty when it says nothing."""
    return dict((((release or {}).get("spec") or {}).get("labels") or {}).get(label) or {})


def status(release: Json | None, label: str) -> dict[str, Any]:
    """What a release's status says of a label; empty when it says nothing."""
    return dict((((release or {}).get("status") or {}).get("labels") or {}).get(label) or {})


def history(release: Json | None, label: str) -> list[int]:
    """Versions that a label has served, newest first."""
    return list((((release or {}).get("status") or {}).get("served") or {}).get(label) or ())


def move(release: Json | None, prompt: str, label: str, to: int | None, reason: str) -> Move:
    """A move from where a label is.

    Raises UsageMistake for latest, which nobody moves.
    """
    if label == LATEST:
        raise UsageMistake(
            "latest can't be set: it follows the highest version number by itself",
            "name another label, such as staging",
        )
    return Move(
        prompt=prompt,
        label=label,
        to=to,
        reason=reason,
        serves=status(release, label).get("version"),
        wants=wanted(release, label).get("version"),
    )


def number(text: str, prompt: str, release: Json | None, versions: Collection[int]) -> int:
    """The version that somebody names: 7, v7, latest, or @staging for what that label serves.

    Raises:
        UsageMistake: it is none of these.
        NotFound: there is no such version, or the label serves nothing.

    """
    if not versions:
        raise NotFound(
            f"there is no version of {prompt} in this namespace",
            f"kubectl prompt new {prompt} makes one; -n names another namespace",
        )
    if text in (LATEST, f"@{LATEST}"):
        return max(versions)
    if text.startswith("@"):
        served = status(release, text[1:]).get("version")
        if served is None:
            known = ", ".join(f"@{name}" for name in labels(release)) or "none"
            raise NotFound(f"{text[1:]} of {prompt} serves nothing", f"labels that do: {known}")
        return int(served)
    found = _NUMBER.fullmatch(text.removeprefix(f"{prompt}-"))
    if found is None:
        raise UsageMistake(
            f"{text!r} is no version", "write 7, v7, latest, or @staging for what staging serves"
        )
    if int(found[1]) not in versions:
        last = ", ".join(f"v{n}" for n in sorted(versions)[-5:])
        raise NotFound(f"there is no v{found[1]} of {prompt}", f"the newest versions: {last}")
    return int(found[1])


def labels(release: Json | None) -> list[str]:
    """Labels that serve something."""
    known = ((release or {}).get("status") or {}).get("labels") or {}
    return sorted(name for name, its in known.items() if "version" in its)


def previous(release: Json | None, prompt: str, label: str) -> int:
    """Where a label goes back to: the last other version that it served.

    Raises NotFound.
    """
    serves = status(release, label).get("version")
    for number in history(release, label):
        if number != serves:
            return number
    if serves is None:
        known = ", ".join(labels(release)) or "none"
        raise NotFound(f"{label} of {prompt} serves nothing", f"labels that do: {known}")
    raise NotFound(
        f"{label} of {prompt} has served nothing but v{serves}: there is no way back",
        f"kubectl prompt promote {prompt} {label} VERSION moves it elsewhere",
    )


def patch(move: Move, release: Json, by: str) -> dict[str, Any]:
    """The merge patch that asks for a move.

    Args:
        move: what is wanted.
        release: as it was seen.
        by: who asks, as the API server knows them; empty where it won't say.

    """
    annotations: dict[str, Any] = {}
    if move.to is None:
        lines = (release["metadata"].get("annotations") or {}).get(WITHDRAWN_BY, "").splitlines()
        others = [line for line in lines if line.partition(" ")[0] != move.label]
        annotations[WITHDRAWAL_REASON] = move.reason or None
        if by:
            annotations[WITHDRAWN_BY] = "\n".join([*others, f"{move.label} {by}"])
    if move.break_glass:
        annotations[BREAK_GLASS + move.label] = f"v{move.to}: {move.break_glass}"
    result: dict[str, Any] = {"spec": {"labels": {move.label: _label(move, by)}}}
    metadata: dict[str, Any] = {}
    if annotations:
        metadata["annotations"] = annotations
    if not move.guarded:
        # The whole object must be as it was seen: there is nothing smaller to compare.
        metadata["resourceVersion"] = release["metadata"]["resourceVersion"]
    if metadata:
        result["metadata"] = metadata
    return result


def first(move: Move, by: str) -> dict[str, Any]:
    """The PromptRelease for a prompt that has none."""
    label = {name: value for name, value in (_label(move, by) or {}).items() if value is not None}
    metadata: dict[str, Any] = {"name": move.prompt}
    if move.break_glass:
        text = f"v{move.to}: {move.break_glass}"
        metadata["annotations"] = {BREAK_GLASS + move.label: text}
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptRelease",
        "metadata": metadata,
        "spec": {"labels": {move.label: label}},
    }


def _label(move: Move, by: str) -> dict[str, Any] | None:
    if move.to is None:
        return None
    # Where nobody stamps names, an absent one would keep that of the move before.
    return {
        "version": move.to,
        "reason": move.reason,
        "from": move.serves if move.guarded else None,
        "by": by or None,
    }


def same_place(before: Json, after: Json, label: str) -> bool:
    """Whether a label is as it was seen, whatever else has changed of its release."""
    places = [
        (wanted(release, label), status(release, label).get("revision"))
        for release in (before, after)
    ]
    return places[0] == places[1]


def is_stale(message: str) -> bool:
    """Whether the API server refused a move since somebody else has moved the label meanwhile."""
    return _FROM_IS_STALE in message


def hint(message: str) -> str:
    """What to do where the API server refused a move; empty where its words say so."""
    if "a move needs a new reason" in message:
        return "give another --reason than that of the move before"
    return ""


def asks_first(prompt: str, label: str, policies: Iterable[Json]) -> bool:
    """Whether a person is asked before that label moves."""
    return label in ALWAYS_ASKED or any(
        wire_policy.policy(policy).governs(prompt, label) for policy in policies
    )
