"""Generated versions, odd ones among them, that the API server would accept."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from promptrelease.content.template import Segment, Variable, parse
from promptrelease.exchange.syntax import SyntaxProblem, ours, variables_of
from promptrelease.exchange.values import Version

Json = dict[str, Any]

NAMES = st.sampled_from(["a", "ticket", "_x9", "company", "if", "history", "none"])
ROUGH = st.text(st.sampled_from("ab{}\\>%# \n'\"@|:é🙂"), max_size=12)
WORDS = st.text(st.sampled_from("abc def, é🙂.\n{}"), min_size=1, max_size=20)
SEGMENTS: st.SearchStrategy[list[Segment]] = st.lists(
    ROUGH | st.builds(Variable, NAMES), max_size=6
)


@st.composite
def templates(draw: st.DrawFn) -> str:
    """A template of ours, not blank."""
    while True:
        try:
            text = ours([draw(WORDS), *draw(SEGMENTS)])
        except SyntaxProblem:
            continue
        if text.strip():
            return text


_JSON = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, "x", [1, "y"]])
_PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0, 0.2, 1, 1.5]),
        "topP": st.sampled_from([0, 0.5, 1]),
        "maxTokens": st.integers(1, 9000),
        "stop": st.lists(st.sampled_from(["END", "\n\n", "User:"]), min_size=1, max_size=2),
        "seed": st.integers(0, 9),
        "topK": st.integers(1, 50),
        "reasoning": st.fixed_dictionaries({"effort": st.sampled_from(["low", "high"])}),
    },
)
_MODELS = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["openai", "google-vertex"]),
        "name": st.sampled_from(["gpt-4.1", "org/model-1"]),
    },
    optional={"parameters": _PARAMETERS.filter(bool)},
)
_SCHEMAS = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(
            st.sampled_from(["queue", "urgent"]),
            st.fixed_dictionaries(
                {"type": st.sampled_from(["string", "number", "boolean", "integer"])},
                optional={"description": st.sampled_from(["why", "a: b"])},
            ),
            min_size=1,
        ),
    },
    optional={"required": st.just(["queue"]), "additionalProperties": st.just(False)},
)
_TOOLS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["find", "look_up"])},
        optional={"description": st.just("Finds it"), "parameters": _SCHEMAS},
    ),
    max_size=2,
    unique_by=lambda tool: str(tool["name"]),
)
_DEFAULTS = {
    "string": "x",
    "integer": 3,
    "number": 0.5,
    "boolean": True,
    "array": [1],
    "object": {},
}


@st.composite
def versions(draw: st.DrawFn) -> Version:
    """A version without includes."""
    content: Json = {"model": draw(_MODELS)}
    if draw(st.booleans()):
        content["text"] = draw(templates())
    else:
        messages = [
            {"role": draw(st.sampled_from(["system", "user", "assistant"])), "content": text}
            for text in draw(st.lists(templates(), min_size=1, max_size=3))
        ]
        if draw(st.booleans()):
            messages.insert(draw(st.integers(0, len(messages))), {"placeholder": "conversation"})
        content["messages"] = messages
    if names := variables_of(content):
        content["variables"] = {name: draw(_variables()) for name in names}
    if tools := draw(_TOOLS):
        content["tools"] = tools
    if draw(st.booleans()):
        content["output"] = draw(_SCHEMAS)
    if draw(st.booleans()):
        content["consumes"] = ["upstream"]
    return Version(
        number=draw(st.integers(1, 99)),
        content=content,
        message=draw(WORDS.filter(str.strip)),
        author=draw(st.sampled_from(["", "ada@example.com"])),
        created=draw(st.sampled_from(["", "2026-02-03T04:05:06Z"])),
    )


@st.composite
def _variables(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(sorted(_DEFAULTS)))
    declared: Json = {"type": kind}
    if draw(st.booleans()):
        declared["description"] = draw(st.sampled_from(["what it is", "a: 'b', #c"]))
    if draw(st.booleans()):
        declared["default"] = _DEFAULTS[kind]
    return declared


def rendered(template: str) -> str:
    """What a template of ours gives with values that show where they go."""
    found = parse(template)
    return found.substitute({name: f"<{name}>" for name in found.variables})
