"""Log lines: one each, with what they are about, and without anybody's prompt."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from promptrelease.controller.logs import FIELDS, about, configure
from promptrelease.controller.main import parser

LOGGER = logging.getLogger("promptrelease.test")
SECRET = "the-very-words-of-a-prompt"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, kopf = logging.getLogger(), logging.getLogger("kopf")
    before = root.handlers[:], root.level, kopf.level
    yield
    root.handlers[:], root.level, kopf.level = before[0], before[1], before[2]
    logging.captureWarnings(False)


def written(form: str, *said: Any, **more: Any) -> str:
    stream = io.StringIO()
    configure(form, "info", stream)
    LOGGER.error(*said, **more)
    return stream.getvalue()


def test_a_line_says_what_it_is_about() -> None:
    extra = about("shop", "p", label="production", version=7, revision=12, by="", before=None)
    line = json.loads(written("json", "%s moved", "production", extra=extra))
    del line["ts"]
    assert line == {
        "level": "error",
        "logger": "promptrelease.test",
        "msg": "production moved",
        "namespace": "shop",
        "release": "p",
        "label": "production",
        "version": 7,
        "revision": 12,
    }


@given(st.text())
def test_whatever_is_said_stays_on_one_line(text: str) -> None:
    everything: dict[str, Any] = dict.fromkeys(FIELDS, text)
    found = written("json", "%s", text, extra=everything)
    line = json.loads(found)
    assert line["msg"] == text
    assert found.count("\n") == 1
    assert len(written("text", "%s", text).splitlines()) == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_does_not_quote_what_was_read(form: str) -> None:
    try:
        try:
            TypeAdapter(int).validate_python(SECRET)
        except ValueError as error:
            raise RuntimeError("while judging") from error
    except RuntimeError:
        line = written(form, "a bug", exc_info=True)
    assert SECRET not in line
    assert "RuntimeError: while judging" in line
    assert "ValidationError: (the message is left out" in line
    assert "test_logs.py" in line


def test_an_unknown_format_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--log-format", "xml"])
    assert "--log-format: text or json, not 'xml'" in capsys.readouterr().err


def test_the_environment_chooses_the_format(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parser().parse_args([]).log_format == "text"
    monkeypatch.setenv("PROMPTRELEASE_LOG_FORMAT", "json")
    assert parser().parse_args([]).log_format == "json"
    monkeypatch.setenv("PROMPTRELEASE_LOG_FORMAT", "xml")
    with pytest.raises(SystemExit):
        parser().parse_args([])
