"""Across prompts: suites, what they found out, and what stands beside a prompt on its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from promptrelease.release import graph, wire_evaluation
from promptrelease.release.evaluation import Bench, Evaluation, Member, Suite
from promptrelease.release.model import Release, View
from promptrelease.release.moves import proposal
from promptrelease.release.scene import Scene, chain_problem, moved_upstreams
from promptrelease.state.labels import Labels

Json = dict[str, Any]
Key = tuple[str, str]


class Scenes:
    """What concerns more than one prompt.

    Args:
        dirty: called with the key of each prompt about which something has changed.
        alone: what is known of a prompt by itself.

    Attributes:
        listing: true while everything is being taken in, and will be looked at anyway: who is
            concerned by what is not asked for each of 100,000 objects.

    """

    def __init__(self, dirty: Callable[[Key], None], alone: Callable[[Key], View]) -> None:
        self._dirty = dirty
        self._alone = alone
        self.listing = False
        self._labels = Labels()
        # Namespace to suites by name, and to evaluations by suite and name.
        self._suites: dict[str, dict[str, Suite]] = {}
        self._evaluations: dict[str, dict[str, dict[str, Evaluation]]] = {}

    def completed(self, view: View) -> View:
        """A view with all that other prompts have to do with it."""
        if view.release is None:
            return view
        namespace, name = view.namespace, view.prompt
        asked = {label for label in view.release.labels if self._asks(view, label)}
        suites = self._suites.get(namespace, {}).values()
        for label in {label for suite in suites for label in suite.evaluate_on}:
            if name in self._labels.served((namespace, label)):
                asked.add(label)
        moved, problems = {}, {}
        for label, wanted in view.release.labels.items():
            here = self._labels.served((namespace, label)).get(name)
            chained = [here] if here is not None and here.consumes else []
            version = view.versions.get(wanted.version)
            if version is not None and version.consumes:
                chained.append(Member(name, version.number, "", version.consumes))
            if not chained:
                continue
            scene = self._scene(namespace, label)
            if found := moved_upstreams(scene, name, self._order(namespace, label, name)):
                moved[label] = found
            for member in chained:
                if problem := chain_problem(scene, member):
                    problems[member.version] = problem
        return replace(
            view,
            scenes={label: self._scene(namespace, label) for label in sorted(asked)},
            moved_upstreams=moved,
            chain_problems=problems,
        )

    # What is served and wanted

    def looked_at(self, view: View, label: str) -> None:
        """What a prompt serves under a label, or wants to, may have changed."""
        place = (view.namespace, label)
        config_map = view.config_maps.get(label)
        member = None
        if config_map is not None and config_map.served is not None:
            number = config_map.served.version
            version = view.versions.get(number)
            consumes = version.consumes if version is not None else ()
            member = Member(view.prompt, number, config_map.served.digest, consumes)
        changed = self._labels.serve(place, view.prompt, member)
        wanted = view.release.labels.get(label) if view.release is not None else None
        # By number: that a version was made anew shows when it is looked at.
        waits = wanted is not None and (member is None or member.version != wanted.version)
        if self._labels.wait(place, view.prompt, waits) or changed:
            self.stir(place, view.prompt)

    def wants(self, before: Release | None, view: View) -> None:
        """Where a release's labels shall point may have changed."""
        old = dict(before.labels) if before is not None else {}
        new = dict(view.release.labels) if view.release is not None else {}
        for label in old.keys() | new.keys():
            if old.get(label) != new.get(label):
                self.looked_at(view, label)
                if view.prompt in self._labels.waiting((view.namespace, label)):
                    self.stir((view.namespace, label), view.prompt)

    def stir(self, place: tuple[str, str], prompt: str) -> None:
        """Something has changed under a label: whoever waits there or consumes it is concerned."""
        self._labels.stir(place)
        if self.listing:
            return
        # Moves wait for one another where suites judge them together, and nowhere else: of 2,000
        # moves at once each would have all others looked at.
        if self._suites.get(place[0]):
            for name in self._labels.waiting(place):
                self._dirty((place[0], name))
        for key in self.downstream(place, prompt):
            self._dirty(key)

    def downstream(self, place: tuple[str, str], prompt: str) -> Iterator[Key]:
        """Who consumes a prompt's output there, directly or not."""
        if not self._labels.anybody_consumes(place):
            return
        known = self._labels.graph(place)
        if prompt in known.consumers:
            for name in graph.downstream(known, {prompt}):
                yield place[0], name

    # Suites

    def put_suite(self, suite: Suite, namespace: str) -> None:
        """Take in a suite."""
        self._suites.setdefault(namespace, {})[suite.name] = suite

    def drop_suite(self, namespace: str, name: str, uid: str) -> bool:
        """Forget a suite, if that is the one that is known."""
        suites = self._suites.get(namespace, {})
        if name not in suites or suites[name].uid != uid:
            return False
        del suites[name]
        return True

    def suite(self, namespace: str, name: str) -> Suite | None:
        """A suite, if there is one of that name."""
        return self._suites.get(namespace, {}).get(name)

    def suites(self) -> Iterator[tuple[Key, Suite]]:
        """Every suite, by its namespace and name."""
        for namespace, suites in self._suites.items():
            for suite in suites.values():
                yield (namespace, suite.name), suite

    # Evaluations

    def put_evaluation(self, obj: Json) -> None:
        """Take in a PromptEvaluation."""
        namespace = obj["metadata"]["namespace"]
        found = wire_evaluation.evaluation(obj)
        self._evaluations.setdefault(namespace, {}).setdefault(found.suite, {})[found.name] = found
        self._concerns(namespace, found.candidate)

    def drop_evaluation(self, namespace: str, name: str, uid: str) -> None:
        """Forget an evaluation: its question may be asked again."""
        for of_suite in self._evaluations.get(namespace, {}).values():
            if name in of_suite and of_suite[name].uid == uid:
                self._concerns(namespace, of_suite.pop(name).candidate)

    def evaluation(self, namespace: str, name: str) -> Evaluation | None:
        """An evaluation, if there is one of that name."""
        found = (one.get(name) for one in self._evaluations.get(namespace, {}).values())
        return next((evaluation for evaluation in found if evaluation is not None), None)

    def evaluations(self) -> Iterator[tuple[Key, Evaluation]]:
        """Every evaluation, by its namespace and name."""
        for namespace, suites in self._evaluations.items():
            for of_suite in suites.values():
                for evaluation in of_suite.values():
                    yield (namespace, evaluation.name), evaluation

    def _concerns(self, namespace: str, members: Iterable[Member]) -> None:
        for member in members:
            self._dirty((namespace, member.prompt))

    def _asks(self, view: View, label: str) -> bool:
        """Whether suites have a say in what a prompt wants under a label."""
        return view.prompt in self._labels.waiting((view.namespace, label)) and any(
            policy.evaluations and policy.governs(view.prompt, label) for policy in view.policies
        )

    def _scene(self, namespace: str, label: str) -> Scene:
        place = (namespace, label)
        now = datetime.now(timezone.utc)
        proposals = {}
        for name in sorted(self._labels.waiting(place)):
            alone = replace(self._alone((namespace, name)), scenes=None)
            if found := proposal(alone, label, now):
                proposals[name] = found
        suites = self._suites.get(namespace, {})
        evaluations = self._evaluations.get(namespace, {})
        baselines = {suite.baseline for suite in suites.values()}
        return Scene(
            label=label,
            served=self._labels.served(place),
            graph=self._labels.graph(place),
            proposals=proposals,
            bench=Bench(suites, {name: found.values() for name, found in evaluations.items()}),
            baselines={name: self._labels.served((namespace, name)) for name in baselines},
            quiet_since=self._labels.quiet_since(place),
        )

    def _order(self, namespace: str, label: str, prompt: str) -> dict[str, int]:
        """When a prompt and all upstream of it moved last: see ``moved_upstreams``."""
        result = {}
        known = self._labels.graph((namespace, label))
        for name in (prompt, *graph.upstream(known, {prompt})):
            entries = self._alone((namespace, name)).log.get(label, ())
            if entries and (name == prompt or entries[0].before is not None):
                result[name] = entries[0].order
        return result
