"""What every test may use: the control plane, the operator, and how hypothesis searches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parent

pytest_plugins = ["harness.fixtures", "harness.operator"]

# The same examples in every run: a failure in CI is one that anybody can repeat. Who looks for
# new ones runs with HYPOTHESIS_PROFILE=search.
_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "search", max_examples=2000, deadline=None, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


ROOMS = ("tests/node/", "tests/browser/", "tests/console/acting/")
"""Whose files share what is costly: a node, a browser, people with roles."""


class _ByRoom(LoadScopeScheduling):
    """A file's tests on one worker, since they share what is costly; so do those of a room."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return next((room for room in ROOMS if room in f"/{file}"), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByRoom:
    """For `pytest -n 2`."""
    return _ByRoom(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The node takes longest, so it comes first."""
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] != "node")
