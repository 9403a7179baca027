"""Manifests from files, each checked, with the place of every mistake."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from promptrelease.api import (
    API_VERSION,
    PromptApproval,
    PromptChange,
    PromptEvaluation,
    PromptPolicy,
    PromptRelease,
    PromptSuite,
    PromptVersion,
)

Resource = (
    PromptVersion
    | PromptRelease
    | PromptPolicy
    | PromptApproval
    | PromptChange
    | PromptSuite
    | PromptEvaluation
)
KINDS: dict[str, type[Resource]] = {kind.__name__: kind for kind in get_args(Resource)}


class ManifestError(Exception):
    """Manifests that can't be used: one line for each mistake, with file and line."""


@dataclass(frozen=True)
class Manifest:
    """A resource of ours, and where it came from.

    Attributes:
        raw: as it was written.
        model: the same, checked.
    """

    raw: dict[str, Any]
    model: Resource
    place: str

    @property
    def namespace(self) -> str:
        """The namespace that it names, or none."""
        return self.model.metadata.namespace or ""


_WORDS = {"missing": "is required", "extra_forbidden": "there is no such field"}


class _Loader(yaml.SafeLoader):
    """YAML as the API takes it: a date is a string."""


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    r"""Read a string; JSON writes what is beyond U+FFFF as a pair, as in \\ud83d\\udc4b."""
    value: str = loader.construct_scalar(node)
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_Loader.add_constructor("tag:yaml.org,2002:str", _text)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1 has no number without a point, as 1e+21; JSON and what kubectl uses do.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load(paths: Iterable[Path]) -> list[Manifest]:
    """Read every resource of ours; other kinds are passed over.

    Raises:
        ManifestError: a file is not YAML, or a manifest is not as the API demands.
        OSError: a file can't be read.
    """
    manifests: list[Manifest] = []
    mistakes: list[str] = []
    for path in files_of(paths):
        text = sys.stdin.read() if path == Path("-") else path.read_text(encoding="utf-8")
        try:
            for raw, node in documents(text):
                if raw.get("apiVersion") == API_VERSION and str(raw.get("kind")) in KINDS:
                    place = f"{path}:{node.start_mark.line + 1}"
                    try:
                        model = KINDS[raw["kind"]].model_validate(bare(raw))
                    except ValidationError as error:
                        mistakes += [f"{path}:{n}: {m}" for n, m in mistakes_of(node, error)]
                    else:
                        manifests.append(Manifest(raw, model, place))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            # PyYAML lets through what int() says of 0b_, and what nests too deeply for Python.
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            mistakes.append(f"{path}{line}: not YAML: {getattr(error, 'problem', error)}")
    if mistakes:
        raise ManifestError("\n".join(mistakes))
    return manifests


def checked(raw: dict[str, Any], place: str) -> Manifest:
    """Take in an object that is there already, as from a cluster. Raises ManifestError."""
    try:
        return Manifest(raw, KINDS[raw["kind"]].model_validate(bare(raw)), place)
    except ValidationError as error:
        mistakes = (f"{place}: {'.'.join(map(str, m['loc']))}: {m['msg']}" for m in error.errors())
        raise ManifestError("\n".join(mistakes)) from error


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are meant: of a folder all that end as manifests do."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml", ".json"))
        else:
            yield path


def documents(text: str) -> Iterator[tuple[dict[str, Any], yaml.Node]]:
    """Every object of a file with its node, those of a List included."""
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            raw = loader.construct_document(node)
            if not isinstance(raw, dict):
                continue
            if isinstance(raw.get("items"), list):
                for index, item in enumerate(raw["items"]):
                    if isinstance(item, dict):
                        yield item, _below(node, ("items", index))
            else:
                yield raw, node
    finally:
        loader.dispose()


def bare(raw: dict[str, Any]) -> dict[str, Any]:
    """Without the status: what a cluster wrote there is not for us to check."""
    return {name: value for name, value in raw.items() if name != "status"}


def mistakes_of(node: yaml.Node, error: ValidationError) -> Iterator[tuple[int, str]]:
    """Line and words of everything that is wrong with a manifest."""
    for mistake in error.errors():
        where = ".".join(map(str, mistake["loc"]))
        message = _WORDS.get(mistake["type"]) or mistake["msg"].removeprefix("Value error, ")
        yield line_of(node, mistake["loc"]), f"{where}: {message}" if where else message


def line_of(node: yaml.Node, loc: Sequence[int | str]) -> int:
    """The line of a field, or of the innermost part of its path that is there."""
    return _below(node, loc).start_mark.line + 1


def _below(node: yaml.Node, loc: Sequence[int | str]) -> yaml.Node:
    """The node of a field, or of the innermost part of its path that is there."""
    for step in loc:
        try:
            node = _child(node, step)
        except (KeyError, IndexError, AttributeError, TypeError, ValueError):
            break
    return node


def _child(node: Any, step: int | str) -> Any:
    if isinstance(node, yaml.MappingNode):
        named = ((key.value, value) for key, value in node.value if isinstance(key.value, str))
        return dict(named)[str(step)]
    if isinstance(node, yaml.SequenceNode):
        return node.value[int(step)]
    raise KeyError(step)
