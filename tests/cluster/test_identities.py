"""Who may do what: each person, each action, the answer, on a real API server.

The operator runs under the service account that is shipped, everybody else has a role that is
shipped, and each row of identities/table.py is kubectl, as that person. What is refused must say
why, and what is allowed must be stored, in the name of who did it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.identities.actions import (
    AUTHOR,
    EVALUATIONS,
    WITHDRAWN_BY,
    Action,
    Scene,
    annotates,
    approves,
    creates_policy,
    edits,
    moves,
    withdraws,
    writes_status,
)
from cluster.identities.people import ADMIN, ALICE, BOB, CARELESS, ERIN, SHOP, Person
from cluster.identities.table import CAN, ROWS, UNSTAMPED, Row
from cluster.identities.world import ROLES, SETTLED, World, binding, built
from harness.admission import ADMISSION, STAMP, Admission
from harness.api import (
    API_VERSION,
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    POLICIES,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    release,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from promptrelease.api.promptrelease import MAX_LABELS

CRDS = Path(__file__).parents[2] / "crds"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Everything that is needed by the rows that are going to be run."""
    found = [getattr(item, "callspec", None) for item in request.session.items]
    rows = [spec.params.get("row") for spec in found if spec is not None]
    with built([row for row in rows if isinstance(row, Row)]) as it:
        yield it


def run(world: World, row: Row) -> None:
    """Let it happen, and look at the answer: exit code, words, and what is stored."""
    scene = world.scene(row)
    for who, action in row.given:
        code, said = world.do(scene, who, action)
        assert code == 0, said
    code, said = world.do(scene, row.who, row.does)
    if row.refused:
        assert code == 1, said
        assert scene.fill(row.refused) in said
    else:
        assert code == 0, said
        row.does.proof(scene)


# ---- with the stamp, as on Kubernetes 1.36


@pytest.fixture
def stamped(world: World) -> World:
    world.admission.stamp(True)
    return world


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_who_may(stamped: World, row: Row) -> None:
    run(stamped, row)


@pytest.mark.parametrize(("who", "verb", "label", "expected"), CAN, ids=str)
def test_can_i(world: World, who: Person, verb: str, label: str, expected: bool) -> None:
    asked = ("auth", "can-i", verb, "promptreleases", f"--subresource={label}", "--quiet")
    code, _ = world.kubectl(who, *asked)
    assert code == (0 if expected else 1)


def test_the_built_in_roles_hold_ours(world: World) -> None:
    for role, user in {"view": "victor", "admin": "ada"}.items():
        kind = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
        bound = json.dumps(binding(user, role, SHOP, kind))
        world.plane.kubectl("create", "-f", "-", stdin=bound)

    def may(user: str, *what: str) -> bool:
        asked = ("auth", "can-i", *what, "--quiet", f"--as={user}")
        return world.kubectl(ADMIN, *asked)[0] == 0

    wait_for(lambda: may("victor", "list", CHANGES), "the roles to be aggregated")
    wait_for(lambda: may("ada", "prune", CHANGES), "the roles to be aggregated")
    assert may("ada", "breakglass", RELEASES, "--subresource=production")
    assert not may("victor", "promote", RELEASES, "--subresource=staging")
    assert not may("ada", "patch", RELEASES, "--subresource=status")
    assert not may("ada", "create", CHANGES)


@pytest.mark.parametrize("folder", [ADMISSION, STAMP, ROLES], ids=lambda it: it.name)
def test_what_is_shipped_can_be_applied_again(stamped: World, folder: Path) -> None:
    lines = stamped.plane.kubectl("apply", "-k", folder).stdout.splitlines()
    assert lines
    assert [line for line in lines if not line.endswith(" unchanged")] == []


APPLY = {
    "apply": ("apply", "-f", "-"),
    "apply --server-side": ("apply", "--server-side", "-f", "-"),
    "apply as another manager": (
        "apply", "--server-side", "--field-manager=gitops", "--force-conflicts", "-f", "-",
    ),
    "replace": ("replace", "-f", "-"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("way", "claim"),
    [*((way, None) for way in APPLY), ("apply --server-side", "carol"), ("replace", "carol")],
)
def test_the_same_manifest_again_changes_nothing(
    stamped: World, way: str, claim: str | None
) -> None:
    name = f"again-{sorted(APPLY).index(way)}-{claim or 'nobody'}"
    manifest = release(name, production=(1, "begin"), staging=(1, "begin"))
    manifest["spec"]["labels"]["production"].update({"by": claim} if claim else {})
    stdin = json.dumps(manifest)
    if way == "apply as another manager":
        first = APPLY["apply --server-side"]
    else:
        first = ("create", "-f", "-") if way == "replace" else APPLY[way]

    def now() -> Json:
        found = stamped.api().get(RELEASES, name)
        meta = found["metadata"]
        managers = [it for it in meta["managedFields"] if it.get("subresource") != "status"]
        return {
            "spec": found["spec"],
            "generation": meta["generation"],
            "annotations": meta.get("annotations"),
            # Who claims somebody else's name server-side is overwritten once more each time.
            "managers": managers if claim is None else None,
        }

    assert stamped.kubectl(BOB, *first, stdin=stdin)[0] == 0
    before = now()
    code, said = stamped.kubectl(ERIN, *APPLY[way], stdin=stdin)
    assert code == 0, said
    after = now()
    assert {label["by"] for label in after["spec"]["labels"].values()} == {"bob"}
    assert (after["spec"], after["generation"]) == (before["spec"], 1)
    assert stamped.kubectl(BOB, *APPLY[way], stdin=stdin)[0] == 0
    assert now() == after
    difference = ("diff", *APPLY[way][1:]) if way != "replace" else ("diff", "-f", "-")
    code, said = stamped.kubectl(ERIN, *difference, stdin=stdin)
    assert (code, said) == (0, "")


def test_a_label_that_leaves_the_manifest_is_withdrawn_by_who_applies_it(stamped: World) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    both = release("leaving", production=(1, "begin"), staging=(1, "begin"))
    one = release("leaving", production=(1, "begin"))
    assert stamped.kubectl(BOB, *apply, stdin=json.dumps(both))[0] == 0

    code, said = stamped.kubectl(ALICE, *apply, "--force-conflicts", stdin=json.dumps(one))
    assert code == 0, said

    left = stamped.api().get(RELEASES, "leaving")
    assert left["spec"]["labels"].keys() == {"production"}
    assert left["spec"]["labels"]["production"]["by"] == "bob"
    assert left["metadata"]["annotations"][WITHDRAWN_BY] == "staging alice"


def mounting(config_map: str) -> Json:
    """Return a pod that keeps a ConfigMap in use; no node will run it."""
    mount = {"name": "prompt", "mountPath": "/etc/prompt"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"reads-{config_map}"},
        "spec": {
            "containers": [{"name": "reader", "image": "none", "volumeMounts": [mount]}],
            "volumes": [{"name": "prompt", "configMap": {"name": config_map}}],
        },
    }


def test_who_withdrew_a_label_is_known_until_its_last_pod_has_ended(stamped: World) -> None:
    api = stamped.api()
    api.create(version("mounted", 1))
    api.create(release("mounted", production=(1, "begin"), staging=(1, "begin")))
    api.ready("mounted")
    pod = json.dumps(mounting("mounted.staging"))
    assert stamped.kubectl(ADMIN, "create", "-f", "-", stdin=pod)[0] == 0
    scene = Scene(api, "mounted", "", "")

    def lines() -> set[str]:
        return set((scene.annotation(WITHDRAWN_BY) or "").splitlines())

    def does(who: Person, action: Action) -> set[str]:
        code, said = stamped.do(scene, who, action)
        assert code == 0, said
        return lines()

    assert does(ALICE, withdraws("staging")) == {"staging alice"}
    api.release_with("mounted", "Withdrawing", "True")
    assert does(BOB, withdraws("production")) == {"staging alice", "production bob"}
    entry = wait_for(
        lambda: [it["spec"] for it in api.list(CHANGES) if it["spec"]["kind"] == "Withdrawal"
                 and it["spec"]["release"] == "mounted"], "the log of it")  # fmt: skip
    assert [(it["label"], it["by"]) for it in entry] == [("production", "bob")]
    assert does(ALICE, moves(staging=1)) == {"staging alice", "production bob"}
    assert does(BOB, withdraws("staging")) == {"staging bob"}


def test_a_verdict_on_what_is_being_evaluated_is_the_operators(stamped: World) -> None:
    digest = stamped.api().get(VERSIONS, f"{SETTLED}-v4")["status"]["digest"]
    pod = {"restartPolicy": "Never", "containers": [{"name": "suite", "image": "none"}]}
    suite = {
        "apiVersion": API_VERSION,
        "kind": "PromptSuite",
        "metadata": {"name": "endless"},  # there is no scheduler
        "spec": {"prompts": [SETTLED], "job": {"spec": {"template": {"spec": pod}}}},
    }
    candidate = {"prompt": SETTLED, "version": 4, "digest": digest}
    evaluation = {
        "apiVersion": API_VERSION,
        "kind": "PromptEvaluation",
        "metadata": {"name": "endless"},
        "spec": {"suite": "endless", "candidate": [candidate]},
    }
    for obj in (suite, evaluation):
        code, said = stamped.kubectl(ADMIN, "create", "-f", "-", stdin=json.dumps(obj))
        assert code == 0, said
    phase = ("get", EVALUATIONS, "endless", "-o", "jsonpath={.status.phase}")
    wait_for(lambda: stamped.kubectl(ADMIN, *phase)[1] == "Running", "the Job to be made")
    scene = Scene(stamped.api(), SETTLED, "", "")
    for who in (ADMIN, CARELESS):
        code, said = stamped.do(scene, who, writes_status(EVALUATIONS, "endless"))
        assert code == 1
        assert f"{who.name} may not write the status of endless: only the operator may" in said
    code, said = stamped.kubectl(ERIN, "delete", EVALUATIONS, "endless", "--wait=false")
    assert code == 0, said


def test_all_labels_at_once_are_not_too_many(stamped: World) -> None:
    labels = [f"label-{number}" for number in range(MAX_LABELS)]
    manifest = release("many", **dict.fromkeys(labels, (1, "begin")))
    code, said = stamped.kubectl(ADMIN, "create", "-f", "-", stdin=json.dumps(manifest))
    assert code == 0, said
    for label in (labels[0], labels[-1]):
        few = json.dumps(release("few", **{label: (1, "begin")}))
        code, said = stamped.kubectl(CARELESS, "create", "-f", "-", stdin=few)
        assert f"may not move {label} of few" in said
    code, said = stamped.kubectl(CARELESS, "delete", RELEASES, "many")
    assert "may not delete many, which serves label-0: needs" in said
    code, said = stamped.kubectl(ADMIN, "delete", RELEASES, "many")
    assert code == 0, said


MALFORMED_OBJECTS: dict[str, tuple[Any, str]] = {
    "labels are a list": ({"labels": ["a"]}, "spec.labels in body must be of type object"),
    "a label is a number": ({"labels": {"a": 7}}, "spec.labels.a in body must be of type object"),
    "a label is empty": ({"labels": {"a": {}}}, "spec.labels.a.version: Required value"),
    "a label has no name": ({"labels": {"É/~": {"version": 1, "reason": "x"}}}, "a label's name"),
    "spec is a number": (7, "spec in body must be of type object"),
    "there is no spec": (None, "spec: Required value"),
}


@pytest.mark.parametrize("what", MALFORMED_OBJECTS)
def test_what_is_malformed_is_refused_for_that(stamped: World, what: str) -> None:
    spec, words = MALFORMED_OBJECTS[what]
    manifest = {**release("malformed"), "spec": spec}
    create = ("create", "--dry-run=server", "--validate=false", "-f", "-")
    code, said = stamped.kubectl(ADMIN, *create, stdin=json.dumps(manifest))
    assert code == 1
    assert words in said


# ---- what the cluster itself does goes on


@pytest.fixture(scope="module")
def doomed(world: World) -> Api:
    """A namespace with two prompts in it, an approval and a policy."""
    world.plane.kubectl("create", "namespace", "doomed")
    api = world.api("doomed")
    for prompt in ("one", "two"):
        api.create(version(prompt, 1))
        api.create(version(prompt, 2))
        api.create(release(prompt, production=(1, "begin")))
        api.ready(prompt)
        wait_for(lambda p=prompt: api.get(CHANGES, f"{p}.production.1"), "the log")  # type: ignore[misc]
    for action in (approves(), creates_policy()):
        scene = Scene(api, "one", ADMIN.name, "")
        assert world.do(scene, ADMIN, action)[0] == 0
    return api


def test_a_release_can_leave_its_config_maps_behind(world: World, doomed: Api) -> None:
    delete = ("delete", RELEASES, "two", "--cascade=orphan", "--timeout=30s")
    code, said = world.kubectl(ADMIN, *delete, namespace="doomed")
    assert code == 0, said
    left = doomed.get(CONFIG_MAPS, "two.production")
    assert left["data"]["prompt.txt"] == "two v1"
    assert "ownerReferences" not in left["metadata"]


@pytest.mark.parametrize(("label", "cascade"), [("production", "foreground"), ("latest", "orphan")])
def test_the_log_can_be_pruned_in_every_way(
    world: World, doomed: Api, label: str, cascade: str
) -> None:
    entry = min(
        change["metadata"]["name"]
        for change in doomed.list(CHANGES)
        if change["metadata"]["name"].startswith(f"one.{label}.")
    )
    delete = ("delete", CHANGES, entry, f"--cascade={cascade}", "--timeout=30s")
    code, said = world.kubectl(ADMIN, *delete, namespace="doomed")
    assert code == 0, said
    assert doomed.get(CHANGES, entry) == {}


def test_a_collection_is_deleted_only_as_far_as_its_members_are(world: World, doomed: Api) -> None:
    code, said = world.kubectl(ADMIN, "delete", "--raw", doomed.path(VERSIONS), namespace="doomed")
    assert code == 1
    assert "one-v" in said
    assert "is served as" in said
    assert doomed.get(VERSIONS, "one-v1")


def test_a_namespace_goes_with_all_that_is_in_it(world: World, doomed: Api) -> None:
    assert doomed.get(VERSIONS, "one-v1")["status"]["labels"] == ["production"]
    for resource in (RELEASES, APPROVALS, CHANGES, POLICIES, CONFIG_MAPS):
        assert doomed.list(resource), resource
    code, said = world.kubectl(ADMIN, "delete", "namespace", "doomed", "--timeout=60s")
    assert code == 0, said


def test_the_api_server_finds_no_fault_with_the_expressions(world: World) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    def checked() -> list[Json]:
        found: list[Json] = world.plane.request("GET", path)["items"]
        return found if all("typeChecking" in it.get("status", {}) for it in found) else []

    policies = wait_for(checked, "the policies to be checked")
    assert len(policies) == len(_policies(ADMISSION, "ValidatingAdmissionPolicy"))
    for policy in policies:
        assert policy["status"]["typeChecking"] == {}, policy["metadata"]["name"]


def test_an_older_server_takes_all_but_the_stamp() -> None:
    """The oldest that this one can be asked to behave like."""
    arguments = {"kube-apiserver": ["--emulated-version=1.33"]}
    with ControlPlane(arguments=arguments) as plane:
        plane.kubectl("apply", "-k", CRDS)
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        Admission(plane)  # waits until each policy refuses something
        tried = plane.kubectl("apply", "-k", STAMP, check=False)
    assert tried.returncode == 1
    assert 'no matches for kind "MutatingAdmissionPolicy" in version' in tried.stderr


# ---- the policies as they are written


def _policies(folder: Path, kind: str) -> dict[str, Json]:
    files = sorted(folder.glob("*.yaml"))
    objects = [obj for file in files for obj in yaml.safe_load_all(file.read_text())]
    return {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == kind}


def _variable(policy: Json, name: str) -> str:
    (found,) = [it["expression"] for it in policy["spec"]["variables"] if it["name"] == name]
    return str(found)


def test_every_policy_is_bound_and_fails_closed() -> None:
    for folder, kind in ((ADMISSION, "Validating"), (STAMP, "Mutating")):
        policies = _policies(folder, f"{kind}AdmissionPolicy")
        bindings = _policies(folder, f"{kind}AdmissionPolicyBinding")
        assert policies.keys() == bindings.keys()
        for name, policy in policies.items():
            assert name.startswith("promptrelease-")
            assert policy["spec"]["failurePolicy"] == "Fail"
            bound = bindings[name]["spec"]
            assert bound.pop("validationActions", ["Deny"]) == ["Deny"]
            assert bound == {"policyName": name}, "nothing is left out"


@pytest.mark.parametrize(
    ("name", "number"),
    [("moves", MAX_LABELS), ("withdrawals", MAX_LABELS), ("break-glass", 4)],
)
def test_every_label_has_its_validation(name: str, number: int) -> None:
    policy = _policies(ADMISSION, "ValidatingAdmissionPolicy")[f"promptrelease-{name}"]
    blocks = [json.dumps(block) for block in policy["spec"]["validations"]]
    first = blocks[0].replace("[0]", "[#]").replace("<= 0 ", "<= # ")
    assert blocks[:number] == [first.replace("#", str(index)) for index in range(number)]


def test_the_operator_is_named_where_one_patch_reaches_it() -> None:
    """docs/permissions.md has that patch, for an operator that runs somewhere else."""
    policies = _policies(ADMISSION, "ValidatingAdmissionPolicy")
    named = {name: it for name, it in policies.items() if "promptrelease-operator" in str(it)}
    assert named.keys() == {f"promptrelease-{it}" for it in ("status", "changes", "config-maps")}
    (first,) = {json.dumps(policy["spec"]["variables"][0]) for policy in named.values()}
    assert json.loads(first)["name"] == "isOperator"
    for policy in named.values():
        assert str(policy).count(":promptrelease-operator") == 2, "the one in the namespace, too"


def test_all_policies_mean_the_same_by_moved() -> None:
    validating = _policies(ADMISSION, "ValidatingAdmissionPolicy")
    moved = _variable(validating["promptrelease-moves"], "unsorted")
    assert _variable(validating["promptrelease-attribution"], "moved") == moved
    stamping = _policies(STAMP, "MutatingAdmissionPolicy")["promptrelease-releases"]
    stamped = _variable(stamping, "moved")
    for field, absent in (("version", "0"), ("reason", "''")):
        stamped = stamped.replace(f".?{field}.orValue({absent})", f".{field}")
    assert stamped == moved


# ---- without the stamp, as on older servers; at the end, for it has to go for that


@pytest.fixture
def unstamped(world: World) -> World:
    world.admission.stamp(False)
    return world


@pytest.mark.parametrize("row", UNSTAMPED, ids=str)
def test_who_may_without_the_stamp(unstamped: World, row: Row) -> None:
    run(unstamped, row)


def test_what_was_there_before_the_stamp_stays_without_a_name(unstamped: World) -> None:
    api, scene = unstamped.api(), Scene(unstamped.api(), "older", "", "")
    api.create(version("older", 1))
    api.create(release("older", staging=(1, "begin")))
    unstamped.admission.stamp(True)

    for action in (edits("staging", by="alice"), annotates(AUTHOR, "alice", VERSIONS, "<p>-v1")):
        code, said = unstamped.do(scene, ALICE, action)
        assert code == 0, said
    assert "by" not in scene.label("staging")
    assert scene.annotation(AUTHOR, VERSIONS, "<p>-v1") is None
    assert unstamped.do(scene, ALICE, edits("staging", reason="another"))[0] == 0
    assert scene.label("staging")["by"] == "alice"
