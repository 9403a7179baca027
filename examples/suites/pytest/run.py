"""Runs the cases of the prompts that are judged, and leaves the verdict.

The exit code says whether there is a verdict, and not what it is: 0 also when cases fail.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
VERDICT = Path("/dev/termination-log")
MAX_BYTES = 4096  # that Kubernetes keeps of a verdict
MAX_TEXT = 600
NAMED = 4


class Scores:
    """Counts the cases of both sides; one that must pass decides by itself."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.total: Counter[str] = Counter()
        self.failed: dict[str, list[str]] = defaultdict(list)
        self.cases: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.must_failed = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Function, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a case ended; one that could not even begin has failed."""
        report = yield
        if report.when == "call" or (report.when == "setup" and report.failed):
            of: dict[str, Any] = item.callspec.params
            side = of["side"]
            self.total[side] += 1
            self.passed[side] += report.passed
            what, name = item.originalname.removeprefix("test_"), of["ticket"].name
            self.cases[name][side] |= set() if report.passed else {what}
            if side == "candidate" and not report.passed:
                self.failed[what].append(name)
                self.must_failed |= item.get_closest_marker("must") is not None
        return report

    def score(self, side: str) -> float | None:
        """The share of cases that passed; none where there was nothing to judge."""
        total = self.total[side]
        return round(self.passed[side] / total, 4) if total else None

    def verdict(self) -> dict[str, Any]:
        """What promptrelease reads; see docs/evaluate.md."""
        total, passed = self.total["candidate"], self.passed["candidate"]
        link = os.environ.get("RESULTS_URL", "")
        found = {
            "score": self.score("candidate"),
            "baselineScore": self.score("baseline"),
            "passed": not self.must_failed,
            "counts": {"total": total, "passed": passed, "failed": total - passed},
            "text": self.text()[:MAX_TEXT],
            "link": link + os.environ["PROMPTRELEASE_EVALUATION"] if link else None,
        }
        found = {name: value for name, value in found.items() if value is not None}
        # Kubernetes keeps so many bytes: as many cases as have room, the failed ones first.
        cases: list[dict[str, Any]] = []
        for case in self.by_ticket():
            if len(json.dumps({**found, "cases": [*cases, case]})) > MAX_BYTES:
                break
            cases.append(case)
        return {**found, "cases": cases}

    def by_ticket(self) -> list[dict[str, Any]]:
        """Each ticket: whether it passed, before too, and what was wrong with it."""
        found = []
        for name, sides in self.cases.items():
            case: dict[str, Any] = {"name": name}
            for side, field in (("candidate", "passed"), ("baseline", "baselinePassed")):
                if side in sides:
                    case[field] = not sides[side]
            if sides.get("candidate"):
                case["text"] = f"{', '.join(sorted(sides['candidate']))} wrong"
            found.append(case)
        return sorted(found, key=lambda case: (case.get("passed", True), case["name"]))

    def text(self) -> str:
        """Which cases failed, a few of each kind by name."""
        parts = []
        for what, tickets in self.failed.items():
            named = ", ".join(tickets[:NAMED]) + (", ..." if len(tickets) > NAMED else "")
            parts.append(f"{what} wrong in {len(tickets)} ({named})")
        return "; ".join(parts) or "all cases pass"


def main() -> int:
    """Return 0 when there is a verdict."""
    prompts = os.environ["PROMPTRELEASE_PROMPTS"].split()
    files = [HERE / f"test_{prompt.replace('-', '_')}.py" for prompt in prompts]
    scores = Scores()
    # Without a place to write to: the container's files can't be changed.
    options = ["-p", "no:cacheprovider", "--capture=sys", "--tb=no", "--quiet"]
    code = pytest.main([*options, f"--rootdir={HERE}", *map(str, files)], plugins=[scores])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(code)
    VERDICT.write_text(json.dumps(scores.verdict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
