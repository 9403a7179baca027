"""Whether two versions mean the same."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from promptrelease.api.promptversion import PromptVersionSpec
from promptrelease.content.canonical import canonical_json, normalized
from promptrelease.content.template import Include, Segment, TemplateError, parse
from promptrelease.exchange.syntax import ours
from promptrelease.exchange.values import Json

_REQUIRED: Json = {"prompt": "p", "version": 1, "message": "m"}


def same_content(one: Json, other: Json, *, trim: Callable[[str], str] = str) -> bool:
    """Whether two contents of versions, or specs of PromptVersions, mean the same to a model.

    White space inside of a template's tags, the names of includes and what is empty do not matter.

    Args:
        one: a content or a spec.
        other: the same.
        trim: what is done to each template before it is compared.

    """
    return _comparable(one, trim) == _comparable(other, trim)


def _comparable(content: Json, trim: Callable[[str], str]) -> str:
    try:
        full = PromptVersionSpec.model_validate({**_REQUIRED, **content})
    except ValidationError:
        return canonical_json(normalized(content))
    plain = full.model_dump(by_alias=True, exclude_none=True)
    includes = plain.get("includes") or {}
    targets = sorted({(t["prompt"], t["version"]) for t in includes.values()})
    names = {n: targets.index((t["prompt"], t["version"])) for n, t in includes.items()}
    if "text" in plain:
        plain["text"] = trim(_canonical(plain["text"], names))
    for message in plain.get("messages") or ():
        if "content" in message:
            message["content"] = trim(_canonical(message["content"], names))
    plain["includes"] = targets
    kept = {name: value for name, value in plain.items() if value not in ({}, [])}
    return canonical_json(normalized(kept))


def _canonical(template: str, names: dict[str, int]) -> str:
    try:
        segments = parse(template).segments
    except TemplateError:
        return template
    renamed: list[Segment] = [
        Include(f"part-{names.get(s.name, s.name)}") if isinstance(s, Include) else s
        for s in segments
    ]
    return ours(renamed)
