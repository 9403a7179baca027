"""People who work on several prompts at once and at random, and the cluster beside them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from faults.desk import Desk
from faults.edits import (
    SCORE,
    known,
    run_job,
)
from faults.observer import Json
from faults.prompts import (
    APPROVED,
    CANARY,
    EVALUATED,
    FREE,
    LABELS,
    PREFIX,
    PRODUCTION,
    STAGED,
    STAGING,
    VERSION,
    Prompts,
)
from harness.api import (
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    EVALUATIONS,
    JOBS,
    POLICIES,
    RELEASES,
    SUITES,
    VERSIONS,
    Refused,
    approval,
    release,
    suite,
    version,
)

FIRST = (1, 2, 3, 4)
BAD = {"score": 0.5, "baselineScore": 0.95, "text": "6 of 12"}
PATIENCE = 8.0
"""Seconds that a held move is waited for at the end, before it is taken back."""


@dataclass
class People:
    """All hands and all wishes in one namespace.

    Attributes:
        since: resource version from which on production asks for that.
        counts: how often what was done.
        refused: what the API server would not take, such as an edit of what has just gone.

    """

    there: Prompts
    choose: random.Random
    since: int = 0
    over: bool = False
    closed: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    _reason: int = 0
    _approvals: int = 0
    _run: set[str] = field(default_factory=set)
    _held: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def desk(self) -> Desk:
        """Where they work."""
        return self.there.desk

    async def prepare(self) -> None:
        """Prompts of all kinds, served and told of; then the rules, known to the operator."""
        desk = self.desk
        for prompt in self.there.rules:
            await desk.create(*(version(prompt, number) for number in FIRST))
            await desk.create(release(prompt, production=(1, "first"), staging=(1, "first")))
            self.there.highest[prompt] = FIRST[-1]
        await desk.until(lambda: not self.there.unwell(), "the beginning", 150)
        (judged,) = [prompt for prompt, rule in self.there.rules.items() if rule == EVALUATED]
        await desk.create(suite("quality", judged, accept=False, timeoutSeconds=600))
        asked = {
            APPROVED: {"approvals": {"count": 1}},
            STAGED: {"from": {"label": STAGING, "seconds": 1}},
            EVALUATED: {"evaluations": ["*"]},
        }
        for prompt, rule in self.there.rules.items():
            if rule in asked:
                await known(
                    *(desk, prompt),
                    prompt=prompt,
                    prompts=[prompt],
                    labels=[PRODUCTION],
                    require=asked[rule],
                )
        self.since = max(event.at for event in desk.observer.events(desk.namespace))

    async def work(self) -> None:
        """Edit after edit, until it is ``over``: none is broken off."""
        chances: dict[Callable[[], Awaitable[bool]], float] = {
            self.promote: 8,
            self.promote_several: 2,
            self.withdraw: 1,
            self.publish: 2,
            self.discard: 1,
            self.edit: 2,
            self.remove: 1,
            self.approve: 3,
            self.end_release: 0.1,
        }
        while not self.over:
            await asyncio.sleep(self.choose.choice((0.02, 0.1, 0.3, 0.6, 1.2)))
            (do,) = self.choose.choices(list(chances), list(chances.values()))
            await self._try(do)

    async def serve_cluster(self) -> None:
        """Be the Job controller and the garbage collector, until the namespace is ``closed``."""
        while not self.closed:
            await asyncio.sleep(0.3)
            await self._try(self.run_jobs)
            await self._try(self.collect)

    async def _try(self, do: Callable[[], Awaitable[bool]]) -> None:
        name = do.__name__
        try:
            self.counts[name] += await do()
        except Refused as error:
            self.refused[f"{name}: {error.status}"] += 1
        except aiohttp.ClientError as error:
            self.refused[f"{name}: {type(error).__name__}"] += 1

    # What they do; each says whether it has done anything

    async def promote(self) -> bool:
        """Move one label to another version, further or back."""
        return await self._move(self.choose.choice(LABELS))

    async def promote_several(self) -> bool:
        """Move some labels in one edit."""
        return await self._move(*self.choose.sample(LABELS, self.choose.choice((2, 3))))

    async def _move(self, *labels: str) -> bool:
        prompt, wanted = self._some_prompt()
        numbers = self.there.numbers(prompt)
        number = self.choose.choice(numbers)
        edit = {
            label: self._wish(self.choose.choice((number, self.choose.choice(numbers))))
            for label in labels
        }
        edit = {k: v for k, v in edit.items() if wanted.get(k, {}).get("version") != v["version"]}
        if edit:
            await self.desk.merge(RELEASES, prompt, {"spec": {"labels": edit}})
        return bool(edit)

    async def withdraw(self) -> bool:
        """Take a label away."""
        prompt, wanted = self._some_prompt()
        label = self.choose.choice((STAGING, CANARY))
        if label in wanted:
            await self.desk.withdraw(prompt, label)
        return label in wanted

    async def publish(self) -> bool:
        """Create a version, which latest follows."""
        prompt, _ = self._some_prompt()
        self.there.highest[prompt] += 1
        await self.desk.create(version(prompt, self.there.highest[prompt]))
        return True

    async def discard(self) -> bool:
        """Delete a version that nobody wants and nobody serves."""
        prompt, wanted = self._some_prompt()
        used = {its["version"] for its in wanted.values()} | {self.there.highest[prompt], *FIRST}
        used |= {int(obj["metadata"]["labels"][VERSION]) for obj in self.there.maps(prompt)}
        spare = [number for number in self.there.numbers(prompt) if number not in used]
        if spare:
            await self.desk.delete(VERSIONS, f"{prompt}-v{self.choose.choice(spare)}")
        return bool(spare)

    async def edit(self) -> bool:
        """Change a ConfigMap by hand."""
        maps = self.there.maps()
        name = self.choose.choice(maps)["metadata"]["name"] if maps else ""
        edits: tuple[Json, ...] = (
            {"data": {"prompt.txt": "edited"}},
            {"data": {"prompt.txt": "edited", "more.txt": "added"}},
            {"data": {"metadata.json": None}},
            {"metadata": {"labels": {VERSION: "77"}}},
        )
        change = self.choose.choice(edits)
        is_safe = bool(name) and ("data" in change or self._is_written_down(name))
        if is_safe:
            seen = self.desk.get(CONFIG_MAPS, name)["metadata"]["resourceVersion"]
            meta = {**change.get("metadata", {}), "resourceVersion": seen}
            await self.desk.merge(CONFIG_MAPS, name, {**change, "metadata": meta})
        return is_safe

    async def remove(self) -> bool:
        """Delete a ConfigMap by hand."""
        maps = self.there.maps()
        name = self.choose.choice(maps)["metadata"]["name"] if maps else ""
        is_safe = bool(name) and self._is_written_down(name)
        if is_safe:
            await self.desk.delete(CONFIG_MAPS, name, as_seen=True)
        return is_safe

    def _is_written_down(self, name: str) -> bool:
        """Whether the log has what a ConfigMap serves.

        Until then the ConfigMap alone tells of it: who destroys it between a crash and the start
        of the next operator destroys the entry.
        """
        its = self.desk.get(CONFIG_MAPS, name)["metadata"]["annotations"]
        waits = [change["revision"] for change in json.loads(its.get(f"{PREFIX}backlog") or "[]")]
        all_of_it = (*waits, its[f"{PREFIX}revision"])
        return all(self.desk.get(CHANGES, f"{name}.{revision}") for revision in all_of_it)

    async def approve(self) -> bool:
        """Approve what waits for it."""
        for prompt in self.there.names():
            labels = self.desk.get(RELEASES, prompt).get("status", {}).get("labels", {})
            pending = labels.get(PRODUCTION, {}).get("pending", {})
            if self.there.rules[prompt] != APPROVED or "digest" not in pending:
                continue
            self._approvals += 1
            name, where = f"fine-{self._approvals}", {"release": prompt, "label": PRODUCTION}
            await self.desk.create(approval(name, pending, "bob", **where))
            return True
        return False

    async def end_release(self) -> bool:
        """Delete a release that is as it should be; the last ones stay."""
        prompt, _ = self._some_prompt()
        if len(self.there.names()) < len(self.there.rules) or self.there.unwell_of(prompt):
            return False
        self.there.gone.add(self.desk.get(RELEASES, prompt)["metadata"]["uid"])
        await self.desk.delete(RELEASES, prompt)
        return True

    # What the cluster does

    async def run_jobs(self) -> bool:
        """Have the pod of a Job end, mostly well."""
        for job in self.desk.all(JOBS):
            name = job["metadata"]["name"]
            if name not in self._run:
                self._run.add(name)
                await run_job(self.desk, name, self.choose.choice((SCORE, SCORE, SCORE, BAD)))
                return True
        return False

    async def collect(self) -> bool:
        """Delete a ConfigMap whose release is deleted."""
        for obj in self.there.maps():
            owners = {owner["uid"] for owner in obj["metadata"].get("ownerReferences", ())}
            if owners & self.there.gone:
                await self.desk.delete(CONFIG_MAPS, obj["metadata"]["name"])
                return True
        return False

    # The end

    async def finish(self, seconds: float) -> list[str]:
        """Open what is held, or take the wish back, until all is well; returns what never is."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while unwell := self.there.unwell():
            if loop.time() > end:
                return unwell
            await self._try(self.approve)
            await self._try(self._take_back)
            await self.desk.observer.news(self.desk.namespace, 0.3)
        return []

    async def _take_back(self) -> bool:
        now = asyncio.get_running_loop().time()
        for prompt in self.there.names():
            obj = self.desk.get(CONFIG_MAPS, f"{prompt}.{PRODUCTION}")
            number = int(obj["metadata"]["labels"][VERSION]) if obj else 0
            wanted = self.there.labels(prompt)[PRODUCTION]
            held = (prompt, str(wanted))
            is_held = wanted["version"] != number and number in self.there.numbers(prompt)
            if not is_held or self.there.rules[prompt] == FREE:
                continue
            if now - self._held.setdefault(held, now) > PATIENCE:
                edit = {"spec": {"labels": {PRODUCTION: self._wish(number)}}}
                await self.desk.merge(RELEASES, prompt, edit)
                return True
        return False

    async def clear(self) -> None:
        """Delete all there is."""
        desk, loop = self.desk, asyncio.get_running_loop()
        kinds = (RELEASES, SUITES, JOBS, EVALUATIONS, POLICIES, APPROVALS, CONFIG_MAPS)
        empty = 0.0
        while not empty or loop.time() - empty < 1.0:
            if desk.observer.now(desk.namespace):
                for kind in (*kinds, VERSIONS, CHANGES, "pods", "events"):
                    await desk.clear(kind)
                empty = 0.0
            else:
                empty = empty or loop.time()
            await desk.observer.news(desk.namespace, 0.2)

    def _some_prompt(self) -> tuple[str, dict[str, Json]]:
        prompt = self.choose.choice(self.there.names())
        return prompt, self.there.labels(prompt)

    def _wish(self, number: int) -> Json:
        self._reason += 1
        return {"version": number, "reason": f"wish {self._reason}", "by": "mia"}
