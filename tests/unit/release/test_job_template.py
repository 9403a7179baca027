"""A Job template of any shape is either one that a Job can be made of, or said to be none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.release import job_template, render_job
from promptrelease.release.evaluation import Evaluation, EvaluationStatus, Suite

GOOD = {"spec": {"containers": [{"name": "a", "image": "b", "env": [{"name": "X"}]}]}}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["labels", "env", "name", "volumeMounts"]), inner)
    ),
    max_leaves=6,
)
pods = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("containers", "initContainers", "volumes"), anything)
)
templates = (
    st.fixed_dictionaries({}, optional={"metadata": anything, "spec": pods | anything}) | anything
)
jobs = st.fixed_dictionaries(
    {"spec": st.fixed_dictionaries({"template": templates})}, optional={"metadata": anything}
)


def made(job: Any) -> dict[str, Any]:
    suite = Suite("s", "u", "1", frozenset({"p"}), "d", job)
    evaluation = Evaluation("e", "u", "1", "s", "d", (), (), "", None, EvaluationStatus())
    return render_job.job("ns", evaluation, suite, 1, [])


@given(jobs.filter(lambda job: isinstance(job.get("metadata"), dict | None)))
def test_a_job_is_made_of_what_has_no_problem(job: Any) -> None:
    if not job_template.problem(job_template.bounded(job)):
        made(job)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("x", "spec.job.spec.template is no object"),
        (None, "template is no object"),
        ({"metadata": "m"}, "template.metadata is no object"),
        ({"metadata": {"labels": ["a"]}}, "metadata.labels is no object"),
        ({"spec": [1]}, "template.spec is no object"),
        ({"spec": {"volumes": "ab"}}, "spec.volumes is no list"),
        ({"spec": {"containers": "abc"}}, "spec.containers is no list"),
        ({"spec": {"containers": [1]}}, "containers[0] is no object"),
        ({"spec": {"initContainers": [{"env": 5}]}}, "initContainers[0].env is no list"),
        ({"spec": {"containers": [{"volumeMounts": {}}]}}, "containers[0].volumeMounts is no list"),
    ],
)
def test_what_is_wrong_is_said(template: Any, words: str) -> None:
    assert words in job_template.problem({"spec": {"template": template}})


def test_a_good_one_has_no_problem() -> None:
    job = {"spec": {"template": GOOD}}
    assert job_template.bounded(job) is job
    assert job_template.problem(job) == ""
    assert made(job)["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_a_token_is_for_suites_that_ask_for_it() -> None:
    def mounts(spec: dict[str, Any]) -> bool:
        template = {**GOOD, "spec": {**GOOD["spec"], **spec}}
        pod = made({"spec": {"template": template}})["spec"]["template"]["spec"]
        return bool(pod["automountServiceAccountToken"])

    assert not mounts({})
    assert mounts({"automountServiceAccountToken": True})


@pytest.mark.parametrize("depth", [65, 400, 5000])
def test_what_nests_too_deeply_is_not_kept(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    kept = job_template.bounded({"spec": {"template": GOOD, "extra": value}})
    assert "nests more than 64 levels" in job_template.problem(kept)
