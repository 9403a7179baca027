"""Template languages: what is read means the same here, what is written the same there."""

from __future__ import annotations

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.content.template import Segment, Variable, parse
from promptrelease.exchange.syntax import (
    HANDLEBARS,
    JINJA,
    LANGFUSE,
    MLFLOW,
    Language,
    SyntaxProblem,
    joined,
    ours,
)
from unit.exchange.generated import SEGMENTS, rendered

LANGUAGES = [LANGFUSE, MLFLOW, JINJA, HANDLEBARS]
SOURCES = st.lists(
    st.sampled_from(
        [
            *("{{a}}", "{{ b }}", "{{", "}}", "{", "}", "\\", "%", "{%", "#", "a", " ", "'", '"'),
            *("{{ 'x' }}", '{{"{{"}}', "{{a|b}}", "{{{a}}}", "{{#if a}}", "{{-a}}", "{{a.b}}"),
        ]
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.name)
@given(segments=SEGMENTS)
def test_what_is_written_reads_the_same(language: Language, segments: list[Segment]) -> None:
    try:
        source = language.write(segments)
    except SyntaxProblem:
        return
    assert language.read(source) == joined(segments)


@given(SEGMENTS)
def test_what_is_ours_parses_the_same(segments: list[Segment]) -> None:
    try:
        source = ours(segments)
    except SyntaxProblem:
        return
    assert parse(source).segments == joined(segments)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.name)
def test_ordinary_templates_go_both_ways(language: Language) -> None:
    segments = ("Dear ", Variable("name"), ",\n\nyour {json: 1} }} is ", Variable("_x9"), ".")
    assert language.read(language.write(segments)) == segments
    assert parse(ours(segments)).segments == segments


def by_jinja(source: str) -> str:
    environment = jinja2.Environment(keep_trailing_newline=True, autoescape=False)
    return environment.from_string(source).render(a="<a>", b="<b>", ticket="<ticket>", _x9="<_x9>")


@given(SOURCES)
def test_jinja_reads_as_jinja_does(source: str) -> None:
    try:
        template = ours(JINJA.read(source))
    except SyntaxProblem:
        return
    assert rendered(template) == by_jinja(source)


@given(SEGMENTS)
def test_jinja_is_written_as_jinja_reads_it(segments: list[Segment]) -> None:
    try:
        template, source = ours(segments), JINJA.write(segments)
    except SyntaxProblem:
        return
    names = {s.name: f"<{s.name}>" for s in segments if isinstance(s, Variable)}
    environment = jinja2.Environment(keep_trailing_newline=True, autoescape=False)
    assert environment.from_string(source).render(**names) == rendered(template)


def test_jinja_writes_braces_that_are_meant() -> None:
    template = r'Answer {"a": \{{x}}} or {% raw %} for {{name}}'
    source = JINJA.write(parse(template).segments)
    environment = jinja2.Environment(autoescape=False)
    assert environment.from_string(source).render(name="Ada") == (
        'Answer {"a": {{x}}} or {% raw %} for Ada'
    )


@pytest.mark.parametrize(
    ("language", "source"),
    [
        (LANGFUSE, "{{#if a}}b{{/if}}"),
        (LANGFUSE, "{{user.name}}"),
        (LANGFUSE, "{{a-b}}"),
        (MLFLOW, "{% if a %}b{% endif %}"),
        (MLFLOW, "{{ a | upper }}"),
        (MLFLOW, "{{a.b}}"),
        (JINJA, "{% for a in b %}"),
        (JINJA, "{# comment #}"),
        (JINJA, "{{ a | upper }}"),
        (JINJA, "{{- a }}"),
        (JINJA, "{{ true }}"),
        (HANDLEBARS, "{{#each a}}{{this}}{{/each}}"),
        (HANDLEBARS, "{{> partial}}"),
        (HANDLEBARS, "{{json a}}"),
        (HANDLEBARS, "{{~a}}"),
        (HANDLEBARS, "{{{a}}}"),
        (HANDLEBARS, "{{! comment }}"),
        (HANDLEBARS, '{"a": {{a}}}'),
    ],
)
def test_more_than_plain_variables_is_refused(language: Language, source: str) -> None:
    with pytest.raises(SyntaxProblem, match=r"is not a plain variable|Jinja statements"):
        language.read(source)


@pytest.mark.parametrize(
    ("language", "source", "template"),
    [
        (LANGFUSE, "a {{ not closed", r"a \{{ not closed"),
        (MLFLOW, 'Answer {"a": {b}}', 'Answer {"a": {b}}'),
        (HANDLEBARS, r"\{{a}} {{ b }}", r"\{{a}} {{b}}"),
        (JINJA, "{{ '{{' }}a}} {{b}}", r"\{{a}} {{b}}"),
        (JINJA, "{{ '{{{' }}{{b}}", r"{\{{{{b}}"),
    ],
)
def test_braces_that_are_meant_stay(language: Language, source: str, template: str) -> None:
    assert ours(language.read(source)) == template


@pytest.mark.parametrize("language", [LANGFUSE, MLFLOW], ids=lambda one: one.name)
def test_what_a_language_can_not_say_is_refused(language: Language) -> None:
    with pytest.raises(SyntaxProblem, match=f"{language.name} would read"):
        language.write(parse(r"\{{name}} {{a}}").segments)


def test_what_we_can_not_say_is_refused() -> None:
    with pytest.raises(SyntaxProblem, match="right before a variable"):
        ours(MLFLOW.read("{{{a}}"))
