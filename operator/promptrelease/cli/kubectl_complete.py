"""``kubectl_complete-prompt``: what kubectl asks when somebody presses Tab after `kubectl prompt`.

It gets the words after these two, the last one begun or empty, and answers with a line for each
way to go on and a last line for the shell ("Shell completion for plugins",
kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins).
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys

from promptrelease.cli.main import main

AS_EVER, NO_FILES = ":0", ":4"
"""Last lines: complete names of files, or do not (cobra's ShellCompDirective)."""


def answer(words: list[str]) -> list[str]:
    """The lines for kubectl; without an idea of our own, the shell's own one: files."""
    os.environ |= {
        "_PROMPTRELEASE_COMPLETE": "complete_bash",
        "COMP_WORDS": shlex.join(["promptrelease", *words]),
        "COMP_CWORD": str(len(words)),
    }
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(io.StringIO()):
        main([])
    found = [line for line in told.getvalue().splitlines() if line]
    return [*found, NO_FILES if found else AS_EVER]


def run() -> None:
    """Entry point of the executable."""
    print("\n".join(answer(sys.argv[1:])))


if __name__ == "__main__":
    run()
