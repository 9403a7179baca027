"""What a move waits for and what to do about it, for people who have pages in place of commands.

The operator says what is missing, ``views.look.advice`` what to do about it; here both are told so
that they need no command line. What is not recognized is shown as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from promptrelease.views.look.advice import advice
from promptrelease.views.move.moving import short

TEXT, TIME = "text", "time"
PROMOTE, APPROVE, NEW, EVALUATION, EVALUATIONS, COMMAND = (
    "promote",
    "approve",
    "new",
    "evaluation",
    "evaluations",
    "command",
)
"""Kinds of steps beside text: pages to go to, and a command where there is no page."""


@dataclass(frozen=True)
class Step:
    """A piece of a sentence: text, a time, or something to click.

    Attributes:
        text: what to read; of a time, RFC 3339.
        label, version: of a page for a move.
        name: of an evaluation.

    """

    kind: str
    text: str
    label: str = ""
    version: int = 0
    name: str = ""


@dataclass(frozen=True)
class Wait:
    """One thing that a move waits for.

    Attributes:
        told: for people.
        exact: as the operator says it.
        todo: what to do about it; empty when nothing better is known.
        command: the same as ``kubectl prompt`` tells it.

    """

    told: tuple[Step, ...]
    exact: str
    todo: tuple[Step, ...]
    command: str


def wait(exact: str, prompt: str, label: str, version: int) -> Wait:
    """Something that the move of a label to a version waits for."""
    command = advice(exact, prompt, label, version)
    return Wait(tuple(told(exact)), short(exact), tuple(_steps(command)), short(command))


def told(exact: str) -> Iterator[Step]:
    """What is waited for, in words and times."""
    for pattern, tell in _TOLD:
        if found := pattern.fullmatch(exact):
            text, at, rest = tell(found)
            yield Step(TEXT, text)
            if at:
                yield Step(TIME, at)
            if rest:
                yield Step(TEXT, rest)
            return
    yield Step(TEXT, short(exact))


Said = tuple[str, str, str]
"""A text, a time, and a text after it; the last two may be empty."""


def _approvals(found: re.Match[str]) -> Said:
    more = int(found["n"]) - int(found["have"] or 0)
    who = "one more person" if more == 1 else f"{more} more people"
    if not found["have"]:
        who = "one person" if more == 1 else f"{more} people"
    other = f" other than {found['who']}" if found["who"] else ""
    return f"approval by {who}{other}", "", ""


def _freeze(found: re.Match[str]) -> Said:
    return "the end of a freeze at", found["at"], f": {found['why']}"


def _soak(found: re.Match[str]) -> Said:
    served = f"v{found['n']} to have been live on {found['other']} for {_span(found['s'])}"
    return (
        (f"{served}, which it will have been at", found["at"], "")
        if found["at"]
        else (
            served,
            "",
            "",
        )
    )


def _denial(found: re.Match[str]) -> Said:
    return f"{found['who']}, who denied it: {found['why']}", "", ""


def _suites(found: re.Match[str]) -> Said:
    passed, of = int(found["n"]), int(found["m"])
    return f"evaluations, of which {passed} of {of} passed{found['rest']}", "", ""


def _absent(found: re.Match[str]) -> Said:
    return f"{found['name']}, which does not exist yet", "", ""


def _invalid(found: re.Match[str]) -> Said:
    return f"{found['name']}, which has mistakes: {found['why']}", "", ""


def _checked(found: re.Match[str]) -> Said:
    return f"{found['name']}, which is being checked", "", ""


_TOLD = tuple(
    (re.compile(pattern, re.DOTALL), tell)
    for pattern, tell in (
        (
            r"(?P<n>\d+) approvals? of \S+(?: by somebody else than (?P<who>.+?))?"
            r"(?: \(so far (?P<have>\d+)\))?",
            _approvals,
        ),
        (r"the end of a freeze at (?P<at>\S+): (?P<why>.*)", _freeze),
        (
            r"v(?P<n>\d+) to have been served by (?P<other>\S+) for (?P<s>\d+) s"
            r"(?:, at (?P<at>\S+))?",
            _soak,
        ),
        (r"(?P<who>.+?) to take back a denial \(PromptApproval \S+\): (?P<why>.*)", _denial),
        (r"(?P<n>\d+) of (?P<m>\d+) suites passed(?P<rest>.*)", _suites),
        (r"PromptVersion (?P<name>\S+), which does not exist", _absent),
        (r"PromptVersion (?P<name>\S+), which is invalid: (?P<why>.*)", _invalid),
        (r"PromptVersion (?P<name>\S+), which is being checked", _checked),
    )
)

_COMMANDS = re.compile(
    r"kubectl prompt promote (?P<prompt>\S+) (?P<label>\S+) v(?P<version>\d+)"
    r"|kubectl prompt (?P<approve>approve) (?P<of>\S+) (?P<at>\S+)"
    r"|kubectl prompt (?P<new>new) \S+"
    r"|kubectl delete promptevaluation (?P<evaluation>\S+) has it run again"
    r"(?:; see its message first)?"
    r"|(?P<at_time>\d{4}-\d\d-\d\dT[\d:.]+Z)"
    r"|kubectl get (?P<evaluations>promptevaluations)"
    r"|(?P<command>kubectl [^;,]*[^;,\s])"
)


def _steps(text: str) -> Iterator[Step]:
    end = 0
    for found in _COMMANDS.finditer(text):
        if found.start() > end:
            yield Step(TEXT, text[end : found.start()])
        yield _step(found)
        end = found.end()
    if end < len(text):
        yield Step(TEXT, text[end:])


def _step(found: re.Match[str]) -> Step:
    if found["version"]:
        number, label = int(found["version"]), found["label"]
        return Step(PROMOTE, f"put v{number} live on {label}", label=label, version=number)
    if found["approve"]:
        return Step(APPROVE, f"review what waits on {found['at']}", label=found["at"])
    if found["new"]:
        return Step(NEW, "write a new version")
    if found["evaluation"]:
        name = found["evaluation"]
        return Step(EVALUATION, "look at what kept it from a verdict", name=name)
    if found["at_time"]:
        return Step(TIME, found[0])
    if found["evaluations"]:
        return Step(EVALUATIONS, "the evaluations")
    return Step(COMMAND, found[0])


def _span(seconds: str) -> str:
    left = int(seconds)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if left >= length and left % length == 0:
            count = left // length
            return f"{count} {unit}{'s' * (count > 1)}"
    return f"{left} second{'s' * (left != 1)}"
