"""Questions to whoever sits at the terminal, where somebody does, and what comes in by files."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from promptrelease.views.failures import Failure, UsageMistake


def interactive() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, yes: bool) -> None:
    """Go on only if somebody says yes.

    Raises:
        UsageMistake: there is nobody to ask.
        Failure: they said no.

    """
    if yes:
        return
    if not interactive():
        raise UsageMistake(f"{question} There is no terminal to ask at", "add --yes if it is meant")
    if not typer.confirm(question, err=True):
        raise Failure("nothing is done")


def text_or_ask(text: str | None, question: str, option: str) -> str:
    """A text that must be there: as given, or as somebody answers.

    Raises UsageMistake when it is blank, or absent with nobody to ask.
    """
    if text is None:
        if not interactive():
            raise UsageMistake(f"{option} is missing: it goes into the log")
        text = typer.prompt(question, err=True)
    if not text.strip():
        raise UsageMistake(f"{option} is blank: it goes into the log")
    return text


def read_file(path: Path) -> str:
    """A file as text, or what comes in for a dash.

    Raises:
        Failure: it is not UTF-8.
        OSError: it can't be read.

    """
    data = sys.stdin.buffer.read() if path == Path("-") else path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Failure(f"{path}: not UTF-8: {error}", "save it as UTF-8") from error
