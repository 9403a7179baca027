"""Whatever a container leaves behind, there is a clear answer, and doubt counts against it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.api.promptevaluation import MAX_CASES
from promptrelease.release import wire_evaluation
from promptrelease.release.evaluation import FAILED, PASSED, EvaluationStatus, Suite, Verdict
from promptrelease.release.verdict import LARGEST, MAX_BYTES, Unreadable, parse, weigh


def suite(min_score: float | None = None, max_drop: float | None = None) -> Suite:
    return Suite("s", "u", "1", frozenset({"p"}), "d", {}, min_score, max_drop)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = ("score", "baselineScore", "passed", "counts", "text", "link", "cases", "other")
fields = st.sampled_from(FIELDS)


@given(st.text())
def test_any_text_is_read_or_refused(message: str) -> None:
    try:
        verdict = parse(message)
    except Unreadable:
        return
    assert (verdict is None) == (message.strip() == "")


@given(st.dictionaries(fields, anything))
def test_any_object_is_read_or_refused(found: dict[str, Any]) -> None:
    try:
        verdict = parse(json.dumps(found))
    except Unreadable:
        return
    assert verdict is not None
    score = found.get("score")
    assert verdict.score is None if score is None else verdict.score == score
    assert verdict.passed is found.get("passed")


@given(st.dictionaries(fields, anything), st.integers(0, 255))
def test_what_passes_has_a_score_that_is_high_enough(found: dict[str, Any], code: int) -> None:
    try:
        verdict = parse(json.dumps(found))
    except Unreadable:
        return
    phase, message = weigh(suite(min_score=0.5), verdict, code)
    assert message
    if phase == PASSED:
        assert code == 0
        assert found["score"] >= 0.5
        assert found.get("passed") is not False


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("{", "is not JSON"),
        ('{"score": NaN}', "NaN is no number"),
        ('{"score": Infinity}', "Infinity is no number"),
        ('{"score": 1e400}', "score is out of range"),
        ('{"score": "0.9"}', "score is not a number"),
        ('{"score": true}', "score is not a number"),
        ('{"passed": "yes"}', "passed is neither true nor false"),
        ('{"counts": {"total": -1}}', "counts.total is not a count"),
        ('{"link": "javascript:alert(1)"}', "link is not a web address"),
        ('{"text": 5}', "text is not a text"),
        ('{"cases": {}}', "cases is not a list"),
        ('{"cases": [{"name": "a"}, 5]}', "cases[1] is not an object with a name"),
        ('{"cases": [{"passed": true}]}', "cases[0] is not an object with a name"),
        ('{"cases": [{"name": "a", "score": "1"}]}', "cases[0]: score is not a number"),
        ('{"cases": [{"name": "a", "baselinePassed": 1}]}', "cases[0]: baselinePassed is neither"),
        ("[1]", "not a JSON object"),
        ("[" * 5000, "is not JSON"),
        ('{"text": "' + "x" * MAX_BYTES + '"}', "longer than"),
    ],
)
def test_hostile_verdicts(message: str, words: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(words)):
        parse(message)


def test_cases_are_read_and_written_and_decide_nothing() -> None:
    told = {"name": "T-1", "passed": False, "score": 0.5, "baselinePassed": True, "text": "no"}
    verdict = parse(json.dumps({"score": 1, "cases": [told, {"name": "T-2"}]}))
    assert verdict is not None
    assert weigh(suite(0.9), verdict)[0] == PASSED
    status = EvaluationStatus(PASSED, verdict=verdict)
    written = wire_evaluation.status_manifest(status)["verdict"]["cases"]
    assert written == [told, {"name": "T-2"}]
    many = parse(json.dumps({"cases": [{"name": str(i)} for i in range(2 * MAX_CASES)]}))
    assert many is not None
    assert len(many.cases) == MAX_CASES


@pytest.mark.parametrize("message", ["", " \n"])
def test_nothing_is_no_verdict(message: str) -> None:
    assert parse(message) is None


@pytest.mark.parametrize(
    ("rule", "verdict", "code", "phase", "words"),
    [
        (suite(), None, 0, PASSED, "passed"),
        (suite(), None, 1, FAILED, "exit code 1"),
        (suite(), Verdict(passed=True), 1, FAILED, "exit code 1"),
        (suite(), Verdict(passed=False, text="3 of 12"), 0, FAILED, "did not pass: 3 of 12"),
        (suite(0.9), None, 0, FAILED, "no score, and at least 0.9 is asked"),
        (suite(0.9), Verdict(0.9), 0, PASSED, "passed, score 0.9"),
        (
            suite(0.9),
            Verdict(0.62, 0.95),
            0,
            FAILED,
            "score 0.62, and at least 0.9 is asked (baseline 0.95, -0.33)",
        ),
        (suite(0.5), Verdict(0.9, passed=False), 0, FAILED, "did not pass, score 0.9"),
        (suite(None, 0.1), Verdict(0.9), 0, FAILED, "no score of candidate and baseline"),
        (suite(None, 0.1), Verdict(0.8, 0.9), 0, PASSED, "baseline 0.9, -0.1"),
        (suite(None, 0.1), Verdict(0.79, 0.9), 0, FAILED, "0.11 below the baseline"),
    ],
)
def test_weighing(rule: Suite, verdict: Verdict | None, code: int, phase: str, words: str) -> None:
    found, message = weigh(rule, verdict, code)
    assert found == phase
    assert words in message


def test_a_difference_from_one_end_to_the_other_is_one_that_a_status_can_hold() -> None:
    written = wire_evaluation.status_manifest(EvaluationStatus(verdict=Verdict(LARGEST, -LARGEST)))
    assert written["verdict"]["difference"] == LARGEST
    written = wire_evaluation.status_manifest(EvaluationStatus(verdict=Verdict(-LARGEST, LARGEST)))
    assert written["verdict"]["difference"] == -LARGEST
