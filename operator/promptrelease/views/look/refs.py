"""Which version somebody means: a number, a label, or whatever is served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from promptrelease.api.promptrelease import LATEST
from promptrelease.views.failures import NotFound, UsageMistake

Json = Mapping[str, Any]

PRODUCTION = "production"
"""The label that is meant when none is named."""

_NUMBER = re.compile("v?([1-9][0-9]{0,9})")
_NAME = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def split(text: str) -> tuple[str, str]:
    """Prompt, and what of it: ``summary@staging``, ``summary@v7``, or nothing after the name.

    The name of a version will do, too: ``summary-v7``. Raises UsageMistake.
    """
    prompt, at, what = text.partition("@")
    if not _NAME.fullmatch(prompt) or (at and not what):
        raise UsageMistake(f"{text!r} names no prompt", "write NAME, NAME@LABEL or NAME@vN")
    return prompt, what


def number(what: str, prompt: str, release: Json | None) -> int | None:
    """The version that a number or a label stands for; none for the newest there is.

    Args:
        what: ``7``, ``v7``, ``staging`` or ``@staging``; empty for what production serves, or for
            the newest where production serves nothing. A number is never taken for a label.
        prompt: whose.
        release: its PromptRelease, if there is one.

    Raises NotFound: that label serves nothing.

    """
    if found := _NUMBER.fullmatch(what):
        return int(found[1])
    label = what.removeprefix("@")
    version = _served(release).get(label or PRODUCTION)
    if version is not None:
        return version
    if label in ("", LATEST):
        return None
    raise no_label(prompt, label, release)


def no_label(prompt: str, label: str, release: Json | None) -> NotFound:
    """The failure that a label serves nothing, with those that do."""
    known = ", ".join(sorted(_served(release))) or "none"
    status = (release or {}).get("status") or {}
    pending = ((status.get("labels") or {}).get(label) or {}).get("pending")
    if pending:
        return NotFound(
            f"{label} of {prompt} serves nothing yet: v{pending['version']} is held back",
            f"kubectl prompt status {prompt} says why; labels that serve something: {known}",
        )
    return NotFound(
        f"{label} of {prompt} serves nothing", f"labels that serve something: {known}; or name vN"
    )


def no_version(prompt: str, number: int | None, known: list[int]) -> NotFound:
    """The failure that there is no such version, with the newest that there are."""
    if not known:
        return NotFound(
            f"there is no prompt {prompt} in this namespace",
            "kubectl prompt list shows what there is; -n names another namespace",
        )
    newest = ", ".join(f"v{n}" for n in sorted(known)[-5:])
    return NotFound(f"there is no v{number} of {prompt}", f"the newest versions: {newest}")


def _served(release: Json | None) -> dict[str, int]:
    labels = ((release or {}).get("status") or {}).get("labels") or {}
    return {name: its["version"] for name, its in labels.items() if "version" in its}
