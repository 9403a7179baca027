"""What a move waits for, by what kind of thing it is; the words are those of ``shown.waiting``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptrelease.console.shown.waiting import Wait, wait

SUITES, APPROVALS, TIME, OTHER = "evaluations", "approvals", "time", "other"

# As release.gates tells of them: kind, whether somebody said no or something failed, and how the
# text begins.
_KINDS: tuple[tuple[str, bool, re.Pattern[str]], ...] = tuple(
    (kind, refused, re.compile(pattern, re.DOTALL))
    for kind, refused, pattern in (
        (TIME, False, r"the end of a freeze at "),
        (TIME, False, r"v\d+ to have been served by "),
        (APPROVALS, False, r"\d+ approvals? of "),
        (APPROVALS, True, r".+? to take back a denial "),
        (APPROVALS, True, r"a move by somebody who is known"),
        (SUITES, True, r"\d+ of \d+ suites passed.*(?:failed|not evaluated): "),
        (SUITES, False, r"\d+ of \d+ suites passed"),
        (SUITES, True, r"PromptSuite .+, which does not exist"),
        (SUITES, False, r"evaluations, which "),
    )
)


@dataclass(frozen=True)
class Gate:
    """One thing that a move waits for.

    Attributes:
        kind: one of the four above.
        refused: whether somebody said no, or something failed: waiting alone does not help.
        wait: in words.

    """

    kind: str
    refused: bool
    wait: Wait


def gate(exact: str, prompt: str, label: str, version: int) -> Gate:
    """What the operator says of one thing that a move of a label to a version waits for."""
    said = wait(exact, prompt, label, version)
    for kind, refused, pattern in _KINDS:
        if pattern.match(exact):
            return Gate(kind, refused, said)
    return Gate(OTHER, False, said)
