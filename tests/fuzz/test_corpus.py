"""What fuzzing begins with and what it has found, replayed; and that no input takes ever longer."""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fuzz.mutate import mutated
from fuzz.targets import TARGETS
from promptrelease.content import template

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(file for file in CORPUS.rglob("*") if file.is_file())
FROM_EACH = 10


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORPUS)))
def test_nothing_breaks_a_promise(file: Path) -> None:
    TARGETS[file.parent.name](file.read_bytes())


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORPUS)))
def test_nor_does_what_is_near(file: Path) -> None:
    data = file.read_bytes()
    for seed in range(FROM_EACH):
        TARGETS[file.parent.name](mutated(data, 4096, seed, _cut))


def test_every_target_has_a_corpus() -> None:
    assert {file.parent.name for file in FILES} == TARGETS.keys()


def _cut(data: bytes, most: int) -> bytes:
    """A byte gone, doubled or turned round; the place is the same in every run."""
    chance = random.Random(data)
    place = chance.randrange(len(data) + 1)
    change = (b"", data[place : place + 1] * 2, b"{", b"\\", b"}}")
    return (data[:place] + chance.choice(change) + data[place + 1 :])[:most]


class Counting:
    """A compiled pattern that counts the characters over which it was led."""

    def __init__(self, pattern: re.Pattern[str], counts: list[int]) -> None:
        self._pattern, self._counts = pattern, counts

    def search(self, text: str, position: int) -> re.Match[str] | None:
        found = self._pattern.search(text, position)
        self._counts.append((found.end() if found else len(text)) - position)
        return found

    def match(self, text: str, position: int) -> re.Match[str] | None:
        found = self._pattern.match(text, position)
        end = position
        while found is None and end < len(text) and text[end] in "{> \t\r\n":
            end += 1  # how far it can have looked before it gave up
        self._counts.append((found.end() if found else end) - position)
        return found


BOMBS: dict[str, Callable[[int], str]] = {
    "braces": lambda n: "{" * n,
    "escapes": lambda n: r"\{{" * n,
    "tags": lambda n: "{{a}}" * n,
    "wide tags": lambda n: "{{" + " " * n + "a" + " " * n + "}}",
    "open": lambda n: "x" * n + "{{" + " " * n,
    "single": lambda n: "{ " * n,
    "backslashes": lambda n: "\\" * n,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_template_is_read_in_one_pass(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    for name in ("_OPENING", "_VARIABLE", "_INCLUDE"):
        # `tag.re is _VARIABLE` tells a variable: that must stay true.
        monkeypatch.setattr(template, name, _same(getattr(template, name), counts))
    source = BOMBS[bomb](3000)
    with contextlib.suppress(template.TemplateError):
        template.parse(source)
    assert sum(counts) <= 4 * len(source)


def _same(pattern: re.Pattern[str], counts: list[int]) -> Any:
    counting = Counting(pattern, counts)

    class Found:
        """A match whose pattern is the counting one."""

        def __init__(self, found: re.Match[str]) -> None:
            self.start, self.end, self.re = found.start, found.end, counting
            self._found = found

        def __getitem__(self, group: int) -> str:
            return self._found[group]

    for name in ("search", "match"):
        plain = getattr(counting, name)
        setattr(counting, name, lambda *a, plain=plain: (m := plain(*a)) and Found(m))
    return counting
