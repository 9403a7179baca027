"""Who we are to the API server, as the files say it at that moment."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from kubernetes.aio.client import Configuration

from promptrelease.controller import client
from promptrelease.controller.client import BEARER, Login, TokenFile


def swapped(folder: Path, text: str) -> None:
    """Replace the file as the kubelet does: at once, by another."""
    new = folder / "new"
    new.write_text(text)
    new.replace(folder / "token")


def test_a_token_is_what_the_file_says_now(tmp_path: Path) -> None:
    known, token = Configuration(), TokenFile(tmp_path / "token")
    for text in ("first", "second\n", "third"):
        swapped(tmp_path, text)
        token.refresh(known)
        assert known.api_key[BEARER] == f"Bearer {text.strip()}"


def test_without_one_the_last_is_kept_and_that_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known, token = Configuration(), TokenFile(tmp_path / "token")
    swapped(tmp_path, "first")
    token.refresh(known)
    swapped(tmp_path, "")
    token.refresh(known)
    (tmp_path / "token").unlink()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            token.refresh(known)
    assert known.api_key[BEARER] == "Bearer first"
    assert len(caplog.messages) == 1
    swapped(tmp_path, "second")
    token.refresh(known)
    assert known.api_key[BEARER] == "Bearer second"


def test_what_was_refused_is_given_again_after_a_pause_as_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "REFUSED_SECONDS", 0.05)
    known = Configuration()
    known.api_key[BEARER] = "Bearer first"
    login = Login(known)

    async def asks() -> None:
        times = asyncio.get_running_loop().time
        first, began = await login(), times()
        again = await login()
        assert times() - began >= 0.05
        assert first.token == again.token == "first"
        assert first != again  # Kopf takes nothing that equals what was refused
        known.api_key[BEARER] = "Bearer second"
        began = times()
        assert (await login()).token == "second"
        assert times() - began < 0.05

    asyncio.run(asks())
    assert [m for m in caplog.messages if "refused our token" in m] == caplog.messages != []
