"""Addresses, and the names in them: what no object can be called is no page of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from promptrelease.views.failures import NotFound

LENGTH = 253
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.ASCII)


def check(parameters: Mapping[str, Any]) -> None:
    """Raise NotFound for the first that no object, namespace or label can be called."""
    for kind, name in parameters.items():
        if isinstance(name, str) and not (len(name) <= LENGTH and _NAME.fullmatch(name)):
            raise NotFound(f"there is no {kind} of that name", "look it up among the prompts")


def address(request: Request) -> str:
    """Path and query as they were asked for, percent signs and all."""
    path: bytes = request.scope.get("raw_path") or b"/"
    query: bytes = request.scope.get("query_string", b"")
    return (path + (b"?" + query if query else b"")).decode("latin-1")
