"""A rollback by hand, a promotion by pull request, and what Git makes of both."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cluster.gitops.world import (
    ARGO_FLAGS,
    AT_NIGHT,
    DOCS,
    TOOL,
    P,
    Repository,
    World,
    at_rest,
    built,
    changes,
    cloned,
    documents,
    in_force,
    place,
    serves,
    told,
)
from harness.api import (
    Api,
    policy,
    release,
    version,
    wait_for,
)

pytestmark = pytest.mark.slow

SUMMARY = "ticket-summary"
PRODUCTION = "overlays/production/releases.yaml"
(HOLD,) = (
    yaml.safe_load(block)
    for block in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    if "kind: PromptPolicy" in block
)
BEGIN = (version(P, 1), version(P, 2), release(P, production=(1, "first"), staging=(2, "try")))


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


IN_GIT = release(P, production=(2, "better"))


class TestByHand:
    """Production was promoted from Git, and somebody rolls it back at night."""

    @pytest.fixture
    def night(self, world: World, api: Api) -> Api:
        """Production is at v2, after v1, by Argo CD."""
        world.argocd(api, *BEGIN[:2], release(P, production=(1, "first")))
        api.ready(P)
        world.argocd(api, IN_GIT)
        api.served(P, "production", f"{P} v2")
        api.ready(P)
        return api

    def roll_back(self, world: World, api: Api) -> None:
        """By hand, past every gate."""
        assert world.by_hand(api, 1, "replies got colder") == ""
        api.served(P, "production", f"{P} v1")
        api.ready(P)

    def test_who_is_on_call_rolls_back_and_cannot_promote(self, world: World, night: Api) -> None:
        self.roll_back(world, night)
        last = changes(night)[-1]
        assert (last["kind"], last["to"], last["by"]) == ("Rollback", 1, AT_NIGHT)
        night.apply(version(P, 3))
        assert "needs the verb" in world.by_hand(night, 3, "forward")

    @pytest.mark.parametrize("tool", ["Argo CD", "Flux", "kubectl apply"])
    def test_a_tool_that_applies_again_wins(self, world: World, api: Api, tool: str) -> None:
        """Its old reason is another one than that of the rollback, so it is a move."""
        ways: dict[str, Callable[..., object]] = {
            "Argo CD": lambda *it: world.argocd(api, *it),
            "Flux": lambda *it: world.flux(api, *it),
            "kubectl apply": lambda *it: world.apply(api, manifests=documents(*it)),
        }
        apply = ways[tool]
        apply(*BEGIN[:2], release(P, production=(1, "first")))
        api.ready(P)
        apply(IN_GIT)
        api.ready(P)
        self.roll_back(world, api)
        apply(IN_GIT)
        api.served(P, "production", f"{P} v2")
        api.ready(P)
        log = [(it["kind"], it["to"], it["reason"], it["by"]) for it in changes(api)]
        assert log == [
            ("Promotion", 1, "first", TOOL),
            ("Promotion", 2, "better", TOOL),
            ("Rollback", 1, "replies got colder", AT_NIGHT),
            ("Rollback", 2, "better", TOOL),
        ]

    def test_the_gates_do_not_stop_it(self, world: World, night: Api) -> None:
        """What this label has served before is a return, and returns wait for nobody."""
        one = {"approvals": {"count": 1}}
        in_force(night, policy("production", labels=["production"], require=one))
        self.roll_back(world, night)
        world.argocd(night, IN_GIT)
        night.served(P, "production", f"{P} v2")

    def test_from_stops_it_only_when_something_else_is_wanted_by_then(
        self, world: World, night: Api
    ) -> None:
        night.apply(version(P, 3))
        third = release(P, production=(3, "even better"))
        third["spec"]["labels"]["production"]["from"] = 2
        assert world.argocd(night, third) == ""
        night.served(P, "production", f"{P} v3")
        night.ready(P)
        elsewhere = "from names another version than the label has now"
        # What Git left there is in the way of a rollback by two steps, until it is taken out.
        assert elsewhere in world.by_hand(night, 1, "replies got colder")
        assert world.by_hand(night, 1, "replies got colder", **{"from": None}) == ""
        night.served(P, "production", f"{P} v1")
        night.ready(P)
        assert elsewhere in world.argocd(night, third)
        # Back to v2, which is what from says: nothing tells this from the first time.
        assert world.by_hand(night, 2, "one step will do") == ""
        night.ready(P)
        assert world.argocd(night, third) == ""
        night.served(P, "production", f"{P} v3")

    def test_an_apply_that_does_not_force_is_refused(self, world: World, night: Api) -> None:
        self.roll_back(world, night)
        flags = ("--server-side", "--field-manager=argocd-controller")
        refused = world.apply(night, *flags, manifests=documents(IN_GIT))
        assert refused.returncode == 1
        assert 'conflicts with "kubectl-patch"' in refused.stderr
        assert ".spec.labels.production.version" in refused.stderr
        assert serves(night) == 1

    def test_flux_leaves_what_is_annotated(self, world: World, night: Api) -> None:
        self.roll_back(world, night)
        off, on = (shlex.split(line)[1:] for line in told("kubectl annotate"))
        assert world.kubectl(night, *off, user=AT_NIGHT).returncode == 0
        assert world.flux(night, IN_GIT) == {P: "skipped"}
        assert serves(night) == 1
        assert world.kubectl(night, *on, user=AT_NIGHT).returncode == 0
        assert world.flux(night, IN_GIT) == {P: "configured"}
        night.served(P, "production", f"{P} v2")

    def test_a_hold_keeps_it_whatever_the_tool_does(self, world: World, night: Api) -> None:
        """docs/gitops.md: roll back, hold, commit, let go."""
        (patch,) = told("kubectl patch")
        assert world.kubectl(night, *shlex.split(patch)[1:], user=AT_NIGHT).stderr == ""
        night.served(P, "production", f"{P} v1")
        in_force(night, HOLD)
        world.argocd(night, IN_GIT)
        held = night.release_with(P, "Ready", "False", "rolled back by hand, Git follows")
        (said,) = world.tools.judge([held])
        assert (said.kstatus, said.argo) == ("InProgress", "Suspended")
        assert night.files(P, "production")["prompt.txt"] == f"{P} v1"
        # The commit catches up with what is served: no move.
        world.argocd(night, release(P, production=(1, "back to v1, replies got colder")))
        ready = night.ready(P)
        (let_go,) = told("kubectl delete")
        assert world.kubectl(night, *shlex.split(let_go)[1:]).returncode == 0
        at_rest(night)
        assert night.ready(P)["status"]["labels"] == ready["status"]["labels"]
        assert changes(night)[-1]["by"] == AT_NIGHT

    def test_a_tool_that_may_not_move_production_is_refused(self, world: World, night: Api) -> None:
        self.roll_back(world, night)
        author = ("--clusterrole=promptrelease-author", f"--user={TOOL}")
        world.kubectl(night, "create", "rolebinding", "author", *author)
        world.kubectl(night, "delete", "rolebinding", "prompts-from-git")
        say = "may not move production of greeting: needs the verb"
        wait_for(lambda: say in world.argocd(night, IN_GIT), "the right to be gone")
        assert serves(night) == 1

    def test_the_revert_first(self, world: World, night: Api) -> None:
        """Git as it was before is a rollback with the reason of then, and no drift is left."""
        before = release(P, production=(1, "first"))
        assert world.argocd(night, before) == ""
        night.served(P, "production", f"{P} v1")
        night.ready(P)
        last = changes(night)[-1]
        assert (last["kind"], last["to"], last["reason"]) == ("Rollback", 1, "first")
        diff = world.apply(night, *ARGO_FLAGS, manifests=documents(before), verb="diff")
        assert (diff.returncode, diff.stdout) == (0, "")


ENVIRONMENTS = {"dev": 3, "staging": 2, "production": 1}


class TestExample:
    """examples/gitops: what CI says, and what becomes of it on a cluster."""

    @pytest.fixture
    def repository(self, world: World, tmp_path: Path) -> Repository:
        return cloned(world, tmp_path / "repository")

    def sync(self, world: World, repository: Repository, environment: str) -> Api:
        """Do what Argo CD would do with what is checked out."""
        api = Api(world.plane, f"tickets-{environment}")
        folder = repository.folder / "overlays" / environment
        text = world.plane.kubectl("kustomize", folder).stdout
        done = world.apply(api, *ARGO_FLAGS, manifests=text)
        assert done.returncode == 0, done.stderr
        return api

    def test_promotion_is_a_line_and_rollback_a_revert(
        self, world: World, api: Api, repository: Repository
    ) -> None:
        for environment, number in ENVIRONMENTS.items():
            place(world, f"tickets-{environment}")
            there = self.sync(world, repository, environment)
            for name, wanted in ((SUMMARY, number), ("ticket-router", 1)):
                label = there.ready(name)["status"]["labels"][environment]
                assert label["version"] == wanted
                assert there.files(name, environment)

        repository("git", "switch", "--quiet", "-c", "promote")
        line = 'production: {version: 2, reason: "No outage was missed in two weeks of staging"}'
        repository.edit(
            PRODUCTION, 'production: {version: 1, reason: "Begin with what the code had"}', line
        )
        assert repository("git", "diff", "--numstat").stdout == f"1\t1\t{PRODUCTION}\n"
        repository.commit("Promote ticket-summary v2")
        checked = repository.check()
        assert checked.returncode == 0, checked.stderr
        moves = [it for it in checked.stdout.splitlines() if " moves from " in it]
        assert moves == [
            f"production: {SUMMARY}.production moves from 1 to 2: "
            "No outage was missed in two weeks of staging"
        ]
        assert (
            "+Summarize this support ticket in at most five sentences. Name the" in checked.stdout
        )

        repository("git", "switch", "--quiet", "main")
        repository("git", "merge", "--quiet", "promote")
        there = self.sync(world, repository, "production")
        second = there.ready(SUMMARY)["status"]["labels"]["production"]
        assert (second["version"], second["kind"]) == (2, "Promotion")
        assert "amount of money" in there.files(SUMMARY, "production")["prompt.txt"]

        repository("git", "revert", "--no-edit", "HEAD")
        assert repository.check().returncode == 0
        there = self.sync(world, repository, "production")
        third = there.ready(SUMMARY)["status"]["labels"]["production"]
        assert (third["version"], third["kind"]) == (1, "Rollback")
        assert third["reason"] == "Begin with what the code had"
        assert "amount of money" not in there.files(SUMMARY, "production")["prompt.txt"]

    @pytest.mark.parametrize(
        ("file", "old", "new", "said"),
        [
            (
                "base/ticket-summary/v1.yaml",
                "five sentences",
                "six sentences",
                "base/ticket-summary/v1.yaml: a version can not be changed",
            ),
            (
                PRODUCTION,
                '{version: 1, reason: "Begin with what the code had"}',
                '{version: 4, reason: "Try"}',
                f"{PRODUCTION}:8: production names v4 of {SUMMARY}, which is not there",
            ),
            (
                PRODUCTION,
                '{version: 1, reason: "Begin with what the code had"}',
                '{version: 2, reason: "Begin with what the code had"}',
                f"overlays/production: {SUMMARY}.production: a move needs a new reason",
            ),
            (
                "overlays/staging/releases.yaml",
                '{version: 2, reason: "Keeps',
                '{version: 2, why: "Keeps',
                "overlays/staging/releases.yaml:8: spec.labels.staging.why: there is no such field",
            ),
        ],
        ids=["a changed version", "a missing version", "an old reason", "a misspelt field"],
    )
    def test_ci_refuses(
        self, repository: Repository, file: str, old: str, new: str, said: str
    ) -> None:
        repository("git", "switch", "--quiet", "-c", "mistake")
        repository.edit(file, old, new)
        repository.commit("A mistake")
        checked = repository.check()
        assert checked.returncode == 1
        assert said in checked.stdout + checked.stderr

    def test_ci_lets_new_versions_pass_and_old_ones_go(self, repository: Repository) -> None:
        repository("git", "switch", "--quiet", "-c", "fourth")
        third = (repository.folder / "base" / SUMMARY / "v3.yaml").read_text()
        fourth = third.replace("-v3", "-v4").replace("version: 3", "version: 4")
        (repository.folder / "base" / SUMMARY / "v4.yaml").write_text(fourth)
        repository.edit("base/kustomization.yaml", f"- {SUMMARY}/v3.yaml", f"- {SUMMARY}/v4.yaml")
        repository.edit(
            "overlays/dev/releases.yaml", "{version: 3, reason: ", '{version: 4, reason: "Try"} #'
        )
        repository("git", "rm", "--quiet", f"base/{SUMMARY}/v3.yaml")
        repository.commit("Version 4 instead of 3")
        checked = repository.check()
        assert checked.returncode == 0, checked.stderr
        assert f"dev: {SUMMARY}.dev moves from 3 to 4: Try" in checked.stdout
