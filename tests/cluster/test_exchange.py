"""Import and export through the real clients of Langfuse and MLflow, into a real API server."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cluster.exchange import environment, population
from cluster.exchange.environment import cache, run, say
from cluster.exchange.langfuse_server import LangfuseServer, langfuse_server
from cluster.exchange.population import PROMPTS, VERSIONS, Source
from harness.api import API_VERSION, RELEASES, Api, Refused, release, version, wait_for
from harness.api import VERSIONS as PROMPT_VERSIONS
from harness.controlplane import ControlPlane, RequestError
from harness.operator import Operator
from promptrelease.exchange import Imported, Options, Prompt, Report, Version, apply, import_from
from promptrelease.exchange.compare import same_content

pytestmark = pytest.mark.slow

Json = dict[str, Any]
RESOURCES = {"PromptVersion": PROMPT_VERSIONS, "PromptRelease": RELEASES}
Target = tuple[str, str, dict[str, str]]
"""System, location, and environment variables of its client."""


class Namespace:
    """A namespace, as promptrelease.exchange asks for it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def list(self, kind: str) -> Iterable[Mapping[str, Any]]:
        return self.api.list(RESOURCES[kind])

    def create(self, obj: Json) -> bool:
        return self._unless_conflict(lambda: self.api.create(obj))

    def patch(self, kind: str, name: str, patch: Json) -> bool:
        return self._unless_conflict(lambda: self.api.merge(RESOURCES[kind], name, patch))

    def _unless_conflict(self, request: Callable[[], object]) -> bool:
        try:
            request()
        except Refused as refused:
            if refused.status == 409:
                return False
            raise
        return True

    def resource_versions(self) -> dict[tuple[str, str], str]:
        return {
            (kind, obj["metadata"]["name"]): obj["metadata"]["resourceVersion"]
            for kind in RESOURCES
            for obj in self.list(kind)
        }


@pytest.fixture(scope="module")
def crds(control_plane: ControlPlane, shared_operator: Operator) -> None:
    """What versions and releases are checked by; no operator is at work here."""
    if shared_operator.running:
        shared_operator.stop()
    for resource in RESOURCES.values():
        path = f"/apis/{API_VERSION}/{resource}"
        wait_for(partial(_answers, control_plane, path), f"{resource} to be served")


def _answers(control_plane: ControlPlane, path: str) -> bool:
    try:
        return bool(control_plane.request("GET", path))
    except RequestError as error:
        # "storage is (re)initializing", for a moment after a CRD was changed
        if error.status != 429:
            raise
        return False


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str, crds: None) -> Namespace:
    return Namespace(Api(control_plane, namespace))


@pytest.fixture(scope="module")
def langfuse() -> Iterator[LangfuseServer]:
    """A project with the whole population."""
    with langfuse_server() as server:
        for one in population.population():
            server.user = one.author
            server.create(_as_langfuse(one))
        server.user, server.writes = "API", 0
        yield server


@pytest.fixture(scope="module")
def seeded_registry() -> Path:
    """An MLflow registry in SQLite with the whole population, which takes MLflow minutes."""
    parts = [Path(population.__file__), Path(population.__file__).with_name("seed_mlflow.py")]
    key = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]
    environment.client_python()
    path = cache() / f"mlflow-{key}.db"
    if not path.exists():
        say(f"registering {PROMPTS * VERSIONS} versions with MLflow (once, some minutes)")
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        run("cluster.exchange.seed_mlflow", f"sqlite:///{unfinished}", seconds=1200.0)
        unfinished.rename(path)
    return path


@pytest.fixture
def registry(seeded_registry: Path, tmp_path: Path) -> str:
    """A copy of it."""
    shutil.copy(seeded_registry, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(params=["langfuse", "mlflow"])
def source(request: pytest.FixtureRequest) -> Target:
    """System, location and environment of what is imported from."""
    if request.param == "langfuse":
        server: LangfuseServer = request.getfixturevalue("langfuse")
        return "langfuse", server.environment["LANGFUSE_BASE_URL"], server.environment
    return "mlflow", request.getfixturevalue("registry"), {}


def _as_langfuse(one: Source) -> Json:
    body: Json = {
        "name": one.name,
        "type": "text",
        "prompt": one.template,
        "labels": list(one.labels),
        "commitMessage": one.message,
        "config": {
            "model": one.model,
            "temperature": one.temperature,
            "max_tokens": one.max_tokens,
            "top_k": 40,
        },
    }
    if not isinstance(one.template, str):
        body["type"] = "chat"
        body["prompt"] = [{"role": role, "content": text} for role, text in one.template]
    if one.tools:
        body["config"]["tools"] = [{"type": "function", "function": tool} for tool in one.tools]
    if one.output is not None:
        schema = {"name": "output", "schema": one.output}
        body["config"]["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def done_by_clients(variables: Mapping[str, str], *commands: Json) -> list[Json]:
    """What came of the commands, in a process beside the real clients."""
    said = run("cluster.exchange.clients", variables=variables, stdin=json.dumps(commands))
    answers: list[Json] = json.loads(said)
    return answers


def imported(answer: Json) -> Imported:
    """What the import in the other process gave."""
    prompts = [
        Prompt(**{**p, "versions": tuple(Version(**v) for v in p["versions"])})
        for p in answer["prompts"]
    ]
    return Imported(answer["source"], tuple(prompts), Report())


def expected_spec(one: Source, name: str) -> Json:
    """The PromptVersion's spec that a version must become."""

    def ours(text: str) -> str:
        return text.replace("{{ company }}", "{{company}}")

    spec: Json = {
        "prompt": name,
        "version": one.number,
        "message": one.message,
        "model": {
            "provider": "openai",
            "name": one.model,
            "parameters": {
                "temperature": one.temperature,
                "maxTokens": one.max_tokens,
                "top_k": 40,
            },
        },
        "variables": {"company": {"type": "string"}, "ticket": {"type": "string"}},
    }
    if isinstance(one.template, str):
        spec["text"] = ours(one.template)
    else:
        spec["messages"] = [{"role": r, "content": ours(text)} for r, text in one.template]
    if one.tools:
        spec["tools"] = one.tools
    if one.output is not None:
        spec["output"] = one.output
    return spec


def test_all_prompts_come_over_once(source: Target, cluster: Namespace, tmp_path: Path) -> None:
    system, location, variables = source
    folder = tmp_path / "prompts"
    read = {"import": system, "location": location, "folder": str(folder)}
    (first,) = done_by_clients(variables, read)
    assert not [line for line in first["report"] if ": name: changed: " not in line]
    assert (first["created"], first["conflicts"]) == (PROMPTS * (VERSIONS + 1), [])

    came = imported(first)
    done = apply(cluster, came)
    assert (len(done.created), done.conflicts) == (PROMPTS * (VERSIONS + 1), [])
    _check_versions(system, cluster)
    _check_labels(cluster)

    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    before = cluster.resource_versions()
    (again,) = done_by_clients(variables, read)
    counts = [again[key] for key in ("created", "changed", "unchanged", "conflicts")]
    assert counts == [0, 0, PROMPTS * (VERSIONS + 1), []]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files
    done = apply(cluster, imported(again))
    assert (done.created, done.changed, done.conflicts) == ([], [], [])
    assert cluster.resource_versions() == before


def _check_versions(system: str, cluster: Namespace) -> None:
    there = {obj["metadata"]["name"]: obj for obj in cluster.list("PromptVersion")}
    wanted = population.population()
    assert len(there) == len(wanted) == PROMPTS * VERSIONS
    for one in wanted:
        name = one.name.lower().replace("_", "-").replace(".", "-")
        obj = there[f"{name}-v{one.number}"]
        assert obj["spec"] == expected_spec(one, name)
        told = obj["metadata"]["annotations"]
        assert told["promptrelease.dev/source"] == system
        assert told["promptrelease.dev/source-name"] == one.name
        assert told["promptrelease.dev/author"] == one.author
        assert told["promptrelease.dev/source-created"].startswith("20")


def _check_labels(cluster: Namespace) -> None:
    wanted: dict[str, dict[str, int]] = {}
    for one in population.population():
        name = one.name.lower().replace("_", "-").replace(".", "-")
        for label in one.labels:
            wanted.setdefault(name, {})[label] = one.number
    there = {
        obj["metadata"]["name"]: {n: at["version"] for n, at in obj["spec"]["labels"].items()}
        for obj in cluster.list("PromptRelease")
    }
    assert there == wanted


class TestExport:
    """Our manifests to another system, and back."""

    @pytest.fixture(params=["langfuse", "mlflow"])
    def target(self, request: pytest.FixtureRequest) -> Iterator[Target]:
        """A system that has none of our prompts; MLflow takes long to make an empty registry."""
        if request.param == "mlflow":
            yield "mlflow", request.getfixturevalue("registry"), {}
            return
        with langfuse_server() as server:
            yield "langfuse", server.environment["LANGFUSE_BASE_URL"], server.environment

    @pytest.fixture
    def objects(self, cluster: Namespace) -> list[Json]:
        """A prompt that includes another, and has lost versions in between."""
        summary: Json = {
            "text": "Summarize {{ticket}} in {{count}} sentences. {{> tone}}",
            "variables": {
                "ticket": {"type": "string", "description": "its text"},
                "count": {"type": "integer", "default": 2},
            },
            "includes": {"tone": {"prompt": "tone-of-voice", "version": 2}},
            "consumes": ["ticket-router"],
        }
        chat: Json = {
            "text": None,
            "messages": [
                {"role": "system", "content": "You route tickets."},
                {"role": "user", "content": "{{ summary }}"},
            ],
            "variables": {"summary": {}},
            "tools": [population.TOOL],
            "output": population.OUTPUT,
        }
        made = [
            version("ticket-summary", 3, **summary),
            version("ticket-summary", 7, **summary, message="again"),
            version("ticket-router", 1, **chat),
            version("tone-of-voice", 1, text="Be kind."),
            version("tone-of-voice", 2, text="Be brief, {{name}}.", variables={"name": {}}),
        ]
        for obj in made:
            obj["metadata"]["annotations"] = {"promptrelease.dev/author": "ada"}
        made.append(release("ticket-summary", production=(3, "kept"), staging=(7, "try")))
        for obj in made:
            assert cluster.create(obj)
        return [dict(obj) for kind in RESOURCES for obj in cluster.list(kind)]

    def test_it_comes_back_is_made_once_and_moves_only_when_asked(
        self, target: Target, objects: list[Json], tmp_path: Path
    ) -> None:
        system, location, variables = target
        export = {"export": system, "location": location, "objects": objects}
        back: Json = {"import": system, "location": location, "folder": str(tmp_path / "back")}
        back["select"] = ["ticket-*", "tone-*"]
        edited = {**export, "objects": json.loads(json.dumps(objects))}
        (its_release,) = [o for o in edited["objects"] if o["kind"] == "PromptRelease"]
        its_release["spec"]["labels"]["production"]["version"] = 7
        done, again, came_back, unmoved, moved = done_by_clients(
            variables, export, export, back, edited, {**edited, "move": True}
        )
        assert sorted(done["created"]) == [
            "ticket-router v1",
            "ticket-summary v3",
            "ticket-summary v7",
            "ticket-summary@production",
            "ticket-summary@staging",
            "tone-of-voice v1",
            "tone-of-voice v2",
        ]
        assert not [line for line in done["report"] if ": changed: " not in line]
        assert (again["created"], len(again["unchanged"])) == ([], 5)
        _check_way_back(system, objects, came_back)
        assert unmoved["created"] == []
        assert [line for line in unmoved["report"] if ": conflict: " in line] == [
            "ticket-summary: label production: conflict: it is at version 1 there, and as it is "
            "here it would be at 2"
        ]
        assert moved["created"] == ["ticket-summary@production"]


def _check_way_back(system: str, objects: list[Json], answer: Json) -> None:
    versions = [obj for obj in imported(answer).objects if obj["kind"] == "PromptVersion"]
    sent = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == "PromptVersion"}
    assert {obj["metadata"]["name"] for obj in versions} == sent.keys()
    for obj in versions:
        there = sent[obj["metadata"]["name"]]
        wanted = there["spec"]
        if system == "mlflow" and "includes" in wanted:
            assert obj["spec"]["text"].endswith("sentences. Be brief, {{name}}.")
            assert "name" in obj["spec"]["variables"]
        else:
            assert same_content(obj["spec"], wanted), obj["metadata"]["name"]
        assert obj["spec"]["message"] == wanted["message"]
        assert obj["spec"].get("consumes") == wanted.get("consumes")
        told = obj["metadata"]["annotations"]
        assert told["promptrelease.dev/author"] == "ada"
        created = there["metadata"]["creationTimestamp"]
        assert told["promptrelease.dev/source-created"] == created
    labels = {prompt["name"]: prompt["labels"] for prompt in answer["prompts"]}
    assert labels["ticket-summary"] == {"production": 3, "staging": 7}


def test_labels_in_a_cluster_move_only_when_asked(cluster: Namespace) -> None:
    """Also: a version of other content stays."""
    model = {"provider": "openai", "name": "gpt"}
    texts = [Version(n, {"text": f"text {n}", "model": model}, f"try {n}") for n in (1, 2)]
    first = Imported("mlflow", (Prompt("p", tuple(texts), {"production": 1}, "p"),), Report())
    apply(cluster, first)
    texts[1] = Version(2, {"text": "other", "model": model}, "try 2")
    second = Imported(
        "mlflow", (Prompt("p", tuple(texts), {"production": 2, "staging": 1}, "p"),), Report()
    )
    done = apply(cluster, second)
    assert [(e.version, e.field) for e in done.conflicts] == [
        (2, "content"),
        (0, "label production"),
    ]
    assert _labels(cluster) == {"production": 1, "staging": 1}
    done = apply(cluster, second, move=True)
    assert done.changed == ["PromptRelease/p"]
    assert _labels(cluster) == {"production": 2, "staging": 1}
    (there,) = [o for o in cluster.list("PromptVersion") if o["metadata"]["name"] == "p-v2"]
    assert there["spec"]["text"] == "text 2"


def _labels(cluster: Namespace) -> dict[str, int]:
    (there,) = cluster.list("PromptRelease")
    return {name: at["version"] for name, at in there["spec"]["labels"].items()}


def test_a_wrong_key_is_told(langfuse: LangfuseServer, tmp_path: Path) -> None:
    variables = {**langfuse.environment, "LANGFUSE_SECRET_KEY": "sk-lf-wrong"}
    command = {"import": "langfuse", "location": "", "folder": str(tmp_path)}
    with pytest.raises(AssertionError, match="ExchangeError: Langfuse answered 401"):
        done_by_clients(variables, command)


def test_a_source_that_goes_on_adds_versions_and_moves_no_label(tmp_path: Path) -> None:
    body = {"name": "greet", "config": {"model": "gpt"}, "labels": ["production"]}
    with langfuse_server() as server:
        read = {"import": "langfuse", "location": "", "folder": str(tmp_path)}
        server.create({**body, "prompt": "Hi {{name}}"})
        (first,) = done_by_clients(server.environment, read)
        server.create({**body, "prompt": "{{#if formal}}Dear{{/if}} {{name}}"})
        server.create({**body, "prompt": "Hello {{ name }}"})
        (second,) = done_by_clients(server.environment, read)
    assert (first["created"], first["report"]) == (2, [])
    assert [second[key] for key in ("created", "changed", "unchanged")] == [1, 0, 2]
    assert second["report"] == [
        "greet v2: prompt: left out: '{{#if formal}}' is not a plain variable like {{name}}"
    ]
    where = tmp_path / "greet" / "greet.yaml"
    assert second["conflicts"] == [
        f"greet: label production: conflict: it is at version 1 in {where}, its source has it at 3"
    ]


def test_what_is_imported_is_served(api: Api, tmp_path: Path) -> None:
    """Two files, into a namespace in which the operator is at work."""
    head = "---\nmodel: openai/gpt-4.1-2025-04-14\npromptrelease.labels: [%s]\n---\n"
    (tmp_path / "greet.v1.prompt").write_text(head % "production" + "Hi {{name}}, \\{{you}}.")
    (tmp_path / "greet.v4.prompt").write_text(head % "staging" + '{{role "system"}}Be brief.')
    came = import_from("dotprompt", Options(location=str(tmp_path)))
    assert apply(Namespace(api), came).conflicts == []
    api.ready("greet")
    api.served("greet", "production", "Hi {{name}}, \\{{you}}.")
    messages = json.loads(api.files("greet", "latest")["messages.json"])
    assert messages == [{"role": "system", "content": "Be brief."}]
    told = json.loads(api.files("greet", "staging")["metadata.json"])
    assert (told["version"], told["reason"]) == (
        4,
        "As in dotprompt: version 4, Imported from dotprompt",
    )
