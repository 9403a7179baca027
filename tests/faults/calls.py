"""What passes between an operator and the API server, and what a fault may do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.proxy import Gate

BOOKMARK = b'{"type":"BOOKMARK"'


class Cut(Exception):
    """The connection ends here, without an answer."""


class Over(Exception):
    """The stream ends here, as the API server ends one."""


@dataclass(frozen=True)
class Call:
    """A request of an operator.

    Attributes:
        number: of the writes, from 1; 0 for a read.
        resource: plural name, with the subresource: ``promptreleases/status``.
        name: of the object; empty for a collection.
        at: event loop's time when it came.

    """

    method: str
    url: str
    number: int
    resource: str
    name: str
    watch: bool
    body: bytes
    at: float

    @property
    def write(self) -> bool:
        """Whether it can change something."""
        return self.number > 0

    def __str__(self) -> str:
        """As a reader of a failed plan wants it."""
        return f"{self.method} {self.resource} {self.name}".rstrip()


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        missing: bytes that the end of the body never comes with.
        pieces: in how many it comes, a moment apart.

    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    pieces: int = 1


class Fault:
    """What goes wrong. This one: nothing. The methods may wait, and may raise Cut or Over."""

    def begin(self, gate: Gate) -> None:
        """It is in force from now on."""

    def url(self, gate: Gate, call: Call) -> str:
        """What the API server is asked instead."""
        return call.url

    def headers(self, call: Call, headers: dict[str, str]) -> dict[str, str]:
        """What it is told instead."""
        return headers

    async def asked(self, gate: Gate, call: Call) -> Answer | None:
        """A request has come; an answer keeps it from the API server."""
        return None

    async def answered(self, gate: Gate, call: Call, answer: Answer) -> Answer:
        """The API server has answered, and the operator does not know yet."""
        return answer

    async def streamed(self, gate: Gate, call: Call, line: bytes) -> AsyncIterator[bytes]:
        """An event of a watch, on its way to the operator."""
        yield line
