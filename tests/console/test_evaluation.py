"""Evaluations: those that the operator has run, and evidence from outside."""

from __future__ import annotations

from typing import Any

import pytest

from console.conftest import Bind, Browse
from console.shop import HOSTILE, Kubectl, at, chain, harmless, texts, until
from harness.api import API_VERSION, EVALUATIONS, RELEASES, SUITES, VERSIONS, Api, wait_for
from harness.controlplane import ControlPlane

P = "ticket-summary"


@pytest.fixture
def ci(control_plane: ControlPlane, api: Api) -> Any:
    """``ci(suite, prompts, verdict)``: evidence by erin, who may do nothing else; its name."""
    control_plane.kubectl(
        *("create", "role", "ci", f"--namespace={api.namespace}"),
        *("--verb=create", "--resource=promptevaluations.promptrelease.dev"),
    )
    control_plane.kubectl(
        *("create", "rolebinding", "ci", f"--namespace={api.namespace}"),
        *("--role=ci", "--user=erin"),
    )

    def judge(suite: str, prompts: dict[str, int], verdict: dict[str, Any]) -> str:
        candidate = [
            {"prompt": prompt, "version": number, "digest": _digest(api, prompt, number)}
            for prompt, number in prompts.items()
        ]
        spec = {"suite": suite, "candidate": candidate, "verdict": verdict, "by": "erin"}
        made = control_plane.request(
            "POST",
            api.path(EVALUATIONS),
            {
                "apiVersion": API_VERSION,
                "kind": "PromptEvaluation",
                "metadata": {"generateName": "ci-"},
                "spec": spec,
            },
            user="erin",
        )
        return str(made["metadata"]["name"])

    return judge


def _digest(api: Api, prompt: str, number: int) -> str:
    def known() -> str:
        return str((api.get(VERSIONS, f"{prompt}-v{number}").get("status") or {}).get("digest", ""))

    return wait_for(known, f"the digest of {prompt} v{number}")


def _open(api: Api, *suites: str) -> None:
    """Have suites take evidence from outside."""
    for suite in suites:
        api.merge(SUITES, suite, {"spec": {"acceptEvidence": True}})


def test_evidence_from_outside_that_fails(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind, ci: Any
) -> None:
    chain(kubectl)
    _open(api, "router-suite")
    verdict = {
        "score": 0.71,
        "baselineScore": 0.97,
        "counts": {"total": 36, "passed": 26, "failed": 10},
        "text": "urgency wrong in T-4711",
        "link": "https://ci.example.com/runs/512",
    }
    name = ci("router-suite", {"ticket-router": 1, P: 3}, verdict)
    bind("frank", "viewer")
    browser = browse("frank")
    path = at(api, f"evaluations/{name}")
    page = harmless(until(lambda: browser.get(path), "at least 0.95 is asked"))
    assert page.find("h1").text == "router-suite"
    assert page.find("span", class_="chip").text == "failed"
    assert "erin says so, and the suite takes that" in page.text
    found = page.find("dl", class_="scores").text
    assert "Candidate0.71" in found
    assert "Live before0.97" in found
    assert "-0.26 worse" in found
    assert "26 of 36 passed, 10 failed" in found
    assert "urgency wrong in T-4711" in page.text
    assert page.links["The suite's own report"] == "https://ci.example.com/runs/512"
    rows = {row.find("th").text: texts(row.all("td")) for row in page.find("tbody").all("tr")}
    assert rows == {P: ["v3", "not told", ""], "ticket-router": ["v1", "not told", ""]}
    # It has ended: nothing looks again.
    assert "hx-get" not in page.find(id="verdict").attrs
    # The prompt's page leads there.
    table = browser.get(at(api, f"prompts/{P}")).all("table")[1]
    row = next(row for row in table.all("tr") if "failed" in row.text)
    assert row.find("a").attrs["href"] == path
    assert "0.71 was 0.97" in row.text


def test_one_that_runs_is_looked_at_again_by_itself(
    api: Api, kubectl: Kubectl, browse: Browse
) -> None:
    chain(kubectl)

    def running() -> list[str]:
        return [
            it["metadata"]["name"]
            for it in api.list(EVALUATIONS)
            if (it.get("status") or {}).get("phase") == "Running"
            and it["spec"]["suite"] == "summary-suite"
        ]

    (name,) = wait_for(running, "summary-suite to run")
    browser = browse("admin")
    page = browser.get(at(api, f"evaluations/{name}"))
    assert page.find("span", class_="chip").text == "running"
    live = page.find(id="verdict")
    assert live.attrs["hx-get"] == at(api, f"evaluations/{name}")
    assert live.attrs["hx-trigger"].startswith("every")
    job = api.get(EVALUATIONS, name)["status"]["job"]
    assert f"kubectl logs job/{job} -n {api.namespace}" in page.find(class_="engineers").text
    assert "Good enough is a score of 1 or more." in page.text


def test_a_move_that_waits_for_suites_leads_to_them_and_passes(
    api: Api, kubectl: Kubectl, browse: Browse, ci: Any
) -> None:
    chain(kubectl)
    suites = ("summary-suite", "router-suite", "reply-suite")
    _open(api, *suites)
    together = {P: 1, "ticket-router": 1, "ticket-reply": 1}
    browser = browse("admin")
    page = until(lambda: browser.get(at(api, f"prompts/{P}")), "evaluations, of which 0 of 3")
    card = page.find(id="label-production")
    assert card.find("a", href=at(api, f"prompts/{P}#evaluations")).text == "the evaluations"
    names = [
        ci(suite, dict(list(together.items())[: i + 1]), {"score": 1})
        for i, suite in enumerate(suites)
    ]
    page = until(lambda: browser.get(at(api, f"prompts/{P}")), "Passed", "production began with v1")
    card = page.find(id="label-production")
    passed = {it.attrs["href"] for it in card.all("a") if "/evaluations/" in it.attrs["href"]}
    assert passed == {at(api, f"evaluations/{name}") for name in names}


def test_without_a_move_that_waits_they_come_when_one_looks(
    api: Api, kubectl: Kubectl, browse: Browse, bind: Bind, ci: Any
) -> None:
    chain(kubectl)
    _open(api, "summary-suite")
    name = ci("summary-suite", {P: 3}, {"score": 1})
    api.delete(RELEASES, P)
    until(lambda: browse("admin").get(at(api, f"evaluations/{name}")), "passed")
    bind("frank", "viewer")
    browser = browse("frank")
    path = at(api, f"prompts/{P}")
    page = harmless(until(lambda: browser.get(path), "Nothing of ticket-summary is live yet"))
    there = page.find("section", hx_get=f"{path}/evaluations")
    assert there.attrs["hx-trigger"] == "revealed"
    assert not there.all("table")
    # With scripts, and without.
    part = harmless(browser.get(f"{path}/evaluations", hx_request="true"))
    for shown in (part, page.follow("All evaluations"), browser.get(f"{path}/evaluations")):
        section = shown.find("section", aria_labelledby="evaluations")
        assert "hx-get" not in section.attrs
        links = {it.attrs["href"] for it in section.find("table").all("a")}
        assert at(api, f"evaluations/{name}") in links
    assert not part.all("h1")
    hidden = browse("carol").get(f"{path}/evaluations", hx_request="true")
    assert name not in hidden.html
    assert "You may not look at evaluations here" in hidden.text


def test_case_by_case_candidate_beside_baseline(
    api: Api, kubectl: Kubectl, browse: Browse, ci: Any
) -> None:
    chain(kubectl)
    _open(api, "router-suite")
    told = [
        {"name": "T-4711", "passed": True, "baselinePassed": True},
        {"name": "T-4714", "passed": False, "baselinePassed": True, "text": "urgency wrong"},
        {"name": "T-4718", "passed": True, "score": 0.9, "baselinePassed": False},
    ]
    verdict = {"score": 0.67, "baselineScore": 0.67, "cases": told}
    name = ci("router-suite", {"ticket-router": 1, P: 3}, verdict)
    browser = browse("admin")
    page = harmless(until(lambda: browser.get(at(api, f"evaluations/{name}")), "0.95 is asked"))
    rows = page.find("table", class_="cases").find("tbody").all("tr")
    assert [[row.find("th").text, *texts(row.all("td"))] for row in rows] == [
        ["T-4714", "failed", "passed", "worse urgency wrong"],
        ["T-4711", "passed", "passed", ""],
        ["T-4718", "passed, 0.9", "failed", "better"],
    ]


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("JAVASCRIPT://%0aalert(1)", False),
        ("https://e.example/'><script>", True),
    ],
)
def test_hostile_verdicts_stay_texts(
    api: Api, kubectl: Kubectl, browse: Browse, ci: Any, link: str, followed: bool
) -> None:
    chain(kubectl)
    _open(api, "summary-suite")
    name = ci("summary-suite", {P: 3}, {"score": 1, "text": HOSTILE, "link": link})
    browser = browse("admin")
    page = harmless(until(lambda: browser.get(at(api, f"evaluations/{name}")), "passed"))
    assert HOSTILE.split("\u202e")[0] in page.find(class_="finding").raw
    links = page.all("a", rel="noreferrer noopener external")
    assert [it.attrs["href"] for it in links] == [link] * followed


def test_there_is_no_such_evaluation(api: Api, browse: Browse) -> None:
    browser = browse("admin")
    for name in ("absent", "A", "a'b", "x" * 300):
        page = browser.get(at(api, f"evaluations/{name}"))
        assert page.status == 404
        assert "there is no evaluation" in page.text


def test_somebody_without_rights_sees_nothing(
    api: Api, kubectl: Kubectl, browse: Browse, ci: Any
) -> None:
    chain(kubectl)
    name = ci("summary-suite", {P: 3}, {"score": 0.5, "text": "secret"})
    page = browse("frank").get(at(api, f"evaluations/{name}"))
    assert page.status == 403
    assert "secret" not in page.html
    assert api.get(RELEASES, P)
