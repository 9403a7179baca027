"""Series of single releases, written down as they are looked up.

There are thousands of them, and the client library takes ten times as long for it. Every so many,
others have their turn, so that a scrape keeps no label edit waiting.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from promptrelease.controller.waits import gate_of
from promptrelease.state.store import Store

CHUNK = 200
"""Releases, or ConfigMaps, in a row: a millisecond's work."""


@dataclass(frozen=True)
class Family:
    """A metric: its name as OpenMetrics has it, gauge or info, what it says, and its labels."""

    name: str
    kind: str
    text: str
    labels: tuple[str, ...]

    @property
    def sample(self) -> str:
        """The name of its samples, by which Prometheus knows it."""
        return f"{self.name}_info" if self.kind == "info" else self.name

    def head(self, *, openmetrics: bool) -> str:
        """The two lines before its samples; the older format knows no infos."""
        name, kind = (self.name, self.kind) if openmetrics else (self.sample, "gauge")
        return f"# HELP {name} {self.text}\n# TYPE {name} {kind}\n"

    def line(self, *values: str, holds: bool = True) -> str:
        """One sample, 1 or 0, with the values of its labels."""
        pairs = zip(self.labels, values, strict=True)
        labels = ",".join([f'{name}="{_escaped(text)}"' for name, text in pairs])
        return f"{self.sample}{{{labels}}} {holds:d}.0\n"


CONDITION = Family(
    "promptrelease_release_condition",
    "gauge",
    "Whether a condition of a PromptRelease is True: Ready always, others while they are.",
    ("namespace", "release", "condition"),
)
PENDING = Family(
    "promptrelease_pending",
    "info",
    "A move that is held back, once for each gate that it waits for.",
    ("namespace", "release", "label", "version", "gate"),
)
SERVED = Family(
    "promptrelease_served",
    "info",
    "The version that each label of each release serves, and the digest of its content.",
    ("namespace", "release", "label", "version", "digest"),
)
FAMILIES = (CONDITION, PENDING, SERVED)


async def written(store: Store, *, openmetrics: bool) -> str:
    """All series of single releases."""
    conditions: list[str] = []
    pending: list[str] = []
    served: list[str] = []
    for count, ((namespace, name), release) in enumerate(list(store.releases())):
        if count % CHUNK == 0:
            await asyncio.sleep(0)
        for condition in release.status.conditions:
            holds = condition.status == "True"
            if holds or condition.type == "Ready":
                conditions.append(CONDITION.line(namespace, name, condition.type, holds=holds))
        for label, status in release.status.labels.items():
            if status.pending is not None:
                number = str(status.pending.version)
                for gate in sorted({gate_of(text) for text in status.pending.waiting_for}):
                    pending.append(PENDING.line(namespace, name, label, number, gate))
    for count, ((namespace, name), config_map) in enumerate(list(store.config_maps())):
        if count % CHUNK == 0:
            await asyncio.sleep(0)
        if (what := config_map.served) is not None:
            number = str(what.version)
            served.append(SERVED.line(namespace, name, config_map.label, number, what.digest))
    parts: list[str] = []
    for family, lines in zip(FAMILIES, (conditions, pending, served), strict=True):
        parts += [family.head(openmetrics=openmetrics), *lines]
    return "".join(parts)


def _escaped(value: str) -> str:
    # No name can have any of it; a status may be anybody's work.
    if '"' in value or "\\" in value or "\n" in value:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return value
