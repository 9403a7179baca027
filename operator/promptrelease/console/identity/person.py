"""A person, and how the API server is told who they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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

    def headers(self, own_token: str = "") -> Mapping[str, str]:
        """Headers of a request as this person; ``own_token`` is the console's, to impersonate."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"Authorization": f"Bearer {own_token}", "Impersonate-User": self.name}
