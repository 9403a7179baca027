"""The edge to a folder of Dotprompt or Prompty files."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from promptrelease.exchange import dotprompt, prompty
from promptrelease.exchange.compare import same_content
from promptrelease.exchange.flatten import Library, note_contract
from promptrelease.exchange.report import Entry
from promptrelease.exchange.values import (
    UNREADABLE,
    ExchangeError,
    LeftOut,
    Note,
    Options,
    Prompt,
    System,
    Version,
)

FORMATS: dict[System, ModuleType] = {"dotprompt": dotprompt, "prompty": prompty}


def read(system: System, location: str) -> tuple[list[Prompt], list[Entry]]:
    """Prompts of a file, or of all files of that kind in a folder and below it.

    Raises:
        ExchangeError: there is no such file or folder.

    """
    form = FORMATS[system]
    root = Path(location or ".")
    if not root.exists():
        raise ExchangeError(f"{root}: there is no such file or folder")
    paths = sorted(root.rglob(f"*{form.SUFFIX}")) if root.is_dir() else [root]
    entries: list[Entry] = []
    versions: dict[str, list[Version]] = {}
    labels: dict[str, dict[str, int]] = {}
    for path in paths:
        shown = str(path.relative_to(root) if root.is_dir() else path.name)
        _read_one(path, shown, form, entries, versions, labels)
    prompts = [
        Prompt(name, tuple(sorted(its, key=lambda v: v.number)), labels[name], name)
        for name, its in versions.items()
    ]
    return prompts, entries


def _read_one(
    path: Path,
    shown: str,
    form: ModuleType,
    entries: list[Entry],
    versions: dict[str, list[Version]],
    labels: dict[str, dict[str, int]],
) -> None:
    def note(field: str, why: str) -> None:
        entries.append(Entry(shown, 0, field, why, "changed"))

    stem, _, variant = path.name.removesuffix(form.SUFFIX).partition(".")
    folder = shown.rpartition("/")[0]
    if stem.startswith("_"):
        why = "a partial is a part of others, and not a prompt"
        entries.append(Entry(shown, 0, "name", why, "left out"))
        return
    try:
        text = path.read_text(encoding="utf-8")
        given = f"{folder}/{stem}" if folder else stem
        name, version, its_labels = form.read(text, given, variant, note)
    except UnicodeDecodeError as error:
        entries.append(Entry(shown, 0, "file", f"it is not UTF-8: {error}", "left out"))
        return
    except LeftOut as left:
        entries.append(Entry(shown, 0, left.field, left.why, "left out"))
        return
    except UNREADABLE as error:
        why = f"it is not what it should be: {error!r}"
        entries.append(Entry(shown, 0, "frontmatter", why, "left out"))
        return
    versions.setdefault(name, []).append(version)
    pointing = labels.setdefault(name, {})
    for label in its_labels:
        if pointing.setdefault(label, version.number) != version.number:
            why = f"it is at version {pointing[label]} and at {version.number}"
            entries.append(Entry(name, 0, f"label {label}", why, "left out"))


def text_of(system: System, name: str, version: Version, labels: list[str], note: Note) -> str:
    """Text of a version's file, after it was read as an import would read it.

    Args:
        system: which kind of file.
        name: the prompt's.
        version: without includes.
        labels: that point at it.
        note: is told what changes.

    Raises:
        LeftOut: the format has no way to say it, or would not give it back as it is.

    """
    form = FORMATS[system]
    text: str = form.write(name, version, labels)
    _, back, _ = form.read(text, name, "", lambda field, why: None)
    if not same_content(back.content, version.content):
        if not same_content(back.content, version.content, trim=str.strip):
            raise LeftOut("content", f"{system} would not give it back as it is")
        note("text", f"{system} does not keep white space at the beginning and the end")
    return text


class Writing:
    """One export to a folder; nothing that is there is overwritten."""

    def __init__(self, system: System, folder: Path, options: Options) -> None:
        self.created: list[str] = []
        self.unchanged: list[str] = []
        self.entries: list[Entry] = []
        self._form = FORMATS[system]
        self._system = system
        self._folder = folder
        self._options = options

    def run(self, prompts: list[Prompt]) -> None:
        """Write a file for each version."""
        library = Library(prompts)
        self._folder.mkdir(parents=True, exist_ok=True)
        for prompt in filter(lambda p: self._options.selects(p.name), prompts):
            for version in prompt.versions:
                labels = sorted(n for n, at in prompt.labels.items() if at == version.number)
                file = f"{prompt.name}.v{version.number}{self._form.SUFFIX}"

                def note(
                    field: str, why: str, prompt: Prompt = prompt, version: Version = version
                ) -> None:
                    self.entries.append(Entry(prompt.name, version.number, field, why, "changed"))

                try:
                    flat = library.flat(prompt.name, version, note)
                    note_contract(flat, self._system, note, defaults=True)
                    text = text_of(self._system, prompt.source_name, flat, labels, note)
                except LeftOut as left:
                    entry = Entry(prompt.name, version.number, left.field, left.why, "left out")
                    self.entries.append(entry)
                    continue
                self._write(prompt.name, version.number, file, text)

    def _write(self, prompt: str, number: int, file: str, text: str) -> None:
        path = self._folder / file
        if not path.exists():
            path.write_bytes(text.encode())
            self.created.append(file)
        elif path.read_bytes() == text.encode():
            self.unchanged.append(file)
        else:
            why = f"{path} says something else: delete it to have it written anew"
            self.entries.append(Entry(prompt, number, "file", why, "conflict"))
