"""Where somebody goes after they have signed in."""

from __future__ import annotations

import re

# A path of ours: one slash, then neither a slash nor a backslash, which browsers take for one; and
# no control characters, which they leave out before they look.
_OURS = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]*", re.ASCII)
_SIGN_IN = re.compile(r"/sign-(in|out)\b")
LENGTH = 2000


def ours(asked: str) -> str:
    """The path that was asked for, if it is one of the console's pages; else the first page."""
    fits = len(asked) <= LENGTH and _OURS.fullmatch(asked)
    return asked if fits and asked.isascii() and not _SIGN_IN.match(asked) else "/"
