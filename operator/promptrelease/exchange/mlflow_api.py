"""The edge to an MLflow registry, through its own client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from promptrelease.exchange.values import ExchangeError, Json, LeftOut, Options

PAGE = 100
_IS_PROMPT = "tag.`mlflow.prompt.is_prompt` = 'true'"
_NAME = r"[a-zA-Z0-9_.-]+"
_FIELDS = (
    *("name", "version", "template", "commit_message", "creation_timestamp", "user_id"),
    *("tags", "response_format", "model_config"),
)


@contextmanager
def connected(options: Options) -> Iterator[MlflowApi]:
    """The registry at ``options.location``, a URI as MLflow takes it.

    Raises:
        ExchangeError: the package is not installed, or the registry can't be read.

    """
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise ExchangeError(
            f"MLflow can't be loaded ({error}): pip install 'promptrelease[mlflow]'"
        ) from None
    where = options.location or None
    try:
        yield MlflowApi(MlflowClient(tracking_uri=where, registry_uri=where), MlflowException)
    except MlflowException as error:
        raise ExchangeError(f"MLflow says: {error}") from error


class MlflowApi:
    """Rows of a registry's prompts, and their creation: a `registries.Registry`."""

    def __init__(self, client: Any, refusal: type[Exception]) -> None:
        self._client = client
        self._refusal = refusal

    def all_rows(self, wanted: Callable[[str], bool]) -> list[Json]:
        """Every version of every prompt whose name is wanted."""
        return [
            row for prompt in self._prompts() if wanted(prompt.name) for row in self._of(prompt)
        ]

    def rows(self, name: str) -> list[Json]:
        """All versions of one prompt; none where there is no such prompt."""
        if not re.fullmatch(_NAME, name):
            raise ExchangeError(f"{name!r} can't be a prompt's name in MLflow")
        return [row for prompt in self._prompts(f"name = '{name}'") for row in self._of(prompt)]

    def create(self, name: str, body: Json) -> int:
        """Create the next version; returns its number."""
        try:
            return int(self._client.register_prompt(name=name, **body).version)
        except self._refusal as error:
            raise LeftOut("request", f"MLflow refused it: {error}") from error

    def label(self, name: str, label: str, number: int) -> None:
        """Point an alias at a version."""
        try:
            self._client.set_prompt_alias(name, label, number)
        except self._refusal as error:
            raise LeftOut(f"label {label}", f"MLflow refused it: {error}") from error

    def _prompts(self, *conditions: str) -> Iterator[Any]:
        """Prompts as the models that MLflow keeps them in: only these know their aliases."""
        asked = " AND ".join([*conditions, _IS_PROMPT])
        return _pages(
            lambda token: self._client.search_registered_models(
                filter_string=asked, max_results=PAGE, page_token=token
            )
        )

    def _of(self, prompt: Any) -> list[Json]:
        found = _pages(
            lambda token: self._client.search_prompt_versions(
                prompt.name, max_results=PAGE, page_token=token
            )
        )
        return [
            {field: getattr(version, field) for field in _FIELDS}
            | {"aliases": [a for a, to in prompt.aliases.items() if int(to) == version.version]}
            for version in found
        ]


def _pages(search: Callable[[Any], Any]) -> Iterator[Any]:
    token = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return
