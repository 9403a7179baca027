"""The threat model: every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
CITED = sorted(set(re.findall(r"`(test_\w+)::(test_\w+)`", PAGE)))
ROW = re.compile(r"^\| can't(?: any more)? \|.*?(?=^$)", re.M | re.S)


@pytest.mark.parametrize(("file", "test"), CITED)
def test_what_it_names_is_there(file: str, test: str) -> None:
    texts = [path.read_text() for path in (ROOT / "tests").rglob(f"{file}.py")]
    assert any(f"def {test}(" in text for text in texts)


def test_each_thing_that_somebody_cannot_do_has_its_test() -> None:
    rows = [row for table in ROW.findall(PAGE) for row in table.strip().splitlines()[2:]]
    assert len(rows) > 30
    without = [row for row in rows if "::" not in row]
    assert [row for row in without if not row.endswith("| Kubernetes' own |")] == []
