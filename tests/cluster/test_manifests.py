"""What is shipped, on a real API server: it applies, it is enough, and it is not too much.

The operator runs as a process here, as the shipped service account, with the arguments and the
environment of the shipped Deployment. The API server's audit log says what it really asked for.
"""

from __future__ import annotations

import copy
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.api import (
    CONFIG_MAPS,
    RELEASES,
    VERSIONS,
    Api,
    policy,
    release,
    version,
    wait_for,
)
from harness.components import free_port
from harness.controlplane import ControlPlane
from promptrelease.content.files import from_files

ROOT = Path(__file__).parents[2]
NAME = "promptrelease-operator"
MOUNTER = "mounter"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}

Object = dict[str, Any]
Right = tuple[str, str, str]
"""API group, resource with its subresource, and verb."""


@dataclass(frozen=True)
class Cluster:
    """A control plane that writes down what the service accounts ask of it."""

    plane: ControlPlane
    audit_log: Path

    def build(self, folder: Path) -> list[Object]:
        """Return the objects of a kustomization."""
        return list(yaml.safe_load_all(self.plane.kubectl("kustomize", folder).stdout))

    def asked_by(self, user: str) -> list[Object]:
        """Return what a user asked for, as the audit log has it."""
        events = map(json.loads, self.audit_log.read_text().splitlines())
        return [event for event in events if event["user"]["username"] == user]


@dataclass(frozen=True)
class Installation:
    """A kustomization that has been applied, and whose operator runs.

    Attributes:
        namespace: where the operator is.
        served: where the prompts are.

    """

    cluster: Cluster
    objects: list[Object]
    namespace: str
    served: str

    @property
    def user(self) -> str:
        """The operator's name."""
        return f"system:serviceaccount:{self.namespace}:{NAME}"

    @property
    def granted(self) -> set[Right]:
        """Every single right that the roles give."""
        return {
            (group, resource, verb)
            for role in self.of_kind("Role", "ClusterRole")
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }

    def of_kind(self, *kinds: str) -> list[Object]:
        """Return the objects of some kinds."""
        return [obj for obj in self.objects if obj["kind"] in kinds]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("audit")
    policy, log = folder / "policy.yaml", folder / "audit.log"
    policy.write_text(json.dumps(AUDIT_POLICY))
    arguments = [
        f"--audit-policy-file={policy}",
        f"--audit-log-path={log}",
        # Stricter than most clusters: an owner reference may need rights of its own.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
    ]
    with ControlPlane(arguments={"kube-apiserver": arguments}) as plane:
        log.touch()
        yield Cluster(plane, log)


@pytest.fixture(scope="module", params=["base", "namespaced"])
def installation(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    variant: str = request.param
    served = f"shop-{variant}"
    cluster.plane.kubectl("create", "namespace", served)
    cluster.plane.kubectl("create", "serviceaccount", MOUNTER, "-n", served)
    if variant == "base":
        namespace, folder = "promptrelease-system", ROOT / "manifests" / "base"
    else:
        cluster.plane.kubectl("apply", "-k", ROOT / "crds")
        namespace, folder = served, tmp_path_factory.mktemp("overlay")
        shipped = ROOT / "manifests" / "namespaced"
        overlay = {"namespace": served, "resources": [str(relative(shipped, folder))]}
        (folder / "kustomization.yaml").write_text(json.dumps(overlay))
    applied = cluster.plane.kubectl("apply", "-k", folder)
    assert applied.stderr == ""
    cluster.plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    installed = Installation(cluster, cluster.build(folder), namespace, served)
    with running(installed):
        yield installed


def relative(target: Path, start: Path) -> Path:
    """Return the way from one folder to another: kustomize takes no absolute path."""
    up = [".."] * (len(start.resolve().parts) - 1)
    return Path(*up, *target.resolve().parts[1:])


@contextmanager
def running(installation: Installation) -> Iterator[None]:
    """Run the operator as its Deployment says, until the end of the with block."""
    plane, name = installation.cluster.plane, f"operator-{installation.served}"
    (deployment,) = installation.of_kind("Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    known = {"metadata.namespace": installation.namespace}
    env = {
        variable["name"]: variable.get("value")
        or known[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        for variable in container["env"]
    }
    kubeconfig = plane.kubeconfig_for_service_account(installation.namespace, NAME)
    port = free_port()
    command = [sys.executable, "-m", "promptrelease.controller.main", *container.get("args", [])]
    command += [f"--kubeconfig={kubeconfig}", f"--health-port={port}"]

    def ready() -> bool:
        assert plane.running(name) is not None, plane.logs(name)
        url = f"http://127.0.0.1:{port}{container['readinessProbe']['httpGet']['path']}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    plane.start_process(name, command, {"PYTHONPATH": str(ROOT / "operator"), **env})
    wait_for(ready, "the operator to be ready", seconds=60)
    yield
    assert plane.stop_component(name) == "exit status 0", plane.logs(name)


def used(asked: list[Object]) -> set[Right]:
    """Return every right that was needed for what was asked."""
    rights = set()
    for event in asked:
        about = event.get("objectRef")
        if about is None or "resource" not in about:
            continue  # discovery, which is open to everyone who is authenticated
        resource = "/".join(filter(None, (about["resource"], about.get("subresource"))))
        right = (about.get("apiGroup", ""), resource)
        rights.add((*right, event["verb"]))
        if event["verb"] == "patch" and event["responseStatus"]["code"] == 201:
            # A server-side apply that made the object: the server asked for this right as well.
            rights.add((*right, "create"))
    return rights


def serves(api: Api, prompt: str, label: str, number: int) -> bool:
    """Say whether that version is mounted, and whole: its digest is looked at."""
    files = api.files(prompt, label)
    return bool(files) and from_files(files)[1].version == number


@pytest.mark.slow
class TestAnInstallation:
    def test_serves_the_examples(self, installation: Installation) -> None:
        plane, namespace = installation.cluster.plane, installation.served
        plane.kubectl("apply", "-n", namespace, "-k", ROOT / "manifests" / "examples")

        wait = ("wait", "-n", namespace, "--all", "--timeout=30s")
        plane.kubectl(*wait, "--for=condition=Valid", "promptversions")
        plane.kubectl(*wait, "--for=condition=Ready", "promptreleases")

        api = Api(plane, namespace)
        for prompt in ("ticket-summary", "ticket-router"):
            for label, number in {"production": 2, "staging": 3, "latest": 3}.items():
                wait_for(partial(serves, api, prompt, label, number), f"{prompt}.{label}")
        text = api.files("ticket-summary", "production")["prompt.txt"]
        assert "{{>" not in text
        assert "never promise a refund or a date on behalf of {{company}}" in text

    def test_is_allowed_what_it_does_and_nothing_more(self, installation: Installation) -> None:
        cluster, namespace = installation.cluster, installation.served

        use_everything(Api(cluster.plane, namespace), "probe")
        use_suites(installation, "probe")

        asked = cluster.asked_by(installation.user)
        refused = [event["requestURI"] for event in asked if event["responseStatus"]["code"] == 403]
        assert refused == []
        assert used(asked) == installation.granted

    def test_changes_nothing_when_applied_again(
        self, installation: Installation, tmp_path: Path
    ) -> None:
        manifests = tmp_path / "all.yaml"
        manifests.write_text(yaml.safe_dump_all(installation.objects))
        kubectl = installation.cluster.plane.kubectl

        again = kubectl("apply", "-f", manifests)

        lines = again.stdout.splitlines()
        assert len(lines) == len(installation.objects)
        assert [line for line in lines if not line.endswith(" unchanged")] == []
        tried = kubectl("apply", "--dry-run=server", "-f", manifests)
        assert all(
            line.endswith(" unchanged (server dry run)") for line in tried.stdout.splitlines()
        )
        assert again.stderr + tried.stderr == ""
        assert kubectl("diff", "-f", manifests, check=False).returncode == 0


def use_everything(api: Api, prompt: str) -> None:
    """Have the operator do, once, each thing that it knows to do."""
    config_map = f"{prompt}.production"
    pods = f"/api/v1/namespaces/{api.namespace}/pods"
    first, second = f"{prompt} v1", f"{prompt} v2"
    includes = {"one": {"prompt": prompt, "version": 1}}

    def withdrawn() -> bool:
        return not api.files(prompt, "canary")

    def pod_was_told() -> bool:
        found = api.control_plane.request("GET", f"{pods}/{prompt}")
        return "promptrelease.dev/refreshed" in found["metadata"].get("annotations", {})

    api.control_plane.request("POST", pods, pod(prompt, mounting=config_map))
    api.create(version(prompt, 4))  # first, so that latest has never been at the ones below
    api.create(version(prompt, 1))
    api.create(version(prompt, 2))
    api.create(version(prompt, 3, text="{{> one}}", includes=includes))
    api.create(release(prompt, production=(1, "begin"), canary=(3, "an include")))
    api.served(prompt, "production", first)
    api.served(prompt, "canary", first)
    revision = api.ready(prompt)["status"]["revision"] + 1
    api.create(something_else(f"{prompt}.production.{revision}"))
    api.move(prompt, "production", 2, "relabel")
    api.served(prompt, "production", second)
    wait_for(pod_was_told, "the pod to be told")
    for times in (1, 2):  # the second time is counted on the first one's event
        api.merge(CONFIG_MAPS, config_map, {"data": {"prompt.txt": "drift"}})
        api.served(prompt, "production", second)
        wait_for(partial(repairs_told, api, prompt, times), "an event")
    api.merge(CONFIG_MAPS, config_map, {"data": {"drift": "a file that is not ours"}})
    wait_for(lambda: "drift" not in api.files(prompt, "production"), "the file to be gone")
    api.delete(CONFIG_MAPS, config_map)
    api.served(prompt, "production", second)
    api.merge(RELEASES, prompt, {"spec": {"labels": {"canary": None}}})
    wait_for(withdrawn, "the withdrawal")
    retention = {"keep": 1, "olderThanDays": 0, "dryRun": False}
    api.create(policy(prompt, prompts=[prompt], retention=retention))
    wait_for(lambda: not api.get(VERSIONS, f"{prompt}-v3"), "what nothing needs to be deleted")


def use_suites(installation: Installation, prompt: str) -> None:
    """Have the operator do, once, each thing that it does for evaluations."""
    cluster, namespace = installation.cluster, installation.served
    ours = f"/apis/promptrelease.dev/v1alpha1/namespaces/{namespace}"
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    ask = cluster.plane.request

    def items(path: str) -> list[Object]:
        found: list[Object] = ask("GET", path)["items"]
        return found

    ask("POST", f"{ours}/promptsuites", suite(prompt))
    (job,) = wait_for(lambda: items(jobs), "a Job")
    ask("DELETE", f"{ours}/promptsuites/{prompt}")
    wait_for(lambda: not items(jobs), "the Job of a suite that went to go")
    # The same once more, and now the Job's name is taken.
    ask("DELETE", f"{ours}/promptevaluations")
    name = job["metadata"]["ownerReferences"][0]["name"]
    ask("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/{name}-0")
    taken = {"name": job["metadata"]["name"]}
    ask("POST", jobs, {"metadata": taken, **suite(prompt)["spec"]["job"]})
    ask("POST", f"{ours}/promptsuites", suite(prompt))
    looked = ("batch", "jobs", "get")
    wait_for(lambda: looked in used(cluster.asked_by(installation.user)), "whose it is to be seen")
    ask("DELETE", f"{jobs}/{job['metadata']['name']}?propagationPolicy=Background")
    wait_for(lambda: [j for j in items(jobs) if "ownerReferences" in j["metadata"]], "its own Job")
    ask("DELETE", f"{ours}/promptsuites/{prompt}")


def suite(prompt: str) -> Object:
    """Return a PromptSuite that judges a prompt as soon as it is served; no node will run it."""
    container = {"name": "suite", "image": "none"}
    pod_spec = {"containers": [container], "restartPolicy": "Never"}
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptSuite",
        "metadata": {"name": prompt},
        "spec": {
            "prompts": [prompt],
            "job": {"spec": {"template": {"spec": pod_spec}}},
            "evaluateOn": ["production"],
        },
    }


def something_else(name: str) -> Object:
    """Return a PromptChange that has the name of another one."""
    at = "2026-01-01T00:00:00Z"
    spec = {"release": "other", "label": "x", "revision": 1, "kind": "Promotion", "at": at}
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptChange",
        "metadata": {"name": name},
        "spec": spec,
    }


def pod(name: str, *, mounting: str) -> Object:
    """Return a pod that asks to be told when its ConfigMap changes; no node will run it."""
    mount = {"name": "prompt", "mountPath": "/etc/prompt"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"promptrelease.dev/refresh": "true"}},
        "spec": {
            "serviceAccountName": MOUNTER,
            "automountServiceAccountToken": False,
            "containers": [{"name": "reader", "image": "none", "volumeMounts": [mount]}],
            "volumes": [{"name": "prompt", "configMap": {"name": mounting}}],
        },
    }


def repairs_told(api: Api, prompt: str, times: int) -> bool:
    """Say whether events told of that many repairs."""
    path = f"/apis/events.k8s.io/v1/namespaces/{api.namespace}/events"
    events = api.control_plane.request("GET", path)["items"]
    mine = [
        e for e in events if e["reason"] == "DriftRepaired" and e["regarding"]["name"] == prompt
    ]
    counts: list[int] = [event.get("series", {}).get("count", 1) for event in mine]
    return sum(counts) >= times


def test_rules_have_no_wildcard_and_name_nothing_but_resources() -> None:
    files = (ROOT / "manifests" / "operator").glob("*.yaml")
    objects = [obj for file in files for obj in yaml.safe_load_all(file.read_text())]
    rules = [rule for obj in objects if obj["kind"] == "Role" for rule in obj["rules"]]
    assert rules
    for rule in rules:
        assert rule.keys() == {"apiGroups", "resources", "verbs"}
        assert "*" not in str(rule)


@pytest.mark.slow
class TestOneNamespace:
    def test_is_all_that_the_variant_asks_for(self, cluster: Cluster) -> None:
        kinds = {obj["kind"] for obj in cluster.build(ROOT / "manifests" / "namespaced")}
        assert kinds == {"ServiceAccount", "Role", "RoleBinding", "Deployment", "NetworkPolicy"}

    @pytest.mark.parametrize("installation", ["namespaced"], indirect=True)
    def test_is_all_that_it_touches(self, installation: Installation) -> None:
        cluster, namespace = installation.cluster, installation.served
        cluster.plane.kubectl("create", "namespace", "elsewhere")
        elsewhere = Api(cluster.plane, "elsewhere")
        elsewhere.apply(version("probe", 1), release("probe", production=(1, "not for it")))

        # Once it has served what came later, it would have served that, too.
        use_everything(Api(cluster.plane, namespace), "later")

        assert elsewhere.files("probe", "production") == {}
        assert elsewhere.get(RELEASES, "probe")["status"] == {"observedGeneration": -1}
        assert "status" not in elsewhere.get(VERSIONS, "probe-v1")
        asked = cluster.asked_by(installation.user)
        where = {
            e["objectRef"].get("namespace") for e in asked if "resource" in e.get("objectRef", {})
        }
        assert where == {namespace}


@pytest.fixture(scope="module")
def restricted(cluster: Cluster) -> str:
    """Make the namespace of manifests/base, with the accounts that pods there need."""
    name = "promptrelease-system"
    shipped = cluster.build(ROOT / "manifests" / "base")
    objects = [obj for obj in shipped if obj["kind"] in ("Namespace", "ServiceAccount")]
    default = {"metadata": {"name": "default", "namespace": name}}
    objects.append({"apiVersion": "v1", "kind": "ServiceAccount", **default})
    for obj in objects:
        cluster.plane.kubectl("apply", "-f", "-", stdin=json.dumps(obj))
    return name


@pytest.mark.slow
class TestPodSecurity:
    @pytest.mark.parametrize("folder", ["base", "namespaced", "examples"])
    def test_the_pod_is_allowed_without_a_warning(
        self, cluster: Cluster, restricted: str, folder: str
    ) -> None:
        tried = try_pod(cluster, restricted, pod_of(cluster, folder))
        assert tried == (0, "")

    @pytest.mark.parametrize(
        ("what", "change"),
        [
            ("privileged", lambda pod, c: c.update(privileged=True, allowPrivilegeEscalation=True)),
            ("allowPrivilegeEscalation", lambda pod, c: c.pop("allowPrivilegeEscalation")),
            ("capabilities", lambda pod, c: c.pop("capabilities")),
            ("runAsNonRoot", lambda pod, c: pod.pop("runAsNonRoot")),
            ("seccompProfile", lambda pod, c: pod.pop("seccompProfile")),
        ],
    )
    def test_anything_less_is_refused(
        self,
        cluster: Cluster,
        restricted: str,
        what: str,
        change: Callable[[Object, Object], object],
    ) -> None:
        pod = copy.deepcopy(pod_of(cluster, "base"))
        change(pod["spec"]["securityContext"], pod["spec"]["containers"][0]["securityContext"])
        code, said = try_pod(cluster, restricted, pod)
        assert code == 1
        assert 'violates PodSecurity "restricted:latest"' in said
        assert what in said

    def test_nothing_can_be_written_in_the_image(self, cluster: Cluster) -> None:
        for folder in ("base", "namespaced", "examples"):
            for container in pod_of(cluster, folder)["spec"]["containers"]:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True


def pod_of(cluster: Cluster, folder: str) -> Object:
    """Return a pod as the Deployment of a kustomization would make it."""
    objects = cluster.build(ROOT / "manifests" / folder)
    (deployment,) = [obj for obj in objects if obj["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    metadata = {**template["metadata"], "name": "from-the-template"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def try_pod(cluster: Cluster, namespace: str, pod: Object) -> tuple[int, str]:
    """Return kubectl's exit code, and what it complains of."""
    tried = cluster.plane.kubectl(
        "create", "-n", namespace, "--dry-run=server", "-f", "-", stdin=json.dumps(pod), check=False
    )
    return tried.returncode, tried.stderr
