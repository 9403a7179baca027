"""HTML from templates; all that comes from elsewhere is escaped, always."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent.parent
STATIC = HERE / "static"


def environment() -> Environment:
    """The templates of the console."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["when"] = when
    made.filters["moment"] = moment
    return made


def when(at: Any) -> Markup:
    """A time; the page's script tells it in the reader's own zone, how long ago it was."""
    return _time(at, "")


def moment(at: Any) -> Markup:
    """A time; the page's script tells it in the reader's own zone, to the minute."""
    return _time(at, Markup(' data-form="full"'))


def _time(moment: Any, form: str) -> Markup:
    if not moment:
        return Markup("")
    text = moment.isoformat() if isinstance(moment, datetime) else str(moment)
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return Markup("{}").format(text)
    return Markup('<time datetime="{}"{}>{} UTC</time>').format(
        at.isoformat().replace("+00:00", "Z"), form, at.strftime("%Y-%m-%d %H:%M")
    )
