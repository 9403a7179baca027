"""Differences as they are shown: nothing is lost between the folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.console.shown.difference import LEAST_FOLDED, between, title
from promptrelease.views.look.words import COME, GONE, SAME, Line, differs

TEXT = st.text(alphabet="ab {}\n", max_size=300)


def spec(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "model": {"provider": "p", "name": "m"}, **more}


def of(lines: Sequence[Line], absent: str) -> str:
    return "\n".join("".join(text for mark, text in line if mark != absent) for line in lines)


@given(TEXT, TEXT)
def test_what_is_folded_and_what_is_not_are_both_texts(old: str, new: str) -> None:
    found = between(spec(old), spec(new))
    assert bool(found) == (old != new)
    for part in found:
        lines = [line for stretch in part.unified for line in stretch.lines]
        assert all(not differs(line) for s in part.unified if s.folded for line in s.lines)
        # A line end that stands alone at the end is not shown as a line of its own.
        whole = "".join(text for line in lines for mark, text in line if mark != COME)
        assert whole == old.replace("\n", "")
        whole = "".join(text for line in lines for mark, text in line if mark != GONE)
        assert whole == new.replace("\n", "")
        rows = [row for stretch in part.beside for row in stretch.lines]
        left = [row[0] for row in rows if row[0] is not None]
        assert of(left, "").replace("\n", "") == old.replace("\n", "")
        right = [row[1] for row in rows if row[1] is not None]
        assert of(right, "").replace("\n", "") == new.replace("\n", "")


def test_unchanged_lines_far_from_a_change_are_folded() -> None:
    lines = [f"line {i}" for i in range(40)]
    changed = [*lines[:20], "another one", *lines[21:]]
    (part,) = between(spec("\n".join(lines)), spec("\n".join(changed)))
    folded = [(s.folded, len(s.lines)) for s in part.unified]
    assert folded == [(True, 17), (False, 7), (True, 16)]
    assert [s.folded for s in part.beside] == [True, False, True]
    assert (part.removed, part.added) == (2, 2)


def test_a_single_line_is_not_folded() -> None:
    lines = [f"line {i}" for i in range(5)]
    (part,) = between(spec("\n".join(lines)), spec("\n".join([*lines[:4], "end"])))
    assert LEAST_FOLDED > 1
    assert not any(stretch.folded for stretch in part.unified)


def test_values_with_words_in_common_are_shown_in_one() -> None:
    old = spec("t", variables={"a": {"type": "string", "description": "what the customer wrote"}})
    new = spec("t", variables={"a": {"type": "string", "description": "what our customer wrote"}})
    (part,) = between(old, new)
    assert not part.is_text
    assert [mark for mark, _ in part.within] == [SAME, GONE, COME, SAME]
    (part,) = between(spec("t"), spec("t", model={"provider": "p", "name": "another"}))
    assert (part.title, part.old, part.new, part.within) == ("Model: name", "m", "another", ())


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("text", "Text"),
        ("messages[0] (system)", "Message 1, system"),
        ("messages[2].role", "Message 3: role"),
        ("messages[2] (placeholder)", "Message 3, placeholder"),
        ("model.parameters.temperature", "Model parameter: temperature"),
        ("model.name", "Model: name"),
        ("variables.ticket", "Variable: ticket"),
        ("tools.lookup_order", "Tool: lookup_order"),
        ("output", "Shape of the answer"),
        ("includes.tone", "Include: tone"),
        ("consumes", "Reads the output of"),
    ],
)
def test_paths_in_words(path: str, said: str) -> None:
    assert title(path) == said


def test_every_kind_of_part_has_words_of_its_own() -> None:
    old = spec("t", tools=[{"name": "x"}], output={"type": "object"}, consumes=["a"])
    new = {
        "messages": [{"role": "user", "content": "t"}, {"placeholder": "history"}],
        "model": {"provider": "q", "name": "n", "parameters": {"temperature": 1}},
        "variables": {"a": {"type": "string"}},
        "includes": {"i": {"prompt": "i", "version": 1}},
    }
    for part in between(old, new):
        assert part.title != part.path


def test_what_can_not_be_seen_differs_too() -> None:
    (part,) = between(spec("pay now"), spec("pay \u202enow"))
    assert part.unified[0].lines[0][-1] == (COME, "\\u202enow")
    (part,) = between(
        spec("t", model={"provider": "p", "name": "m"}),
        spec("t", model={"provider": "p", "name": "m\x07"}),
    )
    assert part.new == "m\\x07"
