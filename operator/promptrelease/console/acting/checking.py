"""What is wrong with a draft, found before it is sent: by the operator's own rules, without I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from promptrelease.api import PromptVersionSpec
from promptrelease.console.acting import drafts
from promptrelease.console.acting.drafts import PLACEHOLDER, TEXT, Draft, Mistyped, Variable
from promptrelease.content.template import TemplateError, parse
from promptrelease.content.template import Variable as Used
from promptrelease.release.judge import MAX_BYTES, Lookup, judge
from promptrelease.release.model import Problem

Json = dict[str, Any]

NEW, KEPT, UNUSED = "new", "kept", "unused"
"""A variable beside the version that the draft began with, and beside its text."""


@dataclass(frozen=True)
class Mistake:
    """Something to mend; ``field`` is empty where it is about the whole."""

    field: str
    message: str


@dataclass(frozen=True)
class Row:
    """A variable; ``state`` is one of the three above."""

    name: str
    its: Variable
    state: str


@dataclass(frozen=True)
class Checked:
    """A draft, looked at.

    Attributes:
        rows: variables in the order in which the text uses them, unused ones at the end.
        gone: variables that callers of the version before still give, and that this one refuses.
        size: bytes of the templates.
        spec: what would be created; none while there are mistakes.

    """

    draft: Draft
    rows: tuple[Row, ...]
    gone: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    size: int
    spec: Json | None = None

    @property
    def new(self) -> tuple[str, ...]:
        """Variables that callers of the version before do not give yet, and have to."""
        return tuple(row.name for row in self.rows if row.state == NEW and row.its.default == "")

    @property
    def room(self) -> int:
        """Bytes that there is room for."""
        return MAX_BYTES

    def wrong(self, field: str) -> str:
        """What is wrong with a field; empty when nothing is."""
        return "; ".join(it.message for it in self.mistakes if it.field == field)


def check(
    draft: Draft, before: Mapping[str, Any], lookup: Lookup, *, first: bool = False
) -> Checked:
    """Look at a draft.

    Args:
        draft: as typed.
        before: the variables of the version that it began with.
        lookup: prompt and number to the spec of an included version, or none where it is missing.
        first: whether it is a first version, of which nobody gives any variables yet.

    """
    mistakes: list[Mistake] = []
    used: dict[str, None] = {}
    for name, source in draft.sources:
        try:
            template = parse(source)
        except TemplateError as error:
            mistakes.append(Mistake(name, str(error)))
            continue
        used |= dict.fromkeys(it.name for it in template.segments if isinstance(it, Used))
    # What an included text uses is not seen here: the operator's rules say it, below.
    readable, certain = not mistakes, not mistakes and not draft.includes.strip()
    rows = _rows(draft, used, before, certain=certain, first=first)
    drawn = replace(draft, variables={it.name: it.its for it in rows if it.state != UNUSED})
    gone = tuple(name for name in before if name not in drawn.variables) if readable else ()
    size = sum(len(source.encode()) for _, source in draft.sources)
    if not draft.message.strip():
        mistakes.append(Mistake("message", "Say why this version exists"))
    made: Json | None = None
    try:
        made = drafts.spec(drawn)
    except Mistyped as error:
        mistakes += [Mistake(name, said) for name, said in error.fields.items()]
    if made is not None and readable:
        mistakes += _judged(made, draft, lookup)
    found = tuple(_once(mistakes))
    return Checked(draft, rows, gone, found, size, None if found else made)


def _rows(
    draft: Draft,
    used: Mapping[str, None],
    before: Mapping[str, Any],
    *,
    certain: bool,
    first: bool,
) -> tuple[Row, ...]:
    """The table of variables: whatever the text uses, and what was declared besides."""
    rows = [
        Row(
            name,
            draft.variables.get(name, Variable()),
            KEPT if name in before or first else NEW,
        )
        for name in used
    ]
    for name, its in draft.variables.items():
        if name not in used:
            rows.append(Row(name, its, UNUSED if certain else KEPT))
    return tuple(rows)


def _judged(made: Json, draft: Draft, lookup: Lookup) -> list[Mistake]:
    """What the API server and the operator would say."""
    try:
        spec = PromptVersionSpec.model_validate(_filled(made))
    except ValidationError as error:
        return [
            Mistake(_field(it["loc"], draft), _said(it))
            for it in error.errors(include_url=False, include_input=False)
            if it["loc"] != ("message",)
        ]
    problems = judge(spec, lookup).verdict.problems
    return [Mistake(_about(it, draft), it.message) for it in problems]


def _filled(made: Json) -> Json:
    """With a message, whose absence is told apart."""
    return made if made["message"] else {**made, "message": "-"}


def _said(error: Any) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "string_too_short":
        return "This is empty: fill it in"
    if kind == "string_too_long":
        return f"This is too long: at most {context.get('max_length')} characters"
    if kind == "string_pattern_mismatch":
        return "This may hold lower-case letters, digits and dashes, no dash at either end"
    where = ".".join(str(part) for part in error["loc"])
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


_FIELDS = {
    ("model", "provider"): "provider",
    ("model", "name"): "model",
    ("model", "parameters", "temperature"): "temperature",
    ("model", "parameters", "topP"): "top_p",
    ("model", "parameters", "maxTokens"): "max_tokens",
    ("model", "parameters"): "more",
    ("prompt",): "prompt",
    ("tools",): "tools",
    ("output",): "output",
    ("includes",): "includes",
    ("consumes",): "consumes",
    ("text",): "text",
}


def _field(loc: Sequence[Any], draft: Draft) -> str:
    """The field of the form that a place in the spec is about."""
    if loc[:1] == ("messages",):
        index = loc[1] if len(loc) > 1 else 0
        part = "role" if loc[2:] == ("role",) else "content"
        return f"message-{index}-{part}"
    if loc[:1] == ("variables",) and len(loc) > 1:
        part = {"description": "description", "default": "default"}.get(str(loc[-1]), "type")
        return f"variable-{loc[1]}-{part}"
    for end in range(len(loc), 0, -1):
        if found := _FIELDS.get(tuple(loc[:end])):
            return found
    return ""


_ABOUT: tuple[tuple[str, str], ...] = (
    (r"output[ .]", "output"),
    (r"tools\[", "tools"),
    (r"variable (?P<variable>\w+) is (?:\w+ here|declared)", "type"),
    (r"the default of variable (?P<variable>\w+) ", "default"),
)


def _about(problem: Problem, draft: Draft) -> str:
    """The field that a problem of the operator's is about, where it tells."""
    for pattern, name in _ABOUT:
        if found := re.match(pattern, problem.message):
            variable = found.groupdict().get("variable")
            return f"variable-{variable}-{name}" if variable else name
    if problem.reason.startswith("Include"):
        return "includes"
    if problem.reason in ("TemplateSyntax", "UndeclaredVariable", "TooLarge"):
        return "text" if draft.kind == TEXT else _first(draft)
    return ""


def _first(draft: Draft) -> str:
    index = next((i for i, (role, _) in enumerate(draft.messages) if role != PLACEHOLDER), 0)
    return f"message-{index}-content"


def _once(mistakes: Sequence[Mistake]) -> list[Mistake]:
    return list(dict.fromkeys(mistakes))
