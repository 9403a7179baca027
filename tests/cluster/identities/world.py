"""Everything that the rows of the table need: a cluster, people with their roles, and prompts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.identities.actions import Action, Scene
from cluster.identities.people import (
    ACCOUNTS,
    CARELESS_ROLE,
    LAB,
    OPERATOR,
    SHOP,
    USERS,
    Person,
)
from cluster.identities.table import Row
from harness.admission import Admission
from harness.api import CHANGES, VERSIONS, Api, Json, release, version, wait_for
from harness.controlplane import ControlPlane
from harness.operator import Operator, install

ROLES = Path(__file__).parents[3] / "manifests" / "roles"
SETTLED = "settled"
"""The prompt of whoever is refused: it stays as it is."""

Place = tuple[str, str]
"""A namespace and a prompt in it."""


@dataclass(frozen=True)
class World:
    """A control plane with everything on it.

    Attributes:
        kubeconfigs: of the service accounts.
        prompts: by the row that one was made for; each row is an object of its own.
        changes: namespace and prompt to the first entry in the log of its production.

    """

    plane: ControlPlane
    admission: Admission
    kubeconfigs: dict[str, Path]
    prompts: dict[int, str]
    changes: dict[Place, str]

    def api(self, namespace: str = SHOP) -> Api:
        """Return a namespace, as its administrator sees it."""
        return Api(self.plane, namespace)

    def kubectl(
        self, who: Person, *args: str | Path, namespace: str = SHOP, stdin: str | None = None
    ) -> tuple[int, str]:
        """Run kubectl as somebody; returns its exit code and what it said."""
        done = self.plane.kubectl(
            *args,
            "-n",
            namespace,
            user=self.kubeconfigs.get(who.name, who.name),
            stdin=stdin,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def scene(self, row: Row) -> Scene:
        """Return the prompt that a row is about, and who comes in."""
        prompt = self.prompts.get(id(row), SETTLED)
        change = self.changes.get((row.namespace, prompt), "")
        return Scene(self.api(row.namespace), prompt, row.who.name, change)

    def do(self, scene: Scene, who: Person, action: Action) -> tuple[int, str]:
        """Let somebody do something."""
        scene = replace(scene, who=who.name)
        command = [scene.fill(arg) for arg in action.command]
        stdin = scene.fill(json.dumps(action.stdin)) if action.stdin is not None else None
        return self.kubectl(who, *command, namespace=scene.api.namespace, stdin=stdin)


@contextmanager
def built(rows: Sequence[Row]) -> Iterator[World]:
    """Everything installed, the stamp among it, and a prompt for each row that needs its own."""
    mine = [row for row in rows if row.alters]
    prompts = {id(row): f"p{number}" for number, row in enumerate(mine)}
    sizes = {(row.namespace, prompts[id(row)]): row.versions for row in mine if row.versions}
    sizes |= {(namespace, SETTLED): 7 for namespace in (SHOP, LAB)}
    # With the controllers: they have to get along with the policies, too.
    with ControlPlane(("etcd", "kube-apiserver", "kube-controller-manager")) as plane:
        account = install(plane)
        assert account is not None
        plane.kubectl("apply", "-k", ROLES)
        kubeconfigs = {OPERATOR.name: account, **_people(plane)}
        admission = Admission(plane)
        admission.stamp(True)
        with Operator(plane, account):
            yield World(plane, admission, kubeconfigs, prompts, _make(plane, sizes))


def _people(plane: ControlPlane) -> dict[str, Path]:
    """Make the namespaces and accounts, and give everybody their roles."""
    objects: list[Json] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in (SHOP, LAB)
    ]
    objects.append(CARELESS_ROLE)
    for person in (*USERS, *ACCOUNTS):
        subject = {"kind": "User", "name": person.name, "apiGroup": "rbac.authorization.k8s.io"}
        if person.account:
            namespace, name = person.account
            metadata = {"name": name, "namespace": namespace}
            objects.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
            subject = {"kind": "ServiceAccount", **metadata}
        objects += [binding(str(person), role, where, subject) for where, role in person.roles]
    plane.kubectl("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))
    return {
        person.name: plane.kubeconfig_for_service_account(*person.account)
        for person in ACCOUNTS
        if person.account
    }


def binding(name: str, role: str, namespace: str, subject: Json) -> Json:
    """A RoleBinding of a ClusterRole in a namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{name}-{role}", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    }


def _make(plane: ControlPlane, sizes: dict[Place, int]) -> dict[Place, str]:
    """Bring prompts to the state that the rows begin with, side by side.

    Returns the names of what the log says of the first move of production.
    """

    def begin(place: Place) -> None:
        api, prompt = Api(plane, place[0]), place[1]
        for number in range(1, sizes[place] + 1):
            api.create(version(prompt, number, **_including(prompt, number)))
        api.create(release(prompt, production=(1, "begin"), staging=(1, "begin")))

    def move(place: Place) -> str:
        api, prompt = Api(plane, place[0]), place[1]
        served = api.ready(prompt)["status"]["labels"]
        api.move(prompt, "production", 2, "better")
        api.move(prompt, "staging", 3, "try")
        return f"{prompt}.production.{served['production']['revision']}"

    def settle(place: Place) -> None:
        wait_for(lambda: _is_settled(Api(plane, place[0]), place[1], sizes[place]), f"{place}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(begin, sizes))
        changes = dict(zip(sizes, pool.map(move, sizes), strict=True))
        list(pool.map(settle, sizes))
    for (namespace, _), change in changes.items():
        wait_for(lambda n=namespace, c=change: Api(plane, n).get(CHANGES, c), change)  # type: ignore[misc]
    return changes


def _including(prompt: str, number: int) -> Json:
    if number != 5:
        return {}
    return {"text": "{{> six}}", "includes": {"six": {"prompt": prompt, "version": 6}}}


def _uses(prompt: str, size: int) -> dict[int, Json]:
    """Return what the statuses of versions say about who uses them."""
    both = {"history": ["production", "staging"]}
    uses = {1: both, 2: {"labels": ["production"]}, 3: {"labels": ["staging"]}, 4: {}}
    if size > 4:
        uses[6] = {"includedBy": [f"{prompt}-v5"]}
    uses[size] = {"labels": ["latest"]}
    return uses


def _is_settled(api: Api, prompt: str, size: int) -> bool:
    """Say whether the operator has said all that the rows are about."""
    for number, uses in _uses(prompt, size).items():
        status = api.get(VERSIONS, f"{prompt}-v{number}").get("status", {})
        found = {key: status[key] for key in ("labels", "history", "includedBy") if status.get(key)}
        if found != uses:
            return False
    return True
