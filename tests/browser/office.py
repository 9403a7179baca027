"""Where the people of these tests work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.api import Api
from harness.oidc_world import OidcWorld
from harness.operator import Operator
from harness.person import Person

Come = Callable[..., Person]


@dataclass(frozen=True)
class Office:
    """Where they all work.

    Attributes:
        api: of a namespace with the tickets' prompts, as the administrator.
        url: the console's.

    """

    world: OidcWorld
    operator: Operator
    api: Api
    url: str

    def path(self, rest: str) -> str:
        """An address within the namespace."""
        return f"/n/{self.api.namespace}/{rest}"
