"""Evaluations for people."""

from __future__ import annotations

from typing import Any

from promptrelease.console.shown.verdicts import about, cases, shown

D1, D2, D3 = (f"sha256:{n:064x}" for n in (1, 2, 3))


def member(prompt: str, version: int, digest: str) -> dict[str, Any]:
    return {"prompt": prompt, "version": version, "digest": digest}


def evaluation(name: str = "s-1", *, created: str = "2026-11-21T10:00:00Z", **more: Any) -> Any:
    return {
        "metadata": {
            "name": name,
            "uid": "u",
            "resourceVersion": "1",
            "creationTimestamp": created,
        },
        "spec": {
            "suite": "s",
            "candidate": [member("summary", 3, D1), member("router", 1, D2)],
            "baseline": [member("summary", 2, D3), member("router", 1, D2)],
            **more.pop("spec", {}),
        },
        "status": more,
    }


def test_candidate_beside_baseline() -> None:
    found = shown(
        evaluation(
            phase="Failed",
            message="score 0.5, and at least 0.9 is asked",
            startedAt="2026-11-21T10:00:00Z",
            finishedAt="2026-11-21T10:01:30Z",
            verdict={"score": 0.5, "baselineScore": 0.9, "counts": {"total": 2, "passed": 1}},
        )
    )
    assert (found.said, found.style, found.finished) == ("failed", "bad", True)
    pairs = [(m.prompt, m.version, m.baseline, m.same) for m in found.members]
    assert pairs == [("router", 1, 1, True), ("summary", 3, 2, False)]
    assert found.compared
    assert found.seconds == 90
    assert found.counts == {"total": 2, "passed": 1}
    assert not found.outside


def test_one_that_runs_or_waits() -> None:
    found = shown(evaluation(phase="Running", message="attempt 1 of 3"))
    assert (found.said, found.style, found.finished, found.seconds) == (
        "running",
        "wait",
        False,
        None,
    )
    assert shown(evaluation()).said == "waiting"


def test_evidence_from_outside() -> None:
    found = shown(evaluation(spec={"verdict": {"score": 1}, "by": "ci", "baseline": []}))
    assert found.outside
    assert found.by == "ci"
    assert found.verdict.score == 1
    assert not found.compared


def test_cases_that_got_worse_come_first() -> None:
    told = [
        {"name": "fine", "passed": True, "baselinePassed": True},
        {"name": "better", "passed": True, "baselinePassed": False},
        {"name": "still bad", "passed": False, "baselinePassed": False, "text": "no urgency"},
        {"name": "worse", "passed": False, "baselinePassed": True},
        {"name": "lower", "score": 0.2, "baselineScore": 0.4},
        {"name": "new"},
    ]
    found = cases(evaluation(phase="Failed", verdict={"cases": told}))
    names = [(case.name, case.change) for case in found]
    assert names == [
        ("worse", "worse"),
        ("lower", "worse"),
        ("still bad", ""),
        ("fine", ""),
        ("new", ""),
        ("better", "better"),
    ]
    by_name = {case.name: case for case in found}
    assert by_name["still bad"].text == "no urgency"
    assert (by_name["lower"].candidate.said, by_name["lower"].baseline.said) == ("0.2", "0.4")
    assert (by_name["new"].candidate.said, by_name["new"].candidate.style) == ("", "muted")
    assert by_name["worse"].candidate.said == "failed"
    assert cases(evaluation()) == ()


def test_which_are_about_a_prompt() -> None:
    raws = [
        evaluation("old", created="2026-11-20T10:00:00Z"),
        evaluation("new", created="2026-11-21T10:00:00Z"),
        evaluation("other", spec={"candidate": [member("reply", 1, D1)]}),
    ]
    assert [found.name for found in about(raws, "summary")] == ["new", "old"]
    assert [found.name for found in about(raws, "summary", [D2])] == []
    assert [found.name for found in about(raws, "reply", [D1])] == ["other"]
