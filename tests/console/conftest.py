"""What the console's tests share: one console, and browsers for whoever signs in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from console.browsing import Browser
from harness.console import console
from harness.controlplane import ControlPlane
from harness.credentials import PLAIN_USERS
from harness.installation import MANIFESTS
from harness.operator import Operator

ROLES = MANIFESTS / "roles"

Browse = Callable[..., Browser]
Bind = Callable[..., None]


@pytest.fixture(scope="session")
def shared_console(control_plane: ControlPlane, shared_operator: Operator) -> Iterator[str]:
    """URL of one console for all tests; pages say the namespace in their address."""
    with console(control_plane, "default") as url:
        yield url


@pytest.fixture
def browse(control_plane: ControlPlane, shared_console: str) -> Iterator[Browse]:
    """``browse("alice")``: a browser of its own, signed in by token; ``browse()``: not yet."""
    made: list[Browser] = []

    def start(user: str = "", url: str = shared_console) -> Browser:
        tokens = {name: control_plane.token(name) for name in ("admin", *PLAIN_USERS)}
        browser = Browser(url, tokens)
        made.append(browser)
        if user:
            browser.sign_in(user)
        return browser

    yield start
    for browser in made:
        browser.close()


@pytest.fixture
def bind(control_plane: ControlPlane, namespace: str) -> Bind:
    """``bind("alice", "author")``: give a user one of manifests/roles in the test's namespace."""
    control_plane.kubectl("apply", "-k", ROLES)

    def give(user: str, role: str) -> None:
        name = f"promptrelease-{role}"
        control_plane.request(
            "POST",
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
            {
                "metadata": {"name": f"{user}-{role}"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": name,
                },
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
                ],
            },
        )

    return give
