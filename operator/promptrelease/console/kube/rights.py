"""What a person may do, asked of the API server before they try, and remembered for seconds.

Nothing hangs on it but what pages offer: whatever is done, is done as the person, and the API
server decides again.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from promptrelease.api.resources import APPROVALS, RELEASES, VERSIONS, Resource
from promptrelease.console.identity.person import Person
from promptrelease.console.kube.client import Kube

SECONDS = 10.0
"""How long a yes is remembered."""

NO_SECONDS = 2.0
"""How long a no is: people try again once they have been given a right."""

MOST = 20_000
"""Answers that are remembered at most."""

Question = tuple[Person, str, str, str, str, str]


@dataclass
class Remembered:
    """Answers to access reviews of everybody; one for the program.

    Args:
        seconds: how long a yes holds.

    """

    seconds: float = SECONDS
    _answers: OrderedDict[Question, tuple[float, bool]] = field(default_factory=OrderedDict)
    _asked: dict[Question, asyncio.Task[bool]] = field(default_factory=dict)

    def of(self, kube: Kube) -> Rights:
        """What this person may do in this namespace."""
        return Rights(kube, self)

    async def may(
        self, kube: Kube, verb: str, resource: Resource, name: str = "", subresource: str = ""
    ) -> bool:
        """Whether a person may do something. Raises what ``Kube.request`` does."""
        question = (kube.person, kube.namespace, verb, resource.plural, name, subresource)
        known = self._answers.get(question)
        now = time.monotonic()
        if known is not None and now < known[0]:
            return known[1]
        # What is being asked already is not asked again; nobody's leaving takes it from others.
        task = self._asked.get(question)
        if task is None:
            task = asyncio.create_task(kube.may(verb, resource, name, subresource))
            self._asked[question] = task
            task.add_done_callback(lambda done: self._answered(question, now, done))
        return await asyncio.shield(task)

    def _answered(self, question: Question, asked: float, task: asyncio.Task[bool]) -> None:
        if self._asked.get(question) is not task:  # they have signed out meanwhile
            return
        del self._asked[question]
        if task.cancelled() or task.exception() is not None:
            return
        # From when it was asked, not from when the answer came.
        seconds = self.seconds if task.result() else NO_SECONDS
        self._answers[question] = asked + seconds, task.result()
        self._answers.move_to_end(question)
        now = time.monotonic()
        while self._answers and (
            len(self._answers) > MOST or next(iter(self._answers.values()))[0] < now
        ):
            self._answers.popitem(last=False)

    def forget(self, person: Person) -> None:
        """Forget what somebody may do: they have signed out."""
        for known in (self._answers, self._asked):
            for question in [it for it in known if it[0] == person]:
                del known[question]


@dataclass(frozen=True)
class Rights:
    """What one person may do in one namespace.

    Each question is about rights alone: a policy, an obstacle or somebody else may still be in
    the way. ``label`` may be one that does not exist yet.
    """

    kube: Kube
    remembered: Remembered

    async def promote(self, prompt: str, label: str) -> bool:
        """Whether they may point a label to any version."""
        return await self._edit(prompt) and await self._verb("promote", prompt, label)

    async def rollback(self, prompt: str, label: str) -> bool:
        """Whether they may point a label back to a version that it has served."""
        return await self._edit(prompt) and any(
            await asyncio.gather(
                self._verb("rollback", prompt, label), self._verb("promote", prompt, label)
            )
        )

    async def withdraw(self, prompt: str, label: str) -> bool:
        """Whether they may remove a label."""
        return await self._edit(prompt) and await self._verb("withdraw", prompt, label)

    async def approve(self, prompt: str, label: str) -> bool:
        """Whether they may approve and deny moves of a label; their own may be excluded."""
        may_create = await self.may("create", APPROVALS)
        return may_create and await self._verb("approve", prompt, label)

    async def break_glass(self, prompt: str, label: str) -> bool:
        """Whether they may move a label past its gates."""
        return await self._edit(prompt) and await self._verb("breakglass", prompt, label)

    async def create_version(self) -> bool:
        """Whether they may write a version of any prompt."""
        return await self.may("create", VERSIONS)

    async def create_release(self) -> bool:
        """Whether they may make the release of a new prompt."""
        return await self.may("create", RELEASES)

    async def may(
        self, verb: str, resource: Resource, name: str = "", subresource: str = ""
    ) -> bool:
        """Any other question."""
        return await self.remembered.may(self.kube, verb, resource, name, subresource)

    async def _edit(self, prompt: str) -> bool:
        # Asked first: most people may look alone, and nothing else is asked for them.
        return await self._of_release("patch", prompt)

    async def _verb(self, verb: str, prompt: str, label: str) -> bool:
        return await self._of_release(verb, prompt, label)

    async def _of_release(self, verb: str, prompt: str, subresource: str = "") -> bool:
        """Whether with all releases, which is remembered for all of them, or else with this one."""
        return await self.may(verb, RELEASES, "", subresource) or await self.may(
            verb, RELEASES, prompt, subresource
        )
