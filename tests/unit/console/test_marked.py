"""Templates cut into stretches: joined they are what was written, and names are the template's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from promptrelease.console.shown.marked import INCLUDE, TEXT, UNSEEN, VARIABLE, Mark, marks
from promptrelease.content.template import TemplateError, parse

SOURCES = st.lists(
    st.sampled_from(
        ["{{a}}", "{{ b }}", "{{> c}}", "\\{{", "\\", "{", "}", "{{", "x", "\n", " ", "\u202e"]
    ),
    max_size=12,
).map("".join)


@given(SOURCES)
def test_nothing_is_lost_and_names_are_those_of_the_template(source: str) -> None:
    found = marks(source)
    assert "".join(mark.source for mark in found) == source
    try:
        template = parse(source)
    except TemplateError:
        return
    assert {mark.name for mark in found if mark.kind == VARIABLE} == template.variables
    assert {mark.name for mark in found if mark.kind == INCLUDE} == template.includes


def test_kinds() -> None:
    assert marks("Hi {{name}}: {{> tone}} \\{{raw}}") == [
        Mark(TEXT, "Hi "),
        Mark(VARIABLE, "{{name}}", "name"),
        Mark(TEXT, ": "),
        Mark(INCLUDE, "{{> tone}}", "tone"),
        Mark(TEXT, " \\{{raw}}"),
    ]


def test_what_can_not_be_seen_is_told() -> None:
    assert marks("pay\u202eno\tt\n{{a}}\x07") == [
        Mark(TEXT, "pay"),
        Mark(UNSEEN, "\u202e", "\\u202e"),
        Mark(TEXT, "no\tt\n"),
        Mark(VARIABLE, "{{a}}", "a"),
        Mark(UNSEEN, "\x07", "\\x07"),
    ]
