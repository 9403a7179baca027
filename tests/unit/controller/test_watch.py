"""What a watch hands over."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from promptrelease.controller.watch import put


class Choosy:
    """A sink that takes what has a spec."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def put(self, obj: dict[str, Any]) -> None:
        self.taken.append(obj["spec"]["name"])

    def drop(self, namespace: str, name: str, uid: str) -> None:
        """Nothing to forget."""

    def keep_only(self, uids: set[str], resource_version: str) -> None:
        """Nothing to forget."""


def test_what_can_not_be_understood_is_named_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = Choosy()
    meta = {"namespace": "shop", "name": "odd"}
    with caplog.at_level(logging.ERROR):
        put(sink, {"kind": "PromptChange", "metadata": meta, "spec": None})
        put(sink, {"metadata": meta, "spec": {"name": "good"}})
    assert sink.taken == ["good"]
    (told,) = caplog.messages
    assert "PromptChange shop/odd" in told
