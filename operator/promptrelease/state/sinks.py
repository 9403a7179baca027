"""Where lists and watches put what they hear: one sink a kind, each in front of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from promptrelease.state.store import Json, Key, Known, Store, key_of


class ReleaseSink:
    """Releases, for a list or a watch.

    Args:
        heard: called with each object, for whoever can't wait until all are known.

    """

    def __init__(self, store: Store, heard: Callable[[Json], None] = lambda _: None) -> None:
        self._store = store
        self._heard = heard
        self.drop = store.drop_release

    def put(self, obj: Json) -> None:
        """Take in a release."""
        self._heard(obj)
        self._store.put_release(obj)

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


class PolicySink:
    """Policies, for a list or a watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.put_policy
        self.drop = store.drop_policy

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget policies that a list did not show."""
        for (namespace, name), policy in _ghosts(self._store.policies(), uids, resource_version):
            self._store.drop_policy(namespace, name, policy.uid)


class ApprovalSink:
    """Approvals, for a list or a watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.put_approval

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Forget an approval, whatever it was about."""
        for key, approval in list(self._store.approvals()):
            if approval.uid == uid and key[0] == namespace:
                self._store.drop_approval(key, name, uid)

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget approvals that a list did not show."""
        for key, approval in _ghosts(self._store.approvals(), uids, resource_version):
            self._store.drop_approval(key, approval.name, approval.uid)


class SuiteSink:
    """Suites, for a list or a watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.put_suite
        self.drop = store.drop_suite

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget suites that a list did not show."""
        known = self._store.scenes.suites()
        for (namespace, name), suite in _ghosts(known, uids, resource_version):
            self._store.drop_suite(namespace, name, suite.uid)


class EvaluationSink:
    """Evaluations, for a list or a watch.

    Args:
        dirty: called with the namespace and name of each that has changed.

    """

    def __init__(self, store: Store, dirty: Callable[[Key], None]) -> None:
        self._store = store
        self._dirty = dirty

    def put(self, obj: Json) -> None:
        """Take in an evaluation. One that we have just made is no news, and wants its turn."""
        self._store.put_evaluation(obj)
        self._dirty(key_of(obj))

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Forget an evaluation."""
        self._store.scenes.drop_evaluation(namespace, name, uid)

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Forget evaluations that a list did not show."""
        known = self._store.scenes.evaluations()
        for (namespace, name), evaluation in _ghosts(known, uids, resource_version):
            self._store.scenes.drop_evaluation(namespace, name, evaluation.uid)


class ChangeSink:
    """The change log, for a list or a watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.put = store.put_change

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Forget a change, if nothing is left of its prompt."""
        if name.count(".") in (2, 3):
            self._store.drop_change(namespace, name)

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Nothing: what is deleted from the log has happened all the same."""


def _ghosts(
    known: Iterator[tuple[Key, Known]], listed: set[str], resource_version: str
) -> list[tuple[Key, Known]]:
    """What a list should have shown and did not: what is newer than the list may be there."""
    return [
        (key, obj)
        for key, obj in known
        if obj.uid not in listed and int(obj.resource_version) <= int(resource_version)
    ]
