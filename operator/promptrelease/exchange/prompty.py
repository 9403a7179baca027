"""Prompty files and ours: plain values both ways.

Read are the format's second version and its first, written is the second. A file is called
``NAME.vVERSION.prompty``; what the format has no field for is in ``metadata.promptrelease``.
"""

from __future__ import annotations

import re
from typing import Any

from promptrelease.content.template import parse
from promptrelease.exchange.frontmatter import join, split
from promptrelease.exchange.inputs import variables
from promptrelease.exchange.properties import (
    RICH,
    from_object,
    from_schema,
    kind_of,
    named,
    to_object,
    to_schema,
)
from promptrelease.exchange.settings import (
    EXTRAS,
    OPENAI,
    Keys,
    read_config,
    read_parameters,
    write_parameters,
)
from promptrelease.exchange.syntax import JINJA, SyntaxProblem, ours, variables_of
from promptrelease.exchange.values import Json, LeftOut, Note, Version, to_extras, with_extras

SUFFIX = ".prompty"
KEYS = Keys(
    model=("id",), top_p=("topP",), max_tokens=("maxOutputTokens",), stop=("stopSequences",)
)
_OPTIONS = {"temperature", "maxOutputTokens", "topP", "stopSequences", "topK", "seed"}
_OPTIONS |= {"frequencyPenalty", "presencePenalty", "allowMultipleToolCalls"}

_KNOWN = {"name", "description", "metadata", "model", "inputs", "outputs", "tools", "template"}
_KNOWN |= {"version", "authors", "tags"}
_ROLES = ("system", "user", "assistant", "developer")
_MARKER = re.compile(
    rf"^[ \t]*#?[ \t]*({'|'.join(_ROLES)})[ \t]*(\[[^\]\n]*\])?[ \t]*:[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)


def read(text: str, name: str, variant: str, note: Note) -> tuple[str, Version, list[str]]:
    """Name, version and labels of a file; the arguments are those of `dotprompt.read`.

    Raises:
        LeftOut: it holds what we have no way to say.

    """
    values, body = split(text)
    metadata = dict(values.get("metadata") or {})
    extras = metadata.pop(EXTRAS, None) or {}
    for key in sorted(values.keys() - _KNOWN):
        note(key, "a version has no place for it")
    for key in sorted(metadata.keys() - {"version", "authors", "tags"}):
        note(f"metadata.{key}", "a version has no place for it")
    numbered = re.fullmatch(r"v([1-9][0-9]*)", variant)
    if variant and not numbered:
        name = f"{name}.{variant}"
    given = str(metadata.get("version") or values.get("version") or "")
    number = int(numbered[1]) if numbered else 1
    if re.fullmatch("[1-9][0-9]*", given):
        number = int(given)
    elif given:
        note("version", f"{given!r} is no number from 1: it is version {number} here")
    inputs = named(values.get("inputs") or {}, "inputs")
    content = _settings(values, note)
    content |= _body(body, inputs, _language(values.get("template")), bool(extras.get("text")))
    content["variables"] = _variables(inputs, content, note)
    version = Version(
        number=number,
        content=content,
        message=str(extras.get("message") or values.get("description") or ""),
        author=", ".join(map(str, metadata.get("authors") or values.get("authors") or ())),
        tags=metadata.get("tags") or values.get("tags") or None,
    )
    return (
        str(values.get("name") or name),
        with_extras(version, extras),
        [str(label) for label in extras.get("labels") or ()],
    )


def write(name: str, version: Version, labels: list[str]) -> str:
    """Text of the file ``NAME.vVERSION.prompty``.

    Raises:
        LeftOut: the format has no way to say it.

    """
    content = version.content
    extras = to_extras(version, variables=False) | {"message": version.message, "labels": labels}
    if "text" in content:
        extras["text"] = True
    metadata: Json = {
        "version": str(version.number),
        "authors": [version.author] if version.author else [],
        "tags": version.tags if isinstance(version.tags, list) else [],
        EXTRAS: {k: v for k, v in extras.items() if v and k != "author"},
    }
    values: Json = {
        "name": name,
        "metadata": {key: value for key, value in metadata.items() if value},
        "model": _write_model(content["model"]),
        "inputs": _write_inputs(content),
        "tools": [_write_tool(tool) for tool in content.get("tools") or ()],
    }
    if content.get("output") is not None:
        values["outputs"] = from_object(content["output"], "output")
    return join({key: value for key, value in values.items() if value}, _write_body(content))


def _settings(values: Json, note: Note) -> Json:
    given = values.get("model") or {}
    if isinstance(given, str):
        given = {"id": given}
    if "configuration" in given or "parameters" in given:
        content = _first_version(given, note)
    else:
        content = _second_version(given, note)
    model = content["model"]
    for key in ("provider", "name"):
        if str(model.get(key, "")).startswith("${"):
            note(f"model.{key}", f"{model[key]!r} is only known where it runs")
            del model[key]
    if values.get("tools"):
        content["tools"] = [
            _read_tool(tool, f"tools[{i}]") for i, tool in enumerate(values["tools"])
        ]
    if values.get("outputs"):
        content["output"] = to_object(values["outputs"], "outputs")
    return content


def _second_version(given: Json, note: Note) -> Json:
    if given.get("apiType", "chat") not in ("chat", "responses"):
        raise LeftOut("model.apiType", f"{given['apiType']!r} is no conversation with a model")
    for key in sorted(given.keys() - {"id", "provider", "apiType", "options"}):
        note(f"model.{key}", "where a model is reached is the workload's affair")
    options = dict(given.get("options") or {})
    options |= options.pop("additionalProperties", None) or {}
    named_ = {"provider": given.get("provider"), "name": given.get("id")}
    model = {key: value for key, value in named_.items() if value}
    return {"model": model | read_parameters(options, KEYS)}


def _first_version(given: Json, note: Note) -> Json:
    if given.get("api", "chat") != "chat":
        raise LeftOut("model.api", f"{given['api']!r} is no conversation with a model")
    where = dict(given.get("configuration") or {})
    named_ = {
        "provider": where.pop("type", None),
        "model": where.pop("azure_deployment", None) or where.pop("name", None),
    }
    for key in sorted(where):
        note(f"model.configuration.{key}", "where a model is reached is the workload's affair")
    settings = {**(given.get("parameters") or {}), **named_}
    return read_config(settings, OPENAI, "model.parameters", note)


def _read_tool(tool: Any, place: str) -> Json:
    if not isinstance(tool, dict) or tool.get("kind", "function") != "function":
        raise LeftOut(place, "only functions can be tools here")
    if tool.get("bindings"):
        raise LeftOut(f"{place}.bindings", "a tool has none here")
    read = {key: tool[key] for key in ("name", "description") if tool.get(key)}
    if tool.get("parameters"):
        read["parameters"] = to_object(tool["parameters"], f"{place}.parameters")
    return read


def _write_tool(tool: Json) -> Json:
    written = {"name": tool["name"], "kind": "function"}
    if tool.get("description"):
        written["description"] = tool["description"]
    if tool.get("parameters") is not None:
        written["parameters"] = from_object(tool["parameters"], f"tool {tool['name']}")
    return written


def _write_model(model: Json) -> Json:
    options = write_parameters(model, KEYS)
    other = {key: options.pop(key) for key in list(options) if key not in _OPTIONS}
    if other:
        options["additionalProperties"] = other
    written = {"id": model["name"], "provider": model["provider"], "options": options}
    return {key: value for key, value in written.items() if value}


def _variables(inputs: dict[str, Json], content: Json, note: Note) -> Json:
    threads = {m["placeholder"] for m in content.get("messages") or () if "placeholder" in m}
    schemas = {}
    for name, given in inputs.items():
        if name in threads:
            continue
        if "sample" in given:
            note(f"inputs.{name}.sample", "a version has no samples")
        schemas[name] = to_schema(given, f"inputs.{name}")
        if given.get("required") is False and schemas[name]["type"] == "string":
            schemas[name].setdefault("default", "")
    return variables(variables_of(content), schemas, "inputs", note)


def _write_inputs(content: Json) -> list[Json]:
    made = []
    for name, variable in (content.get("variables") or {}).items():
        given = {"name": name, **from_schema(variable)}
        if "default" not in variable:
            given["required"] = True
        made.append(given)
    threads = [m["placeholder"] for m in content.get("messages") or () if "placeholder" in m]
    return made + [{"name": name, "kind": "thread"} for name in threads]


def _language(template: Any) -> str:
    format_ = template.get("format", "jinja2") if isinstance(template, dict) else template
    kind = format_.get("kind") if isinstance(format_, dict) else format_
    if kind not in (None, "jinja2", "mustache"):
        raise LeftOut("template", f"its language is {kind!r}")
    return kind or "jinja2"


def _body(body: str, inputs: dict[str, Json], language: str, is_text: bool) -> Json:
    """``messages``, or ``text`` where that is what it was before it was exported."""
    for name, given in inputs.items():
        if kind_of(given) in RICH and kind_of(given) != "thread":
            raise LeftOut(f"inputs.{name}", f"there is no {kind_of(given)!r} here")
    if language == "mustache" and re.search(r"\{\{\{|\{\{\s*[^\w\s]", body):
        raise LeftOut("template", "it has more of Mustache in it than plain variables")
    threads = {name for name, given in inputs.items() if kind_of(given) == "thread"}
    pieces = _MARKER.split("\n".join(body.splitlines()))
    if is_text and len(pieces) == 1:
        return {"text": _read(pieces[0].strip("\n"))}
    messages: list[Json] = []
    for at in range(0, len(pieces), 3):
        role = pieces[at - 2].lower() if at else "system"
        if at and pieces[at - 1]:
            raise LeftOut("template", f"a message has no attributes here: {pieces[at - 1]}")
        messages += _messages(role, pieces[at], threads)
    return {"messages": messages}


def _messages(role: str, source: str, threads: set[str]) -> list[Json]:
    """One message, or more where a thread is in between."""
    names = "|".join(map(re.escape, sorted(threads)))
    pieces = re.split(rf"\{{\{{\s*({names})\s*\}}\}}", source) if threads else [source]
    found: list[Json] = []
    for at, piece in enumerate(pieces):
        if at % 2:
            found.append({"placeholder": piece})
        elif piece.strip():
            found.append({"role": role, "content": _read(piece.strip("\n"))})
    return found


def _write_body(content: Json) -> str:
    if "text" in content:
        return _written(content["text"], "text").strip("\n")
    parts = []
    for index, message in enumerate(content["messages"]):
        if "placeholder" in message:
            parts.append(f"{{{{{message['placeholder']}}}}}\n")
            continue
        if message["role"] not in _ROLES:
            raise LeftOut(f"messages[{index}].role", f"Prompty has no {message['role']!r}")
        text = _written(message["content"], f"messages[{index}]").strip("\n")
        parts.append(f"{message['role']}:\n{text}\n")
    return "\n".join(parts).removesuffix("\n")


def _read(source: str) -> str:
    try:
        return ours(JINJA.read(source))
    except SyntaxProblem as problem:
        raise LeftOut("template", str(problem)) from None


def _written(template: str, place: str) -> str:
    try:
        return JINJA.write(parse(template).segments)
    except SyntaxProblem as problem:
        raise LeftOut(place, str(problem)) from None
