"""What pages about one prompt read of the API server, as the person who looks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pydantic import ValidationError

from promptrelease.api.promptversion import PromptVersionSpec, version_name
from promptrelease.api.resources import CHANGES, EVALUATIONS, RELEASES, VERSIONS, Resource
from promptrelease.console.kube.client import Json, Kube, SignedOut
from promptrelease.console.kube.feed import Feeds, Summary
from promptrelease.content.files import Content
from promptrelease.release import wire_policy
from promptrelease.release.judge import MAX_DEPTH, judge
from promptrelease.release.model import Change, Problem, Verdict
from promptrelease.views.failures import Forbidden, NotFound

SOON = 1.0
"""Seconds that a page waits for a feed that is still being read, before it asks by itself."""


async def release_and_versions(kube: Kube, prompt: str) -> tuple[Json | None, list[Json]]:
    """A prompt's release, if there is one, and its versions. Raises NotFound: there is neither."""
    release, versions = await asyncio.gather(
        kube.find(RELEASES, prompt), kube.list(VERSIONS, fields=f"spec.prompt={prompt}")
    )
    if release is None and not versions:
        raise no_prompt(prompt, kube.namespace)
    return release, versions


async def known(
    feeds: Feeds, kube: Kube, prompt: str
) -> tuple[Json | None, Iterable[Json | Summary]]:
    """The same for those who look at many prompts: versions without their bodies, from the feed.

    What the feed has not heard of yet is asked for by name: whoever has just written a version
    finds it. Raises NotFound: there is neither.
    """
    try:
        feed = await feeds.of(kube, SOON, partly=True)
    except SignedOut:
        raise
    except Forbidden:  # to list all releases; they may see this one
        return await release_and_versions(kube, prompt)
    if not feed.complete or feed.behind:
        return await release_and_versions(kube, prompt)
    there: dict[int, Json | Summary] = dict(feed.versions.get(prompt, {}))
    release, newer = await asyncio.gather(
        kube.find(RELEASES, prompt), _from(kube, prompt, max(there, default=0) + 1)
    )
    there |= newer
    if release is None and not there:
        raise no_prompt(prompt, kube.namespace)
    return release, there.values()


async def _from(kube: Kube, prompt: str, number: int) -> dict[int, Json]:
    """Versions from a number on."""
    found: dict[int, Json] = {}
    while raw := await kube.find(VERSIONS, version_name(prompt, number)):
        found[number] = raw
        number += 1
    return found


async def version(kube: Kube, prompt: str, number: int) -> Json:
    """A version. Raises NotFound, with the newest that there are."""
    found = await kube.find(VERSIONS, version_name(prompt, number))
    if found is not None:
        return found
    listed = await kube.list(VERSIONS, fields=f"spec.prompt={prompt}")
    if not listed:
        raise no_prompt(prompt, kube.namespace)
    newest = sorted(v["spec"]["version"] for v in listed)[-5:]
    raise NotFound(
        f"there is no v{number} of {prompt}",
        f"the newest versions: {', '.join(f'v{n}' for n in newest)}",
    )


async def changes(kube: Kube, prompt: str) -> list[Change]:
    """The log of a prompt, in no order; it outlives the release."""
    found = await kube.list(CHANGES, fields=f"spec.release={prompt}")
    return [wire_policy.change(raw) for raw in found]


async def evaluations(kube: Kube) -> list[Json] | None:
    """All evaluations of the namespace; none where the person may not see them."""
    return await _if_allowed(kube, EVALUATIONS)


async def named_evaluations(kube: Kube, names: Iterable[str]) -> list[Json] | None:
    """Some evaluations, those that are gone apart; none where the person may not see them."""
    try:
        found = await asyncio.gather(*(kube.find(EVALUATIONS, name) for name in names))
    except SignedOut:
        raise
    except Forbidden:
        return None
    return [raw for raw in found if raw is not None]


async def resolved(kube: Kube, raw: Json) -> tuple[Content | None, Verdict]:
    """A version's content, its includes in place, by the operator's own judgement.

    Args:
        kube: by whom the versions that it includes are read.
        raw: the PromptVersion.

    """
    try:
        return await _resolved(kube, PromptVersionSpec.model_validate(raw["spec"]))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return None, Verdict(problems=(Problem("SpecInvalid", f"spec.{where}: {first['msg']}"),))


async def _resolved(kube: Kube, spec: PromptVersionSpec) -> tuple[Content | None, Verdict]:
    known: dict[tuple[str, int], PromptVersionSpec | None] = {}
    front = [spec]
    for _ in range(MAX_DEPTH + 1):
        wanted = {
            (one.prompt, one.version)
            for it in front
            for one in (it.includes or {}).values()
            if (one.prompt, one.version) not in known
        }
        read = await asyncio.gather(*(_spec(kube, *target) for target in wanted))
        known |= dict(zip(wanted, read, strict=True))
        front = [it for it in read if it is not None]
    found = await asyncio.to_thread(judge, spec, lambda *target: known.get(target))
    return found.content, found.verdict


async def _spec(kube: Kube, prompt: str, number: int) -> PromptVersionSpec | None:
    found = await kube.find(VERSIONS, version_name(prompt, number))
    return None if found is None else PromptVersionSpec.model_validate(found["spec"])


async def _if_allowed(kube: Kube, resource: Resource) -> list[Json] | None:
    try:
        return await kube.list(resource)
    except SignedOut:
        raise
    except Forbidden:
        return None


def no_prompt(prompt: str, namespace: str) -> NotFound:
    """The failure that there is no such prompt."""
    return NotFound(
        f"there is no prompt {prompt} in {namespace}",
        "it may be mistyped, or in another namespace: the list of prompts shows what there is",
    )
