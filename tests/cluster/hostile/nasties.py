"""Objects that are meant to hurt: too deep, too large, in a circle, or somebody else's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from harness.api import API_VERSION, Json, policy, release, suite, version

FAR = 2**63 - 1
FULL = os.environ.get("PROMPTRELEASE_HOSTILE") == "full"
# About 1000 levels are what Python reads, the fewer the more of its stack is in use.
NOT_TOO_DEEP = 60
DEEP = (NOT_TOO_DEEP, 63, 64, 65, 200, 900, *range(960, 1001, 4 if FULL else 20), 3000, 9000)
HUNGRY = 64 if FULL else 16
REFUSED = {"nameless", "frozen-4", "asking-1", "none", "template-braces", "selfish"}
"""What the API server itself keeps out; all the rest is for the operator. Without numbers."""

SCHEMAS: dict[str, Any] = {
    "regex": {"properties": {"a": {"pattern": "(a+)+$"}}, "patternProperties": {"((a*)*)*$": {}}},
    "no-regex": {"properties": {"a": {"pattern": "(?P<"}}},
    "loop": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "$ref": "#/$defs/a",
    },
    "self": {"$ref": "#"},
    "url": {"$ref": "http://169.254.169.254/latest/meta-data"},
    "file": {"$ref": "file:///etc/passwd", "$id": "file:///etc/"},
    "dynamic": {"$dynamicRef": "#meta", "$dynamicAnchor": "meta", "$id": "http://["},
    "draft-3": {"$schema": "http://json-schema.org/draft-03/schema#", "extends": {"type": 5}},
    "draft-4": {"$schema": "http://json-schema.org/draft-04/schema#", "required": True},
    "no-draft": {"$schema": "\u202e%zz", "required": "x"},
    "numeric-draft": {"$schema": 5},
    "wide": {"anyOf": [{}] * 60_000},
    "unlike": {"enum": [x for i in range(30_000) for x in (i, str(i))], "required": [1, "1"]},
    "unlike-in-few": {"properties": {"a": {"type": [x for i in range(900) for x in (i, str(i))]}}},
    "wrong-everywhere": {"properties": {str(i): i for i in range(4000)}},
    "long-word": {"type": "object", "properties": ["x" * 300_000]},
}
TEMPLATES: dict[str, str] = {
    "braces": "{" * 130_000,
    "tags": "{{a}}" * 130_000,
    "escapes": "\\{{" * 200_000,
    "backslashes": "\\" * 655_360,
    "open": "x" * 140_000 + "{{" + " " * 400_000,
    "almost": "{{a}" * 160_000,
    "names": "{{" + "a" * 600_000 + "}}",
    "emoji": "\U0001f44b" * 160_000,
    "lines": "\n" * 600_000 + "{{",
    "rtl": "\u202e{{a}}\u202c\u200b",
    "not-characters": "\ufffe\uffff\u2028\x85",
}
TEMPLATE_JOBS: dict[str, Any] = {
    "text": "x",
    "none": None,
    "list": [],
    "empty": {},
    "spec-text": {"spec": "x"},
    "spec-list": {"spec": [1]},
    "containers-text": {"spec": {"containers": "abc"}},
    "containers-numbers": {"spec": {"containers": [1, None]}},
    "env-number": {"spec": {"containers": [{"name": "a", "image": "b", "env": 5}]}},
    "mounts-object": {"spec": {"containers": [{"name": "a", "volumeMounts": {"a": 1}}]}},
    "volumes-text": {"spec": {"volumes": "ab", "containers": [{"name": "a", "image": "b"}]}},
    "labels-list": {"metadata": {"labels": ["a"]}, "spec": {"containers": []}},
    "annotations-text": {"metadata": {"annotations": "ab"}, "spec": {"containers": []}},
    "metadata-text": {"metadata": "m", "spec": {}},
    "not-kubernetes": {"spec": {"containers": [{"name": "a", "image": "b", "command": {"x": 1}}]}},
}
CLAIMS: dict[str, str] = {
    "approvals": "[" * 100_000,
    "approvals ": '[[["a"],{}]]',
    "approvals  ": '[["\\ud83d","x"]]',
    "backlog": "[" * 100_000,
    "backlog ": '[{"revision":"x","approvals":[]}]',
    "backlog  ": json.dumps(
        [
            {
                "kind": "Promotion",
                "before": None,
                "to": 1,
                "digest": "d",
                "reason": "r",
                "revision": {},
                "by": [],
                "at": 5,
                "approvals": [],
                "evaluations": [[]],
            }
        ]
    ),
    "revision": str(FAR),
    "revision ": str(FAR + 1),
    "revision  ": "9" * 4000,
    "revision   ": "-1",
    "revision    ": str(2**53),
    "since": "0000-00-00T00:00:00Z",
    "since ": "x",
    "history": ",".join(["1"] * 500),
    "history ": "0",
    "kind": "Coup",
    "from": "9" * 30,
    "digest": "d" * 2000,
    "reason": "r" * 5000,
    "checksum": "",
    "evaluations": "e," * 500,
    "break-glass": "\u202e" * 3000,
    "format": "2",
}


def versions() -> Iterator[Json]:
    """Each by itself; names come from where it stands here."""
    for name, schema in SCHEMAS.items():
        yield _numbered(f"schema-{name}", output=schema)
        yield _numbered(f"tool-{name}", tools=[{"name": "t", "parameters": schema}])
    for name, text in TEMPLATES.items():
        declared = {"a": {"type": "string"}} if "{{a}}" in text else None
        yield _numbered(f"template-{name}", text=text, variables=declared)
    for value in (float(2**63), 1e308, 5e-324, 2**63, -(2**63) - 1, 10**30):
        parameters = {"seed": value, "maxTokens": 1}
        model = {"provider": "o", "name": "n", "parameters": parameters}
        yield _numbered("number", model=model)
        default = {"a": {"type": "integer", "default": value}}
        yield _numbered("default", text="{{a}}", variables=default)
    yield _numbered("half", output={"title": "\ud83d", "\udc4b": "\x00"})
    yield _numbered("half-text", text="\ud83d\udc4b \ud83d")
    yield _numbered("large", text=None, messages=[{"role": "user", "content": "x" * 131_000}] * 8)
    chat = [{"placeholder": "a"}, {"role": "user", "content": "{{a}}"}]
    yield _numbered("both", text=None, messages=chat, variables={"a": {}})
    yield from _circles()


def _circles() -> Iterator[Json]:
    for one, other in (("ring-a", "ring-b"), ("ring-b", "ring-c"), ("ring-c", "ring-a")):
        includes = {"i": {"prompt": other, "version": 1}}
        yield version(one, 1, text="{{> i}}", includes=includes, consumes=[other])
        yield release(one, production=(1, "go"), staging=(1, "go"))
    # Each takes the next in a hundred times over: 10^14 characters.
    for depth in range(7):
        includes = {"i": {"prompt": f"bomb-{depth + 1}", "version": 1}}
        yield version(f"bomb-{depth}", 1, text="{{> i}}" * 100, includes=includes)
    yield version("bomb-7", 1, text="x" * 100)
    yield version("selfish", 1, consumes=["selfish"])
    many = [f"up-{i}" for i in range(HUNGRY)]
    yield version("hungry", 1, consumes=many)
    yield release("hungry", production=(1, "go"))
    for name in many:
        yield version(name, 1, consumes=["hungry"])
        yield release(name, production=(1, "go"))


def deep() -> Iterator[tuple[str, str]]:
    """Plural and JSON text of what nests deeply: no encoder of Python's goes there."""
    for depth in DEEP:
        for place, around in (("output", '{"a":%s}'), ("tools", '[{"name":"t","parameters":%s}]')):
            made = _numbered(f"deep-{place}-{depth}", **{place: "HERE"})
            for opening, closing in (('{"a":', "}"), ("[", "]")):
                made["spec"]["version"] = next(_numbers)
                made["metadata"]["name"] = f"{made['spec']['prompt']}-v{made['spec']['version']}"
                value = around % '{"a":%s}' if place == "tools" else around
                nested = value % (opening * depth + "1" + closing * depth)
                yield "promptversions", json.dumps(made).replace('"HERE"', nested)
        made = suite(f"deep-{depth}", "judged", accept=False)
        made["spec"]["job"]["spec"]["extra"] = "HERE"
        nested = '{"a":' * depth + "1" + "}" * depth
        yield "promptsuites", json.dumps(made).replace('"HERE"', nested)


def releases() -> Iterator[Json]:
    """Labels that lead nowhere, and words that look like ours."""
    labels = {f"l{i}": (1, "go") for i in range(15)}
    yield release("crowded", **labels, **{"z" * 63: (2147483647, "\u202e" * 1024)})
    full = release("pretender", production=(1, "x"))
    full["metadata"]["annotations"] = {
        "promptrelease.dev/withdrawn-by": "production \n\n \n" * 100,
        "promptrelease.dev/withdrawal-reason": "x" * 5000,
        "promptrelease.dev/checksum": "[" * 50_000,
        "breakglass.promptrelease.dev/production": "v9999999999:" + " \u200b" * 5000,
    }
    full["metadata"]["finalizers"] = ["example.org/never"]
    yield full
    nameless = release("nameless", production=(1, "x"))
    nameless["metadata"]["annotations"] = {"breakglass.promptrelease.dev/": "v1: x"}
    yield nameless


def policies() -> Iterator[Json]:
    """Demands that nobody can meet, or that say nothing."""
    freezes = [
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:58Z", "9999-12-31T23:59:59Z"),
        ("0000-01-01T00:00:00Z", "0000-01-02T00:00:00Z"),
        ("2026-01-01T00:00:00+24:00", "2027-01-01T00:00:00-24:00"),
        ("2027-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ]
    for number, (start, end) in enumerate(freezes):
        freeze = [{"start": start, "end": end, "reason": "\u202e"}]
        yield policy(f"frozen-{number}", prompts=[f"frozen-{number}"], freeze=freeze)
        yield version(f"frozen-{number}", 1)
        yield release(f"frozen-{number}", production=(1, "go"))
    demands: list[Json] = [
        {"from": {"label": "production", "seconds": 31_622_400}},
        {"from": {"label": "production", "seconds": -1}},
        {"from": {"label": "latest"}, "approvals": {"count": 16, "notBy": []}},
        {"evaluations": ["*", "none", *(f"e{i}" for i in range(60))]},
    ]
    for number, require in enumerate(demands):
        yield policy(f"asking-{number}", prompts=[f"asked-{number}"], require=require)
        yield version(f"asked-{number}", 1)
        yield release(f"asked-{number}", production=(1, "go"), staging=(1, "go"))
    keep = {"keep": 1, "olderThanDays": 0, "dryRun": False}
    yield policy("keeps-nothing", prompts=["kept"], retention=keep)
    for number in range(1, 30):
        yield version("kept", number)
    yield release("kept", production=(3, "go"))


def suites() -> Iterator[Json]:
    """Templates of which no Job can be made, each asked for by a move."""
    for number, (name, template) in enumerate(TEMPLATE_JOBS.items()):
        prompt = f"judged-{number}"
        job: Json = {"spec": {"template": template, "parallelism": "many"}}
        yield suite(name, prompt, accept=False, job=job)
        yield policy(name, prompts=[prompt], require={"evaluations": [name]})
        yield version(prompt, 1)
        yield release(prompt, production=(1, "go"))
    yield policy("deep", prompts=["judged"], require={"evaluations": ["*"]})
    yield version("judged", 1)
    yield release("judged", production=(1, "go"))


def forged() -> Iterator[Json]:
    """Entries, verdicts and consents that nobody gave."""
    digest = "sha256:" + "0" * 64
    for number, (revision, at) in enumerate(
        (
            (FAR, "9999-12-31T23:59:59Z"),
            (2**53, "0001-01-01T00:00:00Z"),
            (1, "0000-01-01T00:00:00Z"),
        )
    ):
        for kind in ("Promotion", "Withdrawal", "Rollback"):
            prompt = f"forged-{number}"
            spec = {"release": prompt, "label": "production", "revision": revision, "kind": kind}
            spec |= {"at": at, "digest": digest, "to": 1, "reason": "\u202e", "by": "nobody"}
            if kind == "Withdrawal":
                del spec["to"], spec["digest"]
            name = f"{prompt}.production.{revision}" + (".a.b.c" if kind == "Rollback" else "")
            yield _of("PromptChange", name if kind != "Withdrawal" else f"{name}.withdrawn", spec)
        yield version(prompt, 1)
        yield release(prompt, production=(1, "go"))
    members = [{"prompt": f"m{i}", "version": 1, "digest": digest} for i in range(256)]
    for name in ("e", "e." + "x" * 240, "1-1-1-1"):
        for suite_name in ("none", "empty"):
            spec = {"suite": suite_name, "candidate": members, "baseline": members}
            yield _of("PromptEvaluation", f"{name}{suite_name}", spec)
    verdict = {"score": 1e9, "baselineScore": -1e9, "difference": 0, "text": "\u202e" * 1024}
    spec = {"suite": "empty", "candidate": [], "verdict": verdict, "by": "ci"}
    yield _of("PromptEvaluation", "evidence", spec)


def config_maps(prompt: str, uid: str) -> Iterator[Json]:
    """ConfigMaps that say they were ours; each claims something else that it can't.

    Args:
        prompt: its release, if there is one; each takes a label of its own.
        uid: of the release; empty to leave the owner out.

    """
    for number, (name, text) in enumerate(CLAIMS.items()):
        labels = {
            "app.kubernetes.io/managed-by": "promptrelease",
            "promptrelease.dev/prompt": prompt,
            "promptrelease.dev/label": f"l{number}",
            "promptrelease.dev/version": "1",
        }
        honest = {"digest": "sha256:" + "0" * 64, "revision": "7", "since": "2026-01-01T00:00:00Z"}
        honest |= {"reason": "r", "by": "b", "history": "1", "checksum": "c", "format": "1"}
        claims = {**honest, name.strip(): text}
        meta: Json = {
            "name": f"{prompt}.l{number}",
            "labels": labels,
            "annotations": {f"promptrelease.dev/{key}": value for key, value in claims.items()},
        }
        if uid:
            owner = {"apiVersion": API_VERSION, "kind": "PromptRelease", "name": prompt}
            meta["ownerReferences"] = [{**owner, "uid": uid, "controller": True}]
        data = {"prompt.txt": "mine", "metadata.json": "[" * 1000}
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def _of(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


_numbers = iter(range(1, 100_000))


def _numbered(what: str, **spec: Any) -> Json:
    """A version whose name says what it is."""
    return version(what[:50].lower(), next(_numbers), **spec)
