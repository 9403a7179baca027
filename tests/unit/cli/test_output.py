"""What all commands write: tables, and answers for scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from promptrelease.cli import output
from promptrelease.cli.output import Format, emit, show, table
from promptrelease.views.plain import safe

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
COMMANDS = {*map(chr, (*range(9), *range(11, 32), *range(127, 160))), "\u202e", "\u2066"}


@pytest.mark.parametrize("form", [Format.JSON, Format.YAML])
@given(data=PLAIN)
def test_a_script_reads_what_was_meant_and_a_terminal_is_not_commanded(
    form: Format, data: Any
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        told: list[str] = []
        patched.setattr("builtins.print", lambda text, **_: told.append(text))
        emit(data, form)
    (text,) = told
    assert not COMMANDS & set(text)
    assert (json.loads(text) if form is Format.JSON else yaml.safe_load(text)) == data


def test_texts_of_many_lines_are_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"text": "one\ntwo\n"}, Format.YAML)
    assert capsys.readouterr().out == "text: |\n  one\n  two\n"


def test_a_stream_has_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": "x\ny"}, Format.JSON, lines=True)
    assert capsys.readouterr().out == '{"a": "x\\ny"}\n'


@given(text=st.text())
def test_what_is_shown_commands_no_terminal(text: str) -> None:
    told = safe(text)
    assert not COMMANDS & set(told)
    told.encode()  # no halves of pairs are left in it


def test_a_pipe_gets_whole_cells_and_no_blanks_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(table(["NAME", "WHY"], [["n" * 300, "[red]why[/red]"], ["b", Text("")]]))
    heads, first, second = capsys.readouterr().out.split("\n")[:3]
    assert heads.split() == ["NAME", "WHY"]
    assert first == "n" * 300 + "  [red]why[/red]"
    assert second == "b"


def test_a_narrow_terminal_breaks_sentences_and_not_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = output._Console(width=40, force_terminal=True, color_system=None, soft_wrap=True)
    monkeypatch.setattr(output, "out", terminal)
    show(table(["NAME", "WHY", "LAST"], [["a-name-of-22-characters", "long words " * 4, "last"]]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("a-name-of-22-characters  ")
    assert len(lines) > 3
    assert all(len(line) <= 40 for line in lines if "\x1b" not in line)
