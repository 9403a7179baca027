"""What customers would read, at the end of the whole chain."""

from __future__ import annotations

import pytest
from chain import Chain, Ticket


@pytest.mark.must
def test_promises(chain: Chain, ticket: Ticket) -> None:
    """Nobody promises in our name what nobody has decided."""
    assert "refund" not in chain.reply(ticket)


def test_apology(chain: Chain, ticket: Ticket) -> None:
    """Who is angry or worried is told that we are sorry, and nobody else."""
    assert ("sorry" in chain.reply(ticket)) == (ticket.sentiment in ("angry", "worried"))


def test_order(chain: Chain, ticket: Ticket) -> None:
    """The order is named."""
    assert ticket.order in chain.reply(ticket)


def test_signature(chain: Chain, ticket: Ticket) -> None:
    """It is signed by who has to act."""
    assert chain.reply(ticket).endswith(f"Your {ticket.queue} team")
