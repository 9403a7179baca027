"""Versions for targets that have no includes, no types or no defaults."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from promptrelease.api.promptversion import PromptVersionSpec
from promptrelease.exchange.settle import spec_of
from promptrelease.exchange.values import Json, LeftOut, Note, Prompt, Version
from promptrelease.release.judge import judge

_WRITTEN_BY_TARGET = ("array", "object", "boolean")


class Library:
    """All that is exported, so that includes can be found.

    Args:
        prompts: with their versions.

    """

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        self._specs: dict[tuple[str, int], PromptVersionSpec] = {}
        for prompt in prompts:
            for version in prompt.versions:
                try:
                    spec = PromptVersionSpec.model_validate(spec_of(prompt.name, version))
                except ValidationError:
                    continue
                self._specs[prompt.name, version.number] = spec

    def flat(self, prompt: str, version: Version, note: Note) -> Version:
        """The version with the text of its includes in their place.

        Raises:
            LeftOut: it can't be served, so that nobody knows what it means.

        """
        spec = self._specs.get((prompt, version.number))
        if spec is None:
            raise LeftOut("spec", "it is not as the API demands")
        resolution = judge(spec, lambda name, number: self._specs.get((name, number)))
        if resolution.content is None:
            first = resolution.verdict.problems[0]
            raise LeftOut(first.reason, first.message)
        if not spec.includes:
            return version
        note("includes", "their text is part of its own there")
        resolved = resolution.content
        content: Json = {k: v for k, v in version.content.items() if k != "includes"}
        content["variables"] = dict(resolved.variables)
        if resolved.text is not None:
            content["text"] = resolved.text
        else:
            content["messages"] = [dict(message) for message in resolved.messages or ()]
        return Version(
            version.number, content, version.message, version.author, version.created, version.tags
        )


def note_contract(version: Version, system: str, note: Note, *, defaults: bool) -> None:
    """Say what of the contract with the caller the target does not keep.

    Args:
        version: what is exported.
        system: where to.
        note: is told.
        defaults: whether the target has defaults of variables.

    """
    for name, variable in sorted((version.content.get("variables") or {}).items()):
        kind = variable.get("type", "string")
        if kind in _WRITTEN_BY_TARGET:
            note(f"variables.{name}", f"{system} puts a value of type {kind} in its own way")
        if "default" in variable and not defaults:
            note(f"variables.{name}", f"{system} has no defaults: its caller must give it")
