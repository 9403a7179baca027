"""The route of each ticket, by the summary that this very combination makes of it."""

from __future__ import annotations

from chain import Chain, Ticket


def test_queue(chain: Chain, ticket: Ticket) -> None:
    """The issue's type is preserved."""
    assert chain.route(ticket)["queue"] == ticket.queue


def test_urgency(chain: Chain, ticket: Ticket) -> None:
    """Outages and deadlines are not put at the end of a queue."""
    assert chain.route(ticket)["urgency"] == ticket.urgency


def test_sentiment(chain: Chain, ticket: Ticket) -> None:
    """Whoever answers knows what to expect."""
    assert chain.route(ticket)["sentiment"] == ticket.sentiment
