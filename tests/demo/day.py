"""A day with a prompt: people at their terminals, recorded as text.

Every line is what ``kubectl prompt`` wrote on a real cluster; times, ages and made-up names are
evened out, so that two recordings are the same.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROMPT = "greeting"
COLUMNS = 110


@dataclass(frozen=True, eq=False)
class Line:
    """A command that somebody types.

    Attributes:
        answers: by what is asked, what they type.
        code: the exit code that it ends with.

    """

    who: str
    command: str
    answers: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


@dataclass(frozen=True)
class Chapter:
    """A part of the day: what happens, and the commands."""

    title: str
    words: str
    lines: tuple[Line, ...]


YES = {"[y/N]: ": "y"}
FILES = {
    "greeting.txt": "Greet {{customer}} by their first name, in one friendly sentence.\n"
    "No exclamation mark.\n",
    "typo.txt": "Greet {{custommer}} in one friendly sentence.\n",
}

DAY = (
    Chapter(
        "Morning: a next version",
        """
        Alice writes prompts. Customers find the greeting impersonal, so she has a new text in
        `greeting.txt`. The first try has a slip in it, and is not sent.
        """,
        (
            Line("alice", "kubectl prompt list"),
            Line("alice", "kubectl prompt new greeting --text typo.txt -m 'Shorter'", code=1),
            Line(
                "alice",
                "kubectl prompt new greeting --text greeting.txt -m 'By the first name' -o yaml "
                "> greeting-v3.yaml",
            ),
            Line("alice", "kubectl prompt lint greeting-v3.yaml"),
            Line("alice", "kubectl apply -f greeting-v3.yaml"),
            Line("alice", "kubectl prompt diff greeting production v3", code=1),
        ),
    ),
    Chapter(
        "On staging",
        "She may move `staging` by herself, and stays until it is served.",
        (
            Line(
                "alice",
                'kubectl prompt promote greeting staging v3 -m "Try it on last week\'s mails" '
                "--wait",
            ),
            Line(
                "alice",
                "kubectl prompt promote greeting production v3 -m 'It is fine' --yes",
                code=4,
            ),
        ),
    ),
    Chapter(
        "Noon: to production",
        """
        Bob decides what is served. He looks at what would happen, by the operator's own rules,
        and moves `production` to what `staging` serves. A policy wants a second pair of eyes, so
        what is served stays.
        """,
        (
            Line("bob", "kubectl prompt plan greeting production @staging"),
            Line(
                "bob",
                "kubectl prompt promote greeting production @staging -m 'Replies rose by a third'",
                YES,
            ),
            Line("bob", "kubectl prompt approve greeting production", code=4),
        ),
    ),
    Chapter(
        "A second pair of eyes",
        "Dave sees the change and who is behind it, approves exactly that content, and waits.",
        (
            Line(
                "dave",
                "kubectl prompt approve greeting production -m 'Read all 40 samples' --wait",
                YES,
            ),
        ),
    ),
    Chapter(
        "Night: an incident",
        """
        Carol is on call. Mails greet people by the names of others. She may move labels back and
        nowhere else; the way back waits for nobody.
        """,
        (
            Line("carol", "kubectl prompt status greeting"),
            Line(
                "carol",
                "kubectl prompt rollback greeting production -m 'Wrong first names' --wait --yes",
            ),
            Line("carol", "kubectl prompt list"),
        ),
    ),
    Chapter(
        "The morning after",
        "Who moved what, when and why, and who approved it: the log has all of it.",
        (Line("alice", "kubectl prompt history greeting --label production"),),
    ),
)


def objects(version: Any, release: Any, policy: Any) -> Iterator[dict[str, Any]]:
    """What is there when the day begins, made by the builders of ``harness.api``."""
    who = {"customer": {"type": "string", "description": "first name"}}
    for number, text in ((1, "Greet {{customer}}."), (2, "Greet {{customer}} in one sentence.")):
        yield version(PROMPT, number, text=f"{text}\n", variables=who)
    yield release(PROMPT, production=(2, "What the code had"), staging=(2, "The same"))
    require = {"from": {"label": "staging"}, "approvals": {"count": 1}}
    yield policy("production", labels=["production"], require=require)


def write(folder: Path) -> None:
    """Write the files that people have lying about."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")


def document(outputs: Mapping[Line, str]) -> str:
    """The day as Markdown, from what each command wrote."""
    parts = [
        "# A day with a prompt",
        "Recorded by `tests/cluster/cli/test_day.py`, from a real cluster with the shipped roles "
        "and admission; times, ages and random names are evened out.",
    ]
    for chapter in DAY:
        parts += [f"## {chapter.title}", textwrap.dedent(chapter.words).strip()]
        shown = [f"{line.who}$ {line.command}\n{even(outputs[line])}" for line in chapter.lines]
        parts.append("```console\n" + "\n\n".join(part.rstrip() for part in shown) + "\n```")
    return "\n\n".join(parts) + "\n"


_EVENED = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-21T09:00:00Z"),
    (r"\b\d+[smh] ago", "5s ago"),
    (r"(?m)^ +\d+\.\d s  ", "   0.1 s  "),
    (r"(greeting-production)-[a-z0-9]{5}\b", r"\1-x7k2p"),
    # What comes and goes before anybody could read it.
    (r"(?m)^ +0\.1 s  (waiting for the op.*|waits for .*|telling the pods|not served yet)\n", ""),
    (r"(?m)[ \t]+$", ""),
    (r"(?m) +\d+[smh]$", "  5s"),
)


def even(text: str) -> str:
    """A recording without what is another one each time."""
    for pattern, instead in _EVENED:
        text = re.sub(pattern, instead, text)
    return text
