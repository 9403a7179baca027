"""What a move waits for, in one word: a status says it in a sentence."""

from __future__ import annotations

import re

GATES = {
    "freeze": r"the end of a freeze at ",
    "served_from": r"v\d+ to have been served by ",
    "approvals": r"\d+ approvals? of |a move by somebody who is known |.* to take back a denial ",
    "evaluations": r"\d+ of \d+ suites passed|PromptSuite |evaluations, which ",
    "version": r"PromptVersion ",
    "overtaken": r"somebody to look at it again: ",
    "log": r"its last \d+ moves ",
    "config_map": r"ConfigMap |a ConfigMap |the API server refused: |it is being tried again: ",
}
"""Gates, by how a sentence about one begins. The first four are a policy's."""

OTHER = "other"

_GATES = [(gate, re.compile(text, re.DOTALL)) for gate, text in GATES.items()]


def gate_of(text: str) -> str:
    """Which gate it is, of what a status has in ``waitingFor``; ``other`` if it is none of them."""
    return next((gate for gate, begins in _GATES if begins.match(text)), OTHER)
