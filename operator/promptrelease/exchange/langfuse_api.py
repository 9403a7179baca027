"""The edge to a Langfuse server, through its own client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import quote

from promptrelease.exchange.values import ExchangeError, Json, LeftOut, Options

PAGE = 100
REQUESTS_AT_ONCE = 8
_PATIENT: Any = {"max_retries": 5, "timeout_in_seconds": 30}
_KEYS = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")


@contextmanager
def connected(options: Options) -> Iterator[LangfuseApi]:
    """The API of the server at ``options.location``, with the keys that the environment has.

    Raises:
        ExchangeError: the client is not installed, there are no keys, or the server can't be read.

    """
    try:
        from langfuse import Langfuse
        from langfuse.api.core.api_error import ApiError
    except ImportError as error:
        raise ExchangeError(
            f"Langfuse's client can't be loaded ({error}): pip install 'promptrelease[langfuse]'"
        ) from None
    if missing := [name for name in _KEYS if not os.environ.get(name)]:
        raise ExchangeError(f"set {' and '.join(missing)}: the keys of a Langfuse project")
    httpx: Any = import_module("httpx")  # what the client itself is made with
    client = Langfuse(base_url=options.location or None, tracing_enabled=False)
    try:
        yield LangfuseApi(client.api, ApiError)
    except ApiError as error:
        raise ExchangeError(f"Langfuse answered {error.status_code}: {error.body}") from error
    except httpx.HTTPError as error:
        raise ExchangeError(f"Langfuse can't be reached: {error}") from error
    finally:
        client.shutdown()


class LangfuseApi:
    """Rows of a server's prompts, and their creation: a `registries.Registry`."""

    def __init__(self, api: Any, refusal: type[Exception]) -> None:
        self._api = api
        self._refusal = refusal

    def all_rows(self) -> list[Json]:
        """Every version of every prompt."""
        return self._rows(self._metas())

    def rows(self, name: str) -> list[Json]:
        """All versions of one prompt."""
        return self._rows([meta for meta in self._metas(name) if meta.name == name])

    def create(self, name: str, body: Json) -> int:
        """Create the next version; returns its number."""
        from langfuse.api import (
            CreateChatPromptRequest,
            CreateTextPromptRequest,
        )

        kind = CreateTextPromptRequest if body["type"] == "text" else CreateChatPromptRequest
        given = {key: value for key, value in body.items() if key != "commitMessage"}
        request = kind(**given, labels=[], commit_message=body["commitMessage"])
        try:
            made = self._api.prompts.create(request=request, request_options=_PATIENT)
        except self._refusal as error:
            raise LeftOut("request", f"Langfuse refused it: {error}") from error
        return int(made.version)

    def label(self, name: str, label: str, number: int) -> None:
        """Point a label at a version; the version keeps those that it has."""
        has = self._get(name, number)["labels"]
        try:
            self._api.prompt_version.update(
                _quoted(name),
                number,
                new_labels=sorted({*has, label} - {"latest"}),
                request_options=_PATIENT,
            )
        except self._refusal as error:
            raise LeftOut(f"label {label}", f"Langfuse refused it: {error}") from error

    def _metas(self, name: str | None = None) -> list[Any]:
        found: list[Any] = []
        page, pages = 1, 1
        while page <= pages:
            answer = self._api.prompts.list(
                name=name, page=page, limit=PAGE, request_options=_PATIENT
            )
            found += answer.data
            page, pages = page + 1, answer.meta.total_pages
        return found

    def _rows(self, metas: list[Any]) -> list[Json]:
        wanted = [(meta.name, number) for meta in metas for number in meta.versions]
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            return list(pool.map(lambda one: self._get(*one), wanted))

    def _get(self, name: str, number: int) -> Json:
        prompt = self._api.prompts.get(
            _quoted(name), version=number, resolve=False, request_options=_PATIENT
        )
        row: Json = json.loads(prompt.json())
        return row


def _quoted(name: str) -> str:
    return quote(name, safe="")
