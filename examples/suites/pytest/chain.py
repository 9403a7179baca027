"""The chain of the ticket service: a ticket is summarized, routed by the summary, and answered."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from model import complete

from promptrelease import Prompts


@dataclass(frozen=True)
class Ticket:
    """A recent ticket, and what the agents made of it.

    Attributes:
        name: under which it is found in the ticket service.
        queue: who had to act.
        urgency: high or normal.
        sentiment: angry, worried, pleased or calm.
        order: the order that it is about; empty when it is about none.

    """

    name: str
    text: str
    queue: str
    urgency: str
    sentiment: str
    order: str = ""


class Chain:
    """The prompts of one folder, used as the ticket service uses them.

    Each prompt is given what the one before it made of the ticket: a summary that leaves something
    out shows in the route.
    """

    def __init__(self, folder: str) -> None:
        self._prompts = Prompts(folder)
        self.summary = functools.cache(self._summary)
        self.route = functools.cache(self._route)
        self.reply = functools.cache(self._reply)

    def close(self) -> None:
        """Stop looking at the folder."""
        self._prompts.close()

    def _summary(self, ticket: Ticket) -> str:
        return complete(self._prompts["ticket-summary"], ticket=ticket.text)

    def _route(self, ticket: Ticket) -> dict[str, Any]:
        answer = complete(self._prompts["ticket-router"], summary=self.summary(ticket))
        route: dict[str, Any] = json.loads(answer)
        return route

    def _reply(self, ticket: Ticket) -> str:
        prompt = self._prompts["ticket-reply"]
        return complete(prompt, route=self.route(ticket), ticket=ticket.text)
