"""Import and export: Langfuse, MLflow, Dotprompt files and Prompty files.

    imported = import_from("mlflow", Options(location="sqlite:///mlflow.db", provider="openai"))
    done = write(Path("prompts"), imported)          # or apply(cluster, imported)
    print(imported.report)                            # what could not be carried over, and why
    export_to("langfuse", objects, Options(location="https://langfuse.example.com"))

All of it can be repeated: what is there and says the same is left alone, what says something else
is reported and stays. A version that can't be carried over without changing what it means is left
out and reported; it is never mangled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptrelease.exchange import (
    cluster as _cluster,
)
from promptrelease.exchange import (
    files,
    langfuse,
    langfuse_api,
    mlflow,
    mlflow_api,
    registries,
)
from promptrelease.exchange import (
    folder as _folder,
)
from promptrelease.exchange.cluster import Cluster
from promptrelease.exchange.manifests import prompts_of, release_manifest, version_manifest
from promptrelease.exchange.merge import Merged
from promptrelease.exchange.report import Entry, Report
from promptrelease.exchange.settle import Settling
from promptrelease.exchange.values import (
    SYSTEMS,
    ExchangeError,
    Json,
    Options,
    Prompt,
    System,
    Version,
)


@dataclass(frozen=True)
class Imported:
    """What came of an import.

    Attributes:
        source: where from.
        prompts: under our names, each version such that it can be served.
        report: what could not be carried over as it was.

    """

    source: System
    prompts: tuple[Prompt, ...]
    report: Report

    @property
    def objects(self) -> list[Json]:
        """The manifests: each prompt's versions, then its release."""
        made = []
        for prompt in self.prompts:
            made += [version_manifest(prompt, v, self.source) for v in prompt.versions]
            made.append(release_manifest(prompt, self.source))
        return made


@dataclass(frozen=True)
class Exported:
    """What came of an export.

    Attributes:
        created: versions and labels that were not there: files, ``name vN`` or ``name@label``.
        unchanged: versions that were there and say the same.
        report: what could not be carried over as it is, and conflicts, which stay as they are.

    """

    created: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    report: Report = field(default_factory=Report)


def import_from(source: System, options: Options | None = None) -> Imported:
    """Read all prompts that a source has.

    Raises:
        ExchangeError: the source can't be read, or its client package is not installed.

    """
    options = options or Options()
    if source == "langfuse":
        with langfuse_api.connected(options) as api:
            rows = api.all_rows()
        prompts, entries = langfuse.read(rows)
    elif source == "mlflow":
        with mlflow_api.connected(options) as registry:
            rows = registry.all_rows(options.selects)
        prompts, entries = mlflow.read(rows)
    else:
        prompts, entries = files.read(source, options.location)
    settled, report = Settling(source, entries, options).settled(prompts)
    return Imported(source, tuple(settled), report)


def write(folder: Path, imported: Imported, *, move: bool = False) -> Merged:
    """Write the manifests into a folder, ``<prompt>/<name>.yaml``; a second time changes nothing.

    Args:
        folder: made where it is not there.
        imported: what `import_from` gave.
        move: move labels that point elsewhere in the folder; else they are conflicts.

    Raises:
        ExchangeError: a file that is no such manifest is in the way.

    """
    return _folder.write(folder, imported.objects, move=move)


def apply(cluster: Cluster, imported: Imported, *, move: bool = False) -> Merged:
    """Create the objects in a namespace; a second time changes nothing.

    Args:
        cluster: the namespace.
        imported: what `import_from` gave.
        move: move labels that point elsewhere in the cluster; else they are conflicts.

    """
    return _cluster.apply(cluster, imported.objects, move=move)


def export_to(
    target: System, objects: Iterable[Mapping[str, Any]], options: Options | None = None
) -> Exported:
    """Write versions and labels to another system, which keeps what it has.

    Args:
        target: where to.
        objects: PromptVersions and PromptReleases of one namespace; other kinds are passed over.
        options: ``location`` and ``move``; ``select`` is of our names.

    Raises:
        ExchangeError: the target can't be reached, or its client package is not installed.

    """
    options = options or Options()
    prompts = prompts_of(objects, target)
    if target == "langfuse":
        with langfuse_api.connected(options) as api:
            done = registries.Exporting(api, registries.LANGFUSE, options)
            done.run(prompts)
    elif target == "mlflow":
        with mlflow_api.connected(options) as registry:
            done = registries.Exporting(registry, registries.MLFLOW, options)
            done.run(prompts)
    else:
        writing = files.Writing(target, Path(options.location or "."), options)
        writing.run(prompts)
        return Exported(writing.created, writing.unchanged, Report.of(writing.entries))
    return Exported(done.created, done.unchanged, Report.of(done.entries))


__all__ = [
    "SYSTEMS",
    "Cluster",
    "Entry",
    "ExchangeError",
    "Exported",
    "Imported",
    "Merged",
    "Options",
    "Prompt",
    "Report",
    "System",
    "Version",
    "apply",
    "export_to",
    "import_from",
    "write",
]
