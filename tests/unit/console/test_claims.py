"""Who somebody is, where the console itself says so to the API server."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from promptrelease.console.identity import claims, owntoken
from promptrelease.console.identity.person import Person
from promptrelease.console.settings import Settings
from promptrelease.views.failures import Forbidden, Unreachable

SETTINGS = Settings(server="https://a", secret="x" * 40, url="http://a", impersonate=True)


def test_names_and_groups() -> None:
    settings = replace(SETTINGS, username_prefix="oidc:", groups_prefix="g:")
    told = {"sub": "alice", "groups": ["authors", "Büro"]}
    assert claims.name(settings, told) == "oidc:alice"
    assert claims.groups(settings, told) == ("g:authors", "g:Büro")
    assert claims.groups(settings, {"groups": "authors"}) == ("g:authors",)
    assert claims.groups(settings, {}) == ()


@pytest.mark.parametrize(
    "sub",
    ["system:admin", "SYSTEM:admin", "system:serviceaccount:a:b", " alice", "alice ", "a\nb",
     "a\r\nImpersonate-Group: system:masters", "a\x00", "", None, 7, ["alice"], "\u202ealice"],
)  # fmt: skip
def test_names_nobody_signs_in_as(sub: Any) -> None:
    with pytest.raises(Forbidden):
        claims.name(SETTINGS, {"sub": sub})
    if sub is not None:
        with pytest.raises(Forbidden):
            claims.groups(SETTINGS, {"groups": ["authors", sub]})


def test_a_prefix_makes_it_another_name() -> None:
    settings = replace(SETTINGS, username_prefix="oidc:")
    assert claims.name(settings, {"sub": "system:admin"}) == "oidc:system:admin"


def test_a_prefix_is_no_way_in() -> None:
    with pytest.raises(Forbidden):
        claims.name(replace(SETTINGS, username_prefix="system:"), {"sub": "admin"})


@pytest.mark.parametrize(("verified", "fine"), [(True, True), (False, False), ("true", False)])
def test_an_address_that_nobody_verified(verified: object, fine: bool) -> None:
    settings = replace(SETTINGS, username_claim="email")
    told = {"email": "alice@example.org", "email_verified": verified}
    if fine:
        assert claims.name(settings, told) == "alice@example.org"
    else:
        with pytest.raises(Forbidden, match="not verified"):
            claims.name(settings, told)


@pytest.mark.parametrize("groups", [{"a": 1}, [1], [""], 3, [["a"]]])
def test_groups_that_are_none(groups: Any) -> None:
    with pytest.raises(Forbidden):
        claims.groups(SETTINGS, {"groups": groups})


def test_how_the_api_server_is_told() -> None:
    person = Person("alice", ("authors", "Büro", "approvers"))
    request = httpx.Request("GET", "https://a", headers=person.headers("own"))
    assert request.headers["authorization"] == "Bearer own"
    assert request.headers["impersonate-user"] == "alice"
    raw = [value for name, value in request.headers.raw if name.lower() == b"impersonate-group"]
    assert raw == [b"authors", "Büro".encode(), b"approvers"]


def test_a_token_of_their_own_needs_nothing_else() -> None:
    person = Person("alice", ("authors",), token="mine")
    assert person.headers("own") == [(b"Authorization", b"Bearer mine")]


def test_the_own_token_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = owntoken.OwnToken(str(file))
    clock = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    assert token.now() == "one"
    file.write_text("two\n")
    assert token.now() == "one"
    clock[0] += owntoken.SECONDS
    assert token.now() == "two"
    file.unlink()
    clock[0] += owntoken.SECONDS
    with pytest.raises(Unreachable, match="its own token"):
        token.now()


def test_no_own_token() -> None:
    assert owntoken.OwnToken("").now() == ""
