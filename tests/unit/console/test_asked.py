"""What addresses may ask for: nothing else reaches a selector or a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.api.promptversion import version_name
from promptrelease.console.shown import asked
from promptrelease.views.failures import NotFound, UsageMistake

ODD = ["", "A", "a.b", "a/b", "..", "a,spec.version=1", "a=b", "-a", "a-", "a\n", "x" * 64, "ä"]


@pytest.mark.parametrize("text", ODD)
def test_no_prompt_is_called_that(text: str) -> None:
    with pytest.raises(NotFound):
        asked.name(text)


@given(st.from_regex("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
def test_names_stay_as_they_are(text: str) -> None:
    assert asked.name(text) == text
    assert asked.object_name(f"{text}-v1.x", "evaluation") == f"{text}-v1.x"


@pytest.mark.parametrize("text", ["", "A", "a/b", "..", "a\n", "x" * 254, "a,b"])
def test_no_object_is_called_that(text: str) -> None:
    with pytest.raises(NotFound):
        asked.object_name(text, "evaluation")


def test_numbers() -> None:
    assert asked.number("7", "p") == asked.number("v7", "p") == 7
    for text in ("", "0", "-1", "07", "1.0", "v", "99999999999", "7\n", "٧"):  # noqa: RUF001
        with pytest.raises(NotFound):
            asked.number(text, "p")
    assert asked.numbers({"from": "6", "to": "v7"}, "p") == (6, 7)
    for query in ({}, {"from": "6"}, {"to": "7"}, {"from": "", "to": "7"}):
        with pytest.raises(UsageMistake, match="two versions"):
            asked.numbers(query, "p")
    assert version_name("p", asked.number("v7", "p")) == "p-v7"


def test_pages() -> None:
    assert asked.page({"page": "3"}) == 3
    assert asked.page({}) == asked.page({"page": "x"}) == asked.page({"page": "-1"}) == 1
