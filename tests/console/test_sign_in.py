"""Signing in with a token, and out again."""

from __future__ import annotations

from console.conftest import Browse


def test_a_token_signs_in(browse: Browse) -> None:
    browser = browse("alice")
    assert browser.http.cookies


def test_a_token_that_the_api_server_does_not_know(browse: Browse) -> None:
    page = browse().get("/sign-in").form("token").submit(token="nobody")
    assert page.status == 401
    assert page.alert
