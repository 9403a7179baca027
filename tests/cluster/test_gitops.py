"""Prompts in Git: what Argo CD, Flux and kubectl see, and who wins over whom.

Each test has a namespace of its own on one control plane, with admission and the stamp installed.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster.gitops.world import (
    ARGO_FLAGS,
    ARGOCD,
    TOOL,
    P,
    World,
    at_rest,
    built,
    documents,
    in_force,
    objects,
    place,
    serves,
    told,
    watching,
)
from harness.api import (
    API_VERSION,
    CONFIG_MAPS,
    EVALUATIONS,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    approval,
    policy,
    release,
    suite,
    version,
    wait_for,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything installed, and a GitOps tool that may move all."""
    with built(tmp_path_factory.mktemp("gitops")) as it:
        yield it


@pytest.fixture
def api(world: World) -> Api:
    """A namespace of the test's own, and the operator running."""
    if not world.operator.running:
        world.operator.start()
    return place(world)


class TestHealth:
    def judge(self, world: World, *objects: Json) -> list[tuple[str, str, str]]:
        """What kstatus, Flux and Argo CD say of each."""
        said = world.tools.judge(objects)
        return [(it.kstatus, it.flux, it.argo) for it in said]

    def test_served(self, world: World, api: Api) -> None:
        world.argocd(api, version(P, 1), release(P, production=(1, "first")))
        served = api.ready(P)
        assert self.judge(world, served, api.version_with(f"{P}-v1", "True")) == [
            ("Current", "Current", "Healthy"),
            ("Current", "Current", "Healthy"),
        ]

    def test_nobody_has_looked_at_it_yet(self, world: World, api: Api) -> None:
        world.operator.stop()
        world.argocd(api, version(P, 1), release(P, production=(1, "first")))
        new = self.judge(world, api.get(RELEASES, P), api.get(VERSIONS, f"{P}-v1"))
        assert new[0] == ("InProgress", "InProgress", "Progressing")
        # Of a version kstatus by itself can't know that there will be a status.
        assert (new[1][0], new[1][2]) == ("Current", "Progressing")

    def test_the_operator_has_not_heard_of_the_move_yet(self, world: World, api: Api) -> None:
        world.argocd(api, version(P, 1), version(P, 2), release(P, production=(1, "first")))
        api.ready(P)
        world.operator.stop()
        world.argocd(api, release(P, production=(2, "better")))
        assert self.judge(world, api.get(RELEASES, P)) == [
            ("InProgress", "InProgress", "Progressing")
        ]

    def test_the_version_is_missing(self, world: World, api: Api) -> None:
        world.argocd(api, release(P, production=(1, "first")))
        waiting = api.release_with(P, "Reconciling", "True", "does not exist")
        assert self.judge(world, waiting) == [("InProgress", "InProgress", "Progressing")]

    def test_the_version_is_invalid(self, world: World, api: Api) -> None:
        world.argocd(api, version(P, 1, text="{{oops}}"), release(P, production=(1, "first")))
        stalled = api.release_with(P, "Stalled", "True")
        broken = api.version_with(f"{P}-v1", "False")
        assert self.judge(world, stalled) == [("Failed", "Failed", "Degraded")]
        # kstatus knows nothing of Valid.
        assert self.judge(world, broken) == [("Current", "Failed", "Degraded")]

    def test_it_waits_for_an_approval_and_is_denied(self, world: World, api: Api) -> None:
        world.argocd(api, version(P, 1), version(P, 2), release(P, production=(1, "first")))
        api.ready(P)
        one = {"approvals": {"count": 1}}
        in_force(api, policy("production", labels=["production"], require=one))
        world.argocd(api, release(P, production=(2, "better")))
        held = api.release_with(P, "Ready", "False", "approval")
        assert self.judge(world, held) == [("InProgress", "InProgress", "Suspended")]
        pending = held["status"]["labels"]["production"]["pending"]
        about = {"release": P, "label": "production"}
        api.create(approval("no", pending, "erin", decision="deny", comment="too loud", **about))
        denied = api.release_with(P, "Stalled", "True", "denial")
        assert self.judge(world, denied) == [("Failed", "Failed", "Degraded")]
        api.create(approval("yes", pending, "erin", **about))
        wait_for(
            lambda: api.get(RELEASES, P)["status"]["labels"]["production"]["version"] == 2, "v2"
        )
        assert self.judge(world, api.ready(P)) == [("Current", "Current", "Healthy")]

    def test_an_evaluation(self, world: World, api: Api) -> None:
        expected = {"Failed": "Degraded", "Passed": "Healthy"}
        states = failed_then_passed(world, api)
        for (phase, health), _ in zip(expected.items(), states, strict=False):
            done = wait_for(lambda p=phase: with_phase(api, p), phase)  # type: ignore[misc]
            assert self.judge(world, done) == [("Current", "Current", health)]

    def test_never_current_while_a_label_is_elsewhere(self, world: World, api: Api) -> None:
        """Every state of a release that a watch sees during forty moves."""
        world.argocd(api, version(P, 1), version(P, 2), release(P, production=(1, "first")))
        api.ready(P)
        watch = ("get", "promptrelease", P, "--watch", "-o", "json")
        with watching(world, api, *watch) as lines:
            for number in range(40):
                api.move(P, "production", 1 + number % 2, f"move {number}")
                if number % 4 == 3:
                    api.ready(P)
        states = list(objects(lines))
        verdicts = world.tools.judge(states)
        assert len(states) > 40
        current = 0
        for state, said in zip(states, verdicts, strict=True):
            wanted = state["spec"]["labels"]["production"]["version"]
            serves = state["status"]["labels"]["production"]["version"]
            healthy = (said.kstatus, said.flux, said.argo) == ("Current", "Current", "Healthy")
            if "Current" in (said.kstatus, said.flux, said.flux_plain) or said.argo == "Healthy":
                assert healthy, said
                assert wanted == serves
                current += 1
        assert 10 <= current < len(states)

    def test_every_combination_of_conditions(self, world: World) -> None:
        """Flux and Argo CD agree on all that could be written, and kstatus on all with a Ready."""
        kinds = ("Ready", "Stalled", "Reconciling")
        all_of_them = []
        for observed in (2, 1):
            for statuses in itertools.product(("True", "False", "Unknown", None), repeat=3):
                found = dict(zip(kinds, statuses, strict=True))
                all_of_them.append(with_conditions(observed, found))
        outcomes = set()
        for obj, said in zip(all_of_them, world.tools.judge(all_of_them), strict=True):
            status = {it["type"]: it["status"] for it in obj["status"]["conditions"]}
            observed = obj["status"]["observedGeneration"] == 2
            wrong = "True" in (status.get("Reconciling"), status.get("Stalled"))
            current = observed and status.get("Ready") == "True" and not wrong
            failed = observed and status.get("Stalled") == "True"
            expected = "Current" if current else "Failed" if failed else "InProgress"
            argo = {"Current": "Healthy", "Failed": "Degraded", "InProgress": "Progressing"}
            assert (said.flux, said.argo) == (expected, argo[expected]), obj
            if "Ready" in status:
                assert said.kstatus == said.flux_plain == expected, obj
            outcomes.add(expected)
        assert outcomes == {"Current", "Failed", "InProgress"}

    def test_the_checks_go_into_a_config_map_beside_what_is_there(self, world: World) -> None:
        theirs = {"metadata": {"name": "argocd-cm"}, "data": {"url": "https://argocd.example"}}
        api = place(world)
        path = api.path(CONFIG_MAPS)
        world.plane.request("POST", path, theirs)
        (line,) = told("kubectl apply -n argocd")
        apply = line.replace("-n argocd ", "").replace("manifests/gitops/argocd", str(ARGOCD))
        for _ in range(2):
            assert world.kubectl(api, *apply.split()[1:]).returncode == 0
        data = api.get(CONFIG_MAPS, "argocd-cm")["data"]
        assert data.pop("url") == "https://argocd.example"
        prefix = "resource.customizations.health.promptrelease.dev_"
        kinds = {"PromptRelease", "PromptVersion", "PromptEvaluation"}
        assert set(data) == {prefix + kind for kind in kinds}
        for name, script in data.items():
            file = f"{name.removeprefix(prefix).lower()}.lua"
            assert script == (ARGOCD / "health" / file).read_text()

    def test_a_kustomization_with_argo_cd_takes_them_in(self, world: World, tmp_path: Path) -> None:
        theirs: Json = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}},
            "data": {"url": "https://argocd.example"},
        }
        (tmp_path / "argocd.yaml").write_text(json.dumps(theirs))
        kustomization = {
            "resources": ["argocd.yaml"],
            "components": [os.path.relpath(ARGOCD / "health", tmp_path)],
            "namespace": "argocd",
        }
        (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))
        (merged,) = yaml.safe_load_all(world.plane.kubectl("kustomize", tmp_path).stdout)
        ours = yaml.safe_load(world.plane.kubectl("kustomize", ARGOCD).stdout)
        assert merged["metadata"] == {**theirs["metadata"], "namespace": "argocd"}
        assert merged["data"] == {**theirs["data"], **ours["data"]}


def with_phase(api: Api, phase: str) -> Json:
    """The evaluation, once it has come so far."""
    found = api.get(EVALUATIONS, "judge-1")
    return found if found.get("status", {}).get("phase") == phase else {}


def with_conditions(observed: int, statuses: dict[str, str | None]) -> Json:
    """A PromptRelease of generation 2."""
    conditions = [
        {"type": kind, "status": status, "reason": "R", "message": kind}
        for kind, status in statuses.items()
        if status is not None
    ]
    status: Json = {"observedGeneration": observed, "conditions": conditions}
    return {**release(P), "metadata": {"name": P, "generation": 2}, "status": status}


BEGIN = (version(P, 1), version(P, 2), release(P, production=(1, "first"), staging=(2, "try")))
NEXT = release(P, production=(2, "better"), staging=(2, "try"))
WITHOUT_STAGING = release(P, production=(2, "better"))


class TestNoDrift:
    """What the operator and the stamp write is nothing that a tool would undo."""

    def stamped(self, world: World, api: Api) -> Json:
        """Check that there is something that a tool could take for drift."""
        found = api.ready(P)
        assert {it["by"] for it in found["spec"]["labels"].values()} == {TOOL}
        first = api.version_with(f"{P}-v1", "True")
        assert first["metadata"]["annotations"]["promptrelease.dev/author"] == TOOL
        return found

    @pytest.mark.parametrize("flags", [ARGO_FLAGS, ()], ids=["Argo CD", "kubectl apply"])
    def test_argo_cd_and_kubectl(self, world: World, api: Api, flags: tuple[str, ...]) -> None:
        for wanted in (BEGIN, (*BEGIN[:2], NEXT), (*BEGIN[:2], WITHOUT_STAGING)):
            text = documents(*wanted)
            differs = world.apply(api, *flags, manifests=text, verb="diff")
            assert differs.returncode == 1, differs.stderr
            assert world.apply(api, *flags, manifests=text).returncode == 0
            self.stamped(world, api)
            before = at_rest(api)
            same = world.apply(api, *flags, manifests=text, verb="diff")
            assert (same.returncode, same.stdout) == (0, "")
            assert world.apply(api, *flags, manifests=text).returncode == 0
            assert api.state() == before
        withdrawn = api.ready(P)["metadata"]["annotations"]["promptrelease.dev/withdrawn-by"]
        assert withdrawn == f"staging {TOOL}"

    def test_flux(self, world: World, api: Api) -> None:
        for wanted in (BEGIN, (*BEGIN[:2], NEXT), (*BEGIN[:2], WITHOUT_STAGING)):
            assert world.flux(api, *wanted)[P] in ("created", "configured")
            self.stamped(world, api)
            before = at_rest(api)
            assert set(world.flux(api, *wanted).values()) == {"unchanged"}
            assert api.state() == before


def missing_then_there(world: World, api: Api) -> Iterator[None]:
    world.argocd(api, release(P, production=(1, "first")))
    yield
    world.argocd(api, version(P, 1))
    yield


def served_then_broken(world: World, api: Api) -> Iterator[None]:
    world.argocd(api, version(P, 1), release(P, production=(1, "first")))
    api.ready(P)
    yield
    broken = version(P, 2, text="{{oops}}")
    world.argocd(api, broken, release(P, production=(2, "worse")))
    yield


def first_then_second(world: World, api: Api) -> Iterator[None]:
    world.argocd(api, *BEGIN)
    api.ready(P)
    yield
    world.argocd(api, NEXT)
    yield


def free_then_held(world: World, api: Api) -> Iterator[None]:
    world.argocd(api, *BEGIN)
    api.ready(P)
    yield
    in_force(api, policy("four-eyes", labels=["production"], require={"approvals": {"count": 1}}))
    world.argocd(api, NEXT)
    yield


def invalid_then_valid(world: World, api: Api) -> Iterator[None]:
    tone = {"tone": {"prompt": "tone", "version": 1}}
    world.argocd(api, version(P, 2, text="{{> tone}}", includes=tone))
    api.version_with(f"{P}-v2", "False")
    yield
    world.argocd(api, version("tone", 1))
    yield


def failed_then_passed(world: World, api: Api) -> Iterator[None]:
    api.create(suite("judge", P, accept=True))
    api.create(version(P, 1))
    digest = api.version_with(f"{P}-v1", "True")["status"]["digest"]
    for score in (0.1, 0.95):
        spec = {
            "suite": "judge",
            "candidate": [{"prompt": P, "version": 1, "digest": digest}],
            "verdict": {"score": score, "passed": True},
        }
        meta = {"name": "judge-1"}
        made = {"apiVersion": API_VERSION, "kind": "PromptEvaluation", "metadata": meta}
        api.create({**made, "spec": spec})
        yield
        if score == 0.1:
            api.delete(EVALUATIONS, "judge-1")


# What docs/gitops.md says to wait for: a state in which it does not hold, and one in which it does.
WAITS = {
    "promptrelease/greeting --for=condition=Ready": missing_then_there,
    "promptreleases --all --for=condition=Ready": missing_then_there,
    "promptrelease/greeting --for=condition=Stalled": served_then_broken,
    "promptrelease/greeting --for=jsonpath='{.status.labels.production.version}'=2": (
        first_then_second
    ),
    "promptrelease/greeting --for=jsonpath='{.status.labels.production.pending.digest}'": (
        free_then_held
    ),
    "promptversion/greeting-v2 --for=condition=Valid": invalid_then_valid,
    "configmap/greeting.production "
    r"--for=jsonpath='{.metadata.labels.promptrelease\.dev/version}'=2": first_then_second,
    "promptevaluations --all --for=jsonpath='{.status.phase}'=Passed": failed_then_passed,
}


class TestKubectlWait:
    def wait(self, world: World, api: Api, what: str, seconds: int) -> str:
        """Wait. Returns what went wrong."""
        command = shlex.split(what)
        return world.kubectl(api, "wait", *command, f"--timeout={seconds}s").stderr

    @pytest.mark.parametrize("what", WAITS)
    def test_until_it_holds(self, world: World, api: Api, what: str) -> None:
        states = WAITS[what](world, api)
        next(states)
        assert "timed out waiting for the condition" in self.wait(world, api, what, 1)
        next(states)
        assert self.wait(world, api, what, 20) == ""

    def test_these_are_the_ones_that_the_docs_have(self) -> None:
        lines = [line.removeprefix("kubectl wait ") for line in told("kubectl wait ")]
        assert [re.sub(" +#.*", "", line) for line in lines] == list(WAITS)

    def test_what_was_said_of_an_earlier_edit_does_not_count(self, world: World, api: Api) -> None:
        world.argocd(api, *BEGIN)
        api.ready(P)
        world.operator.stop()
        world.argocd(api, NEXT)
        ready = f"promptrelease/{P} --for=condition=Ready"
        assert "timed out" in self.wait(world, api, ready, 1)
        world.operator.start()
        assert self.wait(world, api, ready, 20) == ""
        assert serves(api) == 2
