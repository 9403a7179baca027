"""The prompts of a soak's episode: what is wanted of them, and whether it is so."""

from __future__ import annotations

from dataclasses import dataclass, field

from faults.desk import Desk
from faults.edits import is_logged, is_told
from faults.observer import Json
from harness.api import CONFIG_MAPS, RELEASES, VERSIONS

PRODUCTION, STAGING, CANARY, LATEST = "production", "staging", "canary", "latest"
LABELS = (PRODUCTION, STAGING, CANARY)
PREFIX = "promptrelease.dev/"
VERSION = f"{PREFIX}version"
FREE, APPROVED, STAGED, EVALUATED = "free", "approved", "staged", "evaluated"
"""What production asks for before it moves on."""
RULES = (FREE, FREE, APPROVED, STAGED, EVALUATED)
"""Of the prompts of an episode."""


def named(episode: int) -> dict[str, str]:
    """Prompts of an episode, and what their production asks for."""
    return {f"{letter}{episode}": rule for letter, rule in zip("abcde", RULES, strict=True)}


@dataclass
class Prompts:
    """What an outsider sees of them.

    Attributes:
        rules: what production asks for, by prompt; names of an earlier episode never come again,
            since what is deleted from the log has happened all the same.
        highest: the highest version that there ever was, by prompt.
        gone: UIDs of releases that somebody has deleted.

    """

    desk: Desk
    rules: dict[str, str]
    highest: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def unwell(self) -> list[str]:
        """Where what is served, or told of it, is not yet what is wanted."""
        found = [words for prompt in self.names() if (words := self.unwell_of(prompt))]
        wanted = {f"{prompt}.{label}" for prompt in self.names() for label in self.all(prompt)}
        there = [obj["metadata"]["name"] for obj in self.maps()]
        return [*found, *(f"{name} is one too many" for name in there if name not in wanted)]

    def unwell_of(self, prompt: str) -> str:
        """The same of one prompt; empty when all is well."""
        desk = self.desk
        for label, number in self.all(prompt).items():
            if desk.text(prompt, label) != f"{prompt} v{number}":
                return f"{prompt}.{label} does not serve v{number}"
        if not desk.says(prompt, "Ready", "True"):
            return f"{prompt} is not ready: {desk.get(RELEASES, prompt).get('status')}"
        if not is_logged(desk, prompt):
            return f"the log of {prompt} is not complete"
        return "" if is_told(desk, prompt) else f"versions of {prompt} don't tell where they are"

    def names(self) -> list[str]:
        """Prompts that have a release which nobody has deleted."""
        releases = {obj["metadata"]["name"]: obj["metadata"] for obj in self.desk.all(RELEASES)}
        return [name for name in self.rules if name in releases and self._is_kept(releases[name])]

    def _is_kept(self, meta: Json) -> bool:
        return meta["uid"] not in self.gone

    def labels(self, prompt: str) -> dict[str, Json]:
        """Label to what is wanted there."""
        labels: dict[str, Json] = self.desk.get(RELEASES, prompt)["spec"]["labels"]
        return labels

    def all(self, prompt: str) -> dict[str, int]:
        """Every label and what it must serve, latest included."""
        wanted = {label: its["version"] for label, its in self.labels(prompt).items()}
        return {**wanted, LATEST: self.highest[prompt]}

    def numbers(self, prompt: str) -> list[int]:
        """Versions that there are."""
        found = [obj["spec"] for obj in self.desk.all(VERSIONS)]
        return sorted(spec["version"] for spec in found if spec["prompt"] == prompt)

    def maps(self, prompt: str = "") -> list[Json]:
        """ConfigMaps that workloads mount, of one prompt or of all."""
        found = self.desk.all(CONFIG_MAPS)
        starts = f"{prompt}." if prompt else ""
        names = [(obj["metadata"]["name"], obj) for obj in found]
        return [obj for name, obj in names if "." in name and name.startswith(starts)]
