"""MLflow's prompts and ours: plain values both ways.

A row has the attributes of ``mlflow.entities.model_registry.PromptVersion`` that matter: ``name``,
``version``, ``template``, ``commit_message``, ``creation_timestamp`` (milliseconds), ``user_id``,
``tags``, ``response_format``, ``model_config``, and ``aliases``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from promptrelease.content.template import parse
from promptrelease.exchange.report import Entry
from promptrelease.exchange.rows import by_prompt, number, versions
from promptrelease.exchange.settings import EXTRAS, Keys, read_config, write_config
from promptrelease.exchange.syntax import MLFLOW, SyntaxProblem, ours, variables_of
from promptrelease.exchange.values import (
    Json,
    LeftOut,
    Note,
    Prompt,
    Version,
    to_extras,
    with_extras,
)

KEYS = Keys(
    model=("model_name", "model"),
    top_p=("top_p",),
    max_tokens=("max_tokens",),
    stop=("stop_sequences", "stop"),
)
MAX_TAG = 100_000
"""Characters of a tag, which is what MLflow keeps a template in."""

_AUTHORS = ("author", "mlflow.user", "user")


def read(rows: Iterable[Json]) -> tuple[list[Prompt], list[Entry]]:
    """Prompts of all these rows, and what did not come along."""
    entries: list[Entry] = []
    prompts = []
    for name, its in by_prompt(rows).items():
        made = versions(its, read_version, entries)
        labels = {
            alias: number(row, extras(row)) for row in its for alias in row.get("aliases") or ()
        }
        prompts.append(Prompt(name, made, labels, name))
    return prompts, entries


def read_version(row: Json, note: Note) -> Version:
    """One row.

    Raises:
        LeftOut: it holds what we have no way to say.

    """
    content = read_config(row.get("model_config"), KEYS, "model_config", note)
    template = row["template"]
    if isinstance(template, str):
        content["text"] = _read_text(template, "template")
    else:
        content["messages"] = [
            _read_message(message, f"template[{index}]") for index, message in enumerate(template)
        ]
    if row.get("response_format") is not None:
        content["output"] = row["response_format"]
    content["variables"] = {name: {"type": "string"} for name in variables_of(content)}
    tags = dict(row.get("tags") or {})
    tags.pop(EXTRAS, None)
    named = next((tags[key] for key in _AUTHORS if tags.get(key)), "")
    version = Version(
        number=row["version"],
        content=content,
        message=row.get("commit_message") or "",
        author=row.get("user_id") or named,
        created=_time(row.get("creation_timestamp") or 0),
        tags=tags or None,
    )
    return with_extras(version, extras(row))


def write_version(version: Version, *, number: int | None = None) -> Json:
    """Arguments of ``register_prompt``, but for the name.

    Args:
        version: without includes.
        number: the number that it will get, where it is another one.

    Raises:
        LeftOut: MLflow has no way to say it.

    """
    content = version.content
    if "text" in content:
        template: Any = _write_text(content["text"], "text")
    else:
        template = [
            _write_message(message, f"messages[{index}]")
            for index, message in enumerate(content["messages"])
        ]
    if len(template if isinstance(template, str) else json.dumps(template)) > MAX_TAG:
        raise LeftOut("template", f"MLflow keeps at most {MAX_TAG} characters")
    tags = dict(version.tags) if isinstance(version.tags, Mapping) else {}
    if kept := to_extras(version, number=number):
        tags[EXTRAS] = json.dumps(kept, sort_keys=True)
    return {
        "template": template,
        "commit_message": version.message,
        "response_format": content.get("output"),
        "model_config": write_config({**content, "output": None}, KEYS),
        "tags": tags,
    }


def _read_message(message: Any, place: str) -> Json:
    if odd := {k for k, v in message.items() if v is not None} - {"role", "content"}:
        raise LeftOut(place, f"a message has no {', '.join(sorted(odd))} here")
    if not isinstance(message.get("content"), str):
        raise LeftOut(place, "its content is not a text")
    return {"role": message["role"], "content": _read_text(message["content"], place)}


def _read_text(source: str, place: str) -> str:
    try:
        return ours(MLFLOW.read(source))
    except SyntaxProblem as problem:
        raise LeftOut(place, str(problem)) from None


def _write_message(message: Json, place: str) -> Json:
    if "placeholder" in message:
        raise LeftOut(place, "MLflow has no placeholders for messages")
    return {"role": message["role"], "content": _write_text(message["content"], place)}


def _write_text(template: str, place: str) -> str:
    try:
        return MLFLOW.write(parse(template).segments)
    except SyntaxProblem as problem:
        raise LeftOut(place, str(problem)) from None


def _time(milliseconds: int) -> str:
    if not milliseconds:
        return ""
    at = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def extras(row: Json) -> Any:
    """What an export has kept in a row."""
    try:
        return json.loads((row.get("tags") or {}).get(EXTRAS, ""))
    except ValueError:
        return None
