"""What every test may use: the control plane, the operator, and how hypothesis searches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares something costly, for `pytest -n 2 --dist loadgroup`.

    A machine has room for one test node; every other file goes as a whole. The node takes longest,
    so it comes first.
    """
    for item in items:
        part, *_ = item.path.relative_to(TESTS).parts
        item.add_marker(pytest.mark.xdist_group(part if part == "node" else str(item.path)))
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] != "node")
