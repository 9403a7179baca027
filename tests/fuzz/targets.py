"""What is fuzzed: each target takes any bytes and raises nothing, unless a promise is broken.

A target knows what its code may answer and what it may raise, and compares with a second way to the
same answer where there is one. `tests/fuzz/run.py` searches, `test_corpus.py` replays.
"""

# A broken promise is an assertion, also where it is about the error itself.
# ruff: noqa: PT017
from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from promptrelease.api.promptchange import PromptChangeSpec
from promptrelease.api.promptrelease import PromptReleaseStatus
from promptrelease.api.promptversion import TEMPLATE
from promptrelease.cli import manifests
from promptrelease.content.files import METADATA, Content, ContentError, from_files, to_files
from promptrelease.content.template import (
    Include,
    Template,
    TemplateError,
    Variable,
    parse,
    splice,
)
from promptrelease.content.variables import Contract, VariablesError
from promptrelease.reader._prompt import Prompt, prompt_of
from promptrelease.release import claims, render, verdict, wire, wire_evaluation, wire_policy
from promptrelease.release.evaluation import FAILED, PASSED, Suite
from promptrelease.release.model import LabelStatus, ReleaseStatus

SEPARATOR = "\x1f"
"""Between the parts of an input that has several."""

_ACCEPTED = re.compile(TEMPLATE.removesuffix("$") + r"\Z")
_BRACES = re.compile(r"\{{2,}")
_MATCHED = 300  # the API server's engine needs no time for what Python's would try again
_SUITE = Suite("s", "u", "1", frozenset({"p"}), "d", {}, 0.5, 0.1)


def template(data: bytes) -> None:
    """Template parser: an outer text and one that is included."""
    outer, _, inner = data.decode(errors="replace").partition(SEPARATOR)
    found = [made for text in (outer, inner) if (made := _parsed(text)) is not None]
    if len(found) < 2 or found[1].includes:
        return
    outside, inside = found
    try:
        joined = splice(outside, lambda _: inside)
    except TemplateError:
        return
    given = {name: f"<{{{{{name}}}}}>" for name in (*outside.variables, *inside.variables)}
    expected = "".join(
        inside.substitute(given)
        if isinstance(segment, Include)
        else segment
        if isinstance(segment, str)
        else given[segment.name]
        for segment in outside.segments
    )
    assert joined.substitute(given) == expected


def _parsed(source: str) -> Template | None:
    accepted = len(source) > _MATCHED or _ACCEPTED.match(source) is not None
    try:
        found = parse(source)
    except TemplateError as error:
        lines = source.split("\n")
        assert 1 <= error.line <= len(lines)
        assert lines[error.line - 1][error.column - 1 :].startswith("{{")
        assert not accepted or len(source) > _MATCHED, "the API server takes it"
        return None
    assert accepted, "the API server refuses it"
    written = _written(found)
    again = parse(written)
    assert again.segments == found.segments
    assert _written(again) == written
    assert found.source == source
    return found


def _written(found: Template) -> str:
    parts = []
    for segment in found.segments:
        if isinstance(segment, Variable):
            parts.append(f"{{{{{segment.name}}}}}")
        elif isinstance(segment, Include):
            parts.append(f"{{{{> {segment.name}}}}}")
        else:
            parts.append(_BRACES.sub(_escaped, segment))
    return "".join(parts)


def _escaped(braces: re.Match[str]) -> str:
    """Braces in a row, so that one that is left over is no part of a tag after them."""
    count = len(braces[0])
    return "{" * (count % 2) + r"\{{" * (count // 2)


def variables(data: bytes) -> None:
    """Contract with the caller: ``[variables, placeholders, values]`` in JSON."""
    found = _json(data)
    if not (isinstance(found, list) and len(found) == 3):
        return
    declared, placeholders, given = found
    if not (isinstance(declared, dict) and isinstance(given, dict)):
        return
    if not (isinstance(placeholders, list) and all(isinstance(it, str) for it in placeholders)):
        return
    try:
        contract = Contract(declared, placeholders)
    except ContentError:
        return
    try:
        bound = contract.bind(given)
    except VariablesError as error:
        assert error.missing or error.unexpected or error.invalid
        return
    assert given.keys() <= bound.keys()
    assert contract.required <= given.keys()
    for name, declaration in declared.items():
        if declaration["type"] == "string" and name in given:
            assert bound[name] == given[name]
        elif name in given and name not in placeholders:
            assert json.loads(bound[name]) == given[name]


def termination(data: bytes) -> None:
    """A verdict, as a container leaves it behind."""
    text = data.decode(errors="surrogateescape")
    try:
        found = verdict.parse(text)
    except verdict.Unreadable as error:
        assert str(error)
        return
    if found is None:
        assert not text.strip()
        return
    written = wire_evaluation._verdict_manifest(found)
    json.dumps(written, ensure_ascii=False, allow_nan=False).encode()
    assert wire_evaluation._verdict(written) == found
    for code in (0, 1):
        phase, message = verdict.weigh(_SUITE, found, code)
        assert phase in (PASSED, FAILED)
        assert 0 < len(message) <= verdict.MAX_TEXT
        if phase == PASSED:
            assert code == 0
            assert found.score is not None
            assert found.score >= 0.5


def mount(data: bytes) -> None:
    """Mounted files, file name to text or JSON, read and compiled; the digest made right first."""
    found = _json(data)
    if not isinstance(found, dict):
        return
    files = {name: it if isinstance(it, str) else json.dumps(it) for name, it in found.items()}
    read = _read(files) or _read(_whole(files))
    if read is None:
        return
    prompt, source = read
    given: dict[str, Any] = {name: _EXAMPLES[v["type"]] for name, v in prompt.variables.items()}
    for message in prompt.messages or ():
        if "placeholder" in message:
            given[message["placeholder"]] = [{"role": "user", "content": "hi"}]
    prompt.compile(**given)
    again = _read(to_files(*source))
    assert again is not None, "what is written can be read"
    assert again[0] == prompt
    assert again[1][0].digest == source[0].digest


_EXAMPLES: dict[str, Any] = {
    "string": "{{x}} %s",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "array": [1],
    "object": {"a": None},
}


def _read(files: dict[str, str]) -> tuple[Prompt, Any] | None:
    try:
        source = from_files(files)
        return prompt_of(*source), source
    except ContentError as error:
        assert str(error)
        return None


def _whole(files: dict[str, str]) -> dict[str, str]:
    """The files with the digest that they have: no search would come past that by chance."""
    try:
        parts = {name: json.loads(text) for name, text in files.items() if name != "prompt.txt"}
        meta, config = parts[METADATA], parts["config.json"]
        content = Content(
            text=files.get("prompt.txt"),
            messages=parts.get("messages.json"),
            variables=meta["variables"],
            model=config["model"],
            tools=parts.get("tools.json", []),
            output=config.get("output"),
        )
        return {**files, METADATA: json.dumps({**meta, "digest": content.digest})}
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return files


def claim(data: bytes) -> None:
    """Labels and annotations of a ConfigMap that anybody may have written."""
    found = _json(data)
    if not isinstance(found, dict):
        return
    texts = {
        f"promptrelease.dev/{name}": text if isinstance(text, str) else json.dumps(text)
        for name, text in found.items()
    }
    for change in claims.backlog("p", "l", texts.get("promptrelease.dev/backlog", "")):
        manifest = wire_policy.change_manifest("ns", change)["spec"]
        if change.kind:
            PromptChangeSpec.model_validate({**manifest, "release": "p", "label": "l"})
    served = claims.served(texts, texts)
    if served is None:
        return
    annotations = render.config_map_annotations(served)
    assert claims.served(render.config_map_labels("p", "l", served), annotations) == served
    labels = {"l": LabelStatus(served)}
    status = wire.release_status("p", ReleaseStatus(0, served.revision, labels))
    PromptReleaseStatus.model_validate(status)


def manifest(data: bytes) -> None:
    """Manifests that the command line is given."""
    standard_input = sys.stdin
    sys.stdin = io.StringIO(data.decode(errors="replace"))
    try:
        for found in manifests.load([Path("-")]):
            assert found.model.metadata.name is not None
    except manifests.ManifestError as error:
        assert str(error).startswith("-")
    finally:
        sys.stdin = standard_input


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


TARGETS: dict[str, Callable[[bytes], None]] = {
    "template": template,
    "variables": variables,
    "verdict": termination,
    "mount": mount,
    "claim": claim,
    "manifest": manifest,
}
