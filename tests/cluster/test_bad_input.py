"""What bad input gets: refused by the API server, or a condition that says what to mend.

Whatever it gets, nothing that is served changes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.api import (
    CONFIG_MAPS,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    Refused,
    release,
    version,
)
from harness.controlplane import ControlPlane

P = "ticket-summary"
USER = {"role": "user", "content": "hi"}
PLACE = {"placeholder": "history"}


@dataclass
class Row:
    """A version that differs from a good one, and the words in which it is refused."""

    id: str
    words: str
    spec: Json = field(default_factory=dict)
    name: str = f"{P}-v2"

    @property
    def manifest(self) -> Json:
        made = version(P, 2)
        spec = {**made["spec"], **self.spec}
        made["spec"] = {name: value for name, value in spec.items() if value is not None}
        made["metadata"]["name"] = self.name
        return made


def rows(*all_of_them: Row) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", all_of_them, ids=lambda row: row.id)


def tool(**parameters: Any) -> list[Json]:
    return [{"name": "t", "parameters": parameters}]


@pytest.fixture
def served(api: Api) -> Api:
    """Production serves v1."""
    api.apply(version(P, 1), release(P, production=(1, "first")))
    api.ready(P)
    return api


IDENTIFIER = "a variable's name is an identifier"
CLOSED = "every {{ must begin a variable like {{name}} or an include like {{> name}}"
NAMED = "the name must be <prompt>-v<version>, as in ticket-summary-v7"
ONE_KIND = "a message has either role and content, or a placeholder alone"
WHOLE = "spec.version: Invalid value"


@rows(
    Row("unknown field", 'unknown field "spec.txet"', {"txet": "hi"}),
    Row("unknown field below", 'unknown field "spec.model.id"', {"model": {"id": "x"}}),
    Row("unknown field of a variable", "unknown field", {"variables": {"a": {"kind": "string"}}}),
    Row("both forms", "exactly one of text and messages is required", {"messages": [USER]}),
    Row("neither form", "exactly one of text and messages is required", {"text": None}),
    Row("empty text", "spec.text in body should be at least 1 chars long", {"text": ""}),
    Row(
        "no messages",
        "spec.messages in body should have at least 1 items",
        {"text": None, "messages": []},
    ),
    Row(
        "empty message",
        "should be at least 1 chars",
        {"text": None, "messages": [{"role": "user", "content": ""}]},
    ),
    Row("message of nothing", ONE_KIND, {"text": None, "messages": [{}]}),
    Row("message without a role", ONE_KIND, {"text": None, "messages": [{"content": "hi"}]}),
    Row("message and placeholder", ONE_KIND, {"text": None, "messages": [USER | PLACE]}),
    Row(
        "unknown role",
        "Unsupported value",
        {"text": None, "messages": [{"role": "boss", "content": "hi"}]},
    ),
    Row(
        "placeholder twice",
        "a placeholder's name can be used once only",
        {"text": None, "messages": [PLACE, PLACE]},
    ),
    Row(
        "placeholder with a dash",
        "a placeholder is an identifier",
        {"text": None, "messages": [{"placeholder": "a-b"}]},
    ),
    Row(
        "variable with a dash", IDENTIFIER, {"text": "{{a}}", "variables": {"a": {}, "my-var": {}}}
    ),
    Row("variable with a digit first", IDENTIFIER, {"variables": {"1st": {}}}),
    Row("variable in another script", IDENTIFIER, {"variables": {"größe": {}}}),
    Row("variable of 64 characters", IDENTIFIER, {"variables": {"a" * 64: {}}}),
    Row("variable of no type", "Unsupported value", {"variables": {"a": {"type": "text"}}}),
    Row("65 variables", "must have at most 64", {"variables": {f"v{i}": {} for i in range(65)}}),
    Row("unclosed", CLOSED, {"text": "Hello {{name, good day"}),
    Row("closed by one brace", CLOSED, {"text": "Hello {{name} }"}),
    Row("three braces", CLOSED, {"text": "{{{name}}}"}),
    Row("an expression", CLOSED, {"text": "{{ user.name | upper }}"}),
    Row("a block of another language", CLOSED, {"text": "{{#if x}}y{{/if}}"}),
    Row("nothing in the braces", CLOSED, {"text": "{{ }}"}),
    Row("braces at the very end", CLOSED, {"text": "x {{"}),
    Row("NUL in the text", "a NUL character can't be part of a prompt", {"text": "a\0b"}),
    Row(
        "NUL in a message",
        "a NUL character can't be part of a prompt",
        {"text": None, "messages": [{"role": "user", "content": "a\0b"}]},
    ),
    Row("text beyond the limit", "Too long: may not be more than 655360", {"text": "a" * 655_361}),
    Row("name without a number", NAMED, name=P),
    Row("name of another number", NAMED, name=f"{P}-v3"),
    Row("name with a leading zero", NAMED, name=f"{P}-v02"),
    Row("name of another prompt", NAMED, name="other-v2"),
    Row(
        "version 0",
        "spec.version in body should be greater than or equal to 1",
        {"version": 0},
        f"{P}-v0",
    ),
    Row(
        "version -1",
        "spec.version in body should be greater than or equal to 1",
        {"version": -1},
        f"{P}-v-1",
    ),
    Row("version as a string", 'must be of type integer: "string"', {"version": "2"}),
    Row("version 1.5", "must be of type integer", {"version": 1.5}, f"{P}-v1.5"),
    Row("version beyond 32 bits", WHOLE, {"version": 2**31}, f"{P}-v{2**31}"),
    Row("no version", "spec.version: Required value", {"version": None}),
    Row("no model", "spec.model: Required value", {"model": None}),
    Row("no message", "spec.message: Required value", {"message": None}),
    Row("blank message", "say why this version exists: message is blank", {"message": " \n\t"}),
    Row("prompt with a dot", "spec.prompt in body should match", {"prompt": "a.b"}),
    Row("prompt in capitals", "spec.prompt in body should match", {"prompt": "Ticket"}),
    Row("tool with a space", "a tool's name holds letters", {"tools": [{"name": "look up"}]}),
    Row("tool twice", "Duplicate value", {"tools": [{"name": "t"}, {"name": "t"}]}),
    Row(
        "tool of no object", "must be of type object", {"tools": [{"name": "t", "parameters": []}]}
    ),
    Row(
        "include with a space",
        "an include's name holds letters",
        {"includes": {"a b": {"prompt": "b", "version": 1}}},
    ),
    Row("include of no version", "version: Required value", {"includes": {"a": {"prompt": "b"}}}),
    Row("consumes itself", "a prompt can't consume its own output", {"consumes": [P]}),
)
def test_a_version_that_the_api_server_refuses(served: Api, row: Row) -> None:
    before = served.get(CONFIG_MAPS, f"{P}.production")
    with pytest.raises(Refused) as refused:
        served.create(row.manifest)
    assert row.words in str(refused.value)
    assert served.get(CONFIG_MAPS, f"{P}.production") == before


GOOD = {
    "text": "{{a}} {{> tone}}",
    "variables": {"a": {"type": "object", "default": {"k": [1, {"x": 1}]}}},
    "model": {
        "provider": "o",
        "name": "m",
        "parameters": {"seed": 1, "deep": {"k": [1, {"x": 1}]}},
    },
    "tools": tool(type="object", properties={"q": {"type": "string"}}),
    "output": {"type": "object", "properties": {"q": {}}},
    "includes": {"tone": {"prompt": "tone", "version": 1}},
    "consumes": ["upstream"],
}
PARAMETERS = "/spec/model/parameters"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/spec/text", "value": "{{a}} {{> tone}} "},
        {"op": "replace", "path": "/spec/message", "value": "another reason"},
        {"op": "replace", "path": "/spec/version", "value": 8},
        {"op": "replace", "path": "/spec/includes/tone/version", "value": 2},
        {"op": "replace", "path": "/spec/consumes/0", "value": "other"},
        {"op": "add", "path": "/spec/consumes/-", "value": "other"},
        {"op": "remove", "path": "/spec/output"},
        {"op": "replace", "path": f"{PARAMETERS}/seed", "value": 2},
        {"op": "add", "path": f"{PARAMETERS}/temperature", "value": 1},
        {"op": "move", "from": f"{PARAMETERS}/seed", "path": f"{PARAMETERS}/topK"},
        {"op": "replace", "path": f"{PARAMETERS}/deep/k/1/x", "value": 2},
        {"op": "move", "from": f"{PARAMETERS}/deep/k", "path": f"{PARAMETERS}/deep/j"},
        {"op": "replace", "path": "/spec/variables/a/default/k/1/x", "value": 2},
        {
            "op": "move",
            "from": "/spec/variables/a/default/k",
            "path": "/spec/variables/a/default/j",
        },
        {"op": "move", "from": "/spec/variables/a", "path": "/spec/variables/b"},
        {"op": "replace", "path": "/spec/tools/0/parameters/properties/q/type", "value": "number"},
        {
            "op": "move",
            "from": "/spec/tools/0/parameters/properties",
            "path": "/spec/tools/0/parameters/required",
        },
        {"op": "move", "from": "/spec/output/properties", "path": "/spec/output/required"},
    ],
    ids=lambda operation: f"{operation['op']} {operation['path']}",
)
def test_a_created_version_can_not_be_changed(api: Api, operation: Json) -> None:
    api.create(version(P, 7, **GOOD))
    with pytest.raises(Refused, match="can't be changed once created: create the next version"):
        api.edit(VERSIONS, f"{P}-v7", operation)


LABEL = "a label's name holds lower-case letters, digits and dashes"
A_RELEASE = "a release has its prompt's name"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"latest": (1, "x")}, "latest can't be set: it follows the highest version number"),
        ({"Prod!": (1, "x")}, LABEL),
        ({"": (1, "x")}, LABEL),
        ({"a.b": (1, "x")}, LABEL),
        ({"a" * 64: (1, "x")}, LABEL),
        ({f"l{i}": (1, "x") for i in range(17)}, "must have at most 16 items"),
        ({"production": (0, "x")}, "should be greater than or equal to 1"),
        ({"production": ("2", "x")}, "expected numeric"),
        ({"production": (2, "")}, "should be at least 1 chars long"),
        ({"production": (2, " \n")}, "say why this label moves: reason is blank"),
        ({"production": (2, "x" * 1025)}, "Too long"),
        ({"production": (2, "first")}, "a move needs a new reason: say why this label moves"),
    ],
)
def test_labels_that_the_api_server_refuses(
    served: Api, labels: dict[str, tuple[int, str]], words: str
) -> None:
    before = served.get(RELEASES, P)["spec"]
    with pytest.raises(Refused) as refused:
        served.apply(release(P, **labels))
    assert words in str(refused.value)
    assert served.get(RELEASES, P)["spec"] == before


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_a_release_whose_name_no_prompt_can_have_is_refused(api: Api, name: str) -> None:
    with pytest.raises(Refused, match=A_RELEASE):
        api.create(release(name, production=(1, "x")))


def test_a_version_of_another_prompt_is_not_this_one_s(served: Api) -> None:
    served.apply(version("other", 5, text="not yours"))
    served.move(P, "production", 5, "take theirs")
    served.release_with(P, "Ready", "False", f"{P}-v5, which does not exist")
    assert served.files(P, "production")["prompt.txt"] == f"{P} v1"


def test_kubectl_refuses_an_unknown_field(
    control_plane: ControlPlane, kubectl: Callable[..., Any]
) -> None:
    manifest = json.dumps(version(P, 2, txet="hi"))
    refused = kubectl("apply", "-f", "-", stdin=manifest, check=False)
    assert refused.returncode == 1
    assert 'unknown field "spec.txet"' in refused.stderr
