"""Across prompts: what each label of a namespace serves, who waits there, and who consumes whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone

from promptrelease.release import graph
from promptrelease.release.evaluation import Member
from promptrelease.release.graph import Graph

Place = tuple[str, str]
"""Namespace and label."""


class Labels:
    """An index over the store, by namespace and label."""

    def __init__(self) -> None:
        self._served: dict[Place, dict[str, Member]] = {}
        self._waiting: dict[Place, set[str]] = {}
        self._graphs: dict[Place, Graph] = {}
        self._changed: dict[Place, datetime] = {}
        # How many there consume anything.
        self._consuming: Counter[Place] = Counter()

    def served(self, place: Place) -> Mapping[str, Member]:
        """Prompt to what it serves there."""
        return self._served.get(place, {})

    def all_served(self, namespace: str) -> dict[str, Mapping[str, Member]]:
        """Label to prompt to what it serves."""
        return {label: served for (ns, label), served in self._served.items() if ns == namespace}

    def waiting(self, place: Place) -> frozenset[str]:
        """Prompts that are wanted there at another version than they serve."""
        return frozenset(self._waiting.get(place, ()))

    def quiet_since(self, place: Place) -> datetime:
        """When anything last changed there."""
        return self._changed.get(place, datetime.fromtimestamp(0, timezone.utc))

    def anybody_consumes(self, place: Place) -> bool:
        """Whether anything served there takes in another prompt's output; no graph is built."""
        return self._consuming[place] > 0

    def graph(self, place: Place) -> Graph:
        """Who consumes whom among what is served there."""
        found = self._graphs.get(place)
        if found is None:
            members = self._served.get(place, {})
            found = graph.build({prompt: member.consumes for prompt, member in members.items()})
            self._graphs[place] = found
        return found

    def serve(self, place: Place, prompt: str, member: Member | None) -> bool:
        """Note what a prompt serves there now, or (none) that it serves nothing; true if new."""
        served = self._served.setdefault(place, {})
        old = served.get(prompt)
        consumed = (old is None, old and old.consumes) == (
            member is None,
            member and member.consumes,
        )
        if old == member and consumed:
            return False
        self._consuming[place] += _consumes(member) - _consumes(old)
        if member is None:
            del served[prompt]
        else:
            served[prompt] = member
        if not consumed:
            self._graphs.pop(place, None)
        if not served:
            del self._served[place]
        return True

    def wait(self, place: Place, prompt: str, waits: bool) -> bool:
        """Note whether a prompt waits to be moved there; true if that is new."""
        waiting = self._waiting.setdefault(place, set())
        if waits == (prompt in waiting):
            return False
        (waiting.add if waits else waiting.discard)(prompt)
        if not waiting:
            del self._waiting[place]
        return True

    def stir(self, place: Place) -> None:
        """Note that something has changed there."""
        self._changed[place] = datetime.now(timezone.utc)


def _consumes(member: Member | None) -> bool:
    return member is not None and bool(member.consumes)
