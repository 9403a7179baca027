"""Chromium, an OpenID provider, an API server that trusts it, an operator and a console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser.office import Come, Office
from harness.admission import Admission
from harness.api import Api
from harness.browser import chromium
from harness.installation import MANIFESTS
from harness.oidc_world import OidcWorld, oidc_world
from harness.operator import Operator, install
from harness.person import Person

EXAMPLES = MANIFESTS / "examples"
TICKETS = ("tone-of-voice", "ticket-summary", "ticket-router")
ROLES = {
    "alice": ("author", "promoter", "approver"),
    "bob": ("viewer", "approver", "on-call", "promoter"),
    "carol": ("viewer",),
}


@pytest.fixture(scope="module")  # while it is there, its thread can run no other event loop
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcWorld]:
    with oidc_world(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture(scope="session")
def served(world: OidcWorld) -> Iterator[tuple[Operator, str]]:
    """The operator, under its own rights, and the console."""
    account = install(world.plane)
    world.plane.kubectl("apply", "-k", MANIFESTS / "roles")
    with Operator(world.plane, account) as operator:
        Admission(world.plane).stamp(True)
        with world.console() as url:
            yield operator, url


@pytest.fixture
def office(
    world: OidcWorld, served: tuple[Operator, str], request: pytest.FixtureRequest
) -> Office:
    """A namespace of the test's own, with the tickets' prompts in production."""
    operator, url = served
    name = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:50].strip("-")
    world.plane.kubectl("create", "namespace", name)
    for person, roles in ROLES.items():
        for role in roles:
            world.bind(name, role, user=person)
    api = Api(world.plane, name)
    for example in TICKETS:
        world.plane.kubectl("apply", f"--namespace={name}", "-f", EXAMPLES / f"{example}.yaml")
    api.ready("ticket-summary")
    api.ready("ticket-router")
    return Office(world, operator, api, url)


@pytest.fixture
def come(browser: Browser, office: Office, request: pytest.FixtureRequest) -> Iterator[Come]:
    """``come("alice", "prompts")``: she opens a browser, signs in, and is at that address."""
    came: list[Person] = []

    def start(name: str, rest: str = "prompts", **options: object) -> Person:
        person = Person(browser, office.url, name, **options)
        came.append(person)
        person.sign_in(office.path(rest))
        return person

    yield start
    for person in came:
        person.close()
