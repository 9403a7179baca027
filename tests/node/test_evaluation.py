"""The gate on a real node: suites run as Jobs, and decide what production serves.

The chain of manifests/examples/evaluation, judged by the image of examples/suites/pytest; and
suites that do everything wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.api import (
    CHANGES,
    EVALUATIONS,
    JOBS,
    Api,
    Json,
    condition,
    policy,
    release,
    version,
    wait_for,
)
from harness.node import Node
from harness.pods import Pods
from node.evaluation.chain import (
    CHAIN,
    FINISHED,
    REPLY,
    ROUTER,
    SUMMARY,
    Chain,
    by_suite,
    gate,
)
from node.evaluation.hostile import (
    CASES,
    DELETED_ONCE,
    KUBELET_GONE,
    NODE_LOST,
    SURVIVORS,
    Case,
)
from node.evaluation.images import ticket_suite
from node.evaluation.watching import Witness

ALL_SUITES = ["reply-suite", "router-suite", "summary-suite"]


@pytest.fixture(scope="module")
def suite_image(node: Node) -> None:
    """The example's image, on the node."""
    node.load(ticket_suite())


@pytest.fixture
def witness(pods: Pods) -> Iterator[Witness]:
    """All Jobs and ConfigMaps of the test's namespace, watched from its beginning."""
    with Witness(pods.api) as watching:
        yield watching


@pytest.fixture
def chain(pods: Pods, witness: Witness, suite_image: None) -> Chain:
    """The chain with its first versions in production, and a gate since then."""
    return Chain(pods.api, witness)


def test_first_promotion(pods: Pods, witness: Witness, suite_image: None) -> None:
    chain = Chain(pods.api, witness, gated_from_the_start=True)

    for prompt in CHAIN:
        witness.moved(prompt, 1, since=0.0)

    assert witness.new_jobs() == ALL_SUITES, "one run a suite, on all three together"
    for status in by_suite(chain.evaluated(3)).values():
        assert status["phase"] == "Passed"
        assert status["verdict"]["score"] == 1
        assert "baselineScore" not in status["verdict"], "there was nothing to compare with"


def test_a_good_change_passes_and_the_same_again_needs_no_run(
    pods: Pods, witness: Witness, suite_image: None
) -> None:
    chain = Chain(pods.api, witness, rollback="gated")
    chain.passes(summary=2)
    assert chain.witness.new_jobs() == ALL_SUITES
    statuses = by_suite(chain.evaluated(3))
    verdict = statuses["router-suite"]["verdict"]
    cases = verdict.pop("cases")
    assert len(cases) == 12
    assert all(case["passed"] and case["baselinePassed"] for case in cases)
    assert verdict == {
        "score": 1,
        "baselineScore": 1,
        "difference": 0,
        "passed": True,
        "counts": {"total": 36, "passed": 36, "failed": 0},
        "text": "all cases pass",
    }
    found = chain.api.get(CHANGES, f"{SUMMARY}.production.3")["spec"]
    assert (found["from"], found["to"], len(found["evaluations"])) == (1, 2, 3)

    chain.passes(summary=1)
    assert chain.witness.new_jobs() == ALL_SUITES, "the other way round was never asked"
    since = chain.move(summary=2)
    assert chain.witness.moved(SUMMARY, 2, since) < 1.0
    chain.api.ready(SUMMARY)
    assert chain.witness.new_jobs() == []
    assert chain.witness.served(SUMMARY) == [1, 2, 1, 2]


def test_a_change_that_breaks_the_router_is_stopped_although_its_own_suite_passes(
    chain: Chain,
) -> None:
    chain.move(summary=3)

    text = chain.stalls(SUMMARY, "2 of 3 suites passed, failed: router-suite")
    assert "score 0.8611, and at least 0.95 is asked (baseline 1, -0.1389)" in text
    assert "urgency wrong in 5 (T-4711, T-4714, T-4723, T-4738, ...)" in text
    assert text.startswith("production stays at v1")
    assert chain.witness.new_jobs() == ALL_SUITES
    phases = {name: status["phase"] for name, status in by_suite(chain.evaluated(3)).items()}
    assert phases == {"summary-suite": "Passed", "router-suite": "Failed", "reply-suite": "Passed"}

    # Asked for again, it is stopped by what is known.
    chain.move(summary=1)
    chain.api.ready(SUMMARY)
    chain.move(summary=3)
    chain.stalls(SUMMARY, "2 of 3 suites passed, failed: router-suite")
    assert chain.witness.new_jobs() == []
    assert [chain.witness.served(prompt) for prompt in CHAIN] == [[1], [1], [1]]


def test_a_dependent_alone_is_judged_with_what_is_downstream_of_it(chain: Chain) -> None:
    chain.passes(router=2)

    assert chain.witness.new_jobs() == ["reply-suite", "router-suite"]
    assert [chain.witness.served(prompt) for prompt in CHAIN] == [[1], [1, 2], [1]]


def test_two_at_once_are_judged_together(chain: Chain) -> None:
    chain.passes(summary=2, router=2)

    assert chain.witness.new_jobs() == ALL_SUITES, "one run a suite, on both together"
    for evaluation in chain.evaluated(3):
        judged = {m["prompt"]: m["version"] for m in evaluation["spec"]["candidate"]}
        everything = {SUMMARY: 2, ROUTER: 2, REPLY: 1}
        assert judged == {prompt: everything[prompt] for prompt in judged}


def test_staging_runs_the_suites_so_that_a_promotion_is_instant(chain: Chain) -> None:
    chain.move("staging", router=1, reply=1, summary=2)
    chain.evaluated(3)
    assert chain.witness.new_jobs() == ALL_SUITES

    since = chain.move(summary=2)

    assert chain.witness.moved(SUMMARY, 2, since) < 1.0
    chain.api.ready(SUMMARY)
    assert chain.witness.new_jobs() == []


# ---- suites that do everything wrong


@dataclass(frozen=True)
class Ward:
    """A namespace in which every case is under way at once: each with its prompt, asked for v2."""

    pods: Pods
    witness: Witness

    @property
    def api(self) -> Api:
        return self.pods.api

    def evaluation(self, case: Case) -> Json:
        """The case's evaluation; empty before there is one."""
        found = [
            e for e in self.api.list(EVALUATIONS) if e["spec"]["suite"] == f"{case.name}-suite"
        ]
        return found[0] if found else {}

    def pod(self, case: Case, attempt: int) -> Json:
        """The pod of an attempt, once its container runs."""

        def running() -> Json:
            name = self.evaluation(case).get("metadata", {}).get("name")
            for pod in self.pods.all():
                job = pod["metadata"]["labels"].get("batch.kubernetes.io/job-name")
                if job == f"{name}-{attempt}" and pod["status"]["phase"] == "Running":
                    return pod
            return {}

        return wait_for(running, f"attempt {attempt} of {case.name}", seconds=60)

    def delete_job(self, case: Case, attempt: int) -> None:
        """Delete an attempt's Job while its container runs."""
        job = self.pod(case, attempt)["metadata"]["labels"]["batch.kubernetes.io/job-name"]
        path = f"{self.api.path(JOBS, job)}?propagationPolicy=Background"
        self.pods.node.control_plane.request("DELETE", path)

    def ended(self, case: Case, seconds: float = 60.0) -> Json:
        """The status of the case's evaluation, once it is finished."""

        def finished() -> Json:
            status: Json = self.evaluation(case).get("status", {})
            return status if status.get("phase") in FINISHED else {}

        return wait_for(finished, f"the end of {case.name}", seconds)


def admitted(pods: Pods, witness: Witness, *cases: Case) -> Ward:
    """Serve the first version of each, and then ask for the second, which needs the suite."""
    for case in cases:
        pods.api.apply(version(case.name, 1), version(case.name, 2))
        pods.api.apply(release(case.name, production=(1, "before there was a gate")))
    for case in cases:
        pods.api.ready(case.name)
    rules = policy("evaluated", labels=["production"], require={"evaluations": ["*"]})
    gate(pods.api, rules, *(case.suite for case in cases))
    for case in cases:
        pods.api.move(case.name, "production", 2, "let us see")
    return Ward(pods, witness)


@pytest.fixture(scope="module")
def ward(node: Node) -> Iterator[Ward]:
    """All cases at once."""
    pods = Pods(node, "hostile")
    with contextlib.closing(pods), Witness(pods.api) as witness:
        yield admitted(pods, witness, *CASES, *SURVIVORS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_verdict_or_none_promotes_nothing(ward: Ward, case: Case) -> None:
    if case.name == "always-deleted":
        ward.delete_job(case, 1)
        ward.delete_job(case, 2)

    status = ward.ended(case)

    assert status["phase"] == case.phase, status
    assert any(words in status["message"] for words in case.words), status
    assert len(status["message"]) <= 1024
    asked_for = case.spec.get("retries", 0) + 1
    assert status["attempts"] == asked_for, "a bad verdict is final"
    stalled = ward.api.release_with(case.name, "Stalled", "True", status["message"])
    assert condition(stalled, "Stalled")["message"].startswith(
        "production stays at v1: waits for 0 of 1 suites passed, "
    )
    assert ward.witness.served(case.name) == [1]


@pytest.mark.parametrize("case", SURVIVORS, ids=lambda case: case.name)
def test_what_the_cluster_did_is_not_held_against_the_candidate(ward: Ward, case: Case) -> None:
    if case is DELETED_ONCE:
        ward.delete_job(case, 1)
    if case is NODE_LOST:
        # What is left of a pod when its node is gone: somebody deletes it, and nobody waits.
        name = ward.pod(case, 1)["metadata"]["name"]
        path = f"/api/v1/namespaces/{ward.pods.namespace}/pods/{name}?gracePeriodSeconds=0"
        ward.pods.node.control_plane.request("DELETE", path)

    status = ward.ended(case)

    assert status["phase"] == case.phase, status
    assert any(words in status["message"] for words in case.words), status
    assert status["attempts"] == (2 if case in (DELETED_ONCE, NODE_LOST) else 1)
    ward.witness.moved(case.name, 2, since=0.0)
    assert ward.witness.served(case.name) == [1, 2]


def test_a_verdict_that_nobody_hears_of_promotes_nothing(pods: Pods, witness: Witness) -> None:
    case = KUBELET_GONE
    alone = admitted(pods, witness, case)
    name = alone.pod(case, 1)["metadata"]["name"]
    pods.node.stop_kubelet()
    try:
        status = alone.ended(case)
        assert (status["phase"], status["attempts"]) == (case.phase, 1), status
        assert case.words[0] in status["message"]
        assert pods.get(name), "its pod can't go without a kubelet"
    finally:
        pods.node.start_kubelet()

    # By now the container has passed; the kubelet finds out, and takes it away.
    wait_for(lambda: not pods.get(name), "the pod to go", seconds=60)
    alone.api.release_with(case.name, "Stalled", "True", case.words[0])
    assert alone.ended(case) == status, "a finished evaluation stays as it is"
    assert witness.served(case.name) == [1]
