"""What the operator's account may do, what it needs of that, and what it can't do in wrong hands.

One tour of all that it knows to do, as two replicas with leader election, under the shipped roles
and with the admission policies in force that confine it. The others keep people from what the tour
has to do, such as to edit what is mounted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cluster.rights.stolen import FORBIDDEN, STOLEN, TOUR, UNREADY, Attack, nobodys, send
from cluster.rights.world import OPERATOR, SHOP, World, allowed, built, job, may
from cluster.test_manifests import use_everything, use_suites
from harness import audit
from harness.api import (
    APPROVALS,
    CONFIG_MAPS,
    EVALUATIONS,
    POLICIES,
    RELEASES,
    Api,
    Json,
    approval,
    policy,
    release,
    suite,
    version,
    wait_for,
)
from harness.installation import ACCOUNT, MANIFESTS, SYSTEM

pytestmark = pytest.mark.slow

WORKLOAD = f"system:serviceaccount:{SHOP}:default"

# What the API server lets everybody who is known to it do: ask about themselves.
ABOUT_ONESELF = {
    ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "create"),
    ("authentication.k8s.io", "selfsubjectreviews", "create"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with built(tmp_path_factory.mktemp("audit")) as it:
        yield it


# ---- what it needs


def gated(api: Api) -> None:
    """Hold a move back until somebody approves it, and go back past the gate."""
    api.apply(*(version(TOUR, number) for number in (1, 2)), release(TOUR, production=(1, "begin")))
    api.served(TOUR, "production", f"{TOUR} v1")
    wanted = {"approvals": {"count": 1, "notBy": []}}
    api.create(policy(TOUR, prompts=[TOUR], labels=["production"], require=wanted))

    def pending() -> Json:
        labels = api.get(RELEASES, TOUR)["status"].get("labels", {})
        return dict(labels.get("production", {}).get("pending", {}))

    api.move(TOUR, "production", 2, "to be approved")
    held = wait_for(pending, "the move to be held")
    api.create(approval(TOUR, held, "admin", release=TOUR, label="production"))
    api.served(TOUR, "production", f"{TOUR} v2")
    api.move(TOUR, "production", 1, "and back")
    api.served(TOUR, "production", f"{TOUR} v1")
    for resource in (POLICIES, APPROVALS):
        api.delete(resource, TOUR)


def taken_over(world: World, api: Api) -> None:
    """Kill the replica that leads; the other one goes on."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/{ACCOUNT}"

    def holder() -> str:
        return str(world.plane.request("GET", path)["spec"]["holderIdentity"])

    leader = holder()
    replica = world.replicas[0 if leader == "first" else 1]
    replica.kill()
    wait_for(lambda: holder() not in ("", leader), "the other one to lead", seconds=60)
    api.move(TOUR, "production", 2, "served by the other one")
    api.served(TOUR, "production", f"{TOUR} v2")
    replica.start()


@pytest.fixture(scope="module")
def toured(world: World) -> World:
    """The same, after all that the operator knows to do was done once."""
    api = Api(world.plane, SHOP)
    use_everything(api, "probe")
    use_suites(world.installation, "probe")
    gated(api)
    taken_over(world, api)
    return world


def test_every_right_is_needed_and_none_is_missing(toured: World) -> None:
    asked = list(audit.events(toured.log))
    shipped = audit.granted(toured.installation.objects)

    never = {audit.words(right) for right in shipped - set(audit.used(asked))}
    assert never == audit.KEPT.keys()
    assert audit.refused(asked) == {}


def test_the_policies_that_confine_it_keep_it_from_nothing(toured: World) -> None:
    asked = list(audit.events(toured.log))
    denied = [e["requestURI"] for e in asked if e["responseStatus"]["code"] in (403, 422)]
    assert denied == []


def test_what_it_may_is_what_is_written_and_nothing_beside(world: World) -> None:
    elsewhere = audit.granted(
        role
        for role in world.installation.objects
        if role["metadata"]["name"] != "promptrelease-leader-election"
    )
    assert may(world.plane, OPERATOR, "default") == elsewhere | ABOUT_ONESELF
    at_home = audit.granted(world.installation.objects)
    assert may(world.plane, OPERATOR, SYSTEM) == at_home | ABOUT_ONESELF


def test_the_rights_on_leases_are_for_one_name_at_home(world: World) -> None:
    def can(verb: str, name: str, namespace: str) -> bool:
        lease = {"group": "coordination.k8s.io", "resource": "leases", "name": name}
        return allowed(world.plane, {"verb": verb, "namespace": namespace, **lease})

    assert can("update", ACCOUNT, SYSTEM)
    assert not can("update", "kube-scheduler", SYSTEM)
    assert not can("update", ACCOUNT, "kube-system")


# ---- what it can't do


def test_a_workload_may_do_nothing(world: World) -> None:
    assert may(world.plane, WORKLOAD, SHOP) == ABOUT_ONESELF


def test_the_console_may_do_nothing_by_itself(world: World) -> None:
    console = MANIFESTS / "console"
    (pod,) = [
        obj["spec"]["template"]["spec"]
        for obj in world.installation.cluster.build(console)
        if obj["kind"] == "Deployment"
    ]
    assert pod["automountServiceAccountToken"] is False
    world.plane.kubectl("apply", "-k", console)
    account = f"system:serviceaccount:{SYSTEM}:{pod['serviceAccountName']}"
    assert may(world.plane, account, SYSTEM) == may(world.plane, account, SHOP) == ABOUT_ONESELF


def test_an_editor_of_a_namespace_may_only_read_prompts(world: World) -> None:
    world.plane.kubectl("apply", "-k", MANIFESTS / "roles")
    editor = ("rolebinding", "eve", "--clusterrole=edit", "--user=eve", "-n", SHOP)
    world.plane.kubectl("create", *editor)

    def ours() -> set[tuple[str, str]]:
        rights = may(world.plane, "eve", SHOP)
        return {(what, verb) for group, what, verb in rights if group == "promptrelease.dev"}

    wait_for(ours, "the roles to be aggregated")
    assert {verb for _, verb in ours()} == {"get", "list", "watch"}
    # The way around, which the threat model tells of.
    assert ("", "serviceaccounts", "impersonate") in may(world.plane, "eve", SHOP)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/", "/debug/pprof"])
def test_the_operators_port_is_to_be_read_only(world: World, method: str, path: str) -> None:
    known = path in ("/livez", "/readyz", "/metrics")
    status = world.replicas[0].probe(path, method)
    if known and method == "GET":
        assert status in (200, 500, 503)  # how it is doing is not the question
    else:
        assert status == (405 if known else 404)


@pytest.mark.parametrize(("verb", "resource"), FORBIDDEN)
def test_a_stolen_token_may_not(world: World, verb: str, resource: str) -> None:
    what, _, group = resource.partition(".")
    main, _, subresource = what.partition("/")
    attributes = {"verb": verb, "resource": main, "subresource": subresource, "group": group}
    assert allowed(world.plane, {"namespace": SHOP, **attributes}) is False


@pytest.fixture(scope="module")
def strangers(toured: World) -> World:
    """Objects that are not promptrelease's: a ConfigMap, and pods."""
    containers = [{"name": "app", "image": "none"}]
    for name, labels in {"asks": {"promptrelease.dev/refresh": "true"}, "does-not": {}}.items():
        spec = {"containers": containers, "serviceAccountName": "mounter"}
        pod = {"metadata": {"name": name, "labels": labels}, "spec": spec}
        toured.plane.request("POST", f"/api/v1/namespaces/{SHOP}/pods", pod)
    for name in ("settings", "settings.yaml"):
        toured.plane.kubectl("create", "configmap", name, "--from-literal=a=b", "-n", SHOP)
    return toured


@pytest.mark.parametrize("attack", STOLEN.values(), ids=list(STOLEN))
def test_a_stolen_token_is_confined(strangers: World, attack: Attack) -> None:
    status, said = send(strangers, attack)
    if attack.policy:
        assert status == 403
        assert f"ValidatingAdmissionPolicy '{attack.policy}'" in said
    else:
        assert status == 200


NEEDS_USE = 'needs the verb "use" on serviceaccounts/'


@pytest.mark.parametrize(
    ("obj", "answer"),
    [
        (job(SHOP), "created"),
        (job(SHOP, serviceAccountName="default"), "created"),
        (job(SHOP, serviceAccountName="mounter"), f"{NEEDS_USE}mounter"),
        (job(SHOP, serviceAccount="mounter"), f"{NEEDS_USE}mounter"),
        (job("default"), f"{NEEDS_USE}default"),
        (job("kube-system", serviceAccountName="namespace-controller"), NEEDS_USE),
        (nobodys(job(SHOP)), "it is not of a PromptEvaluation"),
    ],
    ids=["none", "given", "another", "by its old name", "elsewhere", "kube-system", "nobody's"],
)
def test_a_stolen_token_runs_jobs_as_whom_it_was_given_only(
    world: World, obj: Json, answer: str
) -> None:
    said = world.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(obj))
    assert answer in said


def test_everybody_else_is_left_alone(strangers: World) -> None:
    pod = f"/api/v1/namespaces/{SHOP}/pods/does-not/status"
    patch = "application/merge-patch+json"
    strangers.plane.request("PATCH", pod, UNREADY, content_type=patch)
    Api(strangers.plane, SHOP).merge(CONFIG_MAPS, "settings", {"data": {"a": "d"}})
    strangers.plane.kubectl("create", "job", "any", "--image=none", "-n", "kube-system")


def test_without_the_right_to_make_jobs_it_serves_all_the_same(toured: World) -> None:
    toured.plane.kubectl("delete", "clusterrolebinding", "promptrelease-evaluation")
    for replica in toured.replicas:
        replica.kill()
        replica.start()
    api = Api(toured.plane, SHOP)
    api.apply(version("lone", 1), release("lone", production=(1, "begin")))
    api.create(suite("lone", "lone", accept=False, evaluateOn=["production"]))

    def said() -> list[str]:
        mine = [
            e["status"]
            for e in api.list(EVALUATIONS)
            if e["spec"]["suite"] == "lone" and "status" in e
        ]
        return [f"{status['phase']}: {status.get('message', '')}" for status in mine]

    wait_for(said, "the evaluation to be told of", seconds=60)
    assert said()[0].startswith("Pending: the API server refused: jobs.batch is forbidden")
    api.served("lone", "production", "lone v1")
