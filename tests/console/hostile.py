"""Objects of each kind with a hostile text in every field in which the API server takes one.

Nothing here knows the fields: they come from crds/, so that a new one is tried too. What is tried
is asked of the API server, by dry run, one field at a time.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import yaml

from harness.api import Json
from harness.controlplane import ControlPlane, RequestError
from harness.installation import ROOT

MARK = "xss-mark"
LONG = (
    f"""'"></textarea></title></option></pre></script><{MARK} onx=1 style=a>{{{{7*7}}}}&lt;<!--"""
)
SHORT = f"<{MARK} onx=1>"
LINK = f"javascript:alert(1)//{SHORT}"
TEXTS = (LONG, LONG.replace("{", "").replace("}", ""), LINK, SHORT, '"><b onx=1>')
"""From the worst to what fits into a short field."""

ANNOTATIONS = ("promptrelease.dev/author", "promptrelease.dev/withdrawn-by", "note")

Path = tuple[str | int, ...]


@functools.cache
def schemas() -> dict[str, Json]:
    """The schema of each kind."""
    found = {}
    for file in (ROOT / "crds").glob("promptrelease.dev_*.yaml"):
        crd = yaml.safe_load(file.read_text())
        found[crd["spec"]["names"]["kind"]] = crd["spec"]["versions"][0]["schema"][
            "openAPIV3Schema"
        ]
    return found


class Hostile:
    """Fills objects in one namespace.

    Attributes:
        filled: which fields took a hostile text, by kind.

    """

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._path = f"/apis/promptrelease.dev/v1alpha1/namespaces/{namespace}"
        self.filled: dict[str, set[str]] = {}

    def create(self, obj: Json, status: Json | None = None) -> Json:
        """Create an object with as much hostile text as the API server takes; then its status."""
        kind = obj["kind"]
        schema = schemas()[kind]
        obj = copy.deepcopy(obj)
        obj["metadata"]["annotations"] = dict.fromkeys(ANNOTATIONS, LONG)
        collection = f"{self._path}/{kind.lower().removesuffix('y')}"
        collection += "ies" if kind.endswith("y") else "s"
        dry = f"{collection}?dryRun=All&fieldValidation=Strict"
        obj = self._fill(kind, obj, schema, "spec", "POST", dry)
        made: Json = self._plane.request("POST", collection, obj)
        if status is not None:
            path = f"{collection}/{made['metadata']['name']}/status"
            made["status"] = status
            made = self._fill(kind, made, schema, "status", "PUT", f"{path}?dryRun=All")
            made = self._plane.request("PUT", path, made)
        return made

    def _fill(self, kind: str, obj: Json, schema: Json, part: str, method: str, path: str) -> Json:
        self._plane.request(method, path, obj)  # as it is, it must be taken
        for where, field in fields(schema["properties"][part], obj.get(part), (part,)):
            for value in values(field, where):
                tried = replaced(obj, where, value)
                try:
                    self._plane.request(method, path, tried)
                except RequestError as refused:
                    if refused.status not in (400, 422):
                        raise
                    continue
                obj = tried
                name = ".".join(str(step) for step in where)
                self.filled.setdefault(kind, set()).add(name)
                break
        return obj


def fields(schema: Json, value: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Where a text may be in a value: what it has, what it could have, and keys of maps."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        yield path, {"type": "any"}
        return
    kind = schema.get("type")
    if kind == "string" and not schema.get("enum") and schema.get("format") != "date-time":
        yield path, schema
    for name, inner in (schema.get("properties") or {}).items():
        yield from fields(inner, (value or {}).get(name), (*path, name))
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        for name, inner in (value or {}).items():
            yield from fields(more, inner, (*path, name))
        yield (*path, SHORT), more
        if not value:
            yield from fields(more, None, (*path, "key"))
    if kind == "array":
        for number, inner in enumerate(value or [None]):
            yield from fields(schema["items"], inner, (*path, number))


def values(schema: Json, path: Path) -> Iterator[Any]:
    """What to try in a field."""
    if schema.get("type") == "any" or schema.get("x-kubernetes-preserve-unknown-fields"):
        yield LONG
        yield {SHORT: LONG}
    elif schema.get("type") == "object":
        yield {}
        yield {"type": "string", "description": LONG}
    elif schema.get("type") in (None, "string"):
        if str(path[-1]).lower() in ("link", "url", "href"):
            yield LINK
            yield f"https://example.org/{SHORT}\"'"
        yield from TEXTS


def replaced(obj: Json, path: Path, value: Any) -> Json:
    """A copy of an object with another value at a place, which is made where it is not there."""
    result = copy.deepcopy(obj)
    here: Any = result
    for step, following in itertools.pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            while len(here) <= step:
                here.append(copy.deepcopy(empty))
        elif here.get(step) is None:
            here[step] = empty
        here = here[step]
    last = path[-1]
    if isinstance(last, int) and len(here) <= last:
        here.append(value)
    else:
        here[last] = value
    return result
