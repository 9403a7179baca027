"""Drafts of versions: a manifest with comments, to be edited, and read again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from promptrelease.api import API_VERSION
from promptrelease.views.failures import UsageMistake

Json = dict[str, Any]

MARK = "#!"
"""Begins a line that says what is wrong; such lines are ours, and go with the mistake."""

_FIRST = ("message", "text", "messages", "variables", "model", "tools", "output")
_SKELETON: Json = {
    "text": "Say what the model shall do with {{input}}.\n",
    "variables": {"input": {"type": "string", "description": "what the caller gives"}},
    "model": {
        "provider": "openai",
        "name": "gpt-4.1-mini-2025-04-14",
        "parameters": {"temperature": 0.2},
    },
}


# What YAML's readers take for line ends, or may not find in a file at all.
_SPELT_OUT = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ufffe\\uffff]")


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: a text of several lines as a block."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if _SPELT_OUT.search(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def spec(
    prompt: str,
    number: int,
    base: Mapping[str, Any] | None,
    *,
    text: str | None = None,
    message: str | None = None,
    model: str | None = None,
    parameters: Sequence[str] = (),
) -> Json:
    """The spec of a next version.

    Args:
        prompt: whose.
        number: which.
        base: spec of the version that it begins with; none for a first one.
        text: instead of the base's text or messages.
        message: why it exists; empty when that is still to be written.
        model: name of the model, or provider/name.
        parameters: as key=value, the value as YAML; without a value the key goes.

    Raises:
        UsageMistake: a parameter is not written so.

    """
    body = {k: v for k, v in (base or _SKELETON).items() if k not in ("prompt", "version")}
    body["message"] = message or ""
    if text is not None:
        body.pop("messages", None)
        body["text"] = text
    its = dict(body.get("model") or {})
    if model:
        provider, slash, name = model.partition("/")
        its |= {"provider": provider, "name": name} if slash else {"name": model}
    if parameters:
        its["parameters"] = _parameters(its.get("parameters") or {}, parameters)
    body["model"] = its
    ordered = {name: body[name] for name in _FIRST if name in body}
    return {"prompt": prompt, "version": number, **ordered, **body}


def manifest(spec: Mapping[str, Any]) -> Json:
    """The PromptVersion of a spec."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptVersion",
        "metadata": {"name": f"{spec['prompt']}-v{spec['version']}"},
        "spec": dict(spec),
    }


def draft(made: Mapping[str, Any], base: int | None) -> str:
    """A manifest for an editor."""
    begins = f"begins as v{base}" if base is not None else "is the first one"
    head = f"""\
# {made["metadata"]["name"]} {begins}. Save it and close the editor to create it; leave it as it is
# to create nothing. A version can't be changed afterwards: the next one is as quick to make.
#
#   message    why this version exists; must be there
#   text       {{{{name}}}} is a variable, {{{{> name}}}} an include, \\{{{{ a literal {{{{
#   variables  every {{{{name}}}} is declared here, and every name here is used
#   model      name a snapshot and no moving alias, or a rollback won't bring the behaviour back

"""
    return head + dump(made)


def dump(made: Mapping[str, Any]) -> str:
    """A manifest as YAML."""
    return yaml.dump(dict(made), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def with_mistakes(text: str, mistakes: Iterable[str]) -> str:
    """A draft with what is wrong at its top, and without what was wrong before."""
    marked = [
        f"{MARK} {line}" if i == 0 else f"{MARK}   {line}"
        for mistake in mistakes
        for i, line in enumerate(mistake.splitlines())
    ]
    if marked:
        title = f"{MARK} This can't be created yet; these lines go by themselves:"
        marked = [title, *marked, ""]
    return "\n".join([*marked, without_mistakes(text)])


def without_mistakes(text: str) -> str:
    """A draft as it was written."""
    lines = text.split("\n")
    kept = [line for line in lines if not line.startswith(MARK)]
    if len(kept) < len(lines) and kept and not kept[0]:
        kept = kept[1:]
    return "\n".join(kept)


def _parameters(before: Mapping[str, Any], given: Iterable[str]) -> Json:
    after = dict(before)
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise UsageMistake(
                f"--set-parameter {one!r} is not key=value", "as in --set-parameter temperature=0.2"
            )
        try:
            read = yaml.safe_load(value) if value else None
        except yaml.YAMLError as error:
            raise UsageMistake(f"--set-parameter {one!r}: {value!r} is no value") from error
        if read is None:
            after.pop(key, None)
        else:
            after[key] = read
    return after
