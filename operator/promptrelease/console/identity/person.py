"""A person, and how the API server is told who they are."""

from __future__ import annotations

from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]
"""Of an HTTP request; a name may be there several times."""


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        name: as the API server knows them.
        groups: likewise; needed where they are impersonated.
        shown: how they are greeted.
        token: their own bearer token; empty where the console impersonates them.

    """

    name: str
    groups: tuple[str, ...] = ()
    shown: str = ""
    token: str = ""

    def headers(self, own_token: str = "") -> Headers:
        """Headers of a request as this person; ``own_token`` is the console's, to impersonate.

        In bytes, since names may have letters beyond ASCII.
        """
        if self.token:
            return [(b"Authorization", b"Bearer " + self.token.encode())]
        return [
            (b"Authorization", b"Bearer " + own_token.encode()),
            (b"Impersonate-User", self.name.encode()),
            *((b"Impersonate-Group", group.encode()) for group in self.groups),
        ]
