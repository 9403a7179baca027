"""What `doctor` finds, from plain JSON."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptrelease.api import crd
from promptrelease.cli.check import checkup, installation
from promptrelease.cli.check.checkup import BAD, OK, WARN, Finding

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def release(
    name: str = "p", *conditions: tuple[str, str, str], observed: int = 1, edited: str = ""
) -> dict[str, Any]:
    """A PromptRelease with production; conditions are type, message and since when."""
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": edited or ago(days=1),
        },
        "spec": {"labels": {"production": {"version": 1, "reason": "r"}}},
        "status": {
            "observedGeneration": observed,
            "labels": {"production": {"version": 1, "configMap": f"{name}.production"}},
            "conditions": [
                {
                    "type": kind,
                    "status": "False" if kind == "Ready" else "True",
                    "message": message,
                    "observedGeneration": 1,
                    "lastTransitionTime": since,
                }
                for kind, message, since in conditions
            ],
        },
    }


def version(prompt: str, number: int, valid: bool = True, **status: Any) -> dict[str, Any]:
    condition = {"type": "Valid", "status": str(valid), "message": "it lacks a brace"}
    return {
        "metadata": {"name": f"{prompt}-v{number}"},
        "spec": {"prompt": prompt, "version": number},
        "status": {"conditions": [condition], **status},
    }


def pod(name: str, *, told: bool = True, **mount: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "app", "volumeMounts": [{"name": "v", **mount}]}
    return {
        "metadata": {
            "name": name,
            "labels": {"promptrelease.dev/refresh": "true"} if told else {},
        },
        "spec": {
            "containers": [container],
            "volumes": [{"name": "v", "configMap": {"name": "p.production"}}],
        },
    }


class TestInstallation:
    def definitions(self) -> list[dict[str, Any]]:
        return [yaml.safe_load(text) for text in crd.manifests().values()]

    def test_definitions_of_this_release_are_fine(self) -> None:
        assert installation.definitions(self.definitions()).level == OK

    def test_definitions_that_are_not_there_are_bad(self) -> None:
        found = installation.definitions(self.definitions()[1:])
        assert found.level == BAD
        assert "promptversions.promptrelease.dev" in found.what
        assert "kubectl apply" in found.todo

    def test_definitions_of_another_release_are_told(self) -> None:
        objects = copy.deepcopy(self.definitions())
        schema = objects[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        del schema["properties"]["spec"]["properties"]["message"]
        found = installation.definitions(objects)
        assert (found.level, "of another release" in found.what) == (WARN, True)

    def deployment(self, ready: int) -> dict[str, Any]:
        return {
            "metadata": {"name": "promptrelease-operator", "namespace": "system"},
            "spec": {
                "replicas": 2,
                "template": {"spec": {"containers": [{"image": "promptrelease:0.1.0"}]}},
            },
            "status": {"readyReplicas": ready} if ready else {},
        }

    def lease(self, **renewed: float) -> dict[str, Any]:
        spec = {"holderIdentity": "a", "renewTime": ago(**renewed), "leaseDurationSeconds": 15}
        return {"spec": spec}

    def test_an_operator_is_ready_and_leads(self) -> None:
        found = installation.operator([self.deployment(2)], [self.lease(seconds=3)], NOW)
        assert (found.level, found.what) == (
            OK,
            "system/promptrelease-operator (promptrelease:0.1.0): 2 of 2 ready; leader: a",
        )

    def test_an_operator_that_is_not_ready_is_bad(self) -> None:
        found = installation.operator([self.deployment(0)], [], NOW)
        assert found.level == BAD
        assert "kubectl -n system logs deployment/promptrelease-operator" in found.todo
        late = installation.operator([self.deployment(2)], [self.lease(minutes=3)], NOW)
        assert (late.level, "long not renewed" in late.what) == (BAD, True)

    def test_an_operator_that_is_nowhere_is_told(self) -> None:
        assert installation.operator([], [], NOW).level == WARN

    def test_edits_that_nobody_looks_at_are_bad(self) -> None:
        old = release("old", observed=0)
        new = release("new", observed=0, edited=ago(seconds=1))
        found = installation.at_work([old, new, release()], NOW)
        assert found.level == BAD
        assert "old" in found.what
        assert "new" not in found.what
        assert installation.at_work([new, release()], NOW).level == OK

    @pytest.mark.parametrize("stamp", [False, True])
    def test_the_names_are_those_of_the_manifests(self, stamp: bool) -> None:
        folder = ROOT / "manifests" / "admission" / ("stamp" if stamp else "")
        kind = "MutatingAdmissionPolicy" if stamp else "ValidatingAdmissionPolicy"
        shipped = {
            obj["metadata"]["name"]
            for path in folder.glob("*.yaml")
            for obj in yaml.safe_load_all(path.read_text())
            if obj.get("kind") == kind
        }
        assert (installation.STAMPS if stamp else installation.POLICIES) == shipped

    def test_a_policy_that_is_not_bound_is_missing(self) -> None:
        wanted = installation.POLICIES
        assert installation.admission(wanted, wanted, wanted, False).level == OK
        found = installation.admission(wanted, wanted - {"promptrelease-moves"}, wanted, False)
        assert (found.level, "missing: promptrelease-moves:" in found.what) == (WARN, True)
        absent = installation.admission((), (), wanted, True)
        assert "not installed" in absent.what
        assert "manifests/admission/stamp" in absent.todo


class TestPrompts:
    def found(self, *releases: dict[str, Any]) -> list[tuple[str, str]]:
        return [(f.level, f.about) for f in checkup.prompts(releases, NOW, HOUR)]

    def test_one_that_is_stalled_is_bad(self) -> None:
        assert self.found(release("p", ("Stalled", "do it", ago(minutes=1)))) == [(BAD, "p")]

    def test_one_that_waits_for_long_is_told(self) -> None:
        def waiting(**since: float) -> dict[str, Any]:
            return release("p", ("Ready", "", ago(**since)), ("Reconciling", "x", ago(**since)))

        assert self.found(waiting(minutes=59)) == []
        assert self.found(waiting(minutes=61)) == [(WARN, "p")]
        (finding,) = checkup.prompts([waiting(hours=3)], NOW, HOUR)
        assert finding.what.startswith("waits for 3h: x")

    def test_one_that_needs_an_evaluation_is_told_even_if_it_is_stalled(self) -> None:
        moved = ("NeedsReevaluation", "a moved", ago(days=1))
        assert self.found(release("p", moved)) == [(WARN, "p")]
        stalled = release("p", moved, ("Stalled", "x", ago(days=1)))
        assert self.found(stalled) == [(BAD, "p"), (WARN, "p")]

    def test_the_others_are_counted(self) -> None:
        assert self.found(release("a"), release("b")) == [(OK, "prompts")]

    def test_the_newest_version_ought_to_be_valid(self) -> None:
        versions = [version("p", 1, valid=False), version("p", 2)]
        assert list(checkup.invalid(versions, [release("p")])) == []
        (found,) = checkup.invalid([version("p", 1), version("p", 2, valid=False)], [release("p")])
        assert (found.level, found.about) == (WARN, "p-v2")
        assert "it lacks a brace" in found.what

    def test_what_is_never_served_is_told_unless_it_is_included(self) -> None:
        user = version("p", 1)
        user["spec"]["includes"] = {"tone": {"prompt": "tone", "version": 1}}
        versions = [user, version("tone", 1), version("lost", 1)]
        assert [f.about for f in checkup.invalid(versions, [release("p")])] == ["lost"]

    def test_versions_that_nothing_needs_are_counted(self) -> None:
        idle = [version("p", n) for n in range(1, 4)]
        used = [
            version("p", 4, labels=["latest"]),
            version("p", 5, history=["production"]),
            version("p", 6, includedBy=["q-v1"]),
        ]
        assert list(checkup.sprawl([*idle, *used], most=4)) == []
        (found,) = checkup.sprawl([*idle, *used], most=3)
        assert found.what.startswith("3 versions")


class TestWorkloads:
    def found(self, *pods: dict[str, Any]) -> list[Finding]:
        return list(checkup.workloads([release("p")], pods))

    def test_a_pod_that_is_told_is_fine(self) -> None:
        (finding,) = self.found(pod("web-1"))
        assert (finding.level, finding.what[:12]) == (OK, "1 pod is tol")

    def test_a_pod_that_can_not_follow_is_told(self) -> None:
        (finding,) = self.found(pod("web-1", subPath="prompt.txt"))
        assert (finding.level, finding.about) == (WARN, "pod web-1")
        assert "by subPath" in finding.what

    def test_variables_never_change(self) -> None:
        made = pod("web-1")
        made["spec"]["containers"] = [
            {"name": "app", "envFrom": [{"configMapRef": {"name": "p.production"}}]}
        ]
        (finding,) = self.found(made)
        assert "by environment variables" in finding.what

    def test_pods_without_the_label_are_named_together(self) -> None:
        (finding,) = self.found(*(pod(f"web-{n}", told=False) for n in range(7)))
        assert finding.about == "pods of p.production"
        assert finding.what.endswith("web-4 and 2 more")
        assert 'promptrelease.dev/refresh: "true"' in finding.todo


def test_only_what_is_bad_is_a_failure() -> None:
    fine = [Finding(OK, "a", "b"), Finding(WARN, "a", "b"), checkup.skipped("a", "b")]
    assert checkup.code(fine) == 0
    assert checkup.code([*fine, Finding(BAD, "a", "b")]) == 1
    assert checkup.plain(fine)[0] == {"level": "ok", "about": "a", "what": "b", "todo": ""}
