"""The shipped alerts, by promtool: they are valid, fire when they should, and not before."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.packages import Unavailable
from harness.prometheus import programs

ROOT = Path(__file__).parents[3]
RULES = ROOT / "manifests" / "monitoring" / "prometheusrule.yaml"
SPEC = yaml.safe_load(RULES.read_text())["spec"]
ALERTS = {rule["alert"]: rule for group in SPEC["groups"] for rule in group["rules"]}

SHOP = 'namespace="shop",release="p"'
PRODUCTION = f'{SHOP},label="production",version="7"'
CONDITION = "promptrelease_release_condition"
REQUESTS = "promptrelease_api_requests_total"
PENDING = "promptrelease_pending_info"


def buckets(name: str, slow: str) -> dict[str, str]:
    """A histogram of one move a minute that takes between 5 and 120 s, or under 10 ms."""
    quick = {"0.01": "0+0x120" if slow else "0+1x120", "1.0": "0+0x120" if slow else "0+1x120"}
    values = {**quick, "5.0": "0+0x120" if slow else "0+1x120", "120.0": "0+1x120"}
    values["+Inf"] = "0+1x120"
    return {f'{name}_bucket{{label="production",le="{le}"}}': it for le, it in values.items()}


@dataclass(frozen=True)
class Case:
    """One alert, samples a minute apart that make it fire at a time, and some that never do.

    Attributes:
        at: when it fires, in promtool's words; a minute after ``for`` where it is not a rate.
        labels: of the alert, apart from its name and severity.

    """

    fires: dict[str, str]
    silent: dict[str, str]
    at: str
    labels: dict[str, str]


UP = {"promptrelease_build_info": "1x120"}
CASES: dict[str, Case] = {
    "PromptreleaseDown": Case({}, UP, "6m", {}),
    "PromptreleaseIdle": Case(
        {'promptrelease_working{pod="a"}': "0x120", 'promptrelease_working{pod="b"}': "0x120"},
        {'promptrelease_working{pod="a"}': "1x120", 'promptrelease_working{pod="b"}': "0x120"},
        "6m",
        {},
    ),
    "PromptreleaseWatchSilent": Case(
        {'promptrelease_watch_silence_seconds{resource="configmaps"}': "0+60x120"},
        {'promptrelease_watch_silence_seconds{resource="configmaps"}': "0 60 0 60 0 60 0 60 0 60"},
        "7m",
        {"resource": "configmaps"},
    ),
    "PromptreleaseQueueStuck": Case(
        {"promptrelease_queue_oldest_seconds": "40x120"},
        {"promptrelease_queue_oldest_seconds": "1x120"},
        "3m",
        {},
    ),
    "PromptreleaseServingSlow": Case(
        buckets("promptrelease_edit_to_served_seconds", "slow"),
        buckets("promptrelease_edit_to_served_seconds", ""),
        "15m",
        {},
    ),
    "PromptreleasePodsSlow": Case(
        buckets("promptrelease_edit_to_pods_told_seconds", "slow"),
        buckets("promptrelease_edit_to_pods_told_seconds", ""),
        "15m",
        {},
    ),
    "PromptreleaseApiErrors": Case(
        {f'{REQUESTS}{{code="200"}}': "0+9x120", f'{REQUESTS}{{code="500"}}': "0+1x120"},
        {f'{REQUESTS}{{code="200"}}': "0+90x120", f'{REQUESTS}{{code="500"}}': "0+1x120"},
        "15m",
        {},
    ),
    "PromptreleaseForbidden": Case(
        {f'{REQUESTS}{{verb="PATCH",resource="configmaps",code="403"}}': "0+1x120"},
        {f'{REQUESTS}{{verb="GET",resource="pods",code="403"}}': "0+1x120"},
        "15m",
        {"verb": "PATCH", "resource": "configmaps"},
    ),
    "PromptreleaseBug": Case(
        {'promptrelease_reconcile_retries_total{cause="bug"}': "0 0 0 1 1 1 1 1 1"},
        {'promptrelease_reconcile_retries_total{cause="conflict"}': "0+5x120"},
        "5m",
        {},
    ),
    "PromptreleaseStalled": Case(
        {f'{CONDITION}{{{SHOP},condition="Stalled",pod="{pod}"}}': "1x120" for pod in "ab"},
        {f'{CONDITION}{{{SHOP},condition="Stalled"}}': "0x120"},
        "11m",
        {"namespace": "shop", "release": "p"},
    ),
    "PromptreleaseMoveBlocked": Case(
        {f'{PENDING}{{{PRODUCTION},gate="version"}}': "1x120"},
        {
            f'{PENDING}{{{PRODUCTION},gate="approvals"}}': "1x120",
            f'{PENDING}{{{SHOP},label="latest",version="7",gate="version"}}': "1x120",
        },
        "31m",
        {"namespace": "shop", "release": "p", "label": "production", "version": "7"}
        | {"gate": "version"},
    ),
    "PromptreleaseMoveWaits": Case(
        {f'{PENDING}{{{PRODUCTION},gate="approvals"}}': "1x1500"},
        {f'{PENDING}{{{PRODUCTION},gate="freeze"}}': "1x1500"},
        "1441m",
        {"namespace": "shop", "release": "p", "label": "production", "version": "7"}
        | {"gate": "approvals"},
    ),
    "PromptreleaseNeedsReevaluation": Case(
        {f'{CONDITION}{{{SHOP},condition="NeedsReevaluation"}}': "1x120"},
        {f'{CONDITION}{{{SHOP},condition="Ready"}}': "1x120"},
        "61m",
        {"namespace": "shop", "release": "p"},
    ),
    "PromptreleaseDrift": Case(
        {'promptrelease_drift_repairs_total{what="edited"}': "0+1x120"},
        {'promptrelease_drift_repairs_total{what="edited"}': "0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"},
        "15m",
        {},
    ),
    "PromptreleaseGlassBroken": Case(
        {"promptrelease_glass_broken_total": "0 0 0 1 1 1"},
        {"promptrelease_glass_broken_total": "3x120"},
        "5m",
        {},
    ),
    "PromptreleaseEvaluationErrors": Case(
        {'promptrelease_evaluations_finished_total{phase="Error"}': "0 0 0 1 1 1"},
        {'promptrelease_evaluations_finished_total{phase="Failed"}': "0 0 0 1 1 1"},
        "5m",
        {},
    ),
    "PromptreleaseEvaluationsWait": Case(
        {'promptrelease_evaluations{phase="Pending"}': "3x120"},
        {'promptrelease_evaluations{phase="Pending"}': "3x20 0 3x90"},
        "61m",
        {},
    ),
}


@pytest.fixture(scope="module")
def promtool() -> str:
    try:
        return programs()[1]
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The rules as a file that Prometheus reads: without the Kubernetes object around them."""
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(SPEC))
    return file


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_them_all_valid(promtool: str, rules: Path) -> None:
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", rules)


def test_every_alert_is_tried() -> None:
    assert CASES.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", sorted(CASES))
def test_fires_when_it_should_and_only_then(
    promtool: str, rules: Path, tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    firing = {"labels": firing_series(name, case), "value": 1}
    file = tmp_path / "test.yaml"
    tests = [_test(name, case.fires, case.at, [firing]), _test(name, case.silent, case.at, [])]
    if "for" in ALERTS[name]:
        tests.append(_test(name, case.fires, "0m", []))
    groups = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(groups))
    run(promtool, "test", "rules", file)


def firing_series(name: str, case: Case) -> str:
    labels = {
        "alertname": name,
        "alertstate": "firing",
        "severity": ALERTS[name]["labels"]["severity"],
        **case.labels,
    }
    return "ALERTS{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def _test(name: str, series: dict[str, str], at: str, firing: list[dict[str, Any]]) -> Any:
    return {
        "interval": "1m",
        "input_series": [{"series": its, "values": values} for its, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{name}",alertstate="firing"}}',
                "eval_time": at,
                "exp_samples": firing,
            }
        ],
    }


def test_every_alert_has_a_runbook() -> None:
    text = (ROOT / "docs" / "monitor.md").read_text()
    anchors = {heading.lower() for heading in re.findall(r"^### (\w+)$", text, re.MULTILINE)}
    for name, rule in ALERTS.items():
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (page, anchor) == ("docs/monitor.md", name.lower())
        assert anchor in anchors, f"docs/monitor.md has no section ### {name}"
