"""Write what workloads wait for: a label's ConfigMap, as one step of a plan says.

Every write carries the state that it was decided on (UID, resource version), so that a view that
has grown stale makes a write fail instead of undoing a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from promptrelease.controller import tally
from promptrelease.controller.contents import Contents
from promptrelease.controller.kube import CONFIG_MAPS, RELEASES, ApiError, Json, Kube
from promptrelease.controller.recorder import Recorder
from promptrelease.controller.records import Stale
from promptrelease.controller.refresh import Refresher
from promptrelease.release import notes, render, wire
from promptrelease.release.consumers import MAX_NAMED
from promptrelease.release.model import Obstacle, Release, config_map_name
from promptrelease.release.moves import is_as_written, is_ours
from promptrelease.release.steps import ApplyConfigMap, DeleteConfigMap, Serve
from promptrelease.state.store import Key, Store


class Serving:
    """Writes and removes ConfigMaps, and notes in a store what came of it.

    Args:
        kube: by whom.
        store: what was known when the step was decided.
        contents: bodies of versions.
        recorder: told of repairs.
        refresher: knows which pods mount a ConfigMap.
        moved: called with the prompt and the label when a move has been written.

    """

    def __init__(
        self,
        kube: Kube,
        store: Store,
        contents: Contents,
        recorder: Recorder,
        refresher: Refresher,
        moved: Callable[[Key, str], None],
    ) -> None:
        self._kube = kube
        self._store = store
        self._contents = contents
        self._recorder = recorder
        self._refresher = refresher
        self._moved = moved

    async def judge(self, key: Key) -> None:
        """Find out about versions that nobody has looked at yet."""
        for version in list(self._store.alone(key).versions.values()):
            if version.verdict is None:
                doubts = self._store.doubts(key)
                resolution = await self._contents.resolve(key[0], version.name, version.uid)
                number, verdict = version.number, resolution.verdict
                self._store.set_verdict(key, version.uid, number, verdict, doubts)

    async def serve(self, key: Key, release: Release | None, step: Serve, asked: float) -> None:
        """Write, or note the obstacle that is in the way, which the status will tell.

        Args:
            key: namespace and prompt.
            release: as it was when the step was decided.
            step: what to write.
            asked: event loop's time at which it was asked for, in seconds.

        Raises:
            Stale: what was known is not so any more.
            ApiError: as it comes, but for a refusal that people must know of.

        """
        if release is None:
            return
        if isinstance(step, DeleteConfigMap):
            await self._withdraw(key, release, step)
            return
        try:
            if self._is_behind(key, release, step):
                await self._read_again(key, release)
            await self._apply(key, release, step, asked)
        except ApiError as error:
            if error.status == 409:
                await self._refresh(key, release, step)
                raise Stale from error
            if error.status in (403, 404, 413, 422):
                # Forbidden, the namespace is going, or admission said no: people must know.
                obstacle = Obstacle(f"the API server refused: {error.message}"[:1024], lasting=True)
                self._store.set_obstacle(key, step.label, obstacle)
                tally.refused(key, step, error.status)
                return
            raise

    def _is_behind(self, key: Key, release: Release, step: ApplyConfigMap) -> bool:
        """Whether a move replaces one that the release, as it is known, can't tell of.

        Another process has made that: it has crashed since, or the watch of releases is late, and
        what is wanted may be something else by now.
        """
        replaced = step.replaces.served if step.replaces is not None else None
        if replaced is None or step.served.revision <= replaced.revision:
            return False
        written = self._store.alone(key).written.get(step.label)
        known = max(release.status.revision, written.revision if written is not None else 0)
        return replaced.revision > known

    async def _read_again(self, key: Key, release: Release) -> None:
        """Raises Stale when the release is no longer what it was."""
        namespace, prompt = key
        fresh = await self._kube.get(RELEASES.path(namespace, prompt))
        if fresh is None or fresh["metadata"]["uid"] != release.uid:
            self._store.drop_release(namespace, prompt, release.uid)
            raise Stale
        if fresh["metadata"]["resourceVersion"] != release.resource_version:
            self._store.put_release(fresh)
            raise Stale

    async def _apply(self, key: Key, release: Release, step: ApplyConfigMap, asked: float) -> None:
        namespace, prompt = key
        content = self._contents.cached(step_uid := self._uid(key, step), step.served.digest)
        if content is None:
            doubts = self._store.doubts(key)
            resolution = await self._contents.resolve(namespace, step.version, step_uid)
            content = resolution.content
            if content is None or content.digest != step.served.digest:
                version = step.served.version
                self._store.set_verdict(key, step_uid, version, resolution.verdict, doubts)
                raise Stale
        data = render.files(prompt, step.label, step.served, content)
        served = render.with_checksum(step.served, data)
        body = render.config_map(
            namespace, prompt, release.uid, step.label, served, data, step.backlog
        )
        path = CONFIG_MAPS.path(namespace, config_map_name(prompt, step.label))
        if step.replaces is None:
            if not await self._is_free(key, release, step, path):
                return
        else:
            body["metadata"]["uid"] = step.replaces.uid
            body["metadata"]["resourceVersion"] = step.replaces.resource_version
        # Without force where it is new: should a foreign one of that name come first, it wins.
        answer = await self._kube.apply(path, body, force=step.replaces is not None)
        if strangers := _strangers(answer, data):
            # Server-side apply leaves alone what others own, and a workload would see it.
            answer = await self._kube.merge(path, strangers)
        self._store.set_obstacle(key, step.label, None)
        self._store.set_written(key, step.label, served)
        self._store.put_config_map(answer)
        tally.written(key, step, asyncio.get_running_loop().time() - asked)
        if not step.drift:
            self._moved(key, step.label)
        if not is_as_written(wire.config_map(answer), served):
            raise Stale  # with a pause: somebody, or some admission, keeps changing it
        if step.drift:
            note = notes.of_repair(prompt, step)
            await self._recorder.record("PromptRelease", namespace, prompt, release.uid, note)

    def _uid(self, key: Key, step: ApplyConfigMap) -> str:
        version = self._store.alone(key).versions.get(step.served.version)
        if version is None:
            raise Stale
        return version.uid

    async def _is_free(self, key: Key, release: Release, step: ApplyConfigMap, path: str) -> bool:
        """Whether the name may be taken; whatever has it and isn't ours is left alone."""
        found = await self._kube.get(path)
        if found is None:
            return True
        if is_ours(wire.config_map(found), release):
            # Ours, but without the label by which we watch.
            self._store.put_config_map(found)
            raise Stale
        obstacle = Obstacle(
            f"a ConfigMap {found['metadata']['name']} that promptrelease did not make is in the "
            "way: delete or rename it",
            lasting=True,
        )
        self._store.set_obstacle(key, step.label, obstacle)
        return False

    async def _refresh(self, key: Key, release: Release, step: ApplyConfigMap) -> None:
        """Read again what a write found changed; the watch may be late."""
        name = config_map_name(key[1], step.label)
        found = await self._kube.get(CONFIG_MAPS.path(key[0], name))
        if step.replaces is not None and (
            found is None or found["metadata"]["uid"] != step.replaces.uid
        ):
            self._store.drop_config_map(key[0], name, step.replaces.uid)
        elif found is not None and is_ours(wire.config_map(found), release):
            self._store.put_config_map(found)

    async def _withdraw(self, key: Key, release: Release, step: DeleteConfigMap) -> None:
        """Remove a withdrawn label's ConfigMap, once no running pod has any use for it."""
        name, label = step.config_map.name, step.config_map.label
        users = await self._refresher.users(key[0], name)
        if users:
            shown = ", ".join(users[:MAX_NAMED]) + (", ..." if len(users) > MAX_NAMED else "")
            message = f"{label} is withdrawn; {name} stays until {len(users)} pods end: {shown}"
            self._store.set_obstacle(key, label, Obstacle(message[:1024], lasting=False))
            return
        await self._delete(key, release, step)

    async def _delete(self, key: Key, release: Release, step: DeleteConfigMap) -> None:
        namespace, prompt = key
        fresh = await self._kube.get(RELEASES.path(namespace, prompt))
        if fresh is None or fresh["metadata"]["uid"] != release.uid:
            raise Stale
        if step.config_map.label in (fresh["spec"].get("labels") or {}):
            self._store.put_release(fresh)
            raise Stale
        path = CONFIG_MAPS.path(namespace, step.config_map.name)
        uid = step.config_map.uid
        try:
            await self._kube.delete(
                path, uid=uid, resource_version=step.config_map.resource_version
            )
        except ApiError as error:
            if error.status == 409:
                found = await self._kube.get(path)
                if found is not None and found["metadata"]["uid"] == uid:
                    self._store.put_config_map(found)
                    raise Stale from error
            elif error.status != 404:
                raise
        tally.withdrawn(key, step)
        self._store.set_written(key, step.config_map.label, None)
        self._store.drop_config_map(namespace, step.config_map.name, uid)


def _strangers(answer: Json, data: Mapping[str, str]) -> Json | None:
    """A merge patch that removes the files which are not ours; none when there are none."""
    extra = (answer.get("data") or {}).keys() - data.keys()
    if not extra and not answer.get("binaryData"):
        return None
    return {
        "metadata": {"resourceVersion": answer["metadata"]["resourceVersion"]},
        "data": dict.fromkeys(extra),
        "binaryData": None,
    }
