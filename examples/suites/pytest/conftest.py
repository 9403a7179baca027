"""Each case is run for every ticket, on the candidate and on the baseline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain import Chain, Ticket

from promptrelease import PromptsUnavailableError

FIXED_SET = Path(__file__).with_name("tickets.json")
TICKETS = [Ticket(**ticket) for ticket in json.loads(FIXED_SET.read_text())]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "must: no score makes good for this case")


def sides() -> list[str]:
    """Candidate, and baseline where there is all of it: a label that is new serves nothing yet."""
    candidate, baseline = (
        {prompt.name for prompt in Path(os.environ[name]).glob("[!.]*")}
        for name in ("PROMPTRELEASE_CANDIDATE", "PROMPTRELEASE_BASELINE")
    )
    return ["candidate", "baseline"] if candidate <= baseline else ["candidate"]


@pytest.fixture(scope="session", params=sides())
def side(request: pytest.FixtureRequest) -> str:
    """Which of the two is looked at."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def chain(side: str) -> Iterator[Chain]:
    """The prompts of one side, and the model."""
    folder = os.environ[f"PROMPTRELEASE_{side.upper()}"]
    try:
        made = Chain(folder)
    except PromptsUnavailableError as error:
        pytest.exit(f"{side}: {error}", returncode=3)
    yield made
    made.close()


@pytest.fixture(params=TICKETS, ids=lambda ticket: ticket.name)
def ticket(request: pytest.FixtureRequest) -> Ticket:
    """One of the fixed set."""
    one: Ticket = request.param
    return one
