"""What a person sees: columns, short names, selectors, explanations."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from harness.api import VERSIONS, Api, Json, release, version, wait_for
from harness.controlplane import ControlPlane
from promptrelease.api.crd import KINDS

P = "ticket-summary"
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shown(api: Api, kubectl: Kubectl) -> Callable[..., list[list[str]]]:
    """Runs ``kubectl get`` on a small population; the cells of its table."""
    api.apply(version(P, 1, message="begin"), version("other", 1))
    api.apply(release(P, production=(1, "first")))
    api.ready(P)
    api.apply(version(P, 2, text="{{oops}}", message="be worse"))
    api.move(P, "staging", 2, "try")
    api.release_with(P, "Stalled", "True")
    api.version_with("other-v1", "True")
    both = ["latest", "production"]
    wait_for(lambda: api.get(VERSIONS, f"{P}-v1")["status"]["labels"] == both, "the labels")

    def get(*args: str) -> list[list[str]]:
        lines = kubectl("get", *args).stdout.splitlines()
        starts = [i for i, c in enumerate(lines[0]) if c != " " and lines[0][:i][-2:].isspace()]
        bounds = list(zip([0, *starts], [*starts, None], strict=True))
        return [[line[a:b].strip() for a, b in bounds] for line in lines]

    return get


def test_a_release_shows_its_labels_and_what_is_wrong(
    shown: Callable[..., list[list[str]]],
) -> None:
    heads, row = shown("prel")
    assert heads == ["NAME", "PRODUCTION", "STAGING", "LATEST", "READY", "REASON", "AGE"]
    assert row[:-1] == [P, "1", "", "1", "False", "Stalled"]
    heads, row = shown("prel", "--output=wide")
    words = dict(zip(heads, row, strict=True))["STATUS"]
    assert words.startswith(f"staging is not served yet: waits for PromptVersion {P}-v2, which is")


def test_a_version_shows_what_it_is_and_where_it_is_served(
    shown: Callable[..., list[list[str]]],
) -> None:
    heads, *table = shown("pver", "--field-selector", f"spec.prompt={P}")
    assert heads[:-1] == ["NAME", "PROMPT", "VERSION", "MODEL", "LABELS", "VALID", "MESSAGE"]
    model = "gpt-5-2026-08-06"
    assert [row[:-1] for row in table] == [
        [f"{P}-v1", P, "1", model, '["latest","production"]', "True", "begin"],
        [f"{P}-v2", P, "2", model, "[]", "False", "be worse"],
    ]


def test_names_and_selectors(
    shown: Callable[..., list[list[str]]], kubectl: Kubectl, api: Api
) -> None:
    both = kubectl("get", "prompts", "-o", "name").stdout.split()
    assert both == [
        f"promptrelease.promptrelease.dev/{P}",
        "promptversion.promptrelease.dev/other-v1",
        f"promptversion.promptrelease.dev/{P}-v1",
        f"promptversion.promptrelease.dev/{P}-v2",
    ]
    assert [row[0] for row in shown("pver", "--field-selector", "spec.version=1")] == [
        "NAME",
        "other-v1",
        f"{P}-v1",
    ]
    assert kubectl("get", "all").stdout == "", "GitOps tools and people prune `all`"


def test_kubectl_can_wait(api: Api, kubectl: Kubectl) -> None:
    api.apply(release(P, production=(1, "first")))
    waits = kubectl("wait", "prel", P, "--for=condition=Ready", "--timeout=1s", check=False)
    assert waits.returncode == 1
    api.apply(version(P, 1))
    kubectl("wait", "prel", P, "--for=condition=Ready", "--timeout=20s")
    kubectl("wait", "pver", f"{P}-v1", "--for=condition=Valid", "--timeout=20s")


def test_one_patch_promotes(api: Api, kubectl: Kubectl) -> None:
    api.apply(version(P, 1), version(P, 2), release(P, production=(1, "first")))
    api.ready(P)
    patch = '{"spec": {"labels": {"production": {"version": 2, "reason": "better"}}}}'
    kubectl("patch", "prel", P, "--type=merge", "-p", patch)
    api.served(P, "production", f"{P} v2")


@pytest.fixture
def schemas(control_plane: ControlPlane, api: Api) -> dict[str, Json]:
    """Kind to schema, as the API server has it."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    found: dict[str, Json] = {}
    for crd in control_plane.request("GET", path)["items"]:
        if crd["spec"]["group"] == "promptrelease.dev":
            (its_version,) = crd["spec"]["versions"]
            found[crd["spec"]["names"]["plural"]] = its_version["schema"]["openAPIV3Schema"]
    return found


def nodes(path: tuple[str, ...], node: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Every schema below, with the path that ``kubectl explain`` knows it by."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes((*path, name), child)
    for wrapped in ("items", "additionalProperties"):
        if wrapped in node:
            yield from nodes(path, node[wrapped])


STANDARD = {"apiVersion", "kind", "metadata"}


def test_every_field_explains_itself(schemas: dict[str, Json], kubectl: Kubectl) -> None:
    assert len(schemas) == len(KINDS)
    for plural, schema in schemas.items():
        for path, node in nodes((plural,), schema):
            for name, child in node.get("properties", {}).items():
                if path != (plural,) or name not in STANDARD:
                    assert child.get("description"), f"{'.'.join(path)}.{name} has no description"
        assert "<no description>" not in kubectl("explain", plural, "--recursive=false").stdout
    told = kubectl("explain", "pver.spec.text").stdout
    assert "{{name}} is a variable, {{> name}} an include" in told
    assert "DESCRIPTION" in kubectl("explain", "prel.spec.labels.reason").stdout


def test_every_field_is_bounded_and_every_list_says_how_it_merges(
    schemas: dict[str, Json],
) -> None:
    unbounded = []
    for plural, schema in schemas.items():
        for path, node in nodes((plural,), schema):
            if path[1:] in {(name,) for name in STANDARD}:
                continue
            where, kind = ".".join(path), node.get("type")
            if kind == "string" and not node.keys() & {"maxLength", "enum"}:
                unbounded.append(where)
            if kind == "array" and not node.keys() >= {"maxItems", "x-kubernetes-list-type"}:
                unbounded.append(where)
            if "additionalProperties" in node and "maxProperties" not in node:
                unbounded.append(where)
    assert not unbounded
