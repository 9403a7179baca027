"""Langfuse's prompts, as its API gives and takes them, and ours: plain values both ways.

A row is what ``GET /api/public/v2/prompts/NAME?version=N&resolve=false`` answers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.exchange.names import include_name
from promptrelease.exchange.references import read_text, referred, write_text
from promptrelease.exchange.report import Entry
from promptrelease.exchange.rows import by_prompt, number, versions
from promptrelease.exchange.settings import EXTRAS, OPENAI, read_config, write_config
from promptrelease.exchange.syntax import SyntaxProblem, variables_of
from promptrelease.exchange.values import (
    Json,
    LeftOut,
    Note,
    Prompt,
    Version,
    to_extras,
    with_extras,
)

LATEST = "latest"


@dataclass(frozen=True)
class Index:
    """What a reference may name.

    Attributes:
        labels: prompt to label to our number of a version.
        numbers: prompt to Langfuse's number of a version to ours.

    """

    labels: Mapping[str, Mapping[str, int]]
    numbers: Mapping[str, Mapping[int, int]]


def as_written(*rows: Json) -> Index:
    """An index in which every version that these rows refer to has the number that they say."""
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        for name, version in referred(json.dumps(row["prompt"], ensure_ascii=False)):
            numbers[name][version] = version
    return Index(labels={}, numbers=numbers)


def read(rows: Iterable[Json]) -> tuple[list[Prompt], list[Entry]]:
    """Prompts of all these rows, and what did not come along.

    References to a label are pinned to the version that it points at in ``rows``.
    """
    found = by_prompt(rows)
    index = Index(
        labels={
            name: {label: number(row, extras(row)) for row in its for label in row["labels"]}
            for name, its in found.items()
        },
        numbers={
            name: {row["version"]: number(row, extras(row)) for row in its}
            for name, its in found.items()
        },
    )
    entries: list[Entry] = []
    prompts = []
    for name, its in found.items():
        made = versions(its, lambda row, note: read_version(row, index, note), entries)
        # Langfuse moves latest by itself, to the newest version. So do we.
        labels = {label: to for label, to in index.labels[name].items() if label != LATEST}
        prompts.append(Prompt(name, made, labels, name))
    return prompts, entries


def read_version(row: Json, index: Index, note: Note) -> Version:
    """One row.

    Raises:
        LeftOut: it holds what we have no way to say.

    """
    content = read_config(row.get("config"), OPENAI, "config", note)
    includes: dict[str, Json] = {}
    if row["type"] == "text":
        content["text"] = _read_text(row["prompt"], "prompt", index, includes, note)
    else:
        content["messages"] = [
            _read_message(message, f"prompt[{place}]", index, includes, note)
            for place, message in enumerate(row["prompt"])
        ]
    if includes:
        content["includes"] = includes
    content["variables"] = {name: {"type": "string"} for name in variables_of(content)}
    version = Version(
        number=row["version"],
        content=content,
        message=row.get("commitMessage") or "",
        author=_person(row.get("createdBy")),
        created=row.get("createdAt") or "",
        tags=row.get("tags") or None,
    )
    return with_extras(version, extras(row))


def write_version(version: Version, name: str, *, number: int | None = None) -> Json:
    """Body of the request that creates this version, without its labels.

    Args:
        version: with includes that name prompts as Langfuse does.
        name: what Langfuse calls the prompt.
        number: the number that it will get, where it is another one.

    Raises:
        LeftOut: Langfuse has no way to say it.

    """
    content = version.content
    includes: Json = content.get("includes") or {}
    body: Json = {"name": name, "commitMessage": version.message}
    if "text" in content:
        body |= {"type": "text", "prompt": _write_text(content["text"], "text", includes)}
    else:
        body |= {"type": "chat", "prompt": _write_messages(content["messages"], includes)}
    config = write_config(content, OPENAI)
    if kept := to_extras(version, number=number):
        config[EXTRAS] = kept
    body["config"] = config
    if isinstance(version.tags, list):
        body["tags"] = version.tags
    return body


def _person(created_by: str | None) -> str:
    """Who it was; Langfuse says API where it knows the key alone."""
    return created_by if created_by and created_by != "API" else ""


def extras(row: Json) -> Any:
    """What an export has kept in a row."""
    config = row.get("config")
    return config.get(EXTRAS) if isinstance(config, dict) else None


def _read_message(
    message: Mapping[str, Any], place: str, index: Index, includes: dict[str, Json], note: Note
) -> Json:
    if message.get("type") == "placeholder":
        return {"placeholder": message["name"]}
    if odd := {k for k, v in message.items() if v is not None} - {"type", "role", "content"}:
        raise LeftOut(place, f"a message has no {', '.join(sorted(odd))} here")
    if not isinstance(message.get("content"), str):
        raise LeftOut(place, "its content is not a text")
    text = _read_text(message["content"], place, index, includes, note)
    return {"role": message["role"], "content": text}


def _read_text(source: str, place: str, index: Index, includes: dict[str, Json], note: Note) -> str:
    def included(reference: str) -> str:
        return _included(reference, place, index, includes, note)

    try:
        return read_text(source, included)
    except SyntaxProblem as problem:
        raise LeftOut(place, str(problem)) from None


def _included(
    reference: str, place: str, index: Index, includes: dict[str, Json], note: Note
) -> str:
    """Our name of the include, declared in ``includes``."""
    given = dict(part.partition("=")[::2] for part in reference.split("|"))
    name = given.get("name", "")
    if name not in index.numbers:
        raise LeftOut(place, f"it takes in {name!r}, which is not among the prompts that were read")
    pinned = given.get("version", "")
    to = index.numbers[name].get(int(pinned)) if pinned.isdigit() else None
    if not pinned and (to := index.labels.get(name, {}).get(given.get("label", ""))) is not None:
        note(place, f"it took in {name!r} by label {given['label']}, and is pinned to version {to}")
    if to is None:
        raise LeftOut(place, f"'@@@langfusePrompt:{reference}@@@' names no version that is there")
    target = {"prompt": name, "version": to}
    for ours_, declared in includes.items():
        if declared == target:
            return ours_
    new = include_name(name, to, includes)
    includes[new] = target
    return new


def _write_messages(messages: list[Json], includes: Json) -> list[Json]:
    return [
        {"type": "placeholder", "name": m["placeholder"]}
        if "placeholder" in m
        else {
            "type": "chatmessage",
            "role": m["role"],
            "content": _write_text(m["content"], f"messages[{index}]", includes),
        }
        for index, m in enumerate(messages)
    ]


def _write_text(template: str, place: str, includes: Json) -> str:
    def reference(name: str) -> str:
        return f"name={includes[name]['prompt']}|version={includes[name]['version']}"

    try:
        return write_text(template, reference)
    except SyntaxProblem as problem:
        raise LeftOut(place, str(problem)) from None
