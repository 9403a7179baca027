"""What is wrong with what is served, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promptrelease.reader._mount import Reason


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. What was last read well is still served.

    Attributes:
        reason: ``absent``, ``withdrawn``, ``unreadable``, ``corrupt``: the mount, or its folder;
            ``fallback``: the packaged fallback is served, since no mount gives the prompt;
            ``stale``: nobody watches the mounts (closed), or the watching hangs.
        message: what exactly, for people.
        path: where.
        prompt: ``name@label`` of what is served nevertheless, None where nothing is.
        since: first seen, in UTC.

    """

    reason: Reason
    message: str
    path: str
    prompt: str | None
    since: datetime

    def __str__(self) -> str:
        """One line for a log."""
        served = f"; still serving {self.prompt}" if self.prompt else ""
        return f"{self.path}: {self.message}{served}"


@dataclass(frozen=True)
class Health:
    """The state of all mounts.

    Attributes:
        problems: empty when all is well.
        checked: when the mounts were last looked at, in UTC.

    """

    problems: tuple[Problem, ...]
    checked: datetime

    @property
    def ok(self) -> bool:
        """Whether everything served is what is released now, as far as the mounts tell."""
        return not self.problems
