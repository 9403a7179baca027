"""The gate along the graph, on a real API server: what is asked, and which answers count.

No Job runs here, as there is no node; tests/node has that. Verdicts come as evidence from outside.
"""

from __future__ import annotations

import pytest

from harness.api import (
    CHANGES,
    EVALUATIONS,
    JOBS,
    RELEASES,
    SUITES,
    VERSIONS,
    Api,
    Json,
    Refused,
    condition,
    policy,
    release,
    suite,
    version,
    wait_for,
)
from harness.operator import Operator

CHAIN = {"summary": (), "router": ("summary",), "reply": ("router",)}


@pytest.fixture
def chain(api: Api) -> Api:
    """summary → router → reply, each with a suite of its own; production asks for all of them."""
    for prompt, consumes in CHAIN.items():
        for number in (1, 2, 3):
            api.create(version(prompt, number, consumes=list(consumes) or None))
        api.create(release(prompt, production=(1, "begin"), staging=(1, "begin")))
        api.create(suite(f"{prompt}-suite", prompt, accept=True))
    for prompt in CHAIN:
        api.ready(prompt)
    api.create(policy("gate", labels=["production"], require={"evaluations": ["*"]}))
    return api


def own(api: Api) -> list[Json]:
    """The operator's own evaluations, oldest first."""
    found = [e for e in api.list(EVALUATIONS) if "verdict" not in e["spec"]]
    return sorted(found, key=lambda e: e["metadata"]["creationTimestamp"])


def asked(api: Api) -> dict[str, Json]:
    """Suite to its newest evaluation of the operator's own."""
    return {e["spec"]["suite"]: e for e in own(api)}


def asked_about(api: Api, **numbers: dict[str, int]) -> dict[str, Json]:
    """The evaluations, once each of these suites is asked about these versions."""

    def probe() -> dict[str, Json]:
        found = {}
        for evaluation in api.list(EVALUATIONS):
            spec = evaluation["spec"]
            wanted = numbers.get(spec["suite"].removesuffix("-suite"))
            if "verdict" not in spec and versions(spec["candidate"]) == wanted:
                found[spec["suite"]] = evaluation
        return found if len(found) == len(numbers) else {}

    return wait_for(probe, f"{numbers} to be asked")


def versions(members: list[Json]) -> dict[str, int]:
    return {member["prompt"]: member["version"] for member in members}


def vouch(api: Api, evaluation: Json, score: float, name: str) -> None:
    """A CI system says how good that very combination is."""
    spec = evaluation["spec"]
    body = {
        "apiVersion": evaluation["apiVersion"],
        "kind": "PromptEvaluation",
        "metadata": {"name": name},
        "spec": {
            "suite": spec["suite"],
            "candidate": spec["candidate"],
            "by": "ci",
            "verdict": {"score": score, "baselineScore": 0.95},
        },
    }
    api.create(body)


def pending(api: Api, prompt: str) -> str:
    labels = api.get(RELEASES, prompt).get("status", {}).get("labels", {})
    label = labels.get("production", {})
    return "; ".join(label.get("pending", {}).get("waitingFor", ()))


def waits_for(api: Api, prompt: str, words: str) -> None:
    wait_for(lambda: words in pending(api, prompt), f"{prompt} to wait for {words!r}")


def jobs(api: Api) -> set[str]:
    return {job["metadata"]["name"] for job in api.list(JOBS)}


def test_a_move_asks_every_suite_downstream_for_just_this_combination(chain: Api) -> None:
    chain.move("summary", "production", 2, "shorter")

    found = asked_about(
        chain,
        summary={"summary": 2},
        router={"summary": 2, "router": 1},
        reply={"summary": 2, "router": 1, "reply": 1},
    )

    waits_for(chain, "summary", "0 of 3 suites passed, running: ")
    assert versions(found["router-suite"]["spec"]["baseline"]) == {"summary": 1, "router": 1}
    assert chain.files("summary", "production")["prompt.txt"] == "summary v1"
    for number, evaluation in enumerate(found.values()):
        vouch(chain, evaluation, 0.97, f"ci-{number}")
    chain.served("summary", "production", "summary v2")
    passed = {f"ci-{number}" for number in range(3)}
    change = wait_for(lambda: chain.get(CHANGES, "summary.production.4"), "the log")
    assert set(change["spec"]["evaluations"]) == passed
    assert jobs(chain) == {f"{e['metadata']['name']}-1" for e in found.values()}


def test_a_bad_verdict_downstream_stops_the_move_and_names_it(chain: Api) -> None:
    chain.move("summary", "production", 2, "shorter")
    found = asked_about(chain, summary={"summary": 2}, router={"summary": 2, "router": 1})
    vouch(chain, found["summary-suite"], 0.99, "ci-summary")
    vouch(chain, found["router-suite"], 0.62, "ci-router")

    waits_for(chain, "summary", "1 of 3 suites passed, failed: router-suite")
    stalled = chain.release_with("summary", "Stalled", "True", "router-suite")
    text = condition(stalled, "Stalled")["message"]
    assert "score 0.62, and at least 0.9 is asked (baseline 0.95, -0.33)" in text
    assert chain.files("summary", "production")["prompt.txt"] == "summary v1"


def test_the_gate_asks_again_when_a_dependent_moves(chain: Api) -> None:
    chain.move("summary", "production", 2, "shorter")
    first = asked_about(chain, router={"summary": 2, "router": 1}, summary={"summary": 2})
    for suite_name, evaluation in first.items():
        vouch(chain, evaluation, 0.97, f"ci-{suite_name}")

    glass = {"breakglass.promptrelease.dev/production": "v2: router misroutes"}
    chain.merge(RELEASES, "router", {"metadata": {"annotations": glass}})
    chain.move("router", "production", 2, "fix")
    chain.served("router", "production", "router v2")

    again = asked_about(chain, router={"summary": 2, "router": 2})
    waits_for(chain, "summary", "1 of 3 suites passed")
    assert again["router-suite"]["metadata"]["name"] != first["router-suite"]["metadata"]["name"]
    assert chain.files("summary", "production")["prompt.txt"] == "summary v1"


def test_two_at_once_are_asked_about_together_and_once(chain: Api) -> None:
    chain.move("summary", "production", 2, "both")
    chain.move("router", "production", 2, "both")

    found = asked_about(
        chain,
        summary={"summary": 2},
        router={"summary": 2, "router": 2},
        reply={"summary": 2, "router": 2, "reply": 1},
    )

    assert len(chain.list(EVALUATIONS)) == 3, "no run more than needed"
    for number, evaluation in enumerate(found.values()):
        vouch(chain, evaluation, 0.97, f"ci-{number}")
    chain.served("summary", "production", "summary v2")
    chain.served("router", "production", "router v2")
    assert len(asked(chain)) == 3


def test_the_same_question_is_never_asked_twice(chain: Api, operator: Operator) -> None:
    chain.move("summary", "production", 2, "once")
    first = asked_about(chain, summary={"summary": 2})
    before = {e["metadata"]["uid"] for e in chain.list(EVALUATIONS)}
    chain.move("summary", "production", 1, "no")
    chain.ready("summary")
    operator.kill()
    chain.move("summary", "production", 2, "again")
    operator.start()
    waits_for(chain, "summary", "0 of 3 suites passed, running: ")
    operator.catch_up()
    assert {e["metadata"]["uid"] for e in chain.list(EVALUATIONS)} == before
    assert len(jobs(chain)) == 3
    assert (
        asked(chain)["summary-suite"]["metadata"]["uid"]
        == first["summary-suite"]["metadata"]["uid"]
    )


def test_staging_asks_at_once_so_that_production_finds_the_verdict(api: Api) -> None:
    api.create(version("summary", 1))
    api.create(version("summary", 2))
    api.create(suite("summary-suite", "summary", accept=True, evaluateOn=["staging"]))
    api.create(policy("gate", labels=["production"], require={"evaluations": ["summary-suite"]}))
    glass = {"breakglass.promptrelease.dev/production": "v1: begin"}
    begin = release("summary", production=(1, "begin"))
    begin["metadata"]["annotations"] = glass
    api.create(begin)
    api.ready("summary")
    assert api.list(EVALUATIONS) == []

    api.move("summary", "staging", 2, "try")
    found = asked_about(api, summary={"summary": 2})
    vouch(api, found["summary-suite"], 0.97, "ci")
    wait_for(lambda: api.get(EVALUATIONS, "ci").get("status", {}).get("phase"), "the verdict")
    api.move("summary", "production", 2, "good")

    api.served("summary", "production", "summary v2")
    assert len(asked(api)) == 1


def test_evidence_counts_only_where_the_suite_takes_it(api: Api) -> None:
    api.create(version("summary", 1))
    api.create(suite("summary-suite", "summary", accept=False))
    api.create(policy("gate", require={"evaluations": ["*"]}))
    api.create(release("summary", production=(1, "begin")))
    found = asked_about(api, summary={"summary": 1})
    vouch(api, found["summary-suite"], 0.99, "ci")
    phase = wait_for(lambda: api.get(EVALUATIONS, "ci").get("status", {}).get("phase"), "a phase")
    assert phase == "Passed"
    api.move("summary", "staging", 1, "and here")
    waits_for(api, "summary", "0 of 1 suites passed")
    assert api.files("summary", "production") == {}
    patch = {"spec": {"acceptEvidence": True}}
    api.merge(SUITES, "summary-suite", patch)
    api.served("summary", "production", "summary v1")


def test_a_suite_that_is_not_there_and_one_that_changes(api: Api) -> None:
    api.create(version("summary", 1))
    api.create(policy("gate", require={"evaluations": ["strict"]}))
    api.create(release("summary", production=(1, "begin")))
    waits_for(api, "summary", "PromptSuite strict, which does not exist")
    api.release_with("summary", "Stalled", "True", "PromptSuite strict")
    api.create(suite("strict", "summary", accept=True))
    wait_for(lambda: "strict" in asked(api), "the question")
    first = asked(api)["strict"]
    api.merge(SUITES, "strict", {"spec": {"pass": {"minScore": 0.99}}})

    def void() -> bool:
        now = api.get(EVALUATIONS, first["metadata"]["name"])
        return "has changed since" in now.get("status", {}).get("message", "")

    wait_for(void, "the old question to be void")
    wait_for(lambda: asked(api)["strict"]["metadata"] != first["metadata"], "the new question")
    wait_for(lambda: len([*own(api)]) == 2, "both to be there")
    vouch(api, asked(api)["strict"], 0.97, "ci-low")
    waits_for(api, "summary", "0 of 1 suites passed")
    assert api.files("summary", "production") == {}


def test_a_job_that_the_api_server_refuses_is_told(api: Api) -> None:
    api.create(version("summary", 1))
    broken = suite("broken", "summary", accept=False)
    broken["spec"]["job"]["spec"]["template"]["spec"]["containers"] = []
    api.create(broken)
    api.create(policy("gate", require={"evaluations": ["*"]}))
    api.create(release("summary", production=(1, "begin")))
    waits_for(api, "summary", "not evaluated: broken")
    waits_for(api, "summary", "the API server refused")
    assert jobs(api) == set()


def test_a_finished_evaluation_can_t_be_changed(chain: Api) -> None:
    chain.move("summary", "production", 2, "shorter")
    found = asked_about(chain, summary={"summary": 2})
    vouch(chain, found["summary-suite"], 0.2, "ci")
    wait_for(lambda: chain.get(EVALUATIONS, "ci").get("status", {}).get("phase"), "the verdict")
    with pytest.raises(Refused, match="can't be changed"):
        chain.merge(EVALUATIONS, "ci", {"spec": {"verdict": {"score": 1}}})
    with pytest.raises(Refused, match="can't be changed"):
        chain.merge(EVALUATIONS, "ci/status", {"status": {"phase": "Passed"}})


class TestTheGraph:
    def test_a_move_marks_everything_downstream_until_it_is_evaluated(self, chain: Api) -> None:
        chain.merge(RELEASES, "summary", {"metadata": {"annotations": breaking(2)}})
        chain.move("summary", "production", 2, "at once")
        chain.served("summary", "production", "summary v2")
        for prompt in ("router", "reply"):
            marked(chain, prompt, "production: summary moved to v2")
        assert not condition(chain.get(RELEASES, "summary"), "NeedsReevaluation")

        vouch_for(chain, "router-suite", summary=2, router=1)

        def covered() -> bool:
            return not condition(chain.get(RELEASES, "router"), "NeedsReevaluation")

        wait_for(covered, "router to be covered")
        marked(chain, "reply", "summary moved to v2")

    def test_a_cycle_and_a_missing_upstream_show_on_the_version(self, chain: Api) -> None:
        chain.create(version("summary", 4, consumes=["reply"]))
        chain.create(version("reply", 4, consumes=["nobody"]))
        chain.move("summary", "production", 4, "a ring")
        chain.move("reply", "production", 4, "a gap")
        shows(chain, "summary-v4", "Cycle", "production: ")
        shows(chain, "reply-v4", "UpstreamMissing", "production serves no nobody")


def breaking(number: int) -> dict[str, str]:
    return {"breakglass.promptrelease.dev/production": f"v{number}: {number}"}


def marked(api: Api, prompt: str, words: str) -> None:
    api.release_with(prompt, "NeedsReevaluation", "True", words)


def shows(api: Api, name: str, reason: str, words: str) -> None:
    def probe() -> bool:
        found = condition(api.get(VERSIONS, name), "Chain")
        return found.get("reason") == reason and words in found["message"]

    wait_for(probe, f"{name} to show {reason}")


def vouch_for(api: Api, suite_name: str, **numbers: int) -> None:
    members = []
    for prompt, number in numbers.items():
        status = api.get(VERSIONS, f"{prompt}-v{number}")["status"]
        members.append({"prompt": prompt, "version": number, "digest": status["digest"]})
    body = {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptEvaluation",
        "metadata": {"name": f"ci-{suite_name}"},
        "spec": {"suite": suite_name, "candidate": members, "by": "ci", "verdict": {"score": 1}},
    }
    api.create(body)
