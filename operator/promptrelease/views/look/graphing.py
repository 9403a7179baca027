"""Who consumes whom on a label, with what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptrelease.release import graph
from promptrelease.release.graph import Graph
from promptrelease.views.look.overview import NEEDS_REEVALUATION

Json = Mapping[str, Any]

_ROW = re.compile(r"((?:│  |   )*(?:├─ |└─ )?)([^ ]+)(.*)")


@dataclass(frozen=True)
class Picture:
    """One label of a namespace.

    Attributes:
        versions: prompt to what it serves there.
        doubtful: prompts that need to be evaluated again, with why.
        wrong: prompts whose version has something wrong with what it consumes, with what.

    """

    label: str
    graph: Graph
    versions: Mapping[str, int]
    doubtful: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)


def picture(releases: Iterable[Json], versions: Iterable[Json], label: str) -> Picture:
    """What a label serves, from PromptReleases and PromptVersions of one namespace."""
    consumes = {v["metadata"]["name"]: v["spec"].get("consumes") or () for v in versions}
    served: dict[str, int] = {}
    doubtful: dict[str, str] = {}
    for release in releases:
        name, status = release["metadata"]["name"], release.get("status") or {}
        its = (status.get("labels") or {}).get(label) or {}
        if "version" not in its:
            continue
        served[name] = its["version"]
        for condition in status.get("conditions") or ():
            if condition["type"] == NEEDS_REEVALUATION and condition["status"] == "True":
                texts = condition.get("message", "").split("; ")
                here = [t for t in texts if t.startswith(f"{label}: ")]
                if here:
                    doubtful[name] = here[0].removeprefix(f"{label}: ")
    known = graph.build({name: consumes.get(f"{name}-v{n}", ()) for name, n in served.items()})
    wrong = {
        name: f"{label} serves no {', '.join(no)}" for name, no in graph.missing(known).items()
    }
    for cycle in graph.cycles(known):
        for name in cycle.prompts:
            wrong[name] = f"cycle: {cycle}"
    return Picture(label, known, served, doubtful, wrong)


def around(whole: Picture, prompt: str) -> Picture:
    """The part that a prompt is joined to: what feeds it, and what it feeds."""
    names = {
        prompt,
        *graph.upstream(whole.graph, {prompt}),
        *graph.downstream(whole.graph, {prompt}),
    }
    part = graph.build(
        {
            name: [p for p in whole.graph.producers[name] if p in names]
            for name in sorted(names)
            if name in whole.graph.producers
        }
    )
    return Picture(
        whole.label,
        part,
        {name: n for name, n in whole.versions.items() if name in names},
        {name: why for name, why in whole.doubtful.items() if name in names},
        {name: why for name, why in whole.wrong.items() if name in names},
    )


def roots(known: Graph) -> list[str]:
    """Prompts to draw trees from, so that each one is in some tree; by name.

    Those that consume nothing, or are not served; and of what only a cycle leads to, the first.
    """
    names = sorted(known.producers.keys() | known.consumers.keys())
    found = [name for name in names if not known.producers.get(name)]
    seen = {*found, *graph.downstream(known, set(found))}
    for name in names:
        if name not in seen:
            found.append(name)
            seen |= {name, *graph.downstream(known, {name})}
    return sorted(found)


def lines(seen: Picture, root: str) -> Iterator[tuple[str, str, str]]:
    """A tree, line by line: bars and name, version and mark, and a word on what is wrong."""
    for row in graph.tree(seen.graph, root).splitlines():
        found = _ROW.fullmatch(row)
        if found is None:  # the graph has names only, and none of them has a blank
            yield row, "", ""
            continue
        bars, name, mark = found.groups()
        version = f" v{seen.versions[name]}" if name in seen.versions else ""
        words = ["broken"] if name in seen.wrong else []
        words += ["re-evaluate"] if name in seen.doubtful else []
        yield f"{bars}{name}", f"{version}{mark}", ", ".join(words)


def warnings(seen: Picture) -> Iterator[tuple[str, str]]:
    """Each prompt that has something wrong with it there, with what."""
    for name in sorted(seen.wrong.keys() | seen.doubtful.keys()):
        if name in seen.wrong:
            yield name, seen.wrong[name]
        if name in seen.doubtful:
            yield name, seen.doubtful[name]


def plain(seen: Picture) -> dict[str, Any]:
    """The same for a script."""
    return {
        "label": seen.label,
        "prompts": [
            {
                "name": name,
                "version": seen.versions.get(name),
                "consumes": list(seen.graph.producers.get(name, ())),
                "consumers": list(seen.graph.consumers.get(name, ())),
                **({"needsReevaluation": seen.doubtful[name]} if name in seen.doubtful else {}),
                **({"problem": seen.wrong[name]} if name in seen.wrong else {}),
            }
            for name in sorted(seen.graph.producers.keys() | seen.graph.consumers.keys())
        ],
        "cycles": [list(cycle.path) for cycle in graph.cycles(seen.graph)],
        "missing": {name: list(no) for name, no in graph.missing(seen.graph).items()},
    }
