"""Commands in the docs: they exist, with these options, and name files that are there."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from promptrelease.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
FENCE = re.compile(r"^( *)```([a-z]*)[^\n]*\n(.*?)^\1```$", re.M | re.S)
HERE = re.compile(r"(<<'?EOF'?)\n.*?^EOF$", re.M | re.S)
SYNOPSIS = re.compile(r"\[[A-Z@]|[a-z]\|[a-z]")
PROMPT = re.compile(r"^[a-z]*\$ ")
ENDS = {"|", "||", "&&", ";", ">", ">>", "<", "&", "<<", "("}
# What a page calls a value of the reader's.
OTHERS = re.compile(r"^your/|^deploy$|^team-a$|^prompts/$|^greeting-v")


def lines(text: str) -> Iterator[str]:
    """Every command line of a page's blocks, without what it prints."""
    for _, language, body in FENCE.findall(text):
        joined = HERE.sub(r"\1", body).replace("\\\n", " ")
        for line in joined.splitlines():
            if language == "sh" and not SYNOPSIS.search(line):
                yield line.strip()
            elif language == "console" and PROMPT.match(line):
                yield PROMPT.sub("", line)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a page, pipes taken apart."""
    for line in lines(text):
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.wordchars += "@%{}$:,^!"
            words = list(lexer)
        except ValueError:  # a program in quotes, over several lines
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in ENDS:
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def ours(words: list[str]) -> list[str] | None:
    """The arguments, if it is our command line that is called."""
    if words[:2] == ["kubectl", "prompt"]:
        return words[2:]
    return words[1:] if words[0] in ("promptrelease", "kubectl-prompt") else None


COMMANDS: dict[str, Any] = vars(typer.main.get_command(app()))["commands"]


def parse(arguments: list[str]) -> None:
    """Have the command line take its arguments in, and do nothing. Raises what it says."""
    name, *rest = arguments
    COMMANDS[name].make_context(name, rest)


@pytest.mark.parametrize("page", PAGES)
def test_our_commands_are_as_the_page_says(page: str) -> None:
    for words in commands((DOCS / page).read_text()):
        if not (arguments := ours(words)) or arguments[0].startswith("-"):
            continue
        try:
            parse(arguments)
        except Exception as error:
            said = getattr(error, "message", None) or repr(error)
            pytest.fail(f"{page}: {shlex.join(words)}: {said}")


@pytest.mark.parametrize("page", PAGES)
def test_what_the_text_names_exists(page: str) -> None:
    text = FENCE.sub("", (DOCS / page).read_text())
    for name in re.findall(r"`(?:kubectl prompt|promptrelease) ([a-z]+)", text):
        assert name in COMMANDS, f"{page}: kubectl prompt {name}"
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for name in re.findall(r"`make ([a-z-]+)", text):
        assert name in targets, f"{page}: make {name}"


@pytest.mark.parametrize("page", PAGES)
def test_folders_that_are_applied_are_there(page: str) -> None:
    for words in commands((DOCS / page).read_text()):
        if words[0] != "kubectl":
            continue
        for flag, value in itertools.pairwise(words):
            if flag in ("-k", "-f", "--filename") and value != "-" and not OTHERS.search(value):
                assert (ROOT / value).exists(), f"{page}: {shlex.join(words)}"


def test_commands_are_found() -> None:
    found = [
        arguments
        for page in PAGES
        for words in commands((DOCS / page).read_text())
        if (arguments := ours(words))
    ]
    assert len(found) > 40
    assert [
        "rollback",
        "greeting",
        "production",
        "--reason",
        "Replies got colder",
        "--yes",
    ] in found


@pytest.mark.parametrize("wrong", [["rollbck", "greeting"], ["status"], ["status", "a", "--nope"]])
def test_a_wrong_command_is_found(wrong: list[str]) -> None:
    with pytest.raises(Exception, match=r"rollbck|Missing|No such option"):
        parse(wrong)
