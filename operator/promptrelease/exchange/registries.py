"""To a system that numbers versions itself: what is created there, and which labels move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from promptrelease.exchange import langfuse, mlflow
from promptrelease.exchange.compare import same_content
from promptrelease.exchange.flatten import Library, note_contract
from promptrelease.exchange.report import Effect, Entry
from promptrelease.exchange.rows import number as our_number
from promptrelease.exchange.values import UNREADABLE, Json, LeftOut, Options, Prompt, Version


class Registry(Protocol):
    """The thin edge to Langfuse or MLflow; it raises LeftOut for what is refused there."""

    def rows(self, name: str) -> list[Json]:
        """All versions of a prompt; none where there is no such prompt."""

    def create(self, name: str, body: Json) -> int:
        """Create the next version; returns its number."""

    def label(self, name: str, label: str, number: int) -> None:
        """Point a label at a version."""


@dataclass(frozen=True)
class Dialect:
    """How a system writes a version, and reads what was written.

    Attributes:
        name: for people.
        write: a version, its prompt's name there and its number there, to a body.
        read: a row, or a body with a version, to a version; another to read it beside.
        extras: what an export has kept in a row.
        includes: whether it has any.

    """

    name: str
    write: Callable[[Version, str, int], Json]
    read: Callable[[Json], Version]
    extras: Callable[[Json], Any]
    includes: bool


def _silent(field: str, why: str) -> None:
    """Take a note of nothing."""


LANGFUSE = Dialect(
    name="Langfuse",
    write=lambda version, name, number: langfuse.write_version(version, name, number=number),
    read=lambda row: langfuse.read_version(row, langfuse.as_written(row), _silent),
    extras=langfuse.extras,
    includes=True,
)
MLFLOW = Dialect(
    name="MLflow",
    write=lambda version, name, number: mlflow.write_version(version, number=number),
    read=lambda row: mlflow.read_version(row, _silent),
    extras=mlflow.extras,
    includes=False,
)


@dataclass
class _There:
    """A prompt as the target has it: our numbers to its rows, labels to its numbers."""

    rows: dict[int, Json]
    labels: dict[str, int]
    last: int


@dataclass
class Exporting:
    """One export on its way."""

    registry: Registry
    dialect: Dialect
    options: Options
    created: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    _numbers: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)

    def run(self, prompts: list[Prompt]) -> None:
        """Create what is missing, an included version before what includes it; then labels."""
        library = Library(prompts)
        prompts = [p for p in prompts if self.options.selects(p.name)]
        there = {p.name: self._there(p.source_name) for p in prompts}
        waiting = {p.name: list(p.versions) for p in prompts}
        progress = True
        while progress:
            progress = False
            for prompt in prompts:
                queue = waiting[prompt.name]
                while queue and self._ready(queue[0]):
                    self._export(prompt, queue.pop(0), there[prompt.name], library)
                    progress = True
        for prompt in prompts:
            for version in waiting[prompt.name]:
                why = "what it, or a version before it, includes is not there"
                self._tell(prompt, version.number, "includes", why, "left out")
            self._set_labels(prompt, there[prompt.name])

    def _there(self, name: str) -> _There:
        rows = self.registry.rows(name)
        numbered = {our_number(row, self.dialect.extras(row)): row for row in rows}
        labels = {
            label: row["version"]
            for row in rows
            for label in row.get("labels") or row.get("aliases") or ()
        }
        return _There(numbered, labels, max((row["version"] for row in rows), default=0))

    def _ready(self, version: Version) -> bool:
        if not self.dialect.includes:
            return True
        targets = (version.content.get("includes") or {}).values()
        return all((t["prompt"], t["version"]) in self._numbers for t in targets)

    def _export(self, prompt: Prompt, version: Version, there: _There, library: Library) -> None:
        def note(field: str, why: str) -> None:
            self._tell(prompt, version.number, field, why, "changed")

        row = there.rows.get(version.number)
        number = row["version"] if row else there.last + 1
        label = f"{prompt.source_name} v{version.number}"
        try:
            body, same = self._body(prompt, version, number, library, row)
            if row is None:
                given = self.registry.create(prompt.source_name, body)
                if given != number:
                    note("version", f"somebody else made version {number}: this is {given} there")
                there.last, number = given, given
        except LeftOut as left:
            self._tell(prompt, version.number, left.field, left.why, "left out")
            return
        if not same:
            why = f"{self.dialect.name} has a version of that number that says something else"
            self._tell(prompt, version.number, "content", why, "conflict")
            return
        (self.unchanged if row else self.created).append(label)
        self._numbers[prompt.name, version.number] = (prompt.source_name, number)
        if number != version.number and row is None:
            note("version", f"it is version {number} there")

    def _body(
        self, prompt: Prompt, version: Version, number: int, library: Library, row: Json | None
    ) -> tuple[Json, bool]:
        """What would be created, and whether that is what ``row`` has, should there be one.

        Raises:
            LeftOut: the target would not give it back as it was.

        """

        def note(field: str, why: str) -> None:
            if row is None:
                self._tell(prompt, version.number, field, why, "changed")

        flat = library.flat(prompt.name, version, note if not self.dialect.includes else _silent)
        if self.dialect.includes:
            flat = self._with_their_names(version)
        note_contract(flat, self.dialect.name, note, defaults=False)
        body = self.dialect.write(flat, prompt.source_name, number)
        back = self.dialect.read({"name": prompt.source_name, "version": number, **body})
        if not same_content(back.content, flat.content):
            raise LeftOut("content", f"{self.dialect.name} would not give it back as it is")
        if row is None:
            return body, True
        try:
            return body, same_content(self.dialect.read(row).content, flat.content)
        except (LeftOut, *UNREADABLE):
            return body, False

    def _with_their_names(self, version: Version) -> Version:
        includes = {}
        for name, target in (version.content.get("includes") or {}).items():
            theirs, number = self._numbers[target["prompt"], target["version"]]
            includes[name] = {"prompt": theirs, "version": number}
        content = {**version.content, "includes": includes}
        return Version(
            version.number, content, version.message, version.author, version.created, version.tags
        )

    def _set_labels(self, prompt: Prompt, there: _There) -> None:
        for label, ours in prompt.labels.items():
            name, number = self._numbers.get((prompt.name, ours), ("", 0))
            now = there.labels.get(label)
            if not number:
                why = f"it names version {ours}, which is not there"
                self._tell(prompt, 0, f"label {label}", why, "left out")
            elif now not in (None, number) and not self.options.move:
                why = f"it is at version {now} there, and as it is here it would be at {number}"
                self._tell(prompt, 0, f"label {label}", why, "conflict")
            elif now != number:
                try:
                    self.registry.label(name, label, number)
                except LeftOut as left:
                    self._tell(prompt, 0, left.field, left.why, "left out")
                else:
                    self.created.append(f"{name}@{label}")

    def _tell(self, prompt: Prompt, number: int, field: str, why: str, effect: Effect) -> None:
        self.entries.append(Entry(prompt.source_name, number, field, why, effect))
