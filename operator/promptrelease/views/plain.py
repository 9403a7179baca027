"""Text from elsewhere, made harmless for a line."""

from __future__ import annotations

import re

# Controls but for line ends and tabs, what turns the direction of text around, and halves of pairs.
CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"
    "\\ud800-\\udfff]"
)


def safe(text: str) -> str:
    r"""Text from elsewhere, with what could command a terminal spelt out, as in ``\\x1b``."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
