"""Dotprompt files and ours: plain values both ways.

A file is ``NAME.prompt`` or ``NAME.VARIANT.prompt``; we write ``NAME.vVERSION.prompt``, and what
the format has no field for under ``promptrelease.``, as its extensions are written.
"""

from __future__ import annotations

import re
from typing import Any

from promptrelease.content.template import parse
from promptrelease.exchange.frontmatter import join, split
from promptrelease.exchange.inputs import defaults_of, schemas_of, variables
from promptrelease.exchange.picoschema import to_json_schema
from promptrelease.exchange.settings import Keys, read_parameters, read_tools, write_parameters
from promptrelease.exchange.syntax import HANDLEBARS, SyntaxProblem, ours, variables_of
from promptrelease.exchange.values import Json, LeftOut, Note, Version, to_extras, with_extras

SUFFIX = ".prompt"
KEYS = Keys(
    model=("model",), top_p=("topP",), max_tokens=("maxOutputTokens",), stop=("stopSequences",)
)
EXTENSION = "promptrelease."

_KNOWN = {"name", "variant", "model", "tools", "toolDefs", "config", "input", "output"}
_KNOWN |= {"description", "version"}
_ROLE = re.compile(r"(?<!\\)\{\{\s*(?:role\s+[\"']([a-z]+)[\"']|(history))\s*\}\}")
_ROLES = {"model": "assistant"}
_WRITTEN_ROLES = {"assistant": "model", "system": "system", "user": "user", "tool": "tool"}


def read(text: str, name: str, variant: str, note: Note) -> tuple[str, Version, list[str]]:
    """Name, version and labels of a file.

    Args:
        text: of the file.
        name: of the file, without its endings.
        variant: what the file's name says, or nothing.
        note: is told what does not come along.

    Raises:
        LeftOut: it holds what we have no way to say.

    """
    values, body = split(text)
    extras = {
        key.removeprefix(EXTENSION): values.pop(key)
        for key in list(values)
        if key.startswith(EXTENSION)
    }
    for key in sorted(values.keys() - _KNOWN):
        note(key, "a version has no place for it")
    name, variant = str(values.get("name") or name), str(values.get("variant") or variant)
    numbered = re.fullmatch(r"v([1-9][0-9]*)", variant)
    if variant and not numbered:
        name = f"{name}-{variant}"
        note("variant", f"it is a prompt of its own here: {name}")
    number = int(numbered[1]) if numbered else _number(values.get("version"), note)
    content = _settings(values, note)
    content |= _body(body.strip() if values or extras else body, extras)
    content["variables"] = _variables(values.get("input"), variables_of(content), note)
    version = Version(
        number, content, str(extras.get("message") or values.get("description") or "")
    )
    return name, with_extras(version, extras), [str(n) for n in extras.get("labels") or ()]


def write(name: str, version: Version, labels: list[str]) -> str:
    """Text of the file ``NAME.vVERSION.prompt``.

    Raises:
        LeftOut: the format has no way to say it.

    """
    content = version.content
    model = content["model"]
    if "/" in model["provider"]:
        raise LeftOut("model.provider", "Dotprompt separates provider and model by the first '/'")
    values: Json = {
        "name": name,
        "variant": f"v{version.number}",
        "model": f"{model['provider']}/{model['name']}",
        "config": write_parameters(model, KEYS),
        "input": _write_inputs(content.get("variables") or {}),
        "tools": [tool["name"] for tool in content.get("tools") or ()],
        "toolDefs": [_write_tool(tool) for tool in content.get("tools") or ()],
    }
    if content.get("output") is not None:
        values["output"] = {"format": "json", "schema": content["output"]}
    body, placeholder = _write_body(content)
    extras = to_extras(version, variables=False) | {
        "message": version.message,
        "labels": labels,
        "placeholder": placeholder,
    }
    values |= {f"{EXTENSION}{key}": value for key, value in extras.items()}
    return join({key: value for key, value in values.items() if value}, body)


def _number(given: Any, note: Note) -> int:
    if given is None:
        return 1
    text = str(given)
    if re.fullmatch("[1-9][0-9]*", text):
        return int(text)
    note("version", f"{text!r} is no number from 1: it is version 1 here")
    return 1


def _settings(values: Json, note: Note) -> Json:
    given = values.get("model")
    if given is not None and not isinstance(given, str):
        raise LeftOut("model", "it is not a name")
    provider, slash, name = (given or "").partition("/")
    named = {"provider": provider if slash else "", "name": name if slash else provider}
    config = dict(values.get("config") or {})
    model = {key: value for key, value in named.items() if value}
    content: Json = {"model": model | read_parameters(config, KEYS)}
    if tools := _tools(values, note):
        content["tools"] = tools
    output = values.get("output") or {}
    if output.get("schema") is not None:
        content["output"] = to_json_schema(output["schema"], "output.schema")
    elif output.get("format", "text") not in ("text", "json"):
        note("output.format", f"there is no format {output['format']!r} here")
    return content


def _tools(values: Json, note: Note) -> list[Json]:
    """Those that are defined in the file in full, and the names of the others."""
    defined: dict[str, Json] = {}
    named: list[Any] = list(values.get("tools") or ())
    for tool in [*(values.get("toolDefs") or ()), *(t for t in named if not isinstance(t, str))]:
        plain = dict(tool) if isinstance(tool, dict) else tool
        if isinstance(plain, dict) and plain.pop("outputSchema", None) is not None:
            note(f"toolDefs.{plain.get('name')}.outputSchema", "a tool has none here")
        (read,) = read_tools([plain], "toolDefs")
        if "parameters" in read:
            read["parameters"] = to_json_schema(read["parameters"], f"toolDefs.{read['name']}")
        defined[read["name"]] = read
    names = [tool if isinstance(tool, str) else tool["name"] for tool in named]
    return [defined.get(name, {"name": name}) for name in dict.fromkeys([*names, *defined])]


def _write_tool(tool: Json) -> Json:
    written = dict(tool)
    if "parameters" in written:
        written["inputSchema"] = written.pop("parameters")
    return written


def _variables(given: Any, used: list[str], note: Note) -> Json:
    given = given or {}
    schema = to_json_schema(given["schema"], "input.schema") if given.get("schema") else {}
    schemas: dict[str, Json] = {n: dict(s) for n, s in (schema.get("properties") or {}).items()}
    for name, default in (given.get("default") or {}).items():
        schemas.setdefault(name, {"type": "string"})["default"] = default
    return variables(used, schemas, "input", note)


def _write_inputs(declared: Json) -> Json:
    properties = schemas_of(declared)
    inputs: Json = {}
    if any(schema != {"type": "string"} for schema in properties.values()):
        required = [name for name in properties if "default" not in declared[name]]
        inputs["schema"] = {"type": "object", "properties": properties, "required": required}
    if defaults := defaults_of(declared):
        inputs["default"] = defaults
    return inputs


def _body(body: str, extras: Json) -> Json:
    """``text``, or ``messages`` when it has roles."""
    if "<<<dotprompt:" in body:
        raise LeftOut("template", "'<<<dotprompt:' is what Dotprompt separates messages by")
    pieces = _ROLE.split(body)
    if len(pieces) == 1:
        return {"text": _read(body)}
    messages: list[Json] = []
    role = "user"
    for at in range(0, len(pieces), 3):
        if at and pieces[at - 1]:
            messages.append({"placeholder": extras.get("placeholder") or "history"})
            role = "assistant"
        elif at:
            role = _ROLES.get(pieces[at - 2], pieces[at - 2])
        if pieces[at].strip():
            messages.append({"role": role, "content": _read(pieces[at])})
    return {"messages": messages}


def _write_body(content: Json) -> tuple[str, str]:
    """The template, and the name of its placeholder when that is not ``history``."""
    if "text" in content:
        body = _written(content["text"], "text")
        if _ROLE.search(body) or not body.strip():
            raise LeftOut("text", "Dotprompt would not read it as a text")
        return body.strip(), ""
    names = [m["placeholder"] for m in content["messages"] if "placeholder" in m]
    if len(names) > 1:
        raise LeftOut("messages", "Dotprompt has one placeholder, the history")
    parts = []
    for index, message in enumerate(content["messages"]):
        if "placeholder" in message:
            parts.append("{{history}}")
            continue
        if message["role"] not in _WRITTEN_ROLES:
            raise LeftOut(f"messages[{index}].role", f"Dotprompt has no {message['role']!r}")
        text = _written(message["content"], f"messages[{index}]")
        if not text.strip():
            raise LeftOut(f"messages[{index}]", "Dotprompt drops a message of white space")
        if text.endswith(("{", "\\")) and message is not content["messages"][-1]:
            raise LeftOut(f"messages[{index}]", "Handlebars would take its last sign for its own")
        parts.append(f'{{{{role "{_WRITTEN_ROLES[message["role"]]}"}}}}{text}')
    return "".join(parts).strip(), next((name for name in names if name != "history"), "")


def _read(source: str) -> str:
    try:
        return ours(HANDLEBARS.read(source))
    except SyntaxProblem as problem:
        raise LeftOut("template", str(problem)) from None


def _written(template: str, place: str) -> str:
    if "<<<dotprompt:" in template:
        raise LeftOut(place, "'<<<dotprompt:' is what Dotprompt separates messages by")
    try:
        return HANDLEBARS.write(parse(template).segments)
    except SyntaxProblem as problem:
        raise LeftOut(place, str(problem)) from None
