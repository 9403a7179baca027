"""PromptVersion: the immutable unit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from promptrelease.api._base import (
    Conditions,
    Digest,
    DnsLabel,
    Model,
    ObjectMeta,
    Reason,
    VersionNumber,
    cel,
)
from promptrelease.content.template import IDENTIFIER, INCLUDE_NAME, SPACE

MAX_TEXT = 655360
MAX_MESSAGE = 131072

# RE2 has no lookahead, so "no stray {{" is spelt out: a template is a row of escapes, tags,
# backslashes, single braces and other characters. It must accept just what content.template does.
_TAG = rf"\{{\{{{SPACE}({IDENTIFIER}|>{SPACE}{INCLUDE_NAME}){SPACE}\}}\}}"
TEMPLATE = rf"^([^{{\\]|{_TAG}|\\(\{{\{{)?|\{{[^{{\\]|\{{\\(\{{\{{)?)*\{{?$"

# Beyond that size the expression would cost more than the API server spends on a rule, and it
# would refuse the text in words about that; the operator looks at every template anyway.
_MATCHED = 131072
_WELL_FORMED = (
    f"size(self) > {_MATCHED} || self.matches(r'{TEMPLATE}')",
    "every {{ must begin a variable like {{name}} or an include like {{> name}}, closed by }}; "
    "for a literal {{ write \\{{",
)
_NO_NUL = ("!self.contains('\\u0000')", "a NUL character can't be part of a prompt")


class Message(Model):
    """A message of a chat prompt, or a place where the caller supplies messages."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "has(self.placeholder) ? !has(self.role) && !has(self.content) "
                ": has(self.role) && has(self.content)",
                "a message has either role and content, or a placeholder alone",
            ),
        )
    )

    role: Literal["system", "developer", "user", "assistant", "tool"] | None = None
    """Who speaks."""
    content: (
        Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE, json_schema_extra=cel(_NO_NUL))]
        | None
    ) = None
    """What is said. {{name}} is a variable, {{> name}} an include, \\{{ a literal {{."""
    placeholder: (
        Annotated[
            str,
            Field(
                max_length=63,
                json_schema_extra=cel(
                    (
                        f"self.matches('^{IDENTIFIER}$')",
                        "a placeholder is an identifier: letters, digits and underscores, "
                        "no digit first",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """Name under which the caller supplies a list of messages that go here."""

    @model_validator(mode="after")
    def _one_kind(self) -> Message:
        spoken = self.role is not None and self.content is not None
        silent = self.role is None and self.content is None
        if not (silent if self.placeholder is not None else spoken):
            raise ValueError("a message has either role and content, or a placeholder alone")
        return self


class Variable(Model):
    """What the caller must supply for one {{name}}."""

    type: Literal["string", "integer", "number", "boolean", "array", "object"] = "string"
    """JSON type of the value. A string goes in as it is, anything else as compact JSON."""
    description: Annotated[str, Field(max_length=1024)] | None = None
    """What it is, for who fills it in."""
    default: Annotated[Any, Field(json_schema_extra={"x-any": True})] = None
    """Used when the caller gives no value. Without one, the caller must."""


class Parameters(Model):
    """Sampling parameters. Further keys pass through as they are."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"maxProperties": 64})

    temperature: Annotated[float, Field(ge=0, le=10)] | None = None
    """Randomness of the answer; most providers take 0 to 2."""
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of probability mass to sample from."""
    max_tokens: Annotated[int, Field(ge=1, json_schema_extra={"format": "int64"})] | None = None
    """Most tokens that the answer may have."""
    stop: (
        Annotated[
            list[Annotated[str, Field(max_length=256)]],
            Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Sequences that end the answer."""


class ModelReference(Model):
    """Which model, and how it is called. The same text with another model behaves differently."""

    provider: Annotated[str, Field(min_length=1, max_length=63)]
    """Who serves the model, as your client library calls it: openai, anthropic, ..."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The model. Name a snapshot, not a moving alias, or a rollback won't bring behaviour back."""
    parameters: Parameters | None = None
    """temperature, topP, maxTokens, stop, and what else the provider takes, passed as written."""


class JsonSchema(Model):
    """A JSON Schema, draft 2020-12."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"maxProperties": 256})

    type: Literal["object"] | None = None
    """Always object: arguments and structured answers have names."""


class Tool(Model):
    """A function that the model may call."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            json_schema_extra=cel(
                (
                    "self.matches('^[A-Za-z0-9_-]+$')",
                    "a tool's name holds letters, digits, underscores and dashes",
                )
            ),
        ),
    ]
    """Name by which the model calls it."""
    description: Annotated[str, Field(max_length=8192)] | None = None
    """When and how to use it, for the model."""
    parameters: JsonSchema | None = None
    """JSON Schema of its arguments."""


class IncludeReference(Model):
    """Another prompt's text, pinned to a version."""

    prompt: DnsLabel
    """The prompt that is included; it must have a text."""
    version: VersionNumber
    """Which version of it."""


class PromptVersionSpec(Model):
    """The whole of what determines behaviour, so that a rollback restores behaviour."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self == oldSelf",
                "a PromptVersion can't be changed once created: create the next version instead",
            ),
            (
                "has(self.text) != has(self.messages)",
                "exactly one of text and messages is required",
            ),
            (
                "!has(self.consumes) || !(self.prompt in self.consumes)",
                "a prompt can't consume its own output",
            ),
        )
    )

    prompt: DnsLabel
    """The prompt that this is a version of."""
    version: VersionNumber
    """Its number, from 1. The resource's name must be <prompt>-v<version>."""
    text: (
        Annotated[
            str,
            Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=cel(_WELL_FORMED, _NO_NUL)),
        ]
        | None
    ) = None
    """A text prompt. {{name}} is a variable, {{> name}} an include, \\{{ a literal {{."""
    messages: (
        Annotated[
            list[Message],
            Field(
                min_length=1,
                max_length=64,
                json_schema_extra={"x-kubernetes-list-type": "atomic"}
                | cel(
                    (
                        "self.all(m, !has(m.placeholder) || "
                        "self.exists_one(o, has(o.placeholder) && o.placeholder == m.placeholder))",
                        "a placeholder's name can be used once only",
                    ),
                ),
            ),
        ]
        | None
    ) = None
    """A chat prompt: messages, and placeholders for messages that the caller supplies."""
    variables: (
        Annotated[
            dict[str, Variable],
            Field(
                max_length=64,
                json_schema_extra=cel(
                    (
                        f"self.all(name, name.matches('^{IDENTIFIER}$'))",
                        "a variable's name is an identifier: letters, digits and underscores, "
                        "no digit first, at most 63 characters",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """The contract with the caller: every {{name}} is declared here, every name here is used."""
    model: ModelReference
    """The model and its parameters."""
    tools: (
        Annotated[
            list[Tool],
            Field(
                max_length=128,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            ),
        ]
        | None
    ) = None
    """Function definitions that the prompt expects."""
    output: JsonSchema | None = None
    """JSON Schema of the answer, where it is structured."""
    includes: (
        Annotated[
            dict[str, IncludeReference],
            Field(
                max_length=16,
                json_schema_extra=cel(
                    (
                        f"self.all(name, name.matches('^{INCLUDE_NAME}$'))",
                        "an include's name holds letters, digits, underscores and dashes, "
                        "a letter first, at most 63 characters",
                    )
                ),
            ),
        ]
        | None
    ) = None
    """Other prompts' text, by the name that {{> name}} uses."""
    consumes: (
        Annotated[
            list[DnsLabel],
            Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Upstream prompts whose output is an input of this one."""
    message: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=cel(
                ("self.matches('[^ \\t\\r\\n]')", "say why this version exists: message is blank")
            ),
        ),
    ]
    """Why this version exists."""

    @model_validator(mode="after")
    def _one_form(self) -> PromptVersionSpec:
        if (self.text is None) == (self.messages is None):
            raise ValueError("exactly one of text and messages is required")
        return self


class PromptVersionStatus(Model):
    """What the operator says of it."""

    digest: Digest | None = None
    """sha256 of the canonical content, includes resolved."""
    labels: (
        Annotated[
            list[DnsLabel],
            Field(max_length=17, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Labels under which it is served now."""
    history: (
        Annotated[
            list[DnsLabel],
            Field(max_length=17, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Labels that have served it, and may return to it at once."""
    included_by: (
        Annotated[
            list[Annotated[str, Field(max_length=253)]],
            Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """PromptVersions that take its text in; the first few of them."""
    conditions: Conditions | None = None
    """Valid: whether it can be served, and if not, everything that is wrong with it."""


class PromptVersion(Model):
    """A prompt at one point of its life: text, variables, model, tools, and why it changed."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.metadata.name.startsWith(self.spec.prompt + '-v') && "
                "self.metadata.name.substring(size(self.spec.prompt) + 2) == "
                "string(self.spec.version)",
                "the name must be <prompt>-v<version>, as in ticket-summary-v7",
            ),
        )
    )

    api_version: Literal["promptrelease.dev/v1alpha1"] = "promptrelease.dev/v1alpha1"
    kind: Literal["PromptVersion"] = "PromptVersion"
    metadata: ObjectMeta
    spec: PromptVersionSpec
    """The version itself. It can't be changed once created."""
    status: PromptVersionStatus | None = None
    """Written by the operator."""

    @model_validator(mode="after")
    def _named_for_its_number(self) -> PromptVersion:
        expected = version_name(self.spec.prompt, self.spec.version)
        if self.metadata.name != expected:
            raise ValueError(
                f"metadata.name is {self.metadata.name!r}, it must be <prompt>-v<version>: "
                f"{expected!r}"
            )
        return self


def version_name(prompt: str, version: int) -> str:
    """Name of the resource that holds this version."""
    return f"{prompt}-v{version}"


__all__ = [
    "Message",
    "PromptVersion",
    "PromptVersionSpec",
    "Reason",
    "Tool",
    "Variable",
    "version_name",
]
