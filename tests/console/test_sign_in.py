"""Signing in with a token."""

from __future__ import annotations

import httpx

from harness.console import console
from harness.controlplane import ControlPlane


def test_a_token_signs_in(control_plane: ControlPlane, namespace: str) -> None:
    with console(control_plane, namespace) as url, httpx.Client(base_url=url) as browser:
        refused = browser.post("/sign-in", data={"token": "nobody"})
        assert refused.status_code == 401
        taken = browser.post("/sign-in", data={"token": control_plane.token("alice")})
        assert taken.status_code == 303
        assert browser.cookies
