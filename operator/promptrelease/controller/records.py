"""What is written for people: statuses, the log, evaluations to be made, versions to be deleted."""

from __future__ import annotations

import logging
from dataclasses import replace

from promptrelease.api import API_VERSION
from promptrelease.controller import tally
from promptrelease.controller.kube import (
    CHANGES,
    EVALUATIONS,
    RELEASES,
    VERSIONS,
    ApiError,
    Kube,
)
from promptrelease.controller.logs import about
from promptrelease.controller.recorder import Recorder
from promptrelease.release import log, notes, wire, wire_evaluation, wire_policy
from promptrelease.release.model import Change, Release, Version
from promptrelease.release.steps import (
    AskSuite,
    DeleteVersion,
    Record,
    WriteChange,
    WriteReleaseStatus,
    WriteVersionStatus,
)
from promptrelease.state.store import Key, Store

logger = logging.getLogger(__name__)


class Stale(Exception):
    """What was planned no longer fits the cluster; the key must have another turn."""

    def __str__(self) -> str:
        return "somebody else keeps changing it"


class Records:
    """Writes what a plan has for people; all of it can be done again."""

    def __init__(self, kube: Kube, store: Store, recorder: Recorder) -> None:
        self._kube = kube
        self._store = store
        self._recorder = recorder

    async def write(self, key: Key, release: Release | None, step: Record) -> None:
        """Write one thing down. Raises Stale, and what a request does."""
        try:
            if isinstance(step, WriteReleaseStatus):
                if release is not None:
                    await self._release(key, release, step)
            elif isinstance(step, WriteChange):
                await self._change(key, release, step)
            elif isinstance(step, AskSuite):
                await self._ask(key[0], step)
            elif isinstance(step, DeleteVersion):
                await self._delete_version(key, release, step)
            else:
                await self._version(key, step)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            # It is gone or newer; the watch brings what it is now, and with it another turn.
            raise Stale from error

    async def _release(self, key: Key, release: Release, step: WriteReleaseStatus) -> None:
        namespace, prompt = key
        answer = await self._kube.apply(
            RELEASES.path(namespace, prompt, "status"),
            {
                "apiVersion": API_VERSION,
                "kind": "PromptRelease",
                "metadata": _at(namespace, release),
                "status": wire.release_status(prompt, step.status),
            },
            force=True,
        )
        self._store.put_release(answer)
        tally.held(key, release.status, step.status)
        for note in notes.of_release(release.status, step.status):
            await self._recorder.record("PromptRelease", namespace, prompt, release.uid, note)

    async def _change(self, key: Key, release: Release | None, step: WriteChange) -> None:
        """Write a move down; its name makes sure that this is done once."""
        namespace, prompt = key
        path = CHANGES.path(namespace)
        told = list(notes.of_change(step.change))
        try:
            entry = await self._kube.create(
                path, wire_policy.change_manifest(namespace, step.change)
            )
        except ApiError as error:
            if error.status == 403 and "being terminated" in error.message:
                raise Stale from error  # the namespace goes, and the log with it
            if error.reason != "AlreadyExists":
                raise
            name = log.name_of(step.change)
            found = await self._kube.get(f"{path}/{name}")
            if found is None:
                raise Stale from error
            entry = found
            told = (
                [] if _is_same(wire_policy.change(found), step.change) else [notes.of_forgery(name)]
            )
        # When it was written tells which of two prompts moved last.
        order = wire_policy.change(entry).order
        self._store.add_change(namespace, replace(step.change, order=order))
        if release is None:
            return
        for note in told:
            await self._recorder.record("PromptRelease", namespace, prompt, release.uid, note)

    async def _ask(self, namespace: str, step: AskSuite) -> None:
        """Make an evaluation; its name is made of the question, so that it is asked once."""
        body = wire_evaluation.evaluation_manifest(namespace, step.question)
        try:
            self._store.put_evaluation(await self._kube.create(EVALUATIONS.path(namespace), body))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            raise Stale from error  # the watch brings it

    async def _delete_version(self, key: Key, release: Release | None, step: DeleteVersion) -> None:
        """Delete a version that nothing needs, as it was seen; admission looks once more."""
        namespace, prompt = key
        version = step.version
        path = VERSIONS.path(namespace, version.name)
        try:
            await self._kube.delete(
                path, uid=version.uid, resource_version=version.resource_version
            )
        except ApiError as error:
            if error.status in (403, 422) and release is not None:
                note = notes.of_refused_deletion(version.name, error.message)
                await self._recorder.record("PromptRelease", namespace, prompt, release.uid, note)
            raise
        self._store.drop_version(namespace, prompt, version.number, version.uid)
        text = "%s/%s: deleted, no label needs it"
        where = about(namespace, prompt, version=version.number)
        logger.info(text, namespace, version.name, extra=where)
        if release is not None:
            note = notes.of_deletion(version.name)
            await self._recorder.record("PromptRelease", namespace, prompt, release.uid, note)

    async def _version(self, key: Key, step: WriteVersionStatus) -> None:
        namespace, _ = key
        version = step.version
        answer = await self._kube.apply(
            VERSIONS.path(namespace, version.name, "status"),
            {
                "apiVersion": API_VERSION,
                "kind": "PromptVersion",
                "metadata": _at(namespace, version),
                "status": wire.version_status(step.status),
            },
            force=True,
        )
        self._store.put_version(answer)
        for note in notes.of_version(version.status, step.status):
            await self._recorder.record("PromptVersion", namespace, version.name, version.uid, note)


def _at(namespace: str, seen: Release | Version) -> dict[str, str]:
    return {
        "name": seen.name,
        "namespace": namespace,
        "uid": seen.uid,
        "resourceVersion": seen.resource_version,
    }


def _is_same(found: Change, change: Change) -> bool:
    """Whether an entry is the one that we would have written; of an end, any time is right."""
    return found == change or (found.kind == change.kind == log.WITHDRAWAL)
