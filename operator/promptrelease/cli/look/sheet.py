"""One version of a prompt, as it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from promptrelease.api import API_VERSION, PromptVersionSpec

Json = Mapping[str, Any]

_OURS = "promptrelease.dev/"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def manifest(version: Json) -> dict[str, Any]:
    """A PromptVersion as one would write it: nothing of what a cluster adds."""
    meta = version["metadata"]
    kept: dict[str, Any] = {"name": meta["name"]}
    for field in ("labels", "annotations"):
        given = {
            name: value
            for name, value in (meta.get(field) or {}).items()
            if not name.startswith(_OURS) and name != _LAST_APPLIED
        }
        if given:
            kept[field] = given
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptVersion",
        "metadata": kept,
        "spec": _in_order(version["spec"]),
    }


def _in_order(spec: Json) -> Json:
    """The same, with its fields in the order in which docs/api.md tells of them."""
    try:
        told = PromptVersionSpec.model_validate(spec).model_dump(
            mode="json", by_alias=True, exclude_unset=True
        )
    except ValidationError:
        return spec  # of another version of the API
    return told if told == spec else spec


def facts(version: Json, release: Json | None) -> Iterator[tuple[str, str]]:
    """What there is to say of a version beside its text: a name and a value each."""
    spec, status, meta = version["spec"], version.get("status") or {}, version["metadata"]
    yield "why", spec.get("message", "")
    author = (meta.get("annotations") or {}).get(f"{_OURS}author")
    created = meta.get("creationTimestamp", "")
    yield "made", f"{created} by {author}" if author else created
    yield "digest", status.get("digest") or "none"
    for condition in status.get("conditions") or ():
        if condition["status"] == "False":
            yield condition["type"].lower(), f"no: {condition.get('message', '')}"
    yield "served", ", ".join(served(version, release)) or "nowhere"
    if status.get("history"):
        yield "served before", ", ".join(status["history"])
    model = spec.get("model") or {}
    yield "model", f"{model.get('provider')}/{model.get('name')}"
    for name, value in sorted((model.get("parameters") or {}).items()):
        yield f"  {name}", _inline(value)
    for name, included in sorted((spec.get("includes") or {}).items()):
        yield f"includes {name}", f"{included['prompt']} v{included['version']}"
    if spec.get("consumes"):
        yield "consumes", ", ".join(spec["consumes"])
    if status.get("includedBy"):
        yield "included by", ", ".join(status["includedBy"])


def served(version: Json, release: Json | None) -> list[str]:
    """Labels that serve a version, with since when, where that is known."""
    labels = ((release or {}).get("status") or {}).get("labels") or {}
    number = version["spec"]["version"]
    here = {name: its for name, its in labels.items() if its.get("version") == number}
    if release is None:
        return list((version.get("status") or {}).get("labels") or ())
    return [f"{name} since {its.get('since', '?')}" for name, its in sorted(here.items())]


def texts(spec: Json) -> Iterator[tuple[str, str]]:
    """The text or the messages: a heading and a text each."""
    if "text" in spec:
        yield "text", spec["text"]
    for message in spec.get("messages") or ():
        if "placeholder" in message:
            yield "placeholder", f"<messages of the caller: {message['placeholder']}>"
        else:
            yield str(message.get("role")), str(message.get("content"))


def variables(spec: Json) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and description of each variable."""
    for name, its in sorted((spec.get("variables") or {}).items()):
        default = _inline(its["default"]) if "default" in its else "required"
        yield name, its.get("type", "string"), default, its.get("description", "")


def documents(spec: Json) -> Iterator[tuple[str, str]]:
    """Tools and the output schema as YAML: a heading and a text each."""
    for tool in spec.get("tools") or ():
        yield f"tool {tool.get('name', '')}", _yaml({k: v for k, v in tool.items() if k != "name"})
    if spec.get("output"):
        yield "output", _yaml(spec["output"])


def _inline(value: Any) -> str:
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(value, default_flow_style=True, width=1_000_000, allow_unicode=True)
    return str(text).removesuffix("...\n").strip()


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)).rstrip()
