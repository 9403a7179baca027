"""A version as a form: what its fields hold, and the spec that they come to.

Free JSON (tools, the answer's schema, further parameters, includes) is kept as it was typed, so
that a mistake in it does not cost anybody their text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from promptrelease.console.acting.place import field as text_of

Json = dict[str, Any]

TEXT, CHAT = "text", "chat"
PLACEHOLDER = "placeholder"
"""In place of a role: the caller's messages go here, under the name that is the content."""

ROLES = ("system", "developer", "user", "assistant", "tool")
TYPES = ("string", "integer", "number", "boolean", "array", "object")
MOST_MESSAGES = 64

_NUMBERS = {"temperature": "temperature", "topP": "top_p", "maxTokens": "max_tokens"}
_MESSAGE = re.compile(r"message-(\d{1,3})-role")
_VARIABLE = re.compile(r"variable-([A-Za-z_][A-Za-z0-9_]{0,62})-type")


class Mistyped(ValueError):
    """A field holds what can't be read.

    Attributes:
        fields: name in the form to what is wrong there.

    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.fields = {field: message}


@dataclass(frozen=True)
class Variable:
    """A row of the table of variables; ``default`` as typed, JSON but for a string."""

    kind: str = "string"
    description: str = ""
    default: str = ""


@dataclass(frozen=True)
class Draft:
    """What the fields of the form hold.

    Attributes:
        prompt: whose; of a first version as typed.
        number: which version it will be.
        base: number of the version that it began with; 0 for a first one.
        kind: TEXT or CHAT.
        messages: role, or PLACEHOLDER, and content.
        more: of the model's parameters all but the three that have a field, JSON.

    """

    prompt: str
    number: int = 1
    base: int = 0
    kind: str = TEXT
    text: str = ""
    messages: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, Variable] = field(default_factory=dict)
    provider: str = ""
    model: str = ""
    temperature: str = ""
    top_p: str = ""
    max_tokens: str = ""
    more: str = ""
    tools: str = ""
    output: str = ""
    includes: str = ""
    consumes: str = ""
    message: str = ""

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Field and template of everything that may hold variables."""
        if self.kind == TEXT:
            return [("text", self.text)]
        return [
            (f"message-{i}-content", content)
            for i, (role, content) in enumerate(self.messages)
            if role != PLACEHOLDER
        ]


def from_spec(spec: Mapping[str, Any], number: int) -> Draft:
    """The form for a next version that begins as another one; why it exists is still to be said."""
    model = spec.get("model") or {}
    parameters = dict(model.get("parameters") or {})
    known = {name: parameters.pop(key, None) for key, name in _NUMBERS.items()}
    return Draft(
        prompt=spec["prompt"],
        number=number,
        base=spec["version"],
        kind=CHAT if "messages" in spec else TEXT,
        text=spec.get("text", ""),
        messages=tuple(
            (PLACEHOLDER, m["placeholder"])
            if "placeholder" in m
            else (m.get("role", ""), m.get("content", ""))
            for m in spec.get("messages") or ()
        ),
        variables={
            name: Variable(
                its.get("type", "string"),
                its.get("description", ""),
                _shown(its["default"], its.get("type", "string")) if "default" in its else "",
            )
            for name, its in (spec.get("variables") or {}).items()
        },
        provider=model.get("provider", ""),
        model=model.get("name", ""),
        **{name: "" if value is None else json.dumps(value) for name, value in known.items()},
        more=_pretty(parameters),
        tools=_pretty(spec.get("tools")),
        output=_pretty(spec.get("output")),
        includes=_pretty(spec.get("includes")),
        consumes=", ".join(spec.get("consumes") or ()),
    )


def from_form(form: Mapping[str, object], prompt: str, base: int) -> Draft:
    """What was sent."""

    def typed(name: str) -> str:
        return text_of(form, name)

    indices = sorted(int(found[1]) for name in form if (found := _MESSAGE.fullmatch(name)))
    number = typed("number")
    return Draft(
        prompt=prompt or typed("prompt").strip(),
        number=int(number) if re.fullmatch("[1-9][0-9]{0,9}", number) else 1,
        base=base,
        kind=CHAT if typed("kind") == CHAT else TEXT,
        text=typed("text"),
        messages=tuple(
            (typed(f"message-{i}-role"), typed(f"message-{i}-content"))
            for i in indices[:MOST_MESSAGES]
        ),
        variables={
            found[1]: Variable(
                typed(f"variable-{found[1]}-type"),
                typed(f"variable-{found[1]}-description"),
                typed(f"variable-{found[1]}-default"),
            )
            for name in form
            if (found := _VARIABLE.fullmatch(name))
        },
        **{
            name: typed(name).strip()
            for name in ("provider", "model", "temperature", "top_p", "max_tokens", "consumes")
        },
        **{name: typed(name) for name in ("more", "tools", "output", "includes", "message")},
    )


def pressed(draft: Draft, do: str) -> Draft:
    """The draft after one of the buttons for messages: add, remove-2, chat, text."""
    if do == "add":
        last = next((role for role, _ in reversed(draft.messages) if role in ROLES), "")
        role = "assistant" if last == "user" else "user"
        return replace(draft, messages=(*draft.messages, (role, "")))
    if found := re.fullmatch(r"remove-(\d{1,3})", do):
        kept = [m for i, m in enumerate(draft.messages) if i != int(found[1])]
        return replace(draft, messages=tuple(kept))
    if do == CHAT and draft.kind == TEXT:
        return replace(draft, kind=CHAT, messages=draft.messages or (("user", draft.text),))
    if do == TEXT and draft.kind == CHAT:
        said = "\n\n".join(content for role, content in draft.messages if role != PLACEHOLDER)
        return replace(draft, kind=TEXT, text=draft.text or said)
    return draft


def spec(draft: Draft) -> Json:
    """The spec that a draft comes to. Raises Mistyped, for all fields at once."""
    body: Json = {"prompt": draft.prompt, "version": draft.number, "message": draft.message.strip()}
    if draft.kind == TEXT:
        body["text"] = draft.text
    else:
        body["messages"] = [
            {"placeholder": content.strip()}
            if role == PLACEHOLDER
            else {"role": role, "content": content}
            for role, content in draft.messages
        ]
    wrong: dict[str, str] = {}

    def read(what: Callable[..., Any], *given: Any) -> Any:
        try:
            return what(*given)
        except Mistyped as mistake:
            wrong.update(mistake.fields)
            return None

    if draft.variables:
        rows = draft.variables.items()
        body["variables"] = {name: read(_variable, name, its) for name, its in rows}
    body["model"] = {"provider": draft.provider, "name": draft.model}
    more = read(_json, "more", draft.more, dict) or {}
    if parameters := {**more, **_numbers(draft, more, wrong)}:
        body["model"]["parameters"] = parameters
    for name, kind in _DOCUMENTS:
        if (value := read(_json, name, getattr(draft, name), kind)) is not None:
            body[name] = value
    if consumes := [name for name in re.split(r"[,\s]+", draft.consumes) if name]:
        body["consumes"] = consumes
    if wrong:
        mistake = Mistyped("", "; ".join(wrong.values()))
        mistake.fields = wrong
        raise mistake
    return body


_DOCUMENTS: tuple[tuple[str, type[list[Any]] | type[Json]], ...] = (
    ("tools", list),
    ("output", dict),
    ("includes", dict),
)


def _numbers(draft: Draft, more: Json, wrong: dict[str, str]) -> Json:
    """The parameters that have a field of their own; mistakes go into ``wrong``."""
    found: Json = {}
    for key, name in _NUMBERS.items():
        typed = getattr(draft, name)
        if not typed:
            continue
        try:
            value = json.loads(typed)
        except ValueError:
            value = None
        if key in more:
            wrong["more"] = f"{key} has a field of its own: write it there"
        elif isinstance(value, bool) or not isinstance(value, int | float):
            wrong[name] = f"{typed!r} is no number, such as 0.2"
        else:
            found[key] = value
    return found


def _variable(name: str, its: Variable) -> Json:
    found: Json = {"type": its.kind}
    if its.description.strip():
        found["description"] = its.description.strip()
    if its.default != "":
        found["default"] = _default(name, its)
    return found


def _default(name: str, its: Variable) -> Any:
    if its.kind == "string":
        return "" if its.default == '""' else its.default
    try:
        return json.loads(its.default)
    except (ValueError, RecursionError):
        raise Mistyped(
            f"variable-{name}-default", f"the default of {name} is not {_EXAMPLES[its.kind]}"
        ) from None


_EXAMPLES = {
    "integer": "a whole number, such as 3",
    "number": "a number, such as 0.5",
    "boolean": "true or false",
    "array": 'a list, such as ["a", "b"]',
    "object": 'an object, such as {"key": "value"}',
}


def _json(name: str, text: str, kind: type[list[Any]] | type[Json]) -> Any:
    """A field of JSON; none when it is empty."""
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Mistyped(name, f"{where}: this is not JSON: {error.msg}") from None
    except RecursionError:
        raise Mistyped(name, "this nests too deeply") from None
    if not isinstance(value, kind):
        wanted = "a list in [ ]" if kind is list else "an object in { }"
        raise Mistyped(name, f"this must be {wanted}")
    return value


def _shown(default: Any, kind: str) -> str:
    """A default as it is typed; an empty string needs its quotes, or it would be none."""
    if kind == "string" and isinstance(default, str):
        return default or '""'
    return json.dumps(default, ensure_ascii=False)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) if value else ""
