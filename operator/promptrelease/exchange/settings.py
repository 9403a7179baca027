"""Model, tools and output as people write them into a free-form ``config``: OpenAI's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptrelease.exchange.values import Json, LeftOut, Note

EXTRAS = "promptrelease"
"""The key under which an export keeps what its target has no place for."""

_SCHEMA_NAME = "output"


@dataclass(frozen=True)
class Keys:
    """What a system calls the parameters that we have names for; the first is what we write."""

    model: tuple[str, ...]
    top_p: tuple[str, ...]
    max_tokens: tuple[str, ...]
    stop: tuple[str, ...]
    provider: tuple[str, ...] = ("provider",)
    temperature: tuple[str, ...] = ("temperature",)

    def parameters(self) -> dict[str, tuple[str, ...]]:
        """Our name of a parameter to theirs."""
        return {
            "temperature": self.temperature,
            "topP": self.top_p,
            "maxTokens": self.max_tokens,
            "stop": self.stop,
        }


OPENAI = Keys(
    model=("model", "model_name"),
    top_p=("top_p", "topP"),
    max_tokens=("max_tokens", "maxTokens"),
    stop=("stop", "stop_sequences", "stopSequences"),
)


def read_config(config: Any, keys: Keys, place: str, note: Note) -> Json:
    """``model``, ``tools`` and ``output`` of a version's content.

    The model may lack provider and name. Keys that we have no name for become parameters.

    Raises:
        LeftOut: it is no object, or its tools or its response format can't be read.

    """
    if config is None or config == []:
        config = {}
    if not isinstance(config, Mapping):
        raise LeftOut(place, f"it is {type(config).__name__}, and not an object with settings")
    rest = {k: v for k, v in config.items() if v is not None and k != EXTRAS}
    content: Json = {}
    named = {"provider": take(rest, keys.provider), "name": take(rest, keys.model)}
    model: Json = {name: value for name, value in named.items() if value is not None}
    if "tools" in rest:
        content["tools"] = read_tools(rest.pop("tools"), f"{place}.tools")
    if isinstance(rest.get("response_format"), Mapping):
        schema = _read_response_format(rest["response_format"], f"{place}.response_format", note)
        if schema is not None:
            content["output"] = schema
            del rest["response_format"]
    model |= read_parameters(rest, keys)
    return {"model": model, **content}


def read_parameters(settings: Json, keys: Keys) -> Json:
    """``{"parameters": ...}``, or nothing when there are none; ``settings`` is used up."""
    found = {}
    for name, theirs in keys.parameters().items():
        value = take(settings, theirs)
        if value is not None:
            found[name] = [value] if name == "stop" and isinstance(value, str) else value
    found |= {name: value for name, value in settings.items() if value is not None}
    return {"parameters": found} if found else {}


def write_parameters(model: Json, keys: Keys) -> Json:
    """A model's parameters under their names."""
    named = keys.parameters()
    parameters: Json = model.get("parameters") or {}
    return {named[n][0] if n in named else n: v for n, v in parameters.items()}


def write_config(content: Json, keys: Keys) -> Json:
    """The config that `read_config` reads as this content's model, tools and output."""
    model = content["model"]
    config: Json = {keys.provider[0]: model["provider"], keys.model[0]: model["name"]}
    config |= write_parameters(model, keys)
    if content.get("tools"):
        config["tools"] = [{"type": "function", "function": dict(t)} for t in content["tools"]]
    if content.get("output") is not None:
        schema = {"name": _SCHEMA_NAME, "schema": content["output"]}
        config["response_format"] = {"type": "json_schema", "json_schema": schema}
    return config


def take(settings: Json, names: tuple[str, ...]) -> Any:
    """Remove the first of these that is there, and return its value."""
    for name in names:
        if name in settings:
            return settings.pop(name)
    return None


def read_tools(tools: Any, place: str) -> list[Json]:
    """Tools of a version's content, from OpenAI's form or the bare function.

    Raises:
        LeftOut: one of them is not a function, or has what we have no place for.

    """
    if not isinstance(tools, list):
        raise LeftOut(place, "it is not a list")
    return [_read_tool(tool, f"{place}[{index}]") for index, tool in enumerate(tools)]


def _read_tool(tool: Any, place: str) -> Json:
    function = tool
    if isinstance(tool, Mapping) and "function" in tool:
        if tool.get("type", "function") != "function" or tool.keys() - {"type", "function"}:
            raise LeftOut(place, "it has fields other than type and function")
        function = tool["function"]
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise LeftOut(place, "it is not a function with a name")
    found = {name: value for name, value in function.items() if value is not None}
    for theirs in ("input_schema", "inputSchema"):
        if theirs in found:
            found["parameters"] = found.pop(theirs)
    if odd := found.keys() - {"name", "description", "parameters"}:
        raise LeftOut(place, f"a tool has no {', '.join(sorted(odd))} here")
    return found


def _read_response_format(given: Mapping[str, Any], place: str, note: Note) -> Json | None:
    """The JSON Schema in it; none when it has none, as ``{"type": "json_object"}``."""
    wrapped = given.get("json_schema")
    if not isinstance(wrapped, Mapping) or not isinstance(wrapped.get("schema"), Mapping):
        return None
    for name in sorted(wrapped.keys() - {"schema"}):
        if (name, wrapped[name]) != ("name", _SCHEMA_NAME):
            note(f"{place}.json_schema.{name}", "the output is its schema alone")
    return dict(wrapped["schema"])
