"""A cluster with everything installed, and GitOps tools that write to it.

Flux is its own packages, Argo CD the requests that it makes, and its interpreter: tests/kstatus.
Whatever comes from Git comes from one account, which may move every label.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness import kstatus
from harness.admission import Admission
from harness.api import CHANGES, RELEASES, Api, Json, policy, release, version, wait_for
from harness.controlplane import ControlPlane
from harness.operator import ROOT, Operator, install

EXAMPLE = ROOT / "examples" / "gitops"
ARGOCD = ROOT / "manifests" / "gitops" / "argocd"
P = "greeting"
TOOL = "system:serviceaccount:gitops:tool"
AT_NIGHT = "bob"
"""Who is on call: may roll back, and nothing else."""

ARGO_FLAGS = ("--server-side", "--field-manager=argocd-controller", "--force-conflicts")
"""How Argo CD applies with ServerSideApply=true."""

MAX_PROBES = 16

DOCS = (ROOT / "docs" / "gitops.md").read_text()
_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    """A control plane, its operator, and the programs of GitOps tools."""

    plane: ControlPlane
    operator: Operator
    tools: kstatus.GitOps
    tool: Path

    def kubectl(
        self, api: Api, *args: str, stdin: str | None = None, user: str | Path = "admin"
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl in a namespace; it may fail."""
        return self.plane.kubectl(*args, "-n", api.namespace, stdin=stdin, user=user, check=False)

    def argocd(self, api: Api, *objects: Json) -> str:
        """Apply as Argo CD does. Returns what was refused."""
        return self.apply(api, *ARGO_FLAGS, manifests=documents(*objects)).stderr

    def apply(
        self, api: Api, *flags: str, manifests: str, verb: str = "apply"
    ) -> subprocess.CompletedProcess[str]:
        """Apply as the tool's account, or show the difference; it may fail."""
        return self.kubectl(api, verb, *flags, "-f", "-", stdin=manifests, user=self.tool)

    def flux(self, api: Api, *objects: Json) -> dict[str, str]:
        """Apply as Flux does. Returns what has become of each name."""
        place = {"namespace": api.namespace}
        placed = [{**it, "metadata": {**it["metadata"], **place}} for it in objects]
        done = self.tools.flux_apply(documents(*placed), self.tool)
        return {name.rpartition("/")[2]: action for name, action in done.items()}

    def by_hand(self, api: Api, to: int, why: str, **more: None) -> str:
        """One patch of production by whoever is on call. Returns what was refused."""
        label = {"version": to, "reason": why, **more}
        patch = json.dumps({"spec": {"labels": {"production": label}}})
        command = ("patch", "promptrelease", P, "--type=merge", "-p", patch)
        return self.kubectl(api, *command, user=AT_NIGHT).stderr


@dataclass(frozen=True)
class Repository:
    """A clone of examples/gitops, and a way to run what CI would."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command at its top."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=check,
        )

    def commit(self, message: str) -> None:
        """Commit everything that is there."""
        self("git", "add", "--all")
        self("git", "commit", "--quiet", "-m", message)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace what must be there once."""
        text = (self.folder / file).read_text()
        assert text.count(old) == 1
        (self.folder / file).write_text(text.replace(old, new))

    def check(self) -> subprocess.CompletedProcess[str]:
        """Do the last step of the workflow."""
        file = self.folder / ".github" / "workflows" / "prompts.yaml"
        *_, last = yaml.safe_load(file.read_text())["jobs"]["check"]["steps"]
        return self("bash", "-c", last["run"], check=False)


def cloned(world: World, folder: Path) -> Repository:
    """Clone the example, with its one commit on main, and origin as far."""
    shutil.copytree(EXAMPLE, folder)
    who = {"NAME": "carol", "EMAIL": "carol@example.org"}
    environment = {
        **os.environ,
        **world.plane.environment(),
        **{f"GIT_{role}_{key}": it for role in ("AUTHOR", "COMMITTER") for key, it in who.items()},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GITHUB_BASE_REF": "main",
    }
    environment.pop("GITHUB_ACTIONS", None)  # mistakes would be told in another form
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    it = Repository(folder, environment)
    it("git", "init", "--quiet", "--initial-branch=main")
    it.commit("Begin")
    it("git", "update-ref", "refs/remotes/origin/main", "main")
    return it


def told(command: str) -> list[str]:
    """Lines of docs/gitops.md that are commands which begin like this."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", DOCS, re.DOTALL))
    lines = blocks.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(command)]


def documents(*objects: Json) -> str:
    """YAML of several documents."""
    return "\n---\n".join(map(json.dumps, objects))


@contextmanager
def built(folder: Path) -> Iterator[World]:
    """Everything installed, the stamp among it. Files go into ``folder``."""
    binary = kstatus.find()
    with ControlPlane() as plane:
        account = install(plane)
        plane.kubectl("apply", "-k", ROOT / "manifests" / "roles")
        plane.kubectl("apply", "-f", EXAMPLE / "role.yaml")
        plane.kubectl("create", "namespace", "gitops")
        plane.kubectl("create", "serviceaccount", "tool", "-n", "gitops")
        argocd_cm = folder / "argocd-cm.yaml"
        argocd_cm.write_text(plane.kubectl("kustomize", ARGOCD).stdout)
        tools = kstatus.GitOps(binary, EXAMPLE / "flux" / "production.yaml", argocd_cm)
        Admission(plane).stamp(True)
        with Operator(plane, account) as operator:
            tool = plane.kubeconfig_for_service_account("gitops", "tool")
            yield World(plane, operator, tools, tool)


def place(world: World, name: str = "") -> Api:
    """A new namespace, in which the tool may move every label and one person is on call."""
    name = name or f"gitops-{next(_numbers)}"
    world.plane.kubectl("create", "namespace", name)
    for role, user in (("prompts-from-git", TOOL), ("promptrelease-on-call", AT_NIGHT)):
        flags = (f"--clusterrole={role}", f"--user={user}")
        world.plane.kubectl("create", "rolebinding", role, *flags, "-n", name)
    return Api(world.plane, name)


def changes(api: Api) -> list[Json]:
    """The log, oldest first, without what latest did."""
    found = [it["spec"] for it in api.list(CHANGES) if it["spec"]["label"] != "latest"]
    return sorted(found, key=lambda it: int(it["revision"]))


def at_rest(api: Api) -> dict[tuple[str, str], str]:
    """The resource versions of all that is there, once nothing has changed for a second."""
    before: dict[tuple[str, str], str] = {}
    now = api.state()
    while before != now:
        time.sleep(1)
        before, now = now, api.state()
    return now


def serves(api: Api) -> int:
    """The version that production serves."""
    number: int = _production(api, P)["version"]
    return number


def in_force(api: Api, obj: Json) -> None:
    """Create a policy, and wait until the operator heeds it.

    It hears of policies and releases by two watches. So another policy comes behind this one, and
    releases under that, until one is held back.
    """
    api.create(obj)
    names = [f"probe-{next(_numbers)}" for _ in range(MAX_PROBES)]
    one = {"approvals": {"count": 1}}
    api.create(policy(names[0], prompts=names, require=one))
    for name in names:
        api.create(version(name, 1))
        api.create(release(name, production=(1, "probe")))
        if "pending" in wait_for(lambda n=name: _production(api, n), name):  # type: ignore[misc]
            return
    raise AssertionError(f"{obj['metadata']['name']} is not heeded")


def _production(api: Api, name: str) -> Json:
    found: Json = api.get(RELEASES, name).get("status", {}).get("labels", {})
    return found.get("production") or {}


@contextmanager
def watching(world: World, api: Api, *args: str) -> Iterator[list[str]]:
    """Runs kubectl meanwhile, and a second longer. What it writes, line by line."""
    lines: list[str] = []
    command = [str(world.plane.bin_dir / "kubectl"), *args, "-n", api.namespace]
    environment = {**os.environ, **world.plane.environment()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(running.stdout,))
        reader.start()
        try:
            wait_for(lambda: lines, "the watch to begin")
            yield lines
            time.sleep(1)
        finally:
            running.terminate()
            reader.join()


def objects(lines: list[str]) -> Iterator[Json]:
    """JSON that follows one another."""
    text, decoder = "".join(lines).strip(), json.JSONDecoder()
    while text:
        obj, end = decoder.raw_decode(text)
        yield obj
        text = text[end:].lstrip()
