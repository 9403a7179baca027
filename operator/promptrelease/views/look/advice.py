"""What to do about what a move waits for.

The operator tells what is missing (``release.gates``, ``release.moves``); here is who can bring it
about, and by which command.
"""

from __future__ import annotations

import re

from promptrelease.api.promptrelease import LATEST

_RULES: tuple[tuple[str, str], ...] = (
    (
        r"the end of a freeze at (?P<at>\S+):",
        "nothing: it moves by itself at {at}. In an emergency --break-glass goes past it",
    ),
    (
        r"v(?P<n>\d+) to have been served by (?P<other>\S+) for \d+ s, at (?P<at>\S+)$",
        "nothing: it moves by itself at {at}",
    ),
    (
        r"v(?P<n>\d+) to have been served by (?P<other>\S+)",
        "kubectl prompt promote {prompt} {other} v{n}",
    ),
    (
        r"(?P<who>.+) to take back a denial \(PromptApproval (?P<name>\S+)\)",
        "talk to {who}, who can delete PromptApproval {name} or approve; or move another version",
    ),
    (
        r"\d+ approvals? of \S+ by somebody else than (?P<who>.+?)(?: \(so far \d+\))?$",
        "somebody else than {who}: kubectl prompt approve {prompt} {label}",
    ),
    (r"\d+ approvals? of", "kubectl prompt approve {prompt} {label}"),
    (
        r"a move by somebody who is known",
        "have manifests/admission/stamp installed, then move it again with another reason",
    ),
    (r"evaluations, which can't be looked at yet", "nothing: they are about to be"),
    (
        r"PromptSuite (?P<name>.+), which does not exist",
        "create it, or take it out of the policy: kubectl get ppol -o yaml",
    ),
    (
        r"\d+ of \d+ suites passed.*failed: ",
        "move another version; the verdicts: kubectl get promptevaluations",
    ),
    (
        r"\d+ of \d+ suites passed.*not evaluated: \S+ \((?P<name>\S+)\)",
        "kubectl delete promptevaluation {name} has it run again; see its message first",
    ),
    (r"\d+ of \d+ suites passed", "nothing: they run; kubectl get promptevaluations shows how far"),
    (
        r"somebody to look at it again: ",
        "look at what is served now, then: kubectl prompt promote {prompt} {label} {version}",
    ),
    (
        r"PromptVersion (?P<name>\S+), which does not exist",
        "create {name}, or move {label} to a version that is there",
    ),
    (r"PromptVersion \S+, which is being checked", "nothing: it takes a moment"),
    (
        r"PromptVersion \S+, which is invalid: .*does not exist",
        "create what it includes, or move {label} to another version",
    ),
    (r"PromptVersion \S+, which is invalid", "move {label} to a version without the mistake"),
    (
        r"PromptVersion \S+, which was deleted and created again",
        "if that is wanted: kubectl prompt promote {prompt} {label} {version}, with a new reason",
    ),
    (r"its last \d+ moves to be written down", "nothing: the operator is writing them"),
    (
        r"(?:a )?ConfigMap (?P<name>\S+) ",
        "look at it and delete or rename it: kubectl get configmap {name} -o yaml",
    ),
    (
        r"the API server refused: ",
        "see to what it says: a right of the operator, a quota, an admission rule",
    ),
)
_COMPILED = tuple((re.compile(pattern, re.DOTALL), advice) for pattern, advice in _RULES)


def advice(wait: str, prompt: str, label: str, version: int) -> str:
    """What to do about one thing that a move waits for; empty when nothing better is known."""
    if label == LATEST and "which is invalid" in wait:
        return f"nothing needs it; a version without the mistake: kubectl prompt new {prompt}"
    for pattern, text in _COMPILED:
        if found := pattern.match(wait):
            return text.format(
                prompt=prompt,
                label=label,
                version=f"v{version}",
                **{name: value for name, value in found.groupdict().items() if value is not None},
            )
    return ""
