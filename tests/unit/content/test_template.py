"""The template language: what is interpreted, and that nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.content.template import (
    Include,
    Segment,
    Template,
    TemplateError,
    Variable,
    parse,
    splice,
)

_rough = st.text(st.sampled_from("ab{}\\>% \n"), max_size=8)
_names = st.sampled_from(["a", "ticket", "_x9"])


def source_of(segments: list[Segment]) -> str:
    r"""The template of these segments; literals are escaped as a person would, by ``\{{``."""
    parts = []
    for segment in segments:
        if isinstance(segment, str):
            parts.append(segment.replace("{{", r"\{{"))
        elif isinstance(segment, Variable):
            parts.append(f"{{{{ {segment.name} }}}}")
        else:
            parts.append(f"{{{{> {segment.name}}}}}")
    return "".join(parts)


def _literal_before_a_tag(text: str) -> str:
    # A backslash or a brace before a tag would be read as part of it.
    return text.rstrip("{\\")


@st.composite
def _segments(draw: st.DrawFn, tags: st.SearchStrategy[Segment]) -> list[Segment]:
    made: list[Segment] = []
    for tag in draw(st.lists(tags, max_size=4)):
        literal = _literal_before_a_tag(draw(_rough))
        made += [literal, tag] if literal else [tag]
    last = draw(_rough)
    return [*made, last] if last else made


@given(_segments(st.builds(Variable, _names)))
def test_parse_is_the_inverse_of_writing(segments: list[Segment]) -> None:
    assert parse(source_of(segments)).segments == tuple(segments)


@given(_segments(st.builds(Variable, _names)), st.dictionaries(_names, _rough))
def test_values_are_data(segments: list[Segment], given_values: dict[str, str]) -> None:
    values = {"a": "{{ticket}}", "ticket": r"\{{a}}", "_x9": "{{> tone}}", **given_values}
    expected = "".join(s if isinstance(s, str) else values[s.name] for s in segments)
    assert parse(source_of(segments)).substitute(values) == expected


@given(st.text(st.sampled_from("ab{}\\> \n")))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        template = parse(source)
    except TemplateError as error:
        where = (error.line, error.column)
    else:
        assert parse(template.source).segments == template.segments
        return
    assert min(where) >= 1


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [("{{", 1, 1), ("a\nb {{1}}", 2, 3), ("{{a}} {{> b c}}", 1, 7), ("{{{a}}}", 1, 1)],
)
def test_an_error_says_where(source: str, line: int, column: int) -> None:
    with pytest.raises(TemplateError) as raised:
        parse(source)
    assert (raised.value.line, raised.value.column) == (line, column)


@given(
    _segments(st.builds(Variable, _names) | st.builds(Include, st.sampled_from(["i", "j"]))),
    _segments(st.builds(Variable, _names)),
    _segments(st.builds(Variable, _names)),
)
def test_splice_joins_meanings_or_refuses(
    outer: list[Segment], first: list[Segment], second: list[Segment]
) -> None:
    template = parse(source_of(outer))
    included = {"i": parse(source_of(first)), "j": parse(source_of(second))}
    try:
        joined = splice(template, included.__getitem__)
    except TemplateError:
        return
    values = dict.fromkeys(["a", "ticket", "_x9"], "<value>")
    expected = "".join(
        s
        if isinstance(s, str)
        else included[s.name].substitute(values)
        if isinstance(s, Include)
        else values[s.name]
        for s in outer
    )
    assert joined.substitute(values) == expected
    assert not joined.includes


@pytest.mark.parametrize(
    ("source", "included"),
    [
        (r"{{> tone}}{{ticket}}", "ends in \\"),
        (r"\{{> tone}} {{> tone}}{{ticket}}", "ends in {"),
        (r"{{> tone}}{ticket}}", "ends in {"),
    ],
)
def test_splice_refuses_what_would_read_differently(source: str, included: str) -> None:
    with pytest.raises(TemplateError):
        splice(parse(source), lambda name: parse(included))


def test_splice_puts_each_include_in_its_place() -> None:
    texts = {"i": "I: {{a}}", "j": r"J \{{x}}"}
    joined = splice(parse(r"\{{> i}} {{> i}}, {{> j}}, {{>i}}."), lambda name: parse(texts[name]))
    assert joined.source == r"\{{> i}} I: {{a}}, J \{{x}}, I: {{a}}."
    assert joined.substitute({"a": "1"}) == "{{> i}} I: 1, J {{x}}, I: 1."


def test_a_template_without_includes_is_left_alone() -> None:
    template = parse("{{a}}")
    assert splice(template, lambda name: Template("", ())) is template
