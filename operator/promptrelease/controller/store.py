"""What is known of the cluster, by prompt, in plain values and without bodies.

Watches and our own writes both come in here; of two states of an object the newer one stays, so
that a late event never takes back what a write's answer already told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from promptrelease.release import wire
from promptrelease.release.consumers import Consumers
from promptrelease.release.model import ConfigMap, Obstacle, Release, Served, Verdict, Version, View

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

    def forget(self) -> None:
        """What was learnt about one release says nothing of its successor."""
        self.obstacles.clear()
        self.written.clear()
        self.consumers.clear()

    @property
    def empty(self) -> bool:
        return not (self.release or self.versions or self.config_maps)


class Store:
    """All prompts that are known.

    Args:
        dirty: called with the key of each prompt about which something has changed.

    """

    def __init__(self, dirty: Callable[[Key], None]) -> None:
        self._dirty = dirty
        self._prompts: dict[Key, _Prompt] = {}
        # An included version to the versions that take it in.
        self._includers: dict[Target, set[Target]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._prompts

    def keys(self) -> list[Key]:
        """Every prompt of which there is a release, a version or a ConfigMap."""
        return list(self._prompts)

    def view(self, key: Key) -> View:
        """Everything known of a prompt."""
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
        )

    # Releases

    def put_release(self, obj: Json) -> None:
        """Take in a PromptRelease."""
        key = _key(obj)
        prompt = self._at(key)
        if prompt.release is None or _newer(obj, prompt.release):
            if prompt.release is not None and prompt.release.uid != obj["metadata"]["uid"]:
                prompt.forget()
            prompt.release = wire.release(obj)
            self._dirty(key)

    def drop_release(self, namespace: str, name: str, uid: str) -> None:
        """Forget a PromptRelease."""
        prompt = self._prompts.get((namespace, name))
        if prompt and prompt.release and prompt.release.uid == uid:
            prompt.release = None
            prompt.forget()
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
            new = replace(new, verdict=old.verdict)
        prompt.versions[new.number] = new
        target = (namespace, name, new.number)
        for included in new.includes:
            self._includers.setdefault((namespace, *included), set()).add(target)
        self._dirty((namespace, name))
        if old is None or old.uid != new.uid:
            self._doubt_includers(target)

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
        self._changed((namespace, prompt_name))
        self._doubt_includers(target)

    def set_verdict(self, key: Key, uid: str, number: int, verdict: Verdict | None) -> None:
        """Note what was found out about a version, or (none) that it must be looked at again."""
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
        self._dirty(key)

    def drop_config_map(self, namespace: str, name: str, uid: str) -> None:
        """Forget a ConfigMap."""
        prompt_name, label = wire.release_and_label(name)
        prompt = self._prompts.get((namespace, prompt_name))
        if prompt and label in prompt.config_maps and prompt.config_maps[label].uid == uid:
            del prompt.config_maps[label]
            prompt.obstacles.pop(label, None)
            prompt.consumers.pop(label, None)
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
        self._dirty(key)

    def _at(self, key: Key) -> _Prompt:
        return self._prompts.setdefault(key, _Prompt())

    def _changed(self, key: Key) -> None:
        if self._prompts[key].empty:
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
                version = self._at((namespace, name)).versions.get(number)
                if version is not None:
                    self.set_verdict((namespace, name), version.uid, number, None)


class ReleaseSink:
    """Releases, for a list or a watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.put_release
        self.drop = store.drop_release

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget releases that a list did not show."""
        for (namespace, name), release in _ghosts(self._store.releases(), uids, resource_version):
            self._store.drop_release(namespace, name, release.uid)


class VersionSink:
    """Versions, for a list or a watch.

    Args:
        body: called with each object, for whoever will want its body.

    """

    def __init__(self, store: Store, body: Callable[[Json], None]) -> None:
        self._store = store
        self._body = body

    def put(self, obj: Json) -> None:
        """Take in a version."""
        self._body(obj)
        self._store.put_version(obj)

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Forget a version, by the name that admission holds it to."""
        prompt, _, number = name.rpartition("-v")
        if number.isdigit():
            self._store.drop_version(namespace, prompt, int(number), uid)

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget versions that a list did not show."""
        for (namespace, prompt), v in _ghosts(self._store.versions(), uids, resource_version):
            self._store.drop_version(namespace, prompt, v.number, v.uid)


class ConfigMapSink:
    """Our ConfigMaps, for a list or a watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.put_config_map
        self.drop = store.drop_config_map

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget ConfigMaps that a list did not show."""
        for (namespace, _), c in _ghosts(self._store.config_maps(), uids, resource_version):
            self._store.drop_config_map(namespace, c.name, c.uid)


Known = TypeVar("Known", Release, Version, ConfigMap)


def _ghosts(
    known: Iterator[tuple[Key, Known]], listed: set[str], resource_version: str
) -> list[tuple[Key, Known]]:
    """What a list should have shown and did not: what is newer than the list may be there."""
    return [
        (key, obj)
        for key, obj in known
        if obj.uid not in listed and int(obj.resource_version) <= int(resource_version)
    ]


def _key(obj: Json) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _newer(obj: Json, known: Release | Version | ConfigMap) -> bool:
    """Whether an object is newer than what is known.

    Resource versions of one resource are comparable integers (KEP-5504). Another UID is another
    object, and whoever comes last is right.
    """
    meta = obj["metadata"]
    return meta["uid"] != known.uid or int(meta["resourceVersion"]) > int(known.resource_version)
