"""The prompts of a workload's mounts, kept fresh in the background."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import TypeVar

from promptrelease.reader._errors import PromptKindError, PromptsUnavailableError
from promptrelease.reader._folder import Folder
from promptrelease.reader._health import Health, Problem
from promptrelease.reader._index import Index, full_key, index
from promptrelease.reader._mount import UnreadableError
from promptrelease.reader._prompt import ChatPrompt, Prompt, TextPrompt
from promptrelease.reader._watch import Watcher, survive_fork

# What is wrong is looked at again after this before it is a problem: swaps take a moment (seconds).
logger = logging.getLogger("promptrelease")

_SECOND_LOOK = 0.02
# No look for this long means that nobody watches (seconds).
_STALE_AFTER = 5.0

_Changed = TypeVar("_Changed", bound=Callable[["Prompt | None", Prompt], object])
_Troubled = TypeVar("_Troubled", bound=Callable[[Problem], object])


class Prompts(Mapping[str, Prompt]):
    """The prompts mounted at a path: a mapping of name to the snapshot that is served now.

    ::

        prompts = Prompts("/etc/prompts")
        prompt = prompts["ticket-summary"]
        answer = client.responses.create(model=prompt.model.name, input=prompt.compile(ticket=t))

    ``path`` is one mount or a folder of mounts; the name is the prompt's, whatever its folder is
    called. ``prompts["name@label"]`` tells several labels of one prompt apart.

    Reading is a lookup in memory. A daemon thread notices a swap within 250 ms; whatever it meets,
    the last good snapshot stays served, and ``health()``, ``on_problem`` and a warning of the
    logger ``promptrelease`` say what is wrong. Safe to share between threads, tasks, and with
    forked children, where watching resumes at the first use (at once, if there are callbacks).
    """

    def __init__(
        self, path: str | os.PathLike[str], *, fallback: str | os.PathLike[str] | None = None
    ) -> None:
        """Read everything once, then watch.

        Args:
            path: a mount, or a folder of mounts.
            fallback: files of the same shape, packaged with the workload, for prompts that no
                mount gives: as ``promptrelease render --out`` writes them.

        Raises:
            PromptsUnavailableError: nothing readable at ``path``, and no fallback; or a fallback
                that can't be read, whatever is mounted.

        """
        self._folder = Folder(path)
        self._fallbacks = _packaged(fallback) if fallback is not None else {}
        self._index = Index()
        # The one thing that reading touches. Empty in a forked child until the first use.
        self._by_key: dict[str, Prompt] = {}
        self._problems: dict[str, Problem] = {}
        self._checked = time.monotonic()
        self._reads = 0
        self._on_change: list[Callable[[Prompt | None, Prompt], object]] = []
        self._on_problem: list[Callable[[Problem], object]] = []
        self._lock = threading.RLock()
        self._watcher: Watcher | None = None
        self._forked = False
        self._closed = False
        self.refresh()
        if not self._index.by_key:
            wrong = {path: problem.message for path, problem in self._problems.items()}
            raise PromptsUnavailableError(_listing("no readable prompt", wrong))
        self._watcher = Watcher(self)
        survive_fork(self)

    def __getitem__(self, key: str) -> Prompt:
        """The snapshot served now, by name or by ``name@label``.

        Raises:
            PromptNotFoundError: no mount gives it; AmbiguousPromptError: several labels do.

        """
        try:
            return self._by_key[key]
        except KeyError:
            return self._look_up(key)

    def text(self, key: str) -> TextPrompt:
        """Like ``prompts[key]``, for a prompt that must be text.

        Raises:
            PromptKindError: it is a chat prompt.

        """
        prompt = self[key]
        if not isinstance(prompt, TextPrompt):
            raise PromptKindError(f"{key} v{prompt.version} is a chat prompt")
        return prompt

    def chat(self, key: str) -> ChatPrompt:
        """Like ``prompts[key]``, for a prompt that must be messages.

        Raises:
            PromptKindError: it is a text prompt.

        """
        prompt = self[key]
        if not isinstance(prompt, ChatPrompt):
            raise PromptKindError(f"{key} v{prompt.version} is a text prompt")
        return prompt

    def __iter__(self) -> Iterator[str]:
        """Each prompt once, under the shortest key that works."""
        return iter(self._current().listed)

    def __len__(self) -> int:
        """How many prompts are served."""
        return len(self._current().listed)

    def __contains__(self, key: object) -> bool:
        """Whether ``prompts[key]`` would give a prompt."""
        return key in self._current().by_key

    # A reader is itself and no other, even where two serve the same.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def health(self) -> Health:
        """What is wrong now, and since when."""
        self._current()
        age = time.monotonic() - self._checked
        checked = _now() - timedelta(seconds=age)
        problems = list(self._problems.values())
        if self._closed or age > _STALE_AFTER:
            why = "closed, no longer watched" if self._closed else "not looked at for too long"
            problems.append(Problem("stale", why, self._folder.path, None, checked))
        return Health(tuple(problems), checked)

    def on_change(self, callback: _Changed) -> _Changed:
        """Call ``callback(old, new)`` after a swap, from the watching thread; use as a decorator.

        ``old`` is None for a prompt that was not mounted before. In asyncio hand over with
        ``loop.call_soon_threadsafe``. What the callback raises is logged.
        """
        self._on_change.append(callback)
        return callback

    def on_problem(self, callback: _Troubled) -> _Troubled:
        """Call ``callback(problem)`` when one begins, or turns into one of another reason.

        At once for those that are there already. ``stale`` is told when looking at the mounts
        fails; when the watching thread itself hangs, by ``health()`` alone: who would call, does
        not run.
        """
        for problem in self._problems.values():
            _call(callback, problem)
        self._on_problem.append(callback)
        return callback

    def refresh(self) -> None:
        """Look at the mounts now, instead of waiting for the watching thread; callbacks included.

        Reads files: for tests and scripts, not for a request.
        """
        with self._lock:
            failures = self._folder.look()
            if not (
                failures or self._problems or self._forked or self._folder.reads != self._reads
            ):
                # Nearly always. What follows is not much, but many times a second it would be.
                self._checked = time.monotonic()
                return
            if failures.keys() - self._problems.keys():
                time.sleep(_SECOND_LOOK)
                failures = self._folder.look()
            before, known = self._index, self._problems
            after = index(self._folder.prompts().values(), self._fallbacks.values(), before)
            self._index = after
            problems = self._problems = self._found(failures)
            self._serve()
            self._reads = self._folder.reads
            self._checked = time.monotonic()
        # Outside the lock: a callback may do what it likes, refresh and close included.
        self._report_changes(before, after)
        self._report_problems(known, problems)

    def close(self) -> None:
        """Stop watching. What was read last stays readable. May be called again."""
        with self._lock:
            self._closed = True
            watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()

    def __enter__(self) -> Prompts:
        """Nothing more than construction did."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _look_up(self, key: str) -> Prompt:
        """Find what the quick way did not: in a forked child everything, else nothing."""
        current = self._current()
        try:
            return current.by_key[key]
        except KeyError:
            raise current.not_found(key) from None

    def _current(self) -> Index:
        if self._forked:
            # The first use in a forked child: what the parent read may be old by now.
            try:
                self.refresh()
            except Exception:
                logger.exception("after a fork, what was read before it is served")
        return self._index

    def _after_fork_in_child(self) -> None:
        """The thread is gone, and may have held the lock or been in the middle of a look."""
        self._lock = threading.RLock()
        self._watcher = None
        if self._closed:
            return
        self._folder.forget()
        self._forked = True
        self._by_key = {}
        if self._on_change or self._on_problem:
            self._watcher = Watcher(self)

    def _serve(self) -> None:
        """Let readers see the index, and in a forked child have it watched again."""
        if self._forked and self._watcher is None and not self._closed:
            self._watcher = Watcher(self)
        self._by_key = self._index.by_key
        self._forked = False

    def _watch_failed(self, error: Exception) -> None:
        """Tell that the mounts can't be looked at, for a reason that nobody thought of."""
        why = f"looking at the mounts failed, and is tried again: {error!r}"
        logger.warning("%s: %s", self._folder.path, why, exc_info=error)
        for callback in self._on_problem:
            _call(callback, Problem("stale", why, self._folder.path, None, _now()))

    def _found(self, failures: Mapping[str, UnreadableError]) -> dict[str, Problem]:
        """Where to what is wrong there, each since it was first seen."""
        good = self._folder.prompts()
        found = []
        for path, error in failures.items():
            served = full_key(good[path]) if path in good else None
            found.append(Problem(error.reason, str(error), path, served, _now()))
        for path, prompt in self._fallbacks.items():
            if self._index.by_key.get(full_key(prompt)) is prompt:
                why = f"no mount gives {prompt.name}, the packaged fallback is served"
                found.append(Problem("fallback", why, path, full_key(prompt), _now()))
        known = self._problems
        return {
            problem.path: replace(problem, since=known[problem.path].since)
            if problem.path in known
            else problem
            for problem in found
        }

    def _report_changes(self, before: Index, after: Index) -> None:
        if not before.by_key:
            return
        for prompt in after.listed.values():
            old = before.by_key.get(full_key(prompt))
            if old != prompt:
                logger.info("%s is now v%d", full_key(prompt), prompt.version)
                for callback in self._on_change:
                    _call(callback, old, prompt)

    def _report_problems(
        self, known: Mapping[str, Problem], problems: Mapping[str, Problem]
    ) -> None:
        for path, problem in problems.items():
            if path not in known or known[path].reason != problem.reason:
                logger.warning("%s", problem)
                for callback in self._on_problem:
                    _call(callback, problem)
        for path in known.keys() - problems.keys():
            logger.info("%s: all is well again", path)


def _packaged(path: str | os.PathLike[str]) -> dict[str, Prompt]:
    """Path to prompt of a fallback, which must be whole: it is part of the program."""
    folder = Folder(path, is_fallback=True)
    if failures := folder.look():
        raise PromptsUnavailableError(_listing("the fallback can't be read", failures))
    return folder.prompts()


def _listing(what: str, wrong: Mapping[str, object]) -> str:
    return "\n  ".join([f"{what}:", *(f"{path}: {why}" for path, why in wrong.items())])


def _call(callback: Callable[..., object], *arguments: object) -> None:
    try:
        callback(*arguments)
    except Exception:
        logger.exception("callback %r failed", callback)


def _now() -> datetime:
    return datetime.now(timezone.utc)
