"""Log lines: for people, or for programs a JSON object each.

What a line is about goes along as ``extra=about(...)``, so that one can look for a release, a label
or a move without taking words apart. The text of a prompt is never logged: lines hold names,
numbers, and what people gave as reasons.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import datetime, timezone
from typing import Any, TextIO

FORMATS = ("text", "json")
FIELDS = (
    *("namespace", "release", "label", "version", "revision"),
    *("kind", "before", "by", "reason", "break_glass", "seconds"),
)
"""What a line may be about, in this order; a line has those that are known."""

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def about(namespace: str, release: str = "", **more: str | int | float | None) -> dict[str, Any]:
    """What a line is about, for ``extra=``.

    Args:
        namespace: which.
        release: its name, which is the prompt's.
        more: others of FIELDS; what is none or empty is left out.

    """
    found = {"namespace": namespace, "release": release, **more}
    return {name: value for name, value in found.items() if value not in (None, "")}


def configure(form: str, level: str, stream: TextIO | None = None) -> None:
    """Have the whole process log in one format.

    Args:
        form: one of FORMATS.
        level: the least that is logged, as ``info``.
        stream: standard error when none is given.

    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    if level != "debug":
        logging.getLogger("kopf").setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    """Leaves out of tracebacks what may quote a prompt."""

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback, and that of what led to it."""
        error: BaseException | None = ei[1]
        parts: list[str] = []
        while error is not None:
            frames = "".join(traceback.format_tb(error.__traceback__))
            parts.append(f"{frames}{type(error).__name__}: {_message(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nand before that:\n".join(parts)


class TextFormatter(_Formatter):
    """A line for people. What others wrote can't begin a line of its own."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line without the traceback."""
        return _on_one_line(super().formatMessage(record))


class JsonFormatter(_Formatter):
    """A JSON object a line: ts, level, logger, msg, what is known of FIELDS, error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; ``ts`` is RFC 3339 in UTC, to the microsecond."""
        time = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        known = _of_kopf(record) | record.__dict__
        line |= {name: known[name] for name in FIELDS if name in known}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _of_kopf(record: logging.LogRecord) -> dict[str, Any]:
    """What a line of Kopf's is about, in our words; of all kinds it handles releases only."""
    about_what = getattr(record, "k8s_ref", None) or {}
    return about(about_what.get("namespace", ""), about_what.get("name", ""))


def _message(error: BaseException) -> str:
    # By its nature it quotes the value that was wrong: of a version, that may be its text.
    if isinstance(error, ValueError):
        return "(the message is left out: it may quote a prompt)"
    return _on_one_line(str(error))


def _on_one_line(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
