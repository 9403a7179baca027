"""What is shipped for monitoring, with the real thing: Prometheus scrapes, and its kinds apply."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.api import (
    CONFIG_MAPS,
    RELEASES,
    Api,
    policy,
    release,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.monitored import expressions
from harness.operator import Operator, install
from harness.packages import Unavailable
from harness.prometheus import Prometheus, programs

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "manifests" / "monitoring"
PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
DOWNLOAD_SECONDS = 300
P = "ticket-summary"


@pytest.fixture(scope="module")
def scraped(
    control_plane: ControlPlane,
    shared_operator: Operator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """A Prometheus with the shipped rules, and an operator of its own that it scrapes."""
    try:
        programs()
    except Unavailable as error:
        pytest.skip(str(error))
    if shared_operator.running:
        shared_operator.stop()
    folder = tmp_path_factory.mktemp("prometheus")
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump(rule_spec()))
    with (
        Operator(control_plane, install(control_plane)) as running,
        Prometheus(control_plane, folder, running._port, [rules]) as prometheus,
    ):
        prometheus.scraped("promptrelease_working == 1")
        yield prometheus


@pytest.fixture
def api(control_plane: ControlPlane, namespace: str, scraped: Prometheus) -> Iterator[Api]:
    made = Api(control_plane, namespace)
    yield made
    made.clear()


def rule_spec() -> Any:
    return yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())["spec"]


@pytest.mark.slow
def test_every_panel_of_the_dashboard_shows_something(api: Api, scraped: Prometheus) -> None:
    path = f"/api/v1/namespaces/{api.namespace}"
    account = {"metadata": {"name": "default"}}
    api.control_plane.request("POST", f"{path}/serviceaccounts", account)
    api.control_plane.request("POST", f"{path}/pods", pod())
    require = {"approvals": {"count": 1}}
    api.create(policy("four-eyes", labels=["production"], require=require))
    api.apply(version(P, 1), version(P, 2), release(P, staging=(1, "first"), production=(1, "p")))
    api.served(P, "staging", f"{P} v1")
    series = 'promptrelease_moves_total{label="staging",result="promoted"}'
    before = float(scraped.scraped(series)[0]["value"][1])
    empty = {title for title, _ in expressions()}
    # An increase shows once a series has been scraped before and after it.
    for number in (2, 1, 2):
        api.move(P, "staging", number, f"to {number}")
        api.served(P, "staging", f"{P} v{number}")
        edit = {"data": {"prompt.txt": "better!"}}
        api.merge(CONFIG_MAPS, f"{P}.staging", edit, who="mallory")
        api.served(P, "staging", f"{P} v{number}")
        before += number == 2
        scraped.scraped("promptrelease_edit_to_pods_told_seconds_count")

    def shown() -> bool:
        empty.intersection_update(
            title
            for title, expression in expressions()
            if all(math.isnan(float(it["value"][1])) for it in scraped.query(expression))
        )
        return not empty

    try:
        wait_for(shown, "every panel to have data", seconds=40)
    except AssertionError:
        raise AssertionError(f"nothing to see in: {sorted(empty)}") from None


def pod() -> dict[str, Any]:
    """One that mounts staging, and wants to be told."""
    mount = {"name": "prompts", "mountPath": "/prompts"}
    return {
        "metadata": {"name": "app", "labels": {"promptrelease.dev/refresh": "true"}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [{"name": "app", "image": "app", "volumeMounts": [mount]}],
            "volumes": [{"name": "prompts", "configMap": {"name": f"{P}.staging"}}],
        },
    }


@pytest.mark.slow
def test_an_alert_begins_with_what_it_is_about_and_ends_with_it(
    api: Api, scraped: Prometheus
) -> None:
    assert {rule["health"] for rule in scraped.rules()} <= {"ok", "unknown"}
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{P}.production"}}
    api.create(mine)
    api.apply(version(P, 1), release(P, production=(1, "first")))
    api.release_with(P, "Stalled", "True")
    alert = f'ALERTS{{alertname="PromptreleaseStalled",namespace="{api.namespace}"}}'
    (pending,) = scraped.scraped(alert)
    assert pending["metric"]["release"] == P
    assert pending["metric"]["alertstate"] == "pending"

    api.delete(CONFIG_MAPS, f"{P}.production")
    api.ready(P)
    wait_for(lambda: not scraped.query(alert), "the alert to end")
    served = f'promptrelease_served_info{{namespace="{api.namespace}",label="production"}}'
    assert scraped.scraped(served)[0]["metric"]["version"] == "1"
    api.delete(RELEASES, P)


@pytest.fixture(scope="module")
def kinds(control_plane: ControlPlane) -> None:
    """The Prometheus Operator's own CustomResourceDefinitions, from its Go module."""
    try:
        found = subprocess.run(
            ["go", "mod", "download", "-json", PROMETHEUS_OPERATOR],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except FileNotFoundError:
        pytest.skip("Go brings the Prometheus Operator's kinds, and there is no Go")
    assert found.returncode == 0, found.stdout + found.stderr
    folder = Path(json.loads(found.stdout)["Dir"]) / "example" / "prometheus-operator-crd"
    for kind in ("podmonitors", "prometheusrules"):
        file = folder / f"monitoring.coreos.com_{kind}.yaml"
        control_plane.kubectl("apply", "--server-side", "-f", file)
    names = [f"crd/{kind}.monitoring.coreos.com" for kind in ("podmonitors", "prometheusrules")]
    control_plane.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")


def test_what_is_shipped_applies(control_plane: ControlPlane, kinds: None) -> None:
    install(control_plane)
    apply = ("apply", "--server-side", "--validate=strict", "--dry-run=server", "-o", "name")
    rendered = control_plane.kubectl("kustomize", MONITORING).stdout
    applied = control_plane.kubectl(*apply, "-f", "-", stdin=rendered).stdout
    assert sorted(applied.splitlines()) == [
        "configmap/promptrelease-dashboard",
        "networkpolicy.networking.k8s.io/promptrelease-scrape",
        "podmonitor.monitoring.coreos.com/promptrelease-operator",
        "prometheusrule.monitoring.coreos.com/promptrelease",
    ]


def test_the_monitor_and_the_policy_find_the_pod_and_its_port(control_plane: ControlPlane) -> None:
    base = control_plane.kubectl("kustomize", ROOT / "manifests" / "base").stdout
    (deployment,) = [o for o in yaml.safe_load_all(base) if o["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    ports = {port["name"] for c in template["spec"]["containers"] for port in c["ports"]}
    rendered = control_plane.kubectl("kustomize", MONITORING).stdout
    objects = {obj["kind"]: obj for obj in yaml.safe_load_all(rendered)}
    for obj in objects.values():
        assert obj["metadata"]["namespace"] == deployment["metadata"]["namespace"]
    monitor, scrape = objects["PodMonitor"]["spec"], objects["NetworkPolicy"]["spec"]
    for selector in (monitor["selector"], scrape["podSelector"]):
        assert selector["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert {one["port"] for one in monitor["podMetricsEndpoints"]} <= ports
    assert {one["port"] for rule in scrape["ingress"] for one in rule["ports"]} <= ports
