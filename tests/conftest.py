"""What every test may use: the control plane, the operator, and how hypothesis searches."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

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
