"""What the demo shows: steps with their times, commands as one would type them."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# no-color.org; a colour in a file is noise.
_COLOURED = (sys.stdout.isatty() and not os.environ.get("NO_COLOR")) or bool(
    os.environ.get("FORCE_COLOR")
)


def _style(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if _COLOURED else text


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, and say how long it took."""
    print(_style("1;36", f"\n== {title}"), flush=True)
    start = time.perf_counter()
    yield
    print(_style("2", f"   {time.perf_counter() - start:.2f} s"), flush=True)


def command(words: Sequence[str]) -> None:
    """Show a command."""
    print(_style("1", "$ " + shlex.join(words)), flush=True)


def output(text: str, *, most: int = 40) -> None:
    """Show what a program wrote, at most so many lines."""
    lines = text.rstrip().splitlines()
    for line in lines[:most]:
        print("  " + line)
    if len(lines) > most:
        print(_style("2", f"  … and {len(lines) - most} lines"))
    sys.stdout.flush()


def good(text: str) -> None:
    """Say what has come about."""
    print(_style("32", f"✓ {text}"), flush=True)


def bad(text: str) -> None:
    """Say what went wrong."""
    print(_style("31", f"✗ {text}"), file=sys.stderr, flush=True)
