"""A version: what it says, what it asks of its caller, and what would be sent to the model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import yaml
from starlette.responses import Response
from starlette.routing import Route

from promptrelease.api.resources import RELEASES
from promptrelease.console.kube.client import Json
from promptrelease.console.pages import fetching
from promptrelease.console.shown import asked, compiling, prompts
from promptrelease.console.shown.marked import marks
from promptrelease.console.web.context import Context, signed_in
from promptrelease.content.files import Content
from promptrelease.release.model import Verdict


async def version(context: Context) -> Response:
    """Show a version, with a preview of the compiled prompt; a POST fills in other values."""
    name = asked.name(context.request.path_params["prompt"])
    number = asked.number(context.request.path_params["number"], name)
    kube = context.kube
    raw, release = await asyncio.gather(
        fetching.version(kube, name, number), kube.find(RELEASES, name)
    )
    content, verdict = await fetching.resolved(kube, raw)
    preview, given = None, await _given(context)
    if content is not None:
        preview = compiling.preview(content, given)
    if given is not None and context.is_fragment:
        return context.page(
            "version-preview.html", prompt=name, number=number, preview=preview, verdict=verdict
        )
    return context.page(
        "version.html",
        status=422 if preview is not None and preview.mistakes else 200,
        prompt=name,
        number=number,
        preview=preview,
        marks=marks,
        may_write=await context.rights.create_version(),
        **_facts(raw, release, content, verdict),
    )


async def _given(context: Context) -> Mapping[str, str] | None:
    """What was filled in; none where the page is asked for afresh."""
    if context.request.method != "POST":
        return None
    form = await context.form()
    return {
        key.removeprefix("value."): str(value)
        for key, value in form.multi_items()
        if key.startswith("value.")
    }


def _facts(
    raw: Json, release: Json | None, content: Content | None, verdict: Verdict
) -> dict[str, Any]:
    spec = raw["spec"]
    model = spec.get("model") or {}
    labels = ((release or {}).get("status") or {}).get("labels") or {}
    on = {label: its["version"] for label, its in labels.items() if "version" in its}
    status = raw.get("status") or {}
    chain = [c for c in status.get("conditions") or () if c["type"] == "Chain"]
    return {
        "row": prompts.version(raw, on),
        "since": {
            label: its.get("since", "")
            for label, its in labels.items()
            if its.get("version") == spec["version"]
        },
        "served_before": status.get("history") or (),
        "included_by": status.get("includedBy") or (),
        "problems": verdict.problems,
        "chain": "; ".join(c.get("message", "") for c in chain if c["status"] == "False"),
        "spec": spec,
        "resolved": content if spec.get("includes") else None,
        "variables": _variables(spec, content),
        "provider": model.get("provider", ""),
        "model": model.get("name", ""),
        "parameters": sorted((model.get("parameters") or {}).items()),
        "tools": [
            (tool["name"], tool.get("description", ""), _yaml(tool.get("parameters")))
            for tool in spec.get("tools") or ()
        ],
        "output": _yaml(spec.get("output")),
    }


def _variables(spec: Json, content: Content | None) -> list[tuple[str, Mapping[str, Any], bool]]:
    """Name, declaration, and whether it comes with an include."""
    own = spec.get("variables") or {}
    every = content.variables if content is not None else own
    return [(name, {"type": "string", **its}, name not in own) for name, its in every.items()]


def _yaml(value: Any) -> str:
    if value is None:
        return ""
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=80)).rstrip()


ROUTES = [
    Route(
        "/n/{namespace}/prompts/{prompt}/versions/{number}",
        signed_in(version),
        methods=["GET", "POST"],
    )
]
