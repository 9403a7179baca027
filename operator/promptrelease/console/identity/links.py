"""Links that sign somebody in, for a demo: who has the link is that person, for a day's work.

Off unless it is asked for: a link can be sent to somebody else, who then acts under a name that is
not theirs.
"""

from __future__ import annotations

from urllib.parse import quote

from promptrelease.console.identity.sealing import seal, unseal

PURPOSE = "link"
SECONDS = 8 * 3600
"""How long a link works."""


def link(url: str, secret: str, token: str, next_: str = "/") -> str:
    """An address below ``url`` that signs in by a token of the cluster, and goes to ``next_``."""
    sealed = seal(secret, PURPOSE, {"token": token})
    return f"{url}/sign-in/link?by={quote(sealed)}&next={quote(next_, safe='')}"


def token(secret: str, sealed: str) -> str:
    """The token of a link; empty when the link is not of this console, or too old."""
    told = unseal(secret, PURPOSE, sealed, SECONDS) if sealed else None
    return str(told["token"]) if told else ""
