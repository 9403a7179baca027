"""All addresses of the console, from its own routes, so that a test forgets none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from starlette.routing import Route

from promptrelease.console.app import create
from promptrelease.console.settings import Settings

SETTINGS = Settings(server="https://nowhere.invalid", secret="x" * 40, url="http://nowhere.invalid")


def routes(method: str) -> Iterator[Route]:
    """Each route that answers to a method."""
    for route in create(SETTINGS).routes:
        if isinstance(route, Route) and method in (route.methods or ()):
            yield route


def addresses(method: str, names: Mapping[str, str]) -> list[str]:
    """Their addresses, with these names in place of what is left open, and ``none`` for others."""

    def filled(route: Route) -> str:
        return re.sub(r"\{(\w+)(:\w+)?\}", lambda it: names.get(it[1], "none"), route.path)

    return [filled(route) for route in routes(method)]
