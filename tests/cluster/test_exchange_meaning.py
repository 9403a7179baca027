"""A template means the same on both sides: as the real libraries of others render it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from cluster.exchange.environment import run
from cluster.exchange.rendering import HISTORY
from promptrelease.content.template import Segment, Variable, parse
from promptrelease.exchange import dotprompt, langfuse, mlflow, prompty
from promptrelease.exchange.files import text_of
from promptrelease.exchange.langfuse import as_written
from promptrelease.exchange.syntax import SyntaxProblem, ours, variables_of
from promptrelease.exchange.values import LeftOut, System, Version

pytestmark = pytest.mark.slow

Json = dict[str, Any]
SYSTEMS: tuple[System, ...] = ("langfuse", "mlflow", "dotprompt", "prompty")
CASES = 150
ODD = ["{", "}", "{{", "}}", "\\", '{"a": 1}', "{%", "%}", "{#", "# user", "system:", "@@@", "|"]
PLAIN = [
    "Answer ",
    "briefly, ",
    "\n",
    "\n\n",
    " - 'x' \"y\"",
    "日本語 🙂",
    "<b>&amp;</b>",
    ": ",
    " ",
]
NAMES = ["a", "ticket", "_x9"]
VALUES = {name: f"<{name}> & 'more'" for name in NAMES}
SETTINGS = {"provider": "openai", "name": "gpt"}
ROLES = {"model": "assistant"}


def silent(field: str, why: str) -> None:
    """Take a note of nothing."""


def segments(chance: random.Random) -> list[Segment]:
    """A few words, odd ones among them."""
    kinds: list[Callable[[], Segment]] = [
        lambda: chance.choice(PLAIN),
        lambda: chance.choice(PLAIN),
        lambda: chance.choice(ODD),
        lambda: Variable(chance.choice(NAMES)),
    ]
    return ["Hi ", *(chance.choice(kinds)() for _ in range(chance.randint(1, 7)))]


def template(chance: random.Random) -> str:
    """One of ours."""
    while True:
        try:
            return ours(segments(chance))
        except SyntaxProblem:
            continue


def version(chance: random.Random) -> Version:
    """A text, or a chat that may have a placeholder."""
    content: Json = {"model": SETTINGS}
    if chance.random() < 0.5:
        content["text"] = template(chance)
    else:
        roles = ["system", *(chance.choice(["user", "assistant"]) for _ in range(2))]
        content["messages"] = [{"role": role, "content": template(chance)} for role in roles]
        if chance.random() < 0.4:
            content["messages"].insert(1, {"placeholder": "conversation"})
    content["variables"] = {name: {"type": "string"} for name in variables_of(content)}
    return Version(1, content, "why")


def rendered(content: Json) -> list[list[str]]:
    """What our reader would compile."""
    if "text" in content:
        return [["", parse(content["text"]).substitute(VALUES)]]
    return [
        ["user", HISTORY]
        if "placeholder" in message
        else [message["role"], parse(message["content"]).substitute(VALUES)]
        for message in content["messages"]
    ]


def written(system: System, one: Version) -> Any:
    """What is exported."""
    if system == "langfuse":
        return langfuse.write_version(one, "p")
    if system == "mlflow":
        return mlflow.write_version(one)
    return text_of(system, "p", one, [], silent)


def by_the_library(system: System, sources: list[Any]) -> list[Any]:
    """What each source becomes there."""
    cases = [{"system": system, "source": source, "values": VALUES} for source in sources]
    answers: list[Any] = json.loads(run("cluster.exchange.rendering", stdin=json.dumps(cases)))
    return answers


def as_sent(system: System, messages: Any) -> Any:
    """Without what Dotprompt and Prompty do to every message: white space at the ends, roles."""
    if system not in ("dotprompt", "prompty") or not isinstance(messages, list):
        return messages
    return [[ROLES.get(role, role), text.strip()] for role, text in messages]


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_exported_is_rendered_the_same(system: System) -> None:
    chance = random.Random(system)
    exported = []
    for _ in range(CASES):
        one = version(chance)
        try:
            exported.append((one, written(system, one)))
        except LeftOut:
            continue
    assert len(exported) > CASES // 3
    answers = by_the_library(system, [source for _, source in exported])
    for (one, source), answer in zip(exported, answers, strict=True):
        expected = rendered(one.content)
        if "text" in one.content and system in ("dotprompt", "prompty"):
            # A file has no texts: one without roles is a message of the format's default role.
            expected = [["user" if system == "dotprompt" else "system", expected[0][1]]]
        assert as_sent(system, answer) == as_sent(system, expected), source


PIECES = {
    "langfuse": ["{{a}}", "{{ ticket }}", "{{#if a}}", "{{a.b}}", "{{\n_x9\n}}"],
    "mlflow": ["{{a}}", "{{ ticket }}", "{% if a %}", "{{ a | upper }}", "{{\n_x9\n}}"],
    "dotprompt": ["{{a}}", "{{ ticket }}", "\\{{a}}", "\\\\{{a}}", "{{{a}}}", "{{json a}}"],
    "prompty": ["{{a}}", "{{ ticket }}", "{{ '{{' }}", '{{"x"}}', "{{ a | upper }}", "{{- a }}"],
}
READ: dict[System, Callable[[str], tuple[Any, Version]]] = {
    "langfuse": lambda source: _read_langfuse(source),
    "mlflow": lambda source: _read_mlflow(source),
    "dotprompt": lambda source: _read_file("dotprompt", source),
    "prompty": lambda source: _read_file("prompty", source),
}


def _read_langfuse(source: str) -> tuple[Any, Version]:
    row = {"name": "p", "version": 1, "type": "text", "prompt": source, "config": {}}
    return row, langfuse.read_version(row, as_written(row), silent)


def _read_mlflow(source: str) -> tuple[Any, Version]:
    row = {"name": "p", "version": 1, "template": source}
    return row, mlflow.read_version(row, silent)


def _read_file(system: System, source: str) -> tuple[Any, Version]:
    mark = {"dotprompt": '{{role "system"}}', "prompty": "system:\n"}[system]
    text = f"---\nmodel: {{id: gpt}}\n---\n{mark}{source}"
    if system == "dotprompt":
        text = text.replace("{id: gpt}", "openai/gpt")
    form = {"dotprompt": dotprompt, "prompty": prompty}[system]
    return text, cast(Any, form).read(text, "p", "", silent)[1]


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_imported_is_rendered_the_same(system: System) -> None:
    chance = random.Random(system)
    imported = []
    for _ in range(4 * CASES):
        pool = [*PIECES[system], *PIECES[system][:2], *PLAIN, *ODD]
        source = "Hi " + "".join(chance.choice(pool) for _ in range(chance.randint(1, 5)))
        try:
            imported.append(READ[system](source))
        except LeftOut:
            continue
    assert len(imported) > CASES // 2
    answers = by_the_library(system, [source for source, _ in imported])
    for (source, one), answer in zip(imported, answers, strict=True):
        assert as_sent(system, answer) == as_sent(system, rendered(one.content)), source
