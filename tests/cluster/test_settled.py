"""A population that has settled stays as it is, whatever is listed, heard and touched again."""

from __future__ import annotations

import pytest

from harness.api import RELEASES, VERSIONS, Api, holds, release, version, wait_for
from harness.controlplane import ControlPlane
from harness.operator import Operator, writes

COUNT = 100
VERSION_COUNT = 3
TOUCHED = 20


@pytest.fixture
def population(api: Api, operator: Operator) -> Api:
    for i in range(COUNT):
        prompt = f"prompt-{i}"
        for number in range(1, VERSION_COUNT + 1):
            api.create(version(prompt, number, text="Hi {{who}}", variables={"who": {}}))
        api.create(release(prompt, production=(1, "first"), staging=(2, "next")))
    wait_for(
        lambda: all(holds(found, "Ready") for found in api.list(RELEASES)),
        "all to be ready",
        seconds=60,
    )
    operator.catch_up()
    return api


def test_nothing_is_written_without_need(
    population: Api, operator: Operator, control_plane: ControlPlane
) -> None:
    before = population.state()
    written = writes(control_plane)
    mine = 0
    for _ in range(3):
        operator.kill()
        operator.start()
        mine += operator.catch_up()
    assert population.state() == before

    touched = {"metadata": {"annotations": {"touched": "yes"}, "labels": {"touched": "yes"}}}
    for i in range(TOUCHED):
        names = {RELEASES: f"prompt-{i}", VERSIONS: f"prompt-{i}-v1"}
        for resource, name in names.items():
            answer = population.merge(resource, name, touched)
            before[resource, name] = answer["metadata"]["resourceVersion"]
            mine += 1
    mine += operator.catch_up()

    assert population.state() == before
    assert writes(control_plane) - written == mine, "some were asked for and changed nothing"
