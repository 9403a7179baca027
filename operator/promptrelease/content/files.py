"""The files of a ConfigMap, as a workload mounts them.

==================  ==================================================================
``prompt.txt``      the text, includes resolved, variables still open (a text prompt)
``messages.json``   the messages and placeholders, in order (a chat prompt)
``config.json``     ``model`` and, where there is one, ``output``
``tools.json``      the function definitions, where there are any
``metadata.json``   which version this is, why, since when, and the variables' contract
==================  ==================================================================

The digest covers everything but ``metadata.json``'s own facts, and can be computed again from the
files: that is how a reader tells a torn or edited mount from a good one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from promptrelease.content.canonical import digest, normalized

FORMAT = 1
"""Raised when the files change shape, so that an upgraded operator writes them again."""

PROMPT = "prompt.txt"
MESSAGES = "messages.json"
CONFIG = "config.json"
TOOLS = "tools.json"
METADATA = "metadata.json"


class ContentError(ValueError):
    """Files that are missing, unreadable, or not of one version. The text says which and why."""


@dataclass(frozen=True)
class Content:
    """What determines behaviour, includes resolved: exactly one of ``text`` and ``messages``.

    Attributes:
        messages: ``{"role", "content"}`` or ``{"placeholder"}``, in order.
        variables: name to ``{"type", "default"?, "description"?}``.
        model: ``{"provider", "name", "parameters"?}``.
        tools: ``{"name", "description"?, "parameters"?}``.
        output: JSON Schema of the answer.

    """

    text: str | None = None
    messages: list[dict[str, str]] | None = None
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, Any] | None = None

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of the canonical JSON; what is absent or empty is left out."""
        parts = {
            "text": self.text,
            "messages": self.messages,
            "variables": self.variables or None,
            "model": self.model,
            "tools": self.tools or None,
            "output": self.output,
        }
        return digest({name: part for name, part in parts.items() if part is not None})


@dataclass(frozen=True)
class Metadata:
    """Which version is served, where, and why.

    Attributes:
        revision: number of the move within its release, from 1.
        reason: why the label moved there; empty for ``latest``, which moves by itself.
        by: who moved it, as far as the API server vouched for it; else empty.
        since: when it was moved, RFC 3339 in UTC.

    """

    prompt: str
    version: int
    label: str
    digest: str
    revision: int
    reason: str
    by: str
    since: str


def to_files(content: Content, metadata: Metadata) -> dict[str, str]:
    """File name to text. The same input gives the same bytes, everywhere."""
    files = {}
    if content.text is not None:
        files[PROMPT] = content.text
    else:
        files[MESSAGES] = _pretty(content.messages)
    config: dict[str, Any] = {"model": content.model}
    if content.output is not None:
        config["output"] = content.output
    files[CONFIG] = _pretty(config)
    if content.tools:
        files[TOOLS] = _pretty(content.tools)
    files[METADATA] = _pretty({"format": FORMAT, "variables": content.variables, **vars(metadata)})
    return files


def from_files(files: Mapping[str, str]) -> tuple[Content, Metadata]:
    """Read files that were read together from one directory.

    Raises:
        ContentError: a file is missing or not JSON, or the digest in ``metadata.json`` is not that
            of the other files.

    """
    raw = _parsed(files, METADATA, dict)
    if raw.get("format") != FORMAT:
        raise ContentError(
            f"{METADATA} has format {raw.get('format')!r}, this reader knows {FORMAT}: "
            "update the promptrelease package"
        )
    config = _parsed(files, CONFIG, dict)
    try:
        metadata = Metadata(**{name: raw[name] for name in Metadata.__dataclass_fields__})
        content = Content(
            text=files.get(PROMPT),
            messages=_parsed(files, MESSAGES, list) if MESSAGES in files else None,
            variables=raw["variables"],
            model=config["model"],
            tools=_parsed(files, TOOLS, list) if TOOLS in files else [],
            output=config.get("output"),
        )
    except KeyError as missing:
        raise ContentError(f"{METADATA} or {CONFIG} lacks the key {missing}") from None
    _check_facts(metadata)
    if (content.text is None) == (content.messages is None):
        raise ContentError(f"exactly one of {PROMPT} and {MESSAGES} is expected")
    try:
        found = content.digest
    except (ValueError, RecursionError) as error:
        raise ContentError(f"the files hold what no version can: {error}") from None
    if found != metadata.digest:
        raise ContentError(
            f"the files have digest {found}, {METADATA} says {metadata.digest}: "
            "they are not of one version, or were edited"
        )
    return content, metadata


def _check_facts(metadata: Metadata) -> None:
    """Check the types of what no digest covers, so that a wrong one is not met in use."""
    for name, value in vars(metadata).items():
        expected = int if name in ("version", "revision") else str
        if type(value) is not expected:
            raise ContentError(f"{METADATA} has {name} {value!r}, which is no {expected.__name__}")


def _pretty(value: Any) -> str:
    return json.dumps(normalized(value), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _parsed(files: Mapping[str, str], name: str, kind: type) -> Any:
    try:
        value = json.loads(files[name])
    except KeyError:
        raise ContentError(f"{name} is missing") from None
    except (ValueError, RecursionError) as error:
        raise ContentError(f"{name} is not JSON: {error}") from None
    if not isinstance(value, kind):
        raise ContentError(f"{name} holds no JSON {'object' if kind is dict else 'array'}")
    return value
