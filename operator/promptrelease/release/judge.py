"""Whether a version can be served, and its content once its includes are resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema

from promptrelease.api.promptversion import Message, PromptVersionSpec, Variable, version_name
from promptrelease.content.canonical import normalized
from promptrelease.content.files import Content, Metadata, to_files
from promptrelease.content.template import Include, Template, TemplateError, parse, splice
from promptrelease.release import schemas
from promptrelease.release.model import Problem, Verdict

MAX_DEPTH = 5
"""Includes of includes; deeper chains are refused."""

MAX_NESTING = 64
"""Levels of the JSON that passes through: a reader must be able to parse it in any language."""

MAX_BYTES = 1024 * 1024 - 16 * 1024
"""A ConfigMap holds 1 MiB of data; 16 KiB of it are kept for metadata.json's own facts."""

Lookup = Callable[[str, int], "PromptVersionSpec | None"]


@dataclass(frozen=True)
class Resolution:
    """A verdict, and the content that it is about when that can be served."""

    verdict: Verdict
    content: Content | None = None


class _Invalid(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(reason, message)


@dataclass(frozen=True)
class _Text:
    """A template with its includes in place.

    Attributes:
        variables: what came with the includes.
        height: how deep the includes below it go; 0 when there are none.

    """

    template: Template
    variables: Mapping[str, Variable]
    height: int


def judge(spec: PromptVersionSpec, lookup: Lookup) -> Resolution:
    """Resolve a version's includes and check everything that the API server can't.

    Args:
        spec: the version.
        lookup: prompt and number to the spec of an included version, or none where it is missing.

    """
    if _nests_too_deeply(spec):
        return _refused(_TOO_DEEP)
    problems: list[Problem] = []
    inherited: dict[str, Variable] = {}
    resolved: list[Template] = []
    resolver = _Resolver(lookup)
    path = ((spec.prompt, spec.version),)
    for place, source in _sources(spec):
        try:
            text = resolver.resolve(place, source, spec, path)
            _merge(inherited, text.variables)
        except _Invalid as invalid:
            problems.append(invalid.problem)
            continue
        resolved.append(text.template)
    if not problems:
        used = frozenset[str]().union(*(template.variables for template in resolved))
        problems += _contract_problems(spec, inherited, used)
        problems += _include_problems(spec)
    problems += schemas.problems(_schemas(spec))
    if problems:
        return _refused(*dict.fromkeys(problems))
    content = _content(spec, inherited, resolved)
    if too_large := _size_problem(content):
        return _refused(too_large)
    return Resolution(Verdict(digest=content.digest), content)


_TOO_DEEP = Problem(
    "TooDeep",
    f"the JSON of a parameter, a tool, the output or a default nests too deeply: "
    f"more than {MAX_NESTING} levels",
)


def _refused(*problems: Problem) -> Resolution:
    return Resolution(Verdict(problems=problems))


def _nests_too_deeply(spec: PromptVersionSpec) -> bool:
    """Whether free JSON goes deeper than what reads, renders and checks it by recursion."""
    free = [spec.model.parameters, spec.output, *(tool.parameters for tool in spec.tools or ())]
    level: list[Any] = [model.model_extra for model in free if model is not None]
    level += [variable.default for variable in (spec.variables or {}).values()]
    for _ in range(MAX_NESTING):
        level = [child for value in level for child in _children(value)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _sources(spec: PromptVersionSpec) -> list[tuple[str, str]]:
    """Place and source of every template in a version."""
    if spec.text is not None:
        return [("text", spec.text)]
    messages: list[Message] = spec.messages or []
    return [(f"messages[{i}]", m.content) for i, m in enumerate(messages) if m.content is not None]


_Path = tuple[tuple[str, int], ...]


class _Resolver:
    """Puts includes in place, depth first, each included version once."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._done: dict[tuple[str, int], _Text] = {}

    def resolve(self, place: str, source: str, spec: PromptVersionSpec, path: _Path) -> _Text:
        """Resolve one template of ``spec``; ``path`` is the chain of versions that led to it."""
        try:
            template = parse(source)
        except TemplateError as error:
            raise _Invalid("TemplateSyntax", f"{place}, {error}") from None
        declared = spec.includes or {}
        texts: dict[str, _Text] = {}
        for name in sorted(template.includes):
            if name not in declared:
                raise _Invalid(
                    "IncludeUndeclared",
                    f"{place} uses {{{{> {name}}}}}, which spec.includes does not declare",
                )
            texts[name] = self._included((declared[name].prompt, declared[name].version), path)
        # Before joining: an include of an include, each used many times, grows beyond any memory.
        size = len(source) + sum(
            len(texts[s.name].template.source) for s in template.segments if isinstance(s, Include)
        )
        if size > MAX_BYTES:
            raise _Invalid("TooLarge", f"{place} grows to {size} characters with its includes")
        height = max((1 + text.height for text in texts.values()), default=0)
        if height > MAX_DEPTH:
            raise _Invalid("IncludeTooDeep", f"includes go deeper than {MAX_DEPTH}: {_chain(path)}")
        variables: dict[str, Variable] = {}
        for text in texts.values():
            _merge(variables, text.variables)
        try:
            joined = splice(template, lambda name: texts[name].template)
        except TemplateError as error:
            raise _Invalid("TemplateSyntax", f"{place}, {error}") from None
        return _Text(joined, variables, height)

    def _included(self, target: tuple[str, int], path: _Path) -> _Text:
        name = version_name(*target)
        if target in path:
            raise _Invalid("IncludeCycle", f"includes form a cycle: {_chain((*path, target))}")
        if target in self._done:
            return self._done[target]
        if len(path) > MAX_DEPTH:
            chain = _chain((*path, target))
            raise _Invalid("IncludeTooDeep", f"includes go deeper than {MAX_DEPTH}: {chain}")
        spec = self._lookup(*target)
        if spec is None:
            raise _Invalid("IncludeMissing", f"the included PromptVersion {name} does not exist")
        if spec.text is None:
            raise _Invalid(
                "IncludeNotText", f"the included PromptVersion {name} has messages, not a text"
            )
        if _nests_too_deeply(spec):
            raise _Invalid("TooDeep", f"{name}, which is included: {_TOO_DEEP.message}")
        text = self.resolve(f"text of {name}", spec.text, spec, (*path, target))
        result = _Text(text.template, {**text.variables, **(spec.variables or {})}, text.height)
        self._done[target] = result
        return result


def _merge(into: dict[str, Variable], more: Mapping[str, Variable]) -> None:
    """Take in the variables of one more include."""
    for name, variable in more.items():
        known = into.setdefault(name, variable)
        if known.type != variable.type:
            raise _Invalid(
                "VariableConflict",
                f"variable {name} is {known.type} in one include and {variable.type} in another",
            )


def _chain(path: _Path) -> str:
    return " -> ".join(version_name(*step) for step in path)


def _contract_problems(
    spec: PromptVersionSpec, inherited: Mapping[str, Variable], used: frozenset[str]
) -> list[Problem]:
    own = spec.variables or {}
    problems = [
        Problem(
            "UndeclaredVariable",
            f"{{{{{name}}}}} is used and not declared: add it to spec.variables, "
            f"or write \\{{{{{name}}}}} for the text itself",
        )
        for name in sorted(used - own.keys() - inherited.keys())
    ]
    problems += [
        Problem("UnusedVariable", f"variable {name} is declared and not used: use or remove it")
        for name in sorted(own.keys() - used)
    ]
    placeholders = {m.placeholder for m in spec.messages or () if m.placeholder is not None}
    problems += [
        Problem("NameConflict", f"{name} is both a variable and a placeholder: rename one")
        for name in sorted(placeholders & used)
    ]
    problems += [
        Problem(
            "VariableConflict",
            f"variable {name} is {own[name].type} here and {inherited[name].type} in an include",
        )
        for name in sorted(own.keys() & inherited.keys())
        if own[name].type != inherited[name].type
    ]
    problems += [
        Problem(
            "DefaultType",
            f"the default of variable {name} is not of its type, {variable.type}",
        )
        for name, variable in sorted({**inherited, **own}.items())
        if "default" in variable.model_fields_set
        and not is_of_type(variable.default, variable.type)
    ]
    return problems


def _include_problems(spec: PromptVersionSpec) -> list[Problem]:
    used = frozenset[str]().union(*(parse(source).includes for _, source in _sources(spec)))
    return [
        Problem("IncludeUnused", f"include {name} is declared and not used: use or remove it")
        for name in sorted((spec.includes or {}).keys() - used)
    ]


def _schemas(spec: PromptVersionSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    for tool in spec.tools or ():
        if tool.parameters is not None:
            yield f"tools[{tool.name}].parameters", _plain(tool.parameters)
    if spec.output is not None:
        yield "output", _plain(spec.output)


def _content(
    spec: PromptVersionSpec, inherited: Mapping[str, Variable], resolved: list[Template]
) -> Content:
    texts = iter(template.source for template in resolved)
    messages = None
    if spec.messages is not None:
        messages = [
            {"placeholder": m.placeholder}
            if m.placeholder is not None
            else {"role": str(m.role), "content": next(texts)}
            for m in spec.messages
        ]
    return Content(
        text=next(texts) if messages is None else None,
        messages=messages,
        variables={
            name: {"type": v.type, **_plain(v)}
            for name, v in {**inherited, **(spec.variables or {})}.items()
        },
        model=_plain(spec.model),
        tools=[_plain(tool) for tool in spec.tools or ()],
        output=None if spec.output is None else _plain(spec.output),
    )


def _size_problem(content: Content) -> Problem | None:
    blank = Metadata("", 0, "", content.digest, 0, "", "", "")
    size = sum(len(text.encode()) for text in to_files(content, blank).values())
    if size <= MAX_BYTES:
        return None
    return Problem(
        "TooLarge",
        f"the files come to {size} bytes, a ConfigMap has room for {MAX_BYTES}: "
        "shorten the text, or fetch long passages at run time",
    )


def _plain(model: Any) -> dict[str, Any]:
    """A pydantic model as the JSON that the user wrote: nothing added, aliases as in the API."""
    plain: dict[str, Any] = normalized(model.model_dump(by_alias=True, exclude_unset=True))
    return plain


def is_of_type(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a JSON Schema type; 1.0 is an integer, true is not.

    1e25 is none: no reader would take it for one.
    """
    if kind == "integer":
        return type(normalized(value)) is int
    return jsonschema.Draft202012Validator({"type": kind}).is_valid(value)
