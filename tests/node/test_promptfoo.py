"""The example of examples/suites/promptfoo on a real node: promptfoo in a pod, without a network.

It runs only with PROMPTRELEASE_PROMPTFOO=1, since it fetches promptfoo from npm.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import yaml

from harness.api import Json, policy, release, version
from harness.node import Node
from harness.pods import Pods
from node.evaluation.chain import MARKER, SUMMARY, Chain, by_suite, evaluated, gate
from node.evaluation.images import PROMPTFOO, promptfoo
from node.evaluation.watching import Witness

pytestmark = pytest.mark.skipif(
    os.environ.get("PROMPTRELEASE_PROMPTFOO") != "1",
    reason="PROMPTRELEASE_PROMPTFOO=1 fetches promptfoo, and builds an image of 500 MB with it",
)

SUITE = "summary-promptfoo"
REQUIRED = {"evaluations": [SUITE, f"{MARKER}-suite"]}
# As the example's second version, whose summaries are good, says it.
GOOD = """\
First what happened; then how urgent it is; then how the customer feels.

Ticket:
{{ticket}}
"""
TICKET = {"ticket": {"type": "string"}}
MODEL = {"provider": "openai", "name": "gpt-4.1-mini-2025-04-14"}


@pytest.fixture(scope="module")
def suite(node: Node) -> Json:
    """The example's suite, with its image on the node."""
    node.load(promptfoo())
    found: Json = yaml.safe_load((PROMPTFOO / "suite.yaml").read_text())
    return found


@pytest.fixture
def witness(pods: Pods) -> Iterator[Witness]:
    """All Jobs and ConfigMaps of the test's namespace, watched from its beginning."""
    with Witness(pods.api) as watching:
        yield watching


@pytest.fixture
def chain(pods: Pods, witness: Witness, suite: Json) -> Chain:
    """The chain of tickets in production, of which promptfoo judges the summary."""
    return Chain(pods.api, witness, suite, require=REQUIRED)


def verdicts(chain: Chain, count: int) -> list[Json]:
    """The statuses of all evaluations, once there are so many and all are finished."""
    return [found["status"] for found in chain.evaluated(count)]


def test_a_good_summary_passes_and_a_bad_one_is_stopped_with_the_cases_that_failed(
    chain: Chain,
) -> None:
    since = chain.move(summary=2)
    (good,) = verdicts(chain, 1)
    assert good["verdict"] == {
        "score": 1,
        "baselineScore": 1,
        "difference": 0,
        "counts": {"total": 4, "passed": 4, "failed": 0},
        "text": "all cases pass",
    }
    chain.witness.moved(SUMMARY, 2, since)

    chain.move(summary=3)

    text = chain.stalls(SUMMARY, f"0 of 1 suites passed, failed: {SUITE}")
    assert "score 0.25, and at least 0.9 is asked (baseline 1, -0.75)" in text
    assert "failed: T-4711, T-4714, T-4723" in text
    assert text.startswith("production stays at v2")
    assert chain.witness.new_jobs() == [SUITE, SUITE]
    assert chain.witness.served(SUMMARY) == [1, 2]


def test_the_same_words_with_other_parameters_are_judged_with_these(chain: Chain) -> None:
    short = {**MODEL, "parameters": {"maxTokens": 4}}
    chain.api.apply(version(SUMMARY, 4, text=GOOD, variables=TICKET, model=short))

    chain.move(summary=4)

    text = chain.stalls(SUMMARY, f"failed: {SUITE}")
    assert "score 0, and at least 0.9 is asked (baseline 1, -1)" in text
    assert "failed: T-4711, T-4714, T-4718, T-4723" in text
    assert chain.witness.served(SUMMARY) == [1]


def test_a_provider_that_answers_with_an_error_promotes_nothing(chain: Chain) -> None:
    unknown = {**MODEL, "name": "gpt-0"}
    chain.api.apply(version(SUMMARY, 4, text=GOOD, variables=TICKET, model=unknown))

    chain.move(summary=4)

    text = chain.stalls(SUMMARY, f"0 of 1 suites passed, failed: {SUITE}")
    assert "exit code 1: T-4711 could not be asked of the candidate: " in text
    assert "there is no model gpt-0" in text
    (status,) = verdicts(chain, 1)
    assert (status["phase"], status["attempts"]) == ("Failed", 1)
    assert "verdict" not in status
    assert chain.witness.served(SUMMARY) == [1]


def test_a_chat_prompt_that_is_the_first(pods: Pods, witness: Witness, suite: Json) -> None:
    gate(pods.api, suite, policy("evaluated", labels=["production"], require=REQUIRED))
    asked, ticket = GOOD.split("\n\n")
    # What Nunjucks would read as a block, a comment and a variable is text.
    messages = [
        {"role": "system", "content": asked + " Leave {% and #} and \\{{name}} as they are."},
        {"role": "user", "content": ticket},
    ]
    pods.api.apply(
        version(SUMMARY, 1, text=None, messages=messages, variables=TICKET, model=MODEL),
        release(SUMMARY, production=(1, "the first")),
    )

    (status,) = by_suite(evaluated(pods.api, 1)).values()
    assert status["phase"] == "Passed"
    assert status["verdict"] == {
        "score": 1,
        "counts": {"total": 4, "passed": 4, "failed": 0},
        "text": "all cases pass",
    }
    witness.moved(SUMMARY, 1, since=0.0)
    assert witness.new_jobs() == [SUITE]
