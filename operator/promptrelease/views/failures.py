"""What can go wrong on a command line, each with words for a person and a code for a script."""

from __future__ import annotations


class Failure(Exception):
    """A command can't be carried out.

    Attributes:
        code: exit code of the process.
        hint: what to do about it; may be empty.

    """

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageMistake(Failure):
    """The command line asks for what makes no sense."""

    code = 2


class NotFound(Failure):
    """There is no such prompt, version, label or evaluation."""

    code = 3


class Forbidden(Failure):
    """The cluster knows who asks, and does not let them; or does not know them."""

    code = 4


class Conflict(Failure):
    """Somebody else was first."""

    code = 5


class TimedOut(Failure):
    """What was waited for did not come in time; it may still come."""

    code = 6


class Held(Failure):
    """A gate or an obstacle holds a move back, and waiting alone will not help."""

    code = 7


class Unreachable(Failure):
    """There is no cluster, or none with promptrelease in it."""

    code = 8


CODES = """Exit codes: 0 done; 1 what was asked or given is wrong, or differs (diff, lint); 2 the
command line; 3 no such prompt, version or label; 4 forbidden; 5 somebody else was first; 6 not in
time; 7 held back by a gate or an obstacle; 8 no cluster, or no promptrelease in it."""
