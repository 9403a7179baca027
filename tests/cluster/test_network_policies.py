"""What the shipped NetworkPolicies let pass, read as the API defines them.

No network plugin that enforces them runs here; whether yours does is for you to see. Looked at is
what can be wrong without one: that they are taken as they are, that they choose the pods that there
are, that their ports are those of the containers, and that they add up to what was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
import yaml

from harness.api import Json
from harness.controlplane import ControlPlane
from harness.installation import MANIFESTS, SYSTEM

pytestmark = pytest.mark.slow

WORKLOADS = ("Deployment",)


@dataclass(frozen=True)
class Pod:
    """One end of a connection.

    Attributes:
        ports: of its containers, by name.

    """

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Cluster:
    """Pods as they are made, and the policies as the API server stores them."""

    operator: Pod
    policies: tuple[Json, ...]


@pytest.fixture(scope="module", params=["base", "high-availability"])
def cluster(request: pytest.FixtureRequest, control_plane: ControlPlane) -> Cluster:
    """What an installation with monitoring would be; a dry run fills in all defaults."""
    plane = control_plane
    plane.kubectl("apply", "-f", MANIFESTS / "base" / "namespace.yaml")
    built = [plane.kubectl("kustomize", MANIFESTS / request.param).stdout]
    built.append(plane.kubectl("kustomize", MANIFESTS / "monitoring").stdout)
    objects = [obj for text in built for obj in yaml.safe_load_all(text)]
    (deployment,) = [obj for obj in objects if obj["kind"] in WORKLOADS]
    wanted = [obj for obj in objects if obj["kind"] == "NetworkPolicy"]
    stored = plane.kubectl(
        # Applied and not created: an operator may be installed there already.
        *(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "-f",
            "-",
            "-o",
            "json",
        ),
        stdin="\n---\n".join(map(json.dumps, wanted)),
    ).stdout
    template = deployment["spec"]["template"]
    (container,) = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    return Cluster(Pod(SYSTEM, template["metadata"]["labels"], ports), tuple(documents(stored)))


def documents(text: str) -> Iterator[Json]:
    """Yield what kubectl printed one after the other."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        obj, end = decoder.raw_decode(rest)
        rest = rest[end:].strip()
        yield from obj["items"] if obj["kind"] == "List" else [obj]


def lets_pass(
    cluster: Cluster,
    source: Pod | None,
    target: Pod | None,
    port: int,
    protocol: str = "TCP",
) -> bool:
    """Whether a connection is allowed; none is an end outside of the cluster."""
    out = source is None or _allowed(cluster, "Egress", source, target, port, protocol)
    return out and (target is None or _allowed(cluster, "Ingress", target, source, port, protocol))


def _allowed(
    cluster: Cluster, direction: str, pod: Pod, other: Pod | None, port: int, protocol: str
) -> bool:
    mine = [
        policy["spec"]
        for policy in cluster.policies
        if policy["metadata"]["namespace"] == pod.namespace
        and direction in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], pod.labels)
    ]
    served = pod if direction == "Ingress" else other
    far = "from" if direction == "Ingress" else "to"
    rules = [rule for spec in mine for rule in spec.get(direction.lower(), ())]
    return not mine or any(
        _is_peer(rule.get(far), other, pod.namespace)
        and _is_port(rule.get("ports"), served, port, protocol)
        for rule in rules
    )


def _selects(selector: Json, labels: Mapping[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels"}, "matchExpressions are not read here"
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _is_peer(peers: list[Json] | None, other: Pod | None, home: str) -> bool:
    if not peers:
        return True
    return other is not None and any(_is_one_of(peer, other, home) for peer in peers)


def _is_one_of(peer: Json, other: Pod, home: str) -> bool:
    assert "ipBlock" not in peer, "addresses are not read here"
    its_namespace = {"kubernetes.io/metadata.name": other.namespace}
    if "namespaceSelector" in peer:
        near = _selects(peer["namespaceSelector"], its_namespace)
    else:
        near = other.namespace == home
    return near and _selects(peer.get("podSelector", {}), other.labels)


def _is_port(ports: list[Json] | None, served: Pod | None, port: int, protocol: str) -> bool:
    if not ports:
        return True
    names = dict(served.ports) if served is not None else {}
    return any(
        one["protocol"] == protocol and names.get(one["port"], one["port"]) == port for one in ports
    )


PROMETHEUS = Pod("monitoring", {"app.kubernetes.io/name": "prometheus"})
WORKLOAD = Pod("shop", {"app": "web"}, {"http": 8080})
STRAY = Pod(SYSTEM, {"app": "stray"}, {"http": 8080})


def test_the_operator_reaches_the_api_server_and_names_only(cluster: Cluster) -> None:
    reached = {
        (protocol, port)
        for protocol in ("TCP", "UDP", "SCTP")
        for port in range(1, 65536)
        if lets_pass(cluster, cluster.operator, None, port, protocol)
    }
    assert reached == {("TCP", 443), ("TCP", 6443), ("TCP", 53), ("UDP", 53)}


def test_nobody_but_prometheus_reaches_the_operator(cluster: Cluster) -> None:
    (port,) = cluster.operator.ports.values()
    assert lets_pass(cluster, PROMETHEUS, cluster.operator, port)
    assert not lets_pass(cluster, PROMETHEUS, cluster.operator, port + 1)
    for stranger in (WORKLOAD, STRAY, None):
        assert not lets_pass(cluster, stranger, cluster.operator, port)


def test_what_else_runs_beside_the_operator_speaks_with_nobody(cluster: Cluster) -> None:
    for other in (WORKLOAD, PROMETHEUS, None):
        assert not lets_pass(cluster, STRAY, other, 443)
        assert not lets_pass(cluster, other, STRAY, 8080)


def test_other_namespaces_are_left_alone(cluster: Cluster) -> None:
    assert {policy["metadata"]["namespace"] for policy in cluster.policies} == {SYSTEM}
    assert lets_pass(cluster, PROMETHEUS, WORKLOAD, 8080)


def test_each_policy_chooses_a_pod_that_there_is(cluster: Cluster) -> None:
    for policy in cluster.policies:
        assert _selects(policy["spec"]["podSelector"], cluster.operator.labels)
        for rule in policy["spec"].get("ingress", ()):
            names = {one["port"] for one in rule["ports"] if isinstance(one["port"], str)}
            assert names <= cluster.operator.ports.keys()
