"""The verdict that an evaluation's container leaves behind, and whether it is good enough.

The contract: JSON in the termination message, at most 4,096 bytes as kubelet keeps them. What can't
be read is no verdict, and nothing that is missing counts in favour of the candidate.
"""

from __future__ import annotations

import json
import math
from typing import Any

from promptrelease.api.promptevaluation import MAX_CASES
from promptrelease.release.evaluation import FAILED, PASSED, Case, Suite, Verdict

MAX_TEXT = 1024
MAX_LINK = 2048
MAX_CASE = 256
MAX_NAME = 128
MAX_BYTES = 16384
LARGEST = 1e9
_COUNTS = ("total", "passed", "failed")


class Unreadable(Exception):
    """What was left behind is no verdict; the text says why."""


def parse(message: str) -> Verdict | None:
    """Read a termination message; none when it is blank.

    Raises:
        Unreadable: it isn't a JSON object of the documented fields.

    """
    if not message.strip():
        return None
    if len(message) > MAX_BYTES:
        raise Unreadable(f"the verdict is longer than {MAX_BYTES} characters")
    try:
        found = json.loads(message, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the verdict is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Unreadable("the verdict is not a JSON object")
    return Verdict(
        score=_number(found, "score"),
        baseline_score=_number(found, "baselineScore"),
        passed=_boolean(found, "passed"),
        counts=_counts(found.get("counts")),
        text=_text(found, "text", MAX_TEXT),
        link=_link(found),
        cases=_cases(found.get("cases")),
    )


def weigh(
    suite: Suite, verdict: Verdict | None, exit_code: int = 0, *, has_baseline: bool = True
) -> tuple[str, str]:
    """Phase and message: whether a verdict is good enough.

    Args:
        suite: its pass rule decides.
        verdict: none where the container left nothing.
        exit_code: anything but 0 is a failure, whatever the verdict says.
        has_baseline: whether there was anything to compare with: at first, a label serves nothing.

    """
    verdict = verdict or Verdict()
    text = f": {verdict.text}" if verdict.text else ""
    if exit_code != 0:
        return FAILED, f"exit code {exit_code}{text}"[:MAX_TEXT]
    if verdict.passed is False:
        return FAILED, f"it did not pass{_compared(verdict)}{text}"[:MAX_TEXT]
    if suite.min_score is not None:
        if verdict.score is None:
            return FAILED, f"no score, and at least {suite.min_score:g} is asked{text}"[:MAX_TEXT]
        if verdict.score < suite.min_score:
            asked = f"score {verdict.score:g}, and at least {suite.min_score:g} is asked"
            return FAILED, f"{asked}{_baseline(verdict)}{text}"[:MAX_TEXT]
    if suite.max_drop is not None and has_baseline:
        difference = verdict.difference
        if difference is None:
            return FAILED, f"no score of candidate and baseline to compare{text}"[:MAX_TEXT]
        # What is lost when two decimal fractions are subtracted is no drop.
        if -difference > suite.max_drop + 1e-9:
            asked = f"{-difference:g} below the baseline, and at most {suite.max_drop:g} is allowed"
            return FAILED, f"{asked}{_compared(verdict)}{text}"[:MAX_TEXT]
    return PASSED, f"passed{_compared(verdict)}{text}"[:MAX_TEXT]


def _compared(verdict: Verdict) -> str:
    if verdict.score is None:
        return ""
    return f", score {verdict.score:g}{_baseline(verdict)}"


def _baseline(verdict: Verdict) -> str:
    if verdict.baseline_score is None:
        return ""
    difference = verdict.difference or 0.0
    return f" (baseline {verdict.baseline_score:g}, {difference:+g})"


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _number(found: dict[str, Any], name: str) -> float | None:
    value = found.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"{name} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise Unreadable(f"{name} is out of range")
    return number


def _boolean(found: dict[str, Any], name: str) -> bool | None:
    value = found.get(name)
    if value is not None and not isinstance(value, bool):
        raise Unreadable(f"{name} is neither true nor false")
    return value


def _counts(value: Any) -> tuple[tuple[str, int], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise Unreadable("counts is not an object")
    result = []
    for name in _COUNTS:
        count = value.get(name)
        if count is None:
            continue
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 2**31:
            raise Unreadable(f"counts.{name} is not a count")
        result.append((name, count))
    return tuple(result)


def _cases(value: Any) -> tuple[Case, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unreadable("cases is not a list")
    result = []
    for i, one in enumerate(value[:MAX_CASES]):
        name = _text(one, "name", MAX_NAME) if isinstance(one, dict) else ""
        if not name:
            raise Unreadable(f"cases[{i}] is not an object with a name")
        try:
            case = Case(
                name=name,
                passed=_boolean(one, "passed"),
                score=_number(one, "score"),
                baseline_passed=_boolean(one, "baselinePassed"),
                baseline_score=_number(one, "baselineScore"),
                text=_text(one, "text", MAX_CASE),
            )
        except Unreadable as error:
            raise Unreadable(f"cases[{i}]: {error}") from None
        result.append(case)
    return tuple(result)


def _text(found: dict[str, Any], name: str, limit: int) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} is not a text")
    # Half a character, as JSON can write it, is nothing that the API server takes.
    return value.encode("utf-8", "replace").decode()[:limit]


def _link(found: dict[str, Any]) -> str:
    link = _text(found, "link", MAX_LINK + 1)
    if link and (len(link) > MAX_LINK or not link.startswith(("https://", "http://"))):
        raise Unreadable("link is not a web address")
    return link
