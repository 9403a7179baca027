"""What is known of the cluster, by prompt, in plain values and without bodies.

Watches and our own writes both come in here; of two states of an object the newer one stays, so
that a late event never takes back what a write's answer already told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from promptrelease.release import wire, wire_evaluation, wire_policy
from promptrelease.release.consumers import Consumers
from promptrelease.release.evaluation import Evaluation, Suite
from promptrelease.release.model import (
    Change,
    ConfigMap,
    Obstacle,
    Release,
    Served,
    Verdict,
    Version,
    View,
)
from promptrelease.release.policy import Approval, Policy
from promptrelease.state.history import History
from promptrelease.state.scenes import Scenes

Key = tuple[str, str]
"""Namespace and prompt."""

Json = dict[str, Any]
Target = tuple[str, str, int]
"""Namespace, prompt and number of a version."""


@dataclass(slots=True)
class _Prompt:
    release: Release | None = None
    versions: dict[int, Version] = field(default_factory=dict)
    config_maps: dict[str, ConfigMap] = field(default_factory=dict)
    obstacles: dict[str, Obstacle] = field(default_factory=dict)
    written: dict[str, Served] = field(default_factory=dict)
    consumers: dict[str, Consumers] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)
    history: History = field(default_factory=History)
    doubts: int = 0  # how often what its versions include has changed

    def forget(self) -> None:
        """What was learnt about one release says nothing of its successor."""
        self.obstacles.clear()
        self.written.clear()
        self.consumers.clear()

    @property
    def only_logged(self) -> bool:
        return not (self.release or self.versions or self.config_maps)

    @property
    def empty(self) -> bool:
        # A log outlives all that it tells of: revisions must never be given out again.
        return self.only_logged and not (self.approvals or self.history.entries)


class Store:
    """All prompts that are known.

    Args:
        dirty: called with the key of each prompt about which something has changed.
        later: the same where the change moves no label by itself, such as of a status; ``dirty``
            when there is none.

    """

    def __init__(
        self, dirty: Callable[[Key], None], later: Callable[[Key], None] | None = None
    ) -> None:
        self._dirty = dirty
        self._later = later or dirty
        self._prompts: dict[Key, _Prompt] = {}
        # An included version to the versions that take it in.
        self._includers: dict[Target, set[Target]] = {}
        # Namespace to policies by name.
        self._policies: dict[str, dict[str, Policy]] = {}
        self.scenes = Scenes(dirty, self.alone)

    def __contains__(self, key: Key) -> bool:
        return key in self._prompts

    def keys(self) -> list[Key]:
        """Every prompt of which there is a release, a version or a ConfigMap."""
        return list(self._prompts)

    def view(self, key: Key) -> View:
        """Everything known of a prompt, and of others as far as it concerns this one."""
        return self.scenes.completed(self.alone(key))

    def alone(self, key: Key) -> View:
        """Everything known of a prompt, and nothing of others: cheaper."""
        prompt = self._prompts.get(key) or _Prompt()
        return View(
            namespace=key[0],
            prompt=key[1],
            release=prompt.release,
            versions=prompt.versions,
            config_maps=prompt.config_maps,
            obstacles=prompt.obstacles,
            written=prompt.written,
            consumers=prompt.consumers,
            policies=tuple(self._policies.get(key[0], {}).values()),
            approvals=tuple(prompt.approvals.values()),
            log=prompt.history.entries,
            older=prompt.history.older,
            logged_revision=prompt.history.revision,
            includers=self._names_of_includers(key, prompt),
        )

    # Releases

    def put_release(self, obj: Json) -> None:
        """Take in a PromptRelease."""
        key = key_of(obj)
        prompt = self._at(key)
        if prompt.release is None or _newer(obj, prompt.release):
            if prompt.release is not None and prompt.release.uid != obj["metadata"]["uid"]:
                prompt.forget()
            before, prompt.release = prompt.release, wire.release(obj)
            if before is not None and _wants_the_same(before, prompt.release):
                self._later(key)
                return
            self._dirty(key)
            self.scenes.wants(before, self.alone(key))

    def drop_release(self, namespace: str, name: str, uid: str) -> None:
        """Forget a PromptRelease."""
        prompt = self._prompts.get((namespace, name))
        if prompt and prompt.release and prompt.release.uid == uid:
            before, prompt.release = prompt.release, None
            prompt.forget()
            self.scenes.wants(before, self.alone((namespace, name)))
            self._changed((namespace, name))

    def releases(self) -> Iterator[tuple[Key, Release]]:
        """Every release."""
        for key, prompt in self._prompts.items():
            if prompt.release is not None:
                yield key, prompt.release

    # Versions

    def put_version(self, obj: Json) -> None:
        """Take in a PromptVersion."""
        namespace, name = obj["metadata"]["namespace"], obj["spec"]["prompt"]
        prompt = self._at((namespace, name))
        new = wire.version(obj)
        old = prompt.versions.get(new.number)
        if old is not None and old.uid == new.uid:
            if not _newer(obj, old):
                return
            # Its spec can't have changed: what we found out about it stays.
            prompt.versions[new.number] = replace(new, verdict=old.verdict)
            self._later((namespace, name))
            return
        prompt.versions[new.number] = new
        target = (namespace, name, new.number)
        for included in new.includes:
            self._includers.setdefault((namespace, *included), set()).add(target)
            self._later((namespace, included[0]))
        self._dirty((namespace, name))
        self._doubt_includers(target)
        for label in prompt.config_maps:
            self.scenes.looked_at(self.alone((namespace, name)), label)

    def drop_version(self, namespace: str, prompt_name: str, number: int, uid: str) -> None:
        """Forget a PromptVersion."""
        prompt = self._prompts.get((namespace, prompt_name))
        old = prompt.versions.get(number) if prompt else None
        if prompt is None or old is None or old.uid != uid:
            return
        del prompt.versions[number]
        target = (namespace, prompt_name, number)
        for included in old.includes:
            includers = self._includers.get((namespace, *included), set())
            includers.discard(target)
            if not includers:
                self._includers.pop((namespace, *included), None)
            self._dirty((namespace, included[0]))
        self._changed((namespace, prompt_name))
        self._doubt_includers(target)

    def doubts(self, key: Key) -> int:
        """How often what a prompt's versions include has changed so far."""
        return self._prompts[key].doubts if key in self._prompts else 0

    def set_verdict(
        self, key: Key, uid: str, number: int, verdict: Verdict | None, doubts: int | None = None
    ) -> None:
        """Note what was found out about a version, or (none) that it must be looked at again.

        ``doubts`` is what that was when one began to look: with another number by now, what was
        found out may be of before, and the prompt gets another turn instead.
        """
        if doubts is not None and doubts != self.doubts(key):
            self._dirty(key)
            return
        version = self._at(key).versions.get(number)
        if version is None or version.uid != uid or version.verdict == verdict:
            return
        self._at(key).versions[number] = replace(version, verdict=verdict)
        self._dirty(key)

    def versions(self) -> Iterator[tuple[Key, Version]]:
        """Every version."""
        for key, prompt in self._prompts.items():
            for version in prompt.versions.values():
                yield key, version

    # ConfigMaps

    def put_config_map(self, obj: Json) -> None:
        """Take in a ConfigMap that bears our label; under a name that isn't ours it is nothing."""
        config_map = wire.config_map(obj)
        if not config_map.label:
            return
        key = (obj["metadata"]["namespace"], wire.release_and_label(config_map.name)[0])
        prompt = self._at(key)
        old = prompt.config_maps.get(config_map.label)
        if old is not None and old.uid == config_map.uid and not _newer(obj, old):
            return
        prompt.config_maps[config_map.label] = config_map
        prompt.obstacles.pop(config_map.label, None)
        (self._later if _is_next(old, config_map) else self._dirty)(key)
        self.scenes.looked_at(self.alone(key), config_map.label)

    def drop_config_map(self, namespace: str, name: str, uid: str) -> None:
        """Forget a ConfigMap."""
        prompt_name, label = wire.release_and_label(name)
        prompt = self._prompts.get((namespace, prompt_name))
        if prompt and label in prompt.config_maps and prompt.config_maps[label].uid == uid:
            del prompt.config_maps[label]
            prompt.obstacles.pop(label, None)
            prompt.consumers.pop(label, None)
            self.scenes.looked_at(self.alone((namespace, prompt_name)), label)
            self._changed((namespace, prompt_name))

    def config_maps(self) -> Iterator[tuple[Key, ConfigMap]]:
        """Every ConfigMap of ours."""
        for key, prompt in self._prompts.items():
            for config_map in prompt.config_maps.values():
                yield key, config_map

    def set_obstacle(self, key: Key, label: str, obstacle: Obstacle | None) -> None:
        """Note why a label's ConfigMap could not be written, or (none) that it was."""
        obstacles = self._at(key).obstacles
        if obstacle is None:
            obstacles.pop(label, None)
        else:
            obstacles[label] = obstacle

    def set_written(self, key: Key, label: str, served: Served | None) -> None:
        """Note what was served under a label, or (none) that it was withdrawn."""
        if served is None:
            self._at(key).written.pop(label, None)
        else:
            self._at(key).written[label] = served

    def set_consumers(self, key: Key, label: str, consumers: Consumers) -> None:
        """Note who was told of a label's move."""
        self._at(key).consumers[label] = consumers
        self._later(key)

    # Policies, approvals and the change log

    def put_policy(self, obj: Json) -> None:
        """Take in a PromptPolicy: whatever waits in its namespace is asked about again."""
        namespace = obj["metadata"]["namespace"]
        policies = self._policies.setdefault(namespace, {})
        old = policies.get(obj["metadata"]["name"])
        if old is None or _newer(obj, old):
            policies[obj["metadata"]["name"]] = wire_policy.policy(obj)
            self._policies_changed(namespace)

    def drop_policy(self, namespace: str, name: str, uid: str) -> None:
        """Forget a PromptPolicy."""
        policies = self._policies.get(namespace, {})
        if name in policies and policies[name].uid == uid:
            del policies[name]
            self._policies_changed(namespace)

    def policies(self) -> Iterator[tuple[Key, Policy]]:
        """Every policy, by its namespace and name."""
        for namespace, policies in self._policies.items():
            for policy in policies.values():
                yield (namespace, policy.name), policy

    def put_approval(self, obj: Json) -> None:
        """Take in a PromptApproval. Its release may not exist yet."""
        key = (obj["metadata"]["namespace"], obj["spec"]["release"])
        approvals = self._at(key).approvals
        old = approvals.get(obj["metadata"]["name"])
        if old is None or _newer(obj, old):
            approvals[obj["metadata"]["name"]] = wire_policy.approval(obj)
            self._dirty(key)
            self.scenes.stir((key[0], obj["spec"]["label"]), key[1])

    def drop_approval(self, key: Key, name: str, uid: str) -> None:
        """Forget a PromptApproval of that prompt."""
        prompt = self._prompts.get(key)
        if prompt and name in prompt.approvals and prompt.approvals[name].uid == uid:
            label = prompt.approvals.pop(name).label
            self._changed(key)
            self.scenes.stir((key[0], label), key[1])

    def approvals(self) -> Iterator[tuple[Key, Approval]]:
        """Every approval, by the prompt that it is about."""
        for key, prompt in self._prompts.items():
            for approval in prompt.approvals.values():
                yield key, approval

    def put_change(self, obj: Json) -> None:
        """Take in a PromptChange. It never changes, and its end is no news: the log only grows."""
        self.add_change(obj["metadata"]["namespace"], wire_policy.change(obj))

    def add_change(self, namespace: str, change: Change) -> None:
        """Note that a change is written down."""
        key = (namespace, change.release)
        if self._at(key).history.add(change):
            self._later(key)
            for consumer in self.scenes.downstream((namespace, change.label), change.release):
                self._later(consumer)

    def drop_change(self, namespace: str, name: str) -> None:
        """Forget a change, once nothing is left of its prompt but the log.

        Before that it is still known that it was written down: it must not come again.
        """
        release, *_ = name.split(".")
        prompt = self._prompts.get((namespace, release))
        if prompt is not None:
            prompt.history.drop(name)
            if prompt.only_logged:
                self._changed((namespace, release))

    # Suites and evaluations

    def put_suite(self, obj: Json) -> None:
        """Take in a PromptSuite."""
        namespace, name = key_of(obj)
        old = self.scenes.suite(namespace, name)
        if old is None or _newer(obj, old):
            self.scenes.put_suite(wire_evaluation.suite(obj), namespace)
            self._policies_changed(namespace)

    def drop_suite(self, namespace: str, name: str, uid: str) -> None:
        """Forget a PromptSuite."""
        if self.scenes.drop_suite(namespace, name, uid):
            self._policies_changed(namespace)

    def put_evaluation(self, obj: Json) -> bool:
        """Take in a PromptEvaluation; true when it is news."""
        old = self.scenes.evaluation(*key_of(obj))
        if old is not None and not _newer(obj, old):
            return False
        self.scenes.put_evaluation(obj)
        return True

    def _policies_changed(self, namespace: str) -> None:
        for key, prompt in self._prompts.items():
            if key[0] == namespace and prompt.release is not None:
                self._dirty(key)

    def _names_of_includers(self, key: Key, prompt: _Prompt) -> dict[int, tuple[str, ...]]:
        found = {}
        for number in prompt.versions:
            if includers := self._includers.get((*key, number)):
                found[number] = tuple(sorted(f"{name}-v{n}" for _, name, n in includers))
        return found

    def _at(self, key: Key) -> _Prompt:
        return self._prompts.setdefault(key, _Prompt())

    def _changed(self, key: Key) -> None:
        prompt = self._prompts[key]
        if prompt.only_logged:
            prompt.history.forget()
        if prompt.empty:
            del self._prompts[key]
        self._dirty(key)

    def _doubt_includers(self, target: Target) -> None:
        """What takes a version in, directly or not, must be judged again."""
        waiting, seen = [target], {target}
        while waiting:
            for includer in self._includers.get(waiting.pop(), ()):
                if includer in seen:
                    continue
                seen.add(includer)
                waiting.append(includer)
                namespace, name, number = includer
                prompt = self._at((namespace, name))
                prompt.doubts += 1
                version = prompt.versions.get(number)
                if version is not None:
                    self.set_verdict((namespace, name), version.uid, number, None)


def _wants_the_same(before: Release, now: Release) -> bool:
    """Whether nothing has changed but the status, and what is no business of ours."""
    seen = replace(now, status=before.status, resource_version=before.resource_version)
    return seen == before


def _is_next(old: ConfigMap | None, new: ConfigMap) -> bool:
    """Whether a ConfigMap is what our next write makes of it, and no edit of anybody else."""
    return (
        old is not None
        and new.served is not None
        and (old.uid, old.owner) == (new.uid, new.owner)
        and (old.served is None or old.served.revision < new.served.revision)
        and new.intact
        and new.authentic
        and new.checksum == new.served.checksum
    )


Known = TypeVar("Known", Release, Version, ConfigMap, Policy, Approval, Suite, Evaluation)


def key_of(obj: Json) -> Key:
    """Namespace and name of an object."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _newer(obj: Json, known: Known) -> bool:
    """Whether an object is newer than what is known.

    Resource versions of one resource are comparable integers (KEP-5504). Another UID is another
    object, and whoever comes last is right.
    """
    meta = obj["metadata"]
    return meta["uid"] != known.uid or int(meta["resourceVersion"]) > int(known.resource_version)
