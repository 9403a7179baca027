"""Objects made from the schemas in crds/: whatever they let through, and now and then what not.

From a seeded `random.Random` and not by Hypothesis: thousands are sent to one API server and live
beside each other, so that there is nothing to shrink; the seed says it all again.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import yaml

from harness.api import API_VERSION, Json, version

CRDS = Path(__file__).parents[3] / "crds"

PROMPTS = ("h0", "h1", "h2", "h3", "h-" + "x" * 61, "0")
LABELS = ("production", "staging", "canary", "l" * 63, "latest")
SUITES = ("s0", "s1", "s2", "s" * 40)
NUMBERS = (1, 2, 3, 4, 5, 2147483647)
DIGESTS = tuple(f"sha256:{digit * 64}" for digit in "0f")
TIMES = (
    "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59-23:59",
    "2026-06-30T23:59:60Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01t00:00:00z",
    "yesterday",
)
TEXTS = (
    "a",
    " ",
    "NaN",
    "1e400",
    "null",
    "0x1F",
    "{{a}}",
    "{{",
    "}}",
    r"\{{a}} \\{{a}}",
    "{{> i0}} {{a}}",
    "%s %(a)s {0}",
    "\u202eevil\u202c \u200b\u200d\ufeff",
    "\u2028\u2029\x85\x7f\ufffe\uffff",
    "\U0001f44b\U0001f3fd",
    "a\u0301" * 20,
    "\r\n\t",
    "line\nline\r\n---\n- x: y\n",
    "$(id) `id` ${HOME} ; rm -rf /",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\x00",
    "\x1b[31m",
    "(a+)+$",
)
NUMERIC = (0, -1, 1, 0.1, -0.0, 1e308, -1e308, 5e-324, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64)
KEYS = ("a", "b", "i0", "x" * 63, "type", "$ref", "$schema", "properties", "é", "a.b", "")
WORDS = {
    "prompt": PROMPTS,
    "prompts": PROMPTS,
    "consumes": PROMPTS,
    "release": PROMPTS,
    "label": LABELS,
    "labels": LABELS,
    "baseline": LABELS,
    "evaluateOn": LABELS,
    "suite": SUITES,
}


class Maker:
    """Makes objects of any of our kinds."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._count = 0
        self._schemas = {}
        for file in sorted(CRDS.glob("promptrelease.dev_*.yaml")):
            crd = yaml.safe_load(file.read_text())
            schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            self._schemas[crd["spec"]["names"]["kind"]] = schema["properties"]["spec"]

    def make(self, kind: str) -> Json:
        """One object. What is wrong with it, if anything, is up to chance."""
        self._count += 1
        spec = self._value(self._schemas[kind], "spec", 0)
        if not isinstance(spec, dict):
            spec = {}
        if kind == "PromptVersion" and self.random.random() < 0.6:
            # A good one with a few of these: of chance alone little gets as far as the operator.
            some = self.random.sample(
                sorted(spec), min(len(spec), self.random.choice((1, 1, 2, 3)))
            )
            good = version("h0", 1)["spec"]
            spec = {**good, **{name: spec[name] for name in some}}
        name = f"g{self._count}"
        if self.random.random() < 0.9:
            name = self._fit(kind, spec, name)
        meta = {"name": name, "annotations": self._annotations()}
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}

    def _fit(self, kind: str, spec: Json, name: str) -> str:
        """What rules over several fields ask for; by chance alone hardly any would hold."""
        choose = self.random.choice
        if kind == "PromptVersion":
            spec["version"] = choose((*NUMBERS, 100 + self._count, 100 + self._count))
            spec["prompt"] = choose(PROMPTS)
            spec.setdefault("message", "why")
            spec.pop(choose(("text", "messages")) if "text" in spec else "text", None)
            if not {"text", "messages"} & spec.keys():
                spec["text"] = choose(TEXTS)
            if isinstance(consumed := spec.get("consumes"), list):
                spec["consumes"] = [name for name in consumed if name != spec["prompt"]]
            return f"{spec['prompt']}-v{spec['version']}"
        if kind == "PromptRelease":
            return str(choose(PROMPTS))
        if kind == "PromptPolicy":
            spec.setdefault("prompts", [choose(PROMPTS)])  # and never the good one's
            return name
        if kind == "PromptSuite":
            return str(choose(SUITES))
        if kind == "PromptChange":
            return f"{spec.get('release')}.{spec.get('label')}.{spec.get('revision')}"
        return name

    def _annotations(self) -> Json:
        names = ("author", "withdrawn-by", "withdrawal-reason", "revision", "refreshed", "backlog")
        found = {f"promptrelease.dev/{name}": self._text(2000) for name in names}
        glass = f"breakglass.promptrelease.dev/{self.random.choice(LABELS)}"
        found[glass] = self.random.choice(("v2: now", "v2147483648: x", "v0:", "v2:\n\u202e", ""))
        return {name: text for name, text in found.items() if self.random.random() < 0.1}

    def _value(self, schema: Json, name: str, depth: int) -> Any:
        if self.random.random() < 0.01:
            return self._free(0)  # of any type
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            most = min(schema.get("maxItems", 8), 70)
            size = self.random.choice((schema.get("minItems", 0), 1, 1, 2, 3, most))
            return [self._value(schema["items"], name, depth + 1) for _ in range(size)]
        if kind in ("integer", "number"):
            return self._numeric(schema)
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind == "string":
            return self._string(schema, name)
        return self._free(0)

    def _object(self, schema: Json, depth: int) -> Json:
        made = {}
        required = schema.get("required", ())
        for name, below in schema.get("properties", {}).items():
            if name in required or self.random.random() < 0.35:
                made[name] = self._value(below, name, depth + 1)
        below = schema.get("additionalProperties")
        if isinstance(below, dict):
            names = [*LABELS, *KEYS, "template", "metadata"]
            for name in self.random.sample(names, self.random.choice((1, 1, 2, 4))):
                made[name] = self._value(below, name, depth + 1)
            for name in required:
                made.setdefault(name, self._free(0))
        return made

    def _numeric(self, schema: Json) -> Any:
        low, high = schema.get("minimum", -(2**31)), schema.get("maximum", 2**31)
        if schema["type"] == "integer":
            return self.random.choice((low, low + 1, 2, 3, high, high, high + 1))
        return self.random.choice((low, high, 0.5, 1e-300))

    def _string(self, schema: Json, name: str) -> str:
        if schema.get("format") == "date-time":
            return self.random.choice(TIMES)
        if "sha256" in schema.get("pattern", ""):
            return self.random.choice(DIGESTS)
        if name in WORDS and self.random.random() < 0.95:
            return self.random.choice(WORDS[name])
        return self._text(schema.get("maxLength", 200))

    def _text(self, most: int) -> str:
        text = self.random.choice(TEXTS)
        if self.random.random() < 0.05:
            text = (text * (1 + min(most, 20_000) // len(text)))[: most + self.random.randrange(2)]
        return text

    def _free(self, depth: int) -> Any:
        """Any JSON."""
        kind = self.random.randrange(6 if depth < 5 else 4)
        if kind == 0:
            return self.random.choice((None, True, False))
        if kind == 1:
            return self.random.choice(NUMERIC)
        if kind in (2, 3):
            return self.random.choice(TEXTS)
        if kind == 4:
            return [self._free(depth + 1) for _ in range(self.random.randrange(4))]
        keys = self.random.sample(KEYS, self.random.randrange(4))
        return {key: self._free(depth + 1) for key in keys}
