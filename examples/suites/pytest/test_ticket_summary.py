"""The summary by itself. Whether the router can live with it is the router's business."""

from __future__ import annotations

import pytest
from chain import Chain, Ticket

MOST_WORDS = 60


@pytest.mark.must
def test_length(chain: Chain, ticket: Ticket) -> None:
    """Agents read it at a glance."""
    assert 3 <= len(chain.summary(ticket).split()) <= MOST_WORDS


def test_order(chain: Chain, ticket: Ticket) -> None:
    """Order numbers are kept as they were written."""
    assert ticket.order in chain.summary(ticket)


def test_plain_text(chain: Chain, ticket: Ticket) -> None:
    """One paragraph, no markup."""
    assert not set("*#`\n") & set(chain.summary(ticket))
