"""Which namespace to look at."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from promptrelease.api.resources import RELEASES
from promptrelease.console.kube.client import SignedOut
from promptrelease.console.web.context import Context, signed_in
from promptrelease.views.failures import Forbidden, UsageMistake

PATH = "/api/v1/namespaces"
SHOWN = 60
"""Namespaces of a page; of each it is asked whether the person may see its prompts."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


async def namespaces(context: Context) -> Response:
    """Those that the person may list; whoever may list none types one."""
    q = context.request.query_params.get("q", "").strip().lower()[:63]
    chosen = context.request.query_params.get("go", "").strip().lower()
    mistake: UsageMistake | None = None
    if chosen:
        if _NAME.fullmatch(chosen):
            return context.go(f"/n/{quote(chosen, safe='')}/prompts")
        mistake = UsageMistake(
            "that can't be a namespace",
            "its name has lower-case letters, digits and dashes, at most 63 of them",
        )
    names = await _names(context)
    found = [name for name in names or () if q in name]
    shown = found[:SHOWN]
    rights = await asyncio.gather(*(_may(context, name) for name in shown))
    return context.page(
        "namespaces.html",
        status=400 if mistake else 200,
        q=q,
        chosen=chosen,
        mistake=mistake,
        names=names,
        open=[name for name, may in zip(shown, rights, strict=True) if may],
        closed=[name for name, may in zip(shown, rights, strict=True) if not may],
        more=len(found) - len(shown),
    )


async def _names(context: Context) -> list[str] | None:
    """Names of all namespaces; none where the person may not list them."""
    names: list[str] = []
    query = {"limit": "500"}
    while True:
        try:
            page = await context.kube.request("GET", PATH, query=query)
        except SignedOut:
            raise
        except Forbidden:
            return None
        names += [item["metadata"]["name"] for item in page["items"] or ()]
        query["continue"] = page["metadata"].get("continue") or ""
        if not query["continue"]:
            return names


async def _may(context: Context, namespace: str) -> bool:
    kube = context.kube.within(namespace)
    return await context.console.remembered.may(kube, "list", RELEASES)


ROUTES: list[BaseRoute] = [Route("/namespaces", signed_in(namespaces))]
