"""Finding the mounts below a path."""

# pathlib would double what a look costs.
# ruff: noqa: PTH100, PTH116, PTH208
from __future__ import annotations

import os
import time

from promptrelease.reader._mount import Mount, UnreadableError, is_mount
from promptrelease.reader._prompt import Prompt

# Two folders made within this time may leave their parent with the same mtime (nanoseconds).
_MTIME_GRAIN = 100_000_000


class Folder:
    """A path that is one mount, or holds mounts. Their own folders' names mean nothing."""

    def __init__(self, path: str | os.PathLike[str], *, is_fallback: bool = False) -> None:
        """Nothing is looked at yet."""
        self.path = os.path.abspath(path)
        self._is_fallback = is_fallback
        self._mounts: dict[str, Mount] = {}
        self._others: list[str] = []
        self._listed: int | None = None

    def prompts(self) -> dict[str, Prompt]:
        """Path of the mount to its last good snapshot."""
        return {path: mount.prompt for path, mount in self._mounts.items() if mount.prompt}

    @property
    def reads(self) -> int:
        """How often a snapshot was read: unchanged, nothing is new."""
        return sum([mount.reads for mount in self._mounts.values()])

    def look(self) -> dict[str, UnreadableError]:
        """Read what changed. Returns path to what is wrong there; empty when all is well."""
        self._discover()
        if not self._mounts:
            return {self.path: _nothing_at(self.path)}
        looks = [(path, mount.look()) for path, mount in self._mounts.items()]
        return {path: error for path, error in looks if error}

    def forget(self) -> None:
        """Have the next look read everything again."""
        self._listed = None
        for mount in self._mounts.values():
            mount.forget()

    def _discover(self) -> None:
        """Mounts are only ever added: one that is gone is a problem, not something to forget."""
        if self.path in self._mounts:
            return
        if not self._mounts and is_mount(self.path):
            self._add(self.path)
            return
        self._list()
        for path in [path for path in self._others if is_mount(path)]:
            self._add(path)
            self._others.remove(path)

    def _list(self) -> None:
        """Note new subfolders. The parent's mtime says whether there can be any."""
        try:
            changed = os.stat(self.path).st_mtime_ns
            if changed == self._listed:
                return
            with os.scandir(self.path) as entries:
                # kubelet's own directories begin with two dots.
                found = [e.path for e in entries if not e.name.startswith(".") and e.is_dir()]
        except OSError:
            return
        known = {*self._mounts, *self._others}
        self._others += sorted(set(found) - known)
        self._listed = changed if changed < time.time_ns() - _MTIME_GRAIN else None

    def _add(self, path: str) -> None:
        self._mounts[path] = Mount(path, is_fallback=self._is_fallback)


def _nothing_at(path: str) -> UnreadableError:
    try:
        os.listdir(path)
    except FileNotFoundError:
        return UnreadableError("absent", "does not exist")
    except OSError as error:
        return UnreadableError("unreadable", str(error))
    return UnreadableError("absent", "holds no prompt: no metadata.json here or one folder below")
