"""From what a source has to what the API server accepts and the operator can serve.

Names become ours, what lacks a model gets one, and what would be refused or invalid is left out: a
version that was imported can be served.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from promptrelease.api.promptrelease import LATEST, MAX_LABELS
from promptrelease.api.promptversion import PromptVersionSpec
from promptrelease.exchange.names import assigned, dns_label
from promptrelease.exchange.report import Effect, Entry, Report
from promptrelease.exchange.rules import problem
from promptrelease.exchange.values import Json, Options, Prompt, Version
from promptrelease.release.judge import judge

MAX_MESSAGE = 1024

Specs = dict[tuple[str, int], PromptVersionSpec]


class Settling:
    """One import on its way; `settled` is what comes of it."""

    def __init__(self, source: str, entries: Iterable[Entry], options: Options) -> None:
        self._source = source
        self._entries = list(entries)
        self._options = options

    def settled(self, prompts: Iterable[Prompt]) -> tuple[list[Prompt], Report]:
        """Prompts under our names, with versions that can be served, and what was in the way."""
        prompts = list(prompts)
        chosen = [p for p in prompts if self._options.selects(p.source_name)]
        passed_over = {p.source_name for p in prompts} - {p.source_name for p in chosen}
        self._entries = [e for e in self._entries if e.prompt not in passed_over]
        names, clashing = assigned([p.source_name for p in chosen], self._options.names)
        for name in clashing:
            ours = dns_label(name)
            why = f"others become {ours!r}, too" if ours else "no letter or digit is left of it"
            self._tell(name, 0, "name", f"{why}: choose one by --name", "left out")
        named = [self._renamed(p, names) for p in chosen if p.source_name in names]
        specs = self._specs(named)
        self._drop_invalid(named, specs)
        settled = [self._with_labels(self._with_valid(p, specs)) for p in named]
        return [p for p in settled if p.versions], Report.of(self._entries)

    def _tell(self, prompt: str, number: int, field: str, why: str, effect: Effect) -> None:
        self._entries.append(Entry(prompt, number, field, why, effect))

    def _renamed(self, prompt: Prompt, names: Mapping[str, str]) -> Prompt:
        ours, theirs = names[prompt.source_name], prompt.source_name
        if ours != theirs:
            self._tell(theirs, 0, "name", f"it is called {ours} here", "changed")
        doubled = {n for n, many in Counter(v.number for v in prompt.versions).items() if many > 1}
        for number in sorted(doubled):
            self._tell(theirs, number, "version", "there are several of that number", "left out")
        versions = [
            self._completed(theirs, v, names) for v in prompt.versions if v.number not in doubled
        ]
        return Prompt(ours, tuple(versions), prompt.labels, theirs)

    def _completed(self, prompt: str, version: Version, names: Mapping[str, str]) -> Version:
        """With our names of included prompts, a model and a message."""
        content = {name: value for name, value in version.content.items() if value not in ({}, [])}
        defaults = {"provider": self._options.provider, "name": self._options.model}
        content["model"] = {n: v for n, v in defaults.items() if v} | version.content["model"]
        if "includes" in content:
            content["includes"] = {
                name: {**target, "prompt": names.get(target["prompt"], target["prompt"])}
                for name, target in content["includes"].items()
            }
        message = version.message
        if len(message) > MAX_MESSAGE:
            why = f"it has {len(message)} characters, {MAX_MESSAGE} are kept"
            self._tell(prompt, version.number, "message", why, "changed")
            message = message[: MAX_MESSAGE - 3] + "..."
        if not message.strip(" \t\r\n"):
            message = f"Imported from {self._source}"
        return Version(
            version.number, content, message, version.author, version.created, version.tags
        )

    def _specs(self, prompts: Iterable[Prompt]) -> Specs:
        """Every version that the API server would accept."""
        found: Specs = {}
        for prompt in prompts:
            for version in prompt.versions:
                raw = spec_of(prompt.name, version)
                try:
                    spec = PromptVersionSpec.model_validate(raw)
                except ValidationError as error:
                    field, why = _first(error, raw)
                else:
                    field, why = problem(raw) or ("", "")
                    if not why:
                        found[prompt.name, version.number] = spec
                        continue
                self._tell(prompt.source_name, version.number, field, why, "left out")
        return found

    def _drop_invalid(self, prompts: Iterable[Prompt], specs: Specs) -> None:
        """Drop what the operator would find invalid; then what includes that, and so on."""
        theirs = {p.name: p.source_name for p in prompts}
        to_judge = list(specs)
        while to_judge:
            dropped = set()
            for key in to_judge:
                verdict = judge(specs[key], lambda name, number: specs.get((name, number))).verdict
                if verdict.problems:
                    first = verdict.problems[0]
                    self._tell(theirs[key[0]], key[1], first.reason, first.message, "left out")
                    dropped.add(key)
            for key in dropped:
                del specs[key]
            to_judge = [key for key, spec in specs.items() if spec.includes] if dropped else []

    def _with_valid(self, prompt: Prompt, specs: Specs) -> Prompt:
        valid = tuple(v for v in prompt.versions if (prompt.name, v.number) in specs)
        return Prompt(prompt.name, valid, prompt.labels, prompt.source_name)

    def _with_labels(self, prompt: Prompt) -> Prompt:
        """With labels that the API server accepts and that name a version which came along."""
        by_ours: dict[str, list[str]] = defaultdict(list)
        for label in sorted(prompt.labels):
            by_ours[dns_label(label)].append(label)
        labels: dict[str, int] = {}
        for ours, theirs in by_ours.items():
            number = prompt.labels[theirs[0]]
            why = _label_problem(ours, theirs, number, prompt)
            if not why and len(labels) == MAX_LABELS:
                why = f"a release has at most {MAX_LABELS} labels"
            for label in theirs:
                if why:
                    self._tell(prompt.source_name, 0, f"label {label}", why, "left out")
                elif label != ours:
                    told = f"it is called {ours} here"
                    self._tell(prompt.source_name, 0, f"label {label}", told, "changed")
            if not why:
                labels[ours] = number
        return Prompt(prompt.name, prompt.versions, labels, prompt.source_name)


def spec_of(prompt: str, version: Version) -> Json:
    """Spec of the PromptVersion."""
    return {
        "prompt": prompt,
        "version": version.number,
        **version.content,
        "message": version.message,
    }


def _label_problem(ours: str, theirs: list[str], number: int, prompt: Prompt) -> str:
    if not ours:
        return "no letter or digit is left of it"
    if len(theirs) > 1:
        return f"{' and '.join(theirs)} both become {ours!r}"
    if ours == LATEST:
        return "latest can't be set here: it follows the highest version by itself"
    if prompt.version(number) is None:
        return f"it names version {number}, which did not come along"
    return ""


def _first(error: ValidationError, raw: Json) -> tuple[str, str]:
    """Place and words of the first mistake."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "spec"
    if place in ("model.provider", "model.name") and first["type"] == "missing":
        option = "provider" if place.endswith("provider") else "model"
        return place, f"its source names none: say which, by --{option}"
    return place, first["msg"].removeprefix("Value error, ")
