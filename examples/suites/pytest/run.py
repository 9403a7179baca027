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
MAX_TEXT = 600  # of the 4,096 bytes that Kubernetes keeps of a verdict
NAMED = 4


class Scores:
    """Counts the cases of both sides; one that must pass decides by itself."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.total: Counter[str] = Counter()
        self.failed: dict[str, list[str]] = defaultdict(list)
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
            if side == "candidate" and not report.passed:
                self.failed[item.originalname.removeprefix("test_")].append(of["ticket"].name)
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
        return {name: value for name, value in found.items() if value is not None}

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
