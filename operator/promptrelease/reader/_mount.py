"""Reading one mount, so that everything read is of one version.

kubelet writes a new directory and swings the symlink ``..data`` over to it; the links to the
single files come before or after. So ``..data`` is resolved once, everything is read below that
one directory, and the digest tells whether it was whole. A directory without ``..data``, as
``promptrelease render --out`` makes them, is read as it is.
"""

# pathlib would double what a look costs.
# ruff: noqa: PTH115, PTH116, PTH118, PTH208
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Literal

from promptrelease.content.files import (
    CONFIG,
    MESSAGES,
    METADATA,
    PROMPT,
    TOOLS,
    ContentError,
    from_files,
)
from promptrelease.reader._prompt import Prompt, prompt_of

Reason = Literal["absent", "withdrawn", "unreadable", "corrupt", "fallback", "stale"]

_DATA = "..data"
_FILES = (PROMPT, MESSAGES, CONFIG, TOOLS, METADATA)
_SWAPS_FOLLOWED = 5
_CHUNK = 1 << 20  # the most that a ConfigMap holds (bytes)
# A file changed within this time may change again and show the same mtime (seconds).
_MTIME_GRAIN = 0.1

Fingerprint = tuple[int, ...]


class UnreadableError(Exception):
    """A mount has no readable prompt now: ``reason`` for programs, the message for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.reason = reason


class Mount:
    """One mount and what was last read from it.

    Attributes:
        path: the mount's folder.
        prompt: the last good snapshot, None before the first.

    """

    def __init__(self, path: str, *, is_fallback: bool = False) -> None:
        """Nothing is read yet."""
        self.path = path
        self.prompt: Prompt | None = None
        self.reads = 0
        self._is_fallback = is_fallback
        self._read: Fingerprint | None = None

    def forget(self) -> None:
        """Have the next look read again, changed or not."""
        self._read = None

    def look(self) -> UnreadableError | None:
        """Read, if anything changed since the last good read. Returns what is wrong, or None."""
        seen = fingerprint(self.path)
        if seen is not None and seen == self._read:
            return None
        # A mount in trouble is read at every look: not every repair changes the fingerprint.
        self._read = None
        try:
            self.prompt = read(self.path, is_fallback=self._is_fallback)
        except UnreadableError as error:
            return error
        self._read = seen
        self.reads += 1
        return None


def read(path: str, *, is_fallback: bool = False) -> Prompt:
    """Read the prompt of one mount, following swaps that happen meanwhile.

    Raises:
        UnreadableError: there is none, or not a whole one.

    """
    for _ in range(_SWAPS_FOLLOWED):
        directory = _resolved(path)
        try:
            return _read_directory(directory, is_fallback)
        except UnreadableError as error:
            failure = error
        if _resolved(path) == directory:
            break
    raise failure


def fingerprint(path: str) -> Fingerprint | None:
    """What changes when a mount's content does; None when that can't be told.

    One system call for a mount of kubelet's, which is read-only in the container and changes by
    swaps alone: the directory behind ``..data`` is another one, or gone.
    """
    try:
        data = os.stat(f"{path}/{_DATA}")
    except FileNotFoundError:
        return _files_fingerprint(path)
    except OSError:
        return None
    return (data.st_dev, data.st_ino, data.st_mtime_ns, data.st_ctime_ns)


def is_mount(path: str) -> bool:
    """Whether a folder is a prompt's, as far as one can see: volumes of other kinds are not."""
    data = f"{path}/{_DATA}"
    linked = os.path.lexists(data)
    try:
        names = os.listdir(data if linked else path)
    except FileNotFoundError:
        return linked
    except NotADirectoryError:
        return False
    except OSError:
        # It can't be told, and a prompt that nobody may read must not go unnoticed.
        return True
    return METADATA in names or (linked and not names)


def _files_fingerprint(path: str) -> Fingerprint | None:
    seen: list[int] = []
    newest = 0
    for name in _FILES:
        try:
            file = os.stat(f"{path}/{name}")
        except FileNotFoundError:
            seen.append(0)
        except OSError:
            return None
        else:
            seen += (file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns)
            newest = max(newest, file.st_ctime_ns)
    return tuple(seen) if newest < time.time_ns() - _MTIME_GRAIN * 1e9 else None


def _resolved(path: str) -> str:
    """The directory that ``..data`` points to, or the folder itself where there is no link."""
    try:
        return os.path.join(path, os.readlink(f"{path}/{_DATA}"))
    except OSError:
        return path


def _read_directory(directory: str, is_fallback: bool) -> Prompt:
    files = dict(_files(directory))
    if not files:
        raise _nothing_in(directory)
    try:
        return prompt_of(*from_files(files), is_fallback)
    except ContentError as error:
        raise UnreadableError("corrupt", str(error)) from None
    except Exception as error:
        # Files of another shape than any that the operator writes, digest and all: whatever they
        # set off must not reach those who read the last good snapshot.
        raise UnreadableError("corrupt", f"unexpected content: {error!r}") from None


def _files(directory: str) -> Iterator[tuple[str, str]]:
    for name in _FILES:
        try:
            yield name, _bytes(f"{directory}/{name}").decode()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UnreadableError("unreadable", f"{name}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise UnreadableError("corrupt", f"{name} is not UTF-8: {error}") from None


def _bytes(path: str) -> bytes:
    """The file, in three system calls where ``open().read()`` makes eight.

    Each gives up the interpreter's lock, and takes 5 ms to get it back for every thread that
    computes: with eight of those a swap would be noticed a second later.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        parts = [os.read(descriptor, _CHUNK)]
        while len(parts[-1]) == _CHUNK:
            parts.append(os.read(descriptor, _CHUNK))
    finally:
        os.close(descriptor)
    return b"".join(parts)


def _nothing_in(directory: str) -> UnreadableError:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return UnreadableError("absent", f"{directory} does not exist")
    except OSError as error:
        return UnreadableError("unreadable", str(error))
    if names:
        return UnreadableError("corrupt", f"{METADATA} is missing")
    return UnreadableError(
        "withdrawn", "the mount is empty: the label was withdrawn, or was never set"
    )
