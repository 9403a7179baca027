"""What is wrong with the prompts of a namespace.

Each function looks at one thing, in plain JSON, and says what it found: nothing here asks anybody.
``installation`` looks at what they need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from promptrelease.cli.output import age
from promptrelease.release import wire
from promptrelease.release.consumers import OPT_IN, usages
from promptrelease.release.model import Release, config_map_name
from promptrelease.release.times import moment
from promptrelease.views.look import overview

Json = Mapping[str, Any]

OK, WARN, BAD, SKIPPED = "ok", "warn", "bad", "skipped"

SPRAWL = 50
"""As many versions of a prompt that no label serves or goes back to are worth a word."""

MOST_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """What one look came to.

    Attributes:
        level: ``ok``, ``warn``, ``bad``, or ``skipped`` where one may not look.
        about: the thing that was looked at.
        what: what was found.
        todo: what to do about it; empty where there is nothing to do.

    """

    level: str
    about: str
    what: str
    todo: str = ""


def skipped(about: str, why: str) -> Finding:
    """Nobody may look."""
    return Finding(SKIPPED, about, why)


def code(findings: Iterable[Finding]) -> int:
    """Exit code: 1 where anything is bad."""
    return int(any(finding.level == BAD for finding in findings))


def plain(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """The same for a script."""
    return [asdict(finding) for finding in findings]


def prompts(releases: Iterable[Json], now: datetime, stuck: timedelta) -> Iterator[Finding]:
    """Prompts that are stalled, that wait for long, or that need to be evaluated again."""
    healthy = 0
    for raw in releases:
        release = wire.release(raw)
        found = overview.health(release)
        status = f"kubectl prompt status {release.name}"
        waiting = _since(release)
        if found.state == overview.STALLED:
            yield Finding(BAD, release.name, f"stalled: {found.message}", status)
        elif found.state == overview.WAITING and waiting and now - waiting >= stuck:
            for_ = age(_text(release), now)
            yield Finding(WARN, release.name, f"waits for {for_}: {found.message}", status)
        elif found.state == overview.READY:
            healthy += 1
        for condition in release.status.conditions:
            if condition.type == overview.NEEDS_REEVALUATION and condition.status == "True":
                yield Finding(
                    WARN,
                    release.name,
                    condition.message,
                    "evaluate them together: docs/evaluate.md; or move it again",
                )
    if healthy:
        yield Finding(OK, "prompts", f"{healthy} ready, and nothing is wrong with them")


def workloads(releases: Iterable[Json], pods: Sequence[Json]) -> Iterator[Finding]:
    """Pods that can't follow a move, or that follow a minute late."""
    opted_in = {
        pod["metadata"]["name"]
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get(OPT_IN) == "true"
    }
    following = 0
    slow: dict[str, list[str]] = {}
    for release in releases:
        name = release["metadata"]["name"]
        for label in (release.get("status") or {}).get("labels") or {}:
            for usage in usages(pods, config_map := config_map_name(name, label)):
                for fixed in usage.never:
                    yield Finding(
                        WARN,
                        f"pod {fixed.pod}",
                        f"container {fixed.container} takes {config_map} in by {fixed.reason}: it "
                        "keeps what it started with",
                        "mount the whole ConfigMap, without subPath: docs/workloads.md",
                    )
                if usage.mounted and usage.pod not in opted_in:
                    slow.setdefault(config_map, []).append(usage.pod)
                following += usage.mounted and usage.pod in opted_in
    for config_map, names in slow.items():
        yield Finding(
            WARN,
            f"pods of {config_map}",
            f"not told of moves, so that they follow within a minute or two: {some(names)}",
            f'give their template the label {OPT_IN}: "true"',
        )
    if following:
        are = "pod is" if following == 1 else "pods are"
        yield Finding(OK, "pods", f"{following} {are} told at once when what they mount moves")


def sprawl(versions: Iterable[Json], most: int = SPRAWL) -> Iterator[Finding]:
    """Prompts with many versions that nothing serves, goes back to or includes."""
    idle: Counter[str] = Counter()
    for version in versions:
        status = version.get("status") or {}
        idle[version["spec"]["prompt"]] += not any(
            status.get(field) for field in ("labels", "history", "includedBy")
        )
    for prompt, count in sorted(idle.items()):
        if count >= most:
            yield Finding(
                WARN,
                prompt,
                f"{count} versions that no label serves or may return to",
                "a PromptPolicy's retention deletes them: docs/govern.md",
            )


def invalid(versions: Iterable[Json], releases: Iterable[Json]) -> Iterator[Finding]:
    """The newest version of a prompt, where that can't be served: latest stays behind."""
    newest: dict[str, Json] = {}
    listed = list(versions)
    for version in listed:
        prompt, number = version["spec"]["prompt"], version["spec"]["version"]
        if prompt not in newest or number > newest[prompt]["spec"]["version"]:
            newest[prompt] = version
    released = {release["metadata"]["name"] for release in releases}
    included = {
        one["prompt"]
        for version in listed
        for one in (version["spec"].get("includes") or {}).values()
    }
    for prompt, version in sorted(newest.items()):
        for condition in (version.get("status") or {}).get("conditions") or ():
            if condition["type"] == "Valid" and condition["status"] == "False":
                yield Finding(
                    WARN,
                    version["metadata"]["name"],
                    f"the newest version is invalid: {condition.get('message', '')}",
                    f"create one without the mistake: kubectl prompt new {prompt}",
                )
        if prompt not in released and prompt not in included:
            yield Finding(
                WARN,
                prompt,
                "has versions and no PromptRelease: nothing of it is served",
                f"kubectl prompt promote {prompt} staging latest",
            )


def _text(release: Release) -> str:
    ready = [c for c in release.status.conditions if c.type == "Ready"]
    return ready[0].last_transition_time if ready else ""


def _since(release: Release) -> datetime | None:
    """Since when it has not been ready."""
    text = _text(release)
    return moment(text) if text else None


def some(names: Sequence[str]) -> str:
    """The first few of some names."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
