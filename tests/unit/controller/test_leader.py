"""Who may hold a Lease: judged by one's own clock, whatever others' clocks say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.controller.leader import LEASE_SECONDS, is_free, look

ME = "me"


def lease(holder: str | None, version: int = 1, seconds: int | None = 15) -> dict[str, Any]:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": seconds}
    # A clock of another century: it must not matter.
    spec["renewTime"] = "1999-01-01T00:00:00.000000Z"
    return {
        "metadata": {"resourceVersion": str(version)},
        "spec": {k: v for k, v in spec.items() if v is not None},
    }


@pytest.mark.parametrize("holder", ["", None, ME])
def test_given_back_or_ones_own_is_free_at_once(holder: str | None) -> None:
    assert is_free(look(lease(holder), None, now=7.0), ME, now=7.0)


def test_anothers_is_free_once_it_was_seen_unchanged_for_its_time() -> None:
    first = look(lease("other"), None, now=100.0)
    again = look(lease("other"), first, now=110.0)
    assert not is_free(again, ME, now=114.9)
    assert is_free(again, ME, now=115.0)


def test_each_renewal_begins_anew() -> None:
    first = look(lease("other", 1), None, now=100.0)
    renewed = look(lease("other", 2), first, now=114.0)
    assert not is_free(renewed, ME, now=120.0)
    assert is_free(renewed, ME, now=129.0)


def test_a_lease_that_names_no_duration_has_the_usual_one() -> None:
    assert look(lease("other", seconds=None), None, now=0.0).expires == LEASE_SECONDS


@given(
    st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=40),
    st.integers(1, 15),
)
def test_who_renews_is_never_taken_for_gone(looks: list[tuple[float, bool]], seconds: int) -> None:
    """It is free only if it was looked at, unchanged, over all of its time."""
    now, version, seen, since = 0.0, 1, None, 0.0
    for pause, renewed in looks:
        now += pause
        version += renewed
        if renewed or seen is None:
            since = now
        seen = look(lease("other", version, seconds), seen, now)
        # Sums of floats, so a hair beside the very moment either answer is right.
        if abs(now - since - seconds) > 1e-6:
            assert is_free(seen, ME, now) == (now - since > seconds)
