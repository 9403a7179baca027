"""The day of docs/a-day.md, lived through again: the recording is what comes out.

PROMPTRELEASE_WRITE_DOCS=1 writes it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cluster.cli.conftest import Shop
from cluster.cli.terminal import Terminal
from demo import day
from harness.api import RELEASES, Json, policy, release, version, wait_for
from harness.operator import ROOT

DOCUMENT = ROOT / "docs" / "a-day.md"
WRITE = "PROMPTRELEASE_WRITE_DOCS"


def test_the_day_is_as_it_was_recorded(shop: Shop, tmp_path: Path) -> None:
    for obj in day.objects(version, release, policy):
        shop.api.create(obj)
    shop.api.ready(day.PROMPT)
    wait_for(lambda: all("consumers" in its for its in _labels(shop).values()), "the pods")
    day.write(tmp_path)
    outputs = {line: _typed(shop, line, tmp_path) for chapter in day.DAY for line in chapter.lines}
    text = day.document(outputs).replace(shop.namespace, "shop")
    assert {name: its["version"] for name, its in _labels(shop).items()} == {
        "production": 2,
        "staging": 3,
        "latest": 3,
    }
    if os.environ.get(WRITE):
        DOCUMENT.write_text(text, encoding="utf-8")
    recorded = DOCUMENT.read_text(encoding="utf-8")
    assert _words(recorded) == _words(text), f"{WRITE}=1 writes it anew"


def _words(text: str) -> list[list[str]]:
    """Its lines, however wide a column was: that depends on how long ago something happened."""
    return [line.split() for line in text.splitlines()]


def _labels(shop: Shop) -> Json:
    labels: Json = shop.api.get(RELEASES, day.PROMPT)["status"]["labels"]
    return labels


def _typed(shop: Shop, line: day.Line, folder: Path) -> str:
    """What a command writes, in a terminal without colours; questions are answered."""
    environment = shop.environment(line.who)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ("sh", "-c", line.command)
    with Terminal(
        command, environment, columns=day.COLUMNS, term="dumb", folder=folder, typed=True
    ) as terminal:
        for question, answer in line.answers.items():
            terminal.until(question)
            terminal.answer(answer)
        code = terminal.until_the_end()
    assert code == line.code, f"{line.command}\n{terminal.text}"
    return terminal.text
