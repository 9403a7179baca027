"""One version of a prompt, as a workload uses it: read once, never changed, compiled quickly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptrelease.content.files import (
    CONFIG,
    MESSAGES,
    METADATA,
    TOOLS,
    Content,
    ContentError,
    Metadata,
)
from promptrelease.content.template import TemplateError, Variable, parse
from promptrelease.content.variables import Contract, Message
from promptrelease.reader._frozen import FrozenDict, frozen


@dataclass(frozen=True)
class Model:
    """Which model the version was made for.

    Attributes:
        name: a snapshot of the model, as its provider names it.
        parameters: as ``{"temperature": 0.2, "maxTokens": 400}``, named as the version names them.

    """

    provider: str = ""
    name: str = ""
    parameters: Mapping[str, Any] = field(default_factory=FrozenDict)


@dataclass(frozen=True)
class Prompt(ABC):
    """A snapshot: everything in it is of one version, whatever is released meanwhile.

    Attributes:
        name, version, label: what is served; the version counts from 1.
        digest: ``sha256:…`` of the content, what approvals and evaluations are bound to.
        revision: number of the move that brought it here, within its release.
        reason, by, since: why the label moved, who moved it, when (RFC 3339, UTC).
        is_fallback: it came from the packaged fallback and not from a mount.
        model: provider, name and parameters.
        tools: ``{"name", "description"?, "parameters"?}`` each; unchangeable lists and dicts.
        output: JSON Schema of the answer, where the version has one.
        variables: name to ``{"type", "default"?, "description"?}``.
        attributes: name, version, label, digest and revision, flat, for a span or a log line.

    """

    name: str
    version: int
    label: str
    digest: str
    revision: int
    reason: str
    by: str
    since: str
    is_fallback: bool
    # What the digest covers: neither compared nor shown.
    model: Model = field(compare=False, repr=False)
    tools: Sequence[Mapping[str, Any]] = field(compare=False, repr=False)
    output: Mapping[str, Any] | None = field(compare=False, repr=False)
    variables: Mapping[str, Mapping[str, Any]] = field(compare=False, repr=False)
    attributes: Mapping[str, str | int | bool] = field(compare=False, repr=False)
    _source: tuple[Content, Metadata] = field(compare=False, repr=False)
    _contract: Contract = field(compare=False, repr=False)

    @property
    def text(self) -> str | None:
        """The template of a text prompt, variables open; None for a chat prompt."""
        return None

    @property
    def messages(self) -> Sequence[Mapping[str, str]] | None:
        """The messages and placeholders of a chat prompt; None for a text prompt."""
        return None

    @abstractmethod
    def compile(self, /, **variables: Any) -> str | list[Message]:
        """The prompt with its variables filled in. Values are data: braces in them stay braces.

        Raises:
            VariablesError: any that is missing, not declared, or of another type.

        """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as what it was made from."""
        return prompt_of, (*self._source, self.is_fallback)


@dataclass(frozen=True)
class TextPrompt(Prompt):
    """A prompt that is one text."""

    _text: str = field(compare=False, repr=False)
    _pattern: str = field(compare=False, repr=False)

    @property
    def text(self) -> str:
        """The template, variables open."""
        return self._text

    def compile(self, /, **variables: Any) -> str:
        """The text with its variables filled in; see ``Prompt.compile``."""
        return self._pattern % self._contract.bind(variables)


@dataclass(frozen=True)
class ChatPrompt(Prompt):
    """A prompt that is a list of messages."""

    _messages: Sequence[Mapping[str, str]] = field(compare=False, repr=False)
    # (role, pattern), or (None, placeholder)
    _patterns: tuple[tuple[str | None, str], ...] = field(compare=False, repr=False)

    @property
    def messages(self) -> Sequence[Mapping[str, str]]:
        """``{"role", "content"}`` or ``{"placeholder"}``, in order, variables open."""
        return self._messages

    def compile(self, /, **variables: Any) -> list[Message]:
        """The messages, the caller's in the place of each placeholder; see ``Prompt.compile``.

        The list and its dicts are the caller's own, to change and to send.
        """
        bound = self._contract.bind(variables)
        messages: list[Message] = []
        for role, pattern in self._patterns:
            if role is None:
                messages += bound[pattern]
            else:
                messages.append({"role": role, "content": pattern % bound})
        return messages


def prompt_of(content: Content, metadata: Metadata, is_fallback: bool = False) -> Prompt:
    """Prepare a version for use: parse its templates and its contract, once.

    Raises:
        ContentError: a template, variable or message that this reader can't make sense of.

    """
    _check_shape(content)
    messages = content.messages or []
    common: dict[str, Any] = {
        "name": metadata.prompt,
        "version": metadata.version,
        "label": metadata.label,
        "digest": metadata.digest,
        "revision": metadata.revision,
        "reason": metadata.reason,
        "by": metadata.by,
        "since": metadata.since,
        "is_fallback": is_fallback,
        "model": Model(**frozen(content.model)),
        "tools": frozen(content.tools),
        "output": frozen(content.output),
        "variables": frozen(content.variables),
        "attributes": _attributes(metadata, is_fallback),
        "_source": (content, metadata),
        "_contract": Contract(
            content.variables,
            [message["placeholder"] for message in messages if "placeholder" in message],
            prompt=f"{metadata.prompt} v{metadata.version}",
        ),
    }
    if content.text is not None:
        pattern = _pattern(content.text, content.variables)
        return TextPrompt(**common, _text=content.text, _pattern=pattern)
    patterns = tuple(
        (None, message["placeholder"])
        if "placeholder" in message
        else (message["role"], _pattern(message["content"], content.variables))
        for message in messages
    )
    return ChatPrompt(**common, _messages=frozen(messages), _patterns=patterns)


def _check_shape(content: Content) -> None:
    """Check what no digest vouches for: whoever edits on purpose makes it right."""
    for index, message in enumerate(content.messages or ()):
        keys = message.keys() if isinstance(message, dict) else set()
        if keys not in ({"role", "content"}, {"placeholder"}) or not _are_texts(message.values()):
            raise ContentError(f"{MESSAGES}[{index}] is neither a message nor a placeholder")
    if not isinstance(content.variables, dict):
        raise ContentError(f"{METADATA} has variables that are no JSON object")
    model = content.model
    if not (
        isinstance(model, dict)
        and model.keys() <= {"provider", "name", "parameters"}
        and _are_texts(value for name, value in model.items() if name != "parameters")
        and isinstance(model.get("parameters", {}), dict)
    ):
        raise ContentError(f"{CONFIG} has a model that is not provider, name and parameters")
    if not all(isinstance(tool, dict) for tool in content.tools):
        raise ContentError(f"{TOOLS} holds something else than JSON objects")
    if not isinstance(content.output, dict | None):
        raise ContentError(f"{CONFIG} has an output that is no JSON object")


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _attributes(metadata: Metadata, is_fallback: bool) -> Mapping[str, str | int | bool]:
    """``gen_ai.prompt.name`` is OpenTelemetry's own name; it has none for the others."""
    attributes: dict[str, str | int | bool] = {
        "gen_ai.prompt.name": metadata.prompt,
        "promptrelease.prompt.version": metadata.version,
        "promptrelease.prompt.label": metadata.label,
        "promptrelease.prompt.digest": metadata.digest,
        "promptrelease.prompt.revision": metadata.revision,
    }
    if is_fallback:
        attributes["promptrelease.prompt.fallback"] = True
    return FrozenDict(attributes)


def _pattern(source: str, variables: Mapping[str, Any]) -> str:
    """The template as a ``%`` pattern: filled by C in one pass, values never looked into."""
    try:
        template = parse(source)
    except TemplateError as error:
        raise ContentError(f"the template can't be read: {error}") from None
    if template.includes:
        raise ContentError(f"unresolved include {min(template.includes)}")
    if undeclared := template.variables - variables.keys():
        raise ContentError(f"undeclared variable {min(undeclared)}")
    return "".join(
        f"%({segment.name})s" if isinstance(segment, Variable) else str(segment).replace("%", "%%")
        for segment in template.segments
    )
