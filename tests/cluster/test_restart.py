"""Killed at any time and started again: the same end state, and no write too many."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from harness.api import (
    CHANGES,
    CONFIG_MAPS,
    EVENTS,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    condition,
    holds,
    release,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.operator import Operator, install, writes

PROMPTS = [f"prompt-{i}" for i in range(6)]
VERSION_COUNT = 4
KILLS = 5


@contextmanager
def in_background(work: Callable[[], None]) -> Iterator[None]:
    """Repeats beside the with block; what it raises is raised at the end."""
    over, failure = threading.Event(), []

    def run() -> None:
        try:
            while not over.is_set():
                work()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failure:
        raise failure[0]


def served_as_wanted(api: Api, prompt: str) -> Json:
    """The release, once spec, status and ConfigMaps of every label say the same."""

    def probe() -> Json:
        found = api.get(RELEASES, prompt)
        if not holds(found, "Ready"):
            return {}
        wanted = {label: spec["version"] for label, spec in found["spec"]["labels"].items()}
        wanted["latest"] = VERSION_COUNT
        served = {label: it["version"] for label, it in found["status"]["labels"].items()}
        files = {label: api.files(prompt, label).get("prompt.txt") for label in wanted}
        texts = {label: f"{prompt} v{number}" for label, number in wanted.items()}
        return found if (served, files) == (wanted, texts) else {}

    return wait_for(probe, f"{prompt} to be served as wanted", seconds=30)


@pytest.mark.parametrize("seed", range(3))
def test_kills_during_a_burst_of_edits_lose_nothing(
    api: Api, operator: Operator, seed: int
) -> None:
    chance, moves = random.Random(seed), itertools.count(1)
    api.apply(*(version(p, n) for p in PROMPTS for n in range(1, VERSION_COUNT + 1)))
    api.apply(*(release(p, production=(1, "first"), staging=(1, "first")) for p in PROMPTS))

    def edit() -> None:
        prompt, number = chance.choice(PROMPTS), chance.randint(1, VERSION_COUNT)
        if chance.random() < 0.2:
            api.merge(RELEASES, prompt, {"spec": {"labels": {"staging": None}}})
        else:
            label = chance.choice(["production", "staging"])
            api.move(prompt, label, number, f"move {next(moves)}")

    with in_background(edit):
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.0, 0.4))  # when it is killed is what is random here
            operator.kill()
            operator.start(wait=chance.random() < 0.7)
    assert next(moves) > KILLS

    for prompt in PROMPTS:
        found = served_as_wanted(api, prompt)
        revisions = [it["revision"] for it in found["status"]["labels"].values()]
        assert len(set(revisions)) == len(revisions)
        assert found["status"]["revision"] >= max(revisions)
    for number in range(1, VERSION_COUNT + 1):
        told_where_they_are_served(api, number)
    wanted = {f"{p}.{label}" for p in PROMPTS for label in labels_of(api, p)}
    assert {cm["metadata"]["name"] for cm in api.list(CONFIG_MAPS)} == wanted


def labels_of(api: Api, prompt: str) -> set[str]:
    return {*api.get(RELEASES, prompt)["spec"]["labels"], "latest"}


def told_where_they_are_served(api: Api, number: int) -> None:
    def probe() -> bool:
        for prompt in PROMPTS:
            served = api.get(RELEASES, prompt)["status"]["labels"]
            expected = sorted(name for name, it in served.items() if it["version"] == number)
            if api.get(VERSIONS, f"{prompt}-v{number}")["status"].get("labels", []) != expected:
                return False
        return True

    wait_for(probe, f"every v{number} to say where it is served")


@pytest.fixture
def settled(api: Api, operator: Operator) -> Api:
    """Every state that a restart must leave as it is."""
    includes = {"tone": {"prompt": "tone", "version": 1}}
    api.apply(
        *(version("good", n) for n in (1, 2, 3)),
        version("good", 4, text="{{undeclared}}"),
        version("tone", 1, text="Be kind."),
        version("kind", 1, text="{{> tone}}", includes=includes),
        version("lonely", 1),
        release("good", production=(1, "first"), staging=(4, "too early"), canary=(9, "nobody")),
        release("kind", production=(1, "first")),
        release("empty"),
    )
    api.create(version("grown", 1, text="größer 🦊\r\n", message="🦊"))
    api.create(release("grown", production=(1, "🦊 first")))
    api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kind.staging"},
            "data": {"mine": "mine"},
        }
    )
    api.move("kind", "staging", 1, "in the way")
    api.move("good", "production", 2, "second")
    api.release_with("good", "Stalled", "True")
    api.release_with("kind", "Stalled", "True")
    api.ready("grown")
    api.ready("empty")
    operator.catch_up()
    return api


def test_a_restart_with_nothing_to_do_writes_nothing(
    settled: Api, operator: Operator, control_plane: ControlPlane
) -> None:
    before = settled.state()
    assert {resource for resource, _ in before} == {
        RELEASES,
        VERSIONS,
        CONFIG_MAPS,
        CHANGES,
        EVENTS,
    }
    for end in (operator.kill, operator.stop):
        written = writes(control_plane)
        end()
        operator.start()
        probes = operator.catch_up()
        assert settled.state() == before
        assert writes(control_plane) - written == probes


def test_sigterm_ends_it_in_peace(operator: Operator, api: Api) -> None:
    api.apply(version("p", 1), release("p", production=(1, "first")))
    api.ready("p")
    assert operator.stop() == "exit status 0"  # the supervisor would have killed it after 5 s


def test_sigterm_ends_it_while_it_waits_for_the_crds(bare: ControlPlane) -> None:
    with Operator(bare, wait=False) as waiting:
        wait_for(lambda: "CustomResourceDefinitions are not" in waiting.logs, "it to say so")
        assert waiting.probe("/livez") == 200
        assert waiting.probe("/readyz") == 503
        assert waiting.stop() == "exit status 0"


@pytest.fixture(scope="module")
def bare() -> Iterator[ControlPlane]:
    """A control plane without our CRDs."""
    with ControlPlane() as running:
        yield running


def test_crds_may_come_later(bare: ControlPlane) -> None:
    api = Api(bare, "default")
    with Operator(bare, wait=False) as waiting:
        wait_for(lambda: "CustomResourceDefinitions are not" in waiting.logs, "it to say so")
        install(bare)
        wait_for(lambda: waiting.probe("/readyz") == 200, "it to be ready", seconds=30)
        api.apply(version("p", 1), release("p", production=(1, "first")))
        api.served("p", "production", "p v1")
        api.ready("p")


def test_one_namespace_is_none_of_the_others_business(bare: ControlPlane) -> None:
    install(bare)
    mine, theirs = Api(bare, "mine"), Api(bare, "theirs")
    for api in (mine, theirs):
        bare.request("POST", "/api/v1/namespaces", {"metadata": {"name": api.namespace}})
        api.apply(version("p", 1), release("p", production=(1, "first")))
    with Operator(bare, namespace="mine"):
        mine.ready("p")
        mine.move("p", "staging", 1, "more")
        mine.served("p", "staging", "p v1")
        assert not theirs.list(CONFIG_MAPS)
        assert theirs.get(RELEASES, "p")["status"] == {"observedGeneration": -1}


def test_a_release_that_goes_while_the_operator_is_down(api: Api, operator: Operator) -> None:
    api.apply(version("p", 1), release("p", production=(1, "first")))
    api.ready("p")
    operator.kill()
    api.delete(RELEASES, "p")
    operator.start()
    wait_for(lambda: not api.get(VERSIONS, "p-v1")["status"].get("labels"), "the label to go")

    # Its ConfigMaps are the garbage collector's; a new release of the name waits for that.
    api.apply(release("p", production=(1, "again")))
    stalled = api.release_with("p", "Stalled", "True", "p.production belongs to something else")
    assert condition(stalled, "Ready")["status"] == "False"
    api.delete(CONFIG_MAPS, "p.production")
    api.delete(CONFIG_MAPS, "p.latest")
    api.served("p", "production", "p v1")
    assert api.ready("p")["status"]["labels"]["production"]["reason"] == "again"
