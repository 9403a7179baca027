"""Argo CD's health of our objects: each check on all combinations, in a Lua as bare as its."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

Json = dict[str, Any]
Health = Callable[..., tuple[str, str]]

ARGOCD = Path(__file__).parents[3] / "manifests" / "gitops" / "argocd"
# util/lua of Argo CD opens these three libraries and a part of os.
NOT_THERE = ("string", "math", "io", "coroutine", "debug", "os")
STATUSES = ("True", "False", "Unknown", None)


def run(script: str, obj: Json) -> tuple[str, str]:
    """Status and message of a health check."""
    lua = lua51.LuaRuntime(unpack_returned_tuples=True)
    lua.execute("getmetatable('').__index = nil")
    for name in NOT_THERE:
        lua.globals()[name] = None
    lua.globals().obj = lua.table_from(obj, recursive=True)
    health = lua.execute(script)
    assert set(health) == {"status", "message"}
    return str(health.status), str(health.message)


def check(file: str) -> Health:
    """The check in a file, as a function of an object."""
    script = (ARGOCD / "health" / file).read_text()
    return lambda obj: run(script, obj)


release_health = check("promptrelease.lua")
version_health = check("promptversion.lua")
evaluation_health = check("promptevaluation.lua")


def conditions(**statuses: str | None) -> list[Json]:
    """Conditions of these statuses; None leaves one out."""
    return [
        {"type": kind, "status": status, "reason": "R", "message": f"{kind} says {status}"}
        for kind, status in statuses.items()
        if status is not None
    ]


def release(
    observed: int | None = 2, labels: Mapping[str, Json] | None = None, **statuses: Any
) -> Json:
    """A PromptRelease of generation 2."""
    status: Json = {"conditions": conditions(**statuses), "labels": dict(labels or {})}
    if observed is not None:
        status["observedGeneration"] = observed
    return {"metadata": {"name": "greeting", "generation": 2}, "status": status}


def every(*kinds: str) -> Iterator[dict[str, Any]]:
    """Every combination of statuses."""
    for statuses in itertools.product(STATUSES, repeat=len(kinds)):
        yield dict(zip(kinds, statuses, strict=True))


GATED = {"pending": {"version": 3, "digest": "sha256:1", "waitingFor": ["approval"]}}
MISSING = {"pending": {"version": 3, "waitingFor": ["PromptVersion greeting-v3"]}}
SERVED: Json = {"version": 2}
LABELS = {
    "all served": ({"production": SERVED}, False),
    "no label": ({}, False),
    "one is held by a policy": ({"production": SERVED | GATED, "staging": SERVED}, True),
    "a first move is held by a policy": ({"production": GATED}, True),
    "one waits for its version": ({"production": SERVED | MISSING}, False),
    "one of each": ({"production": GATED, "staging": MISSING}, False),
    "latest waits, too": ({"production": GATED, "latest": SERVED | MISSING}, True),
    "latest alone waits": ({"latest": SERVED | GATED}, False),
}


class TestRelease:
    @pytest.mark.parametrize("case", LABELS)
    def test_every_combination(self, case: str) -> None:
        labels, held = LABELS[case]
        seen = set()
        for combination in every("Ready", "Reconciling", "Stalled", "Withdrawing"):
            ready, reconciling, stalled, _ = combination.values()
            if stalled == "True":
                expected = "Degraded"
            elif ready == "True" and reconciling != "True":
                expected = "Healthy"
            elif reconciling == "True" and held:
                expected = "Suspended"
            else:
                expected = "Progressing"
            status, _ = release_health(release(labels=labels, **combination))
            assert status == expected, combination
            seen.add(status)
        assert seen == {"Degraded", "Healthy", "Progressing"} | ({"Suspended"} if held else set())

    @pytest.mark.parametrize("observed", [None, -1, 0, 1, 3])
    def test_what_was_said_of_another_spec_does_not_count(self, observed: int | None) -> None:
        for combination in every("Ready", "Reconciling", "Stalled"):
            status, message = release_health(release(observed, **combination))
            assert (status, message) == ("Progressing", "waiting for the operator to look at it")

    @pytest.mark.parametrize(
        "status", [None, {}, {"observedGeneration": 2}, {"observedGeneration": 2, "conditions": []}]
    )
    def test_nothing_was_said_yet(self, status: Json | None) -> None:
        obj: Json = {"metadata": {"generation": 2}}
        if status is not None:
            obj["status"] = status
        assert release_health(obj)[0] == "Progressing"

    def test_it_says_why(self) -> None:
        stalled = release(Ready="False", Reconciling="True", Stalled="True")
        assert release_health(stalled) == ("Degraded", "Stalled says True")
        held = release(labels={"production": GATED}, Ready="False", Reconciling="True")
        assert release_health(held) == ("Suspended", "Reconciling says True")
        waiting = release(Ready="False", Reconciling="True")
        assert release_health(waiting) == ("Progressing", "Ready says False")

    def test_what_is_served_and_should_be_looked_at_is_healthy_and_says_so(self) -> None:
        obj = release(
            Ready="True",
            Reconciling="False",
            Stalled="False",
            Withdrawing="True",
            NeedsReevaluation="True",
        )
        words = "Ready says True; Withdrawing says True; NeedsReevaluation says True"
        assert release_health(obj) == ("Healthy", words)

    def test_a_message_may_be_missing_or_empty(self) -> None:
        for message in ({}, {"message": ""}):
            obj = release()
            obj["status"]["conditions"] = [{"type": "Ready", "status": "True", **message}]
            assert release_health(obj) == ("Healthy", "")


class TestVersion:
    def test_every_combination(self) -> None:
        expected = {"True": "Healthy", "False": "Degraded", "Unknown": "Progressing"}
        for combination in every("Valid", "Chain"):
            obj = {"status": {"conditions": conditions(**combination)}}
            status, message = version_health(obj)
            assert status == expected.get(combination["Valid"] or "", "Progressing")
            if combination == {"Valid": "True", "Chain": "False"}:
                assert message == "Chain says False"
            elif combination["Valid"] in ("True", "False"):
                assert message == f"Valid says {combination['Valid']}"

    def test_what_heals_by_itself_is_not_degraded(self) -> None:
        (missing,) = conditions(Valid="False")
        obj = {"status": {"conditions": [{**missing, "reason": "IncludeMissing"}]}}
        assert version_health(obj) == ("Progressing", "Valid says False")

    @pytest.mark.parametrize("obj", [{}, {"status": {}}, {"status": {"conditions": []}}])
    def test_nothing_was_said_yet(self, obj: Json) -> None:
        words = "waiting for the operator to look at it"
        assert version_health({"metadata": {"generation": 1}, **obj}) == ("Progressing", words)


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("Passed", "Healthy"),
        ("Failed", "Degraded"),
        ("Error", "Degraded"),
        ("Running", "Progressing"),
        ("Pending", "Progressing"),
        (None, "Progressing"),
    ],
)
def test_an_evaluation(phase: str | None, status: str) -> None:
    obj: Json = {"status": {"phase": phase, "message": "0.93"}} if phase else {"metadata": {}}
    words = "0.93" if phase else "waiting for its verdict"
    assert evaluation_health(obj) == (status, words)


def test_the_config_map_is_made_of_these_files() -> None:
    """Each check under the key by which Argo CD looks it up, and none left out."""
    component = yaml.safe_load((ARGOCD / "health" / "kustomization.yaml").read_text())
    (generator,) = component["configMapGenerator"]
    found = dict(line.split("=") for line in generator["files"])
    prefix = "resource.customizations.health.promptrelease.dev_"
    kinds = {key.removeprefix(prefix).lower() + ".lua": file for key, file in found.items()}
    assert kinds == {file.name: file.name for file in (ARGOCD / "health").glob("*.lua")}
