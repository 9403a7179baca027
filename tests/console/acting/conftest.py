"""One world for all tests of the pages with which one acts, a namespace for each test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from console.acting.world import Shop, World, built, furnish


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with built() as it:
        yield it


@pytest.fixture
def shop(world: World, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A namespace of the test's own, with nothing in it."""
    test = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    made = world.shop(test)
    yield made
    for browser in made.browsers.values():
        browser.close()
    world.plane.request("DELETE", f"/api/v1/namespaces/{made.api.namespace}")


@pytest.fixture
def greeting(shop: Shop) -> Shop:
    """Three versions of a prompt: v1 in production, v2 on staging."""
    return furnish(shop)


@pytest.fixture
def four_eyes(greeting: Shop) -> Shop:
    """The same, and production asks for an approval."""
    greeting.demand("four-eyes", labels=["production"], require={"approvals": {}})
    return greeting
