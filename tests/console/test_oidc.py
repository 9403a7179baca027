"""Signing in at a real OpenID provider, whose tokens the API server takes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from console.browsing import Browser, Page
from harness.admission import Admission
from harness.api import wait_for
from harness.controlplane import ControlPlane
from harness.installation import MANIFESTS
from harness.oidc_provider import BRIEF_SECONDS, PREFIX
from harness.oidc_world import OidcWorld, oidc_world
from harness.operator import install

pytestmark = pytest.mark.slow

NAMESPACE = "team"
PAGE = f"/n/{NAMESPACE}/prompts"
SECRET = "the same secret of two consoles, of no use to anybody"
COOKIE = "promptrelease"

New = Callable[..., Browser]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcWorld]:
    with oidc_world(tmp_path_factory.mktemp("oidc"), consoles=5) as made:
        install(made.plane)
        made.plane.kubectl("apply", "-k", MANIFESTS / "roles")
        made.plane.kubectl("create", "namespace", NAMESPACE)
        Admission(made.plane).stamp(True)
        made.bind(NAMESPACE, "author", group="authors")
        made.bind(NAMESPACE, "approver", group="approvers")
        yield made


@pytest.fixture(scope="module")
def url(world: OidcWorld) -> Iterator[str]:
    with world.console("--namespace", NAMESPACE, secret=SECRET) as address:
        yield address


@pytest.fixture
def browser(world: OidcWorld, url: str) -> Iterator[New]:
    made: list[Browser] = []

    def start(of: str = url) -> Browser:
        made.append(Browser(of, ca_file=world.provider.ca_file))
        return made[-1]

    yield start
    for one in made:
        one.close()


def name(page: Page) -> str:
    """As whom the API server knows who is signed in."""
    return page.find("span", class_="name").attrs["title"]


def session(browser: Browser) -> str:
    return "".join(
        value or ""
        for key, value in sorted(browser.http.cookies.items())
        if key == COOKIE or key.startswith(f"{COOKIE}.")
    )


def begin(browser: Browser) -> str:
    """Where the console sends somebody who wants to sign in."""
    answer = browser.http.get(f"/sign-in/start?next={PAGE}", follow_redirects=False)
    assert answer.status_code == 303
    return answer.headers["location"]


def returned(browser: Browser, user: str, asked: str) -> str:
    """Sign in at the provider; where it sends the person back to, which is not opened yet."""
    page = browser.get(asked)
    form = page.form("password")
    answer = browser.http.post(
        form.action,
        data={"name": user, "password": f"{user}-password"},
        follow_redirects=False,
    )
    while not (target := answer.headers["location"]).startswith(browser.url):
        answer = browser.http.get(target, follow_redirects=False)
    return target


@contextmanager
def away(world: OidcWorld) -> Iterator[None]:
    """The provider does not answer."""
    os.kill(world.provider.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(world.provider.pid, signal.SIGCONT)


def test_alice_comes_to_the_page_she_wanted(browser: New) -> None:
    alice = browser()
    asked = alice.get(f"{PAGE}?q=ticket")
    assert urlsplit(asked.path).path == "/sign-in"
    page = (
        asked.follow("Sign in with")
        .form("password")
        .submit(name="alice", password="alice-password")
    )
    assert page.path == f"{PAGE}?q=ticket"
    assert page.status == 200
    assert name(page) == f"{PREFIX}alice"
    assert "Alice" in page.text


def write(browser: Browser, prompt: str) -> str:
    """Write a first version in the console's editor; who is its author, as the cluster says."""
    page = browser.get(f"/n/{NAMESPACE}/new")
    form = page.form("text")
    written = {
        "prompt": prompt,
        "message": "begin",
        "provider": "openai",
        "model": "gpt-5-2026-08-06",
        "do": "create",
    }
    done = browser.post(form.action, {**form.values, **written}, origin=browser.url)
    assert done.status == 200, done
    return done.path


def author(world: OidcWorld, prompt: str) -> str:
    path = f"/apis/promptrelease.dev/v1alpha1/namespaces/{NAMESPACE}/promptversions/{prompt}-v1"
    made = world.plane.request("GET", path)
    found: str = made["metadata"]["annotations"]["promptrelease.dev/author"]
    return found


def test_what_is_written_bears_her_name(browser: New, world: OidcWorld) -> None:
    """The API server takes her token, and its own policies say who she is."""
    alice = browser()
    alice.sign_in_by_provider("alice", PAGE)
    write(alice, "by-alice")
    assert author(world, "by-alice") == f"{PREFIX}alice"
    bob = browser()
    bob.sign_in_by_provider("bob", PAGE)
    page = bob.get(f"/n/{NAMESPACE}/new")
    form = {"csrf": page.forms[0].values["csrf"], "prompt": "by-bob", "do": "create"}
    refused = bob.post(f"/n/{NAMESPACE}/new", form, origin=bob.url)
    assert refused.status >= 400  # an approver writes nothing
    assert not world.plane.kubectl(
        "get", "promptversion", "by-bob-v1", "-n", NAMESPACE, "--ignore-not-found"
    ).stdout


def test_what_is_asked_of_the_provider(browser: New, url: str) -> None:
    alice = browser()
    first, second = (parse_qs(urlsplit(begin(alice)).query) for _ in range(2))
    assert first["response_type"] == ["code"]
    assert first["redirect_uri"] == [f"{url}/sign-in/callback"]
    assert first["code_challenge_method"] == ["S256"]
    assert {"openid", "offline_access", "groups"} <= set(first["scope"][0].split())
    for once in ("state", "nonce", "code_challenge"):
        assert len(first[once][0]) >= 32
        assert first[once] != second[once]


def test_the_api_server_decides_what_one_may_see(browser: New, world: OidcWorld) -> None:
    carol = browser()
    page = carol.sign_in_by_provider("carol", PAGE)
    assert page.status == 403
    assert NAMESPACE in page.text
    bob = browser()
    assert bob.sign_in_by_provider("bob", PAGE).status == 200


def test_cancelled_at_the_provider(browser: New) -> None:
    alice = browser()
    page = alice.get(begin(alice)).form("password").submit("Cancel")
    assert page.status == 403
    assert "signing in was cancelled" in page.alert
    assert not session(alice)
    assert page.follow("Sign in with").form("password")


def test_a_person_comes_back_to_the_browser_that_began(browser: New) -> None:
    """Or somebody would sign others in as themselves, and read what they write."""
    mallory, victim = browser(), browser()
    back = returned(mallory, "alice", begin(mallory))
    begin(victim)
    page = victim.get(back)
    assert page.status == 400
    assert "not begun here" in page.alert
    assert not session(victim)


def test_a_sign_in_is_finished_once(browser: New) -> None:
    alice = browser()
    back = returned(alice, "alice", begin(alice))
    assert alice.get(back).status == 200
    again = alice.get(back)
    assert again.status == 400
    assert "not begun here" in again.alert


def test_a_code_of_another_sign_in(browser: New) -> None:
    """Its verifier is another one, so the provider gives no token for it."""
    mallory, victim = browser(), browser()
    stolen = parse_qs(urlsplit(returned(mallory, "bob", begin(mallory))).query)["code"][0]
    state = parse_qs(urlsplit(begin(victim)).query)["state"][0]
    page = victim.get(f"/sign-in/callback?code={stolen}&state={state}")
    assert page.status == 403
    assert "refused" in page.alert
    assert not session(victim)


def test_an_answer_in_another_providers_name(browser: New) -> None:
    alice = browser()
    back = returned(alice, "alice", begin(alice))
    page = alice.get(back.replace("&iss=", "&iss=https%3A%2F%2Felsewhere.example&was="))
    assert page.status == 403
    assert not session(alice)


def test_what_the_provider_says_is_text(browser: New) -> None:
    alice = browser()
    state = parse_qs(urlsplit(begin(alice)).query)["state"][0]
    said = "<img src=x onerror=alert(1)>"
    page = Page(
        alice,
        alice.http.get(
            "/sign-in/callback",
            params={"state": state, "error": "x", "error_description": said},
        ),
    )
    assert said in page.alert
    assert not page.all("img")


def test_several_tabs_at_once(browser: New) -> None:
    alice = browser()
    asked = [begin(alice) for _ in range(3)]
    back = returned(alice, "alice", asked[0])
    assert alice.get(back).status == 200
    for other in asked[1:]:  # the provider knows her by now
        assert alice.get(other).status == 200
    for _ in range(12):
        begin(alice)
    assert len([key for key in alice.http.cookies if "begun" in key]) <= 5


def test_the_session_is_another_after_each_sign_in(browser: New) -> None:
    alice = browser()
    page = alice.sign_in_by_provider("alice", PAGE)
    before, form = session(alice), page.forms[0].values["csrf"]
    page = alice.sign_in_by_provider("alice", PAGE)
    assert session(alice) != before
    assert page.forms[0].values["csrf"] != form


def test_a_session_that_was_planted_is_replaced(browser: New) -> None:
    """What mallory put into a browser before is not what its owner works with after sign-in."""
    mallory, alice = browser(), browser()
    mallory.sign_in_by_provider("bob", PAGE)
    for key, value in mallory.http.cookies.items():
        if key.startswith(COOKIE):
            alice.http.cookies.set(key, value, domain="127.0.0.1", path="/")
    page = alice.get(alice_url := alice.url + PAGE)
    assert name(page) == f"{PREFIX}bob"
    back = returned(alice, "alice", begin(alice))
    page = alice.get(back)
    assert name(page) == f"{PREFIX}alice", alice_url
    assert session(alice) != session(mallory)


def test_a_token_with_many_groups(browser: New) -> None:
    """One cookie holds four kilobytes; a session may take several."""
    many = browser()
    page = many.sign_in_by_provider("many", PAGE)
    assert page.status == 403, page  # in no group that may see these prompts
    assert f"{PREFIX}many" in page.html
    parts = {k: v for k, v in many.http.cookies.items() if k.startswith(COOKIE) and "-" not in k}
    assert len(parts) > 1
    assert max(len(k) + len(v) for k, v in parts.items()) < 4000
    some = sorted(parts)[1]
    del many.http.cookies[some]
    assert many.get(PAGE).path.startswith("/sign-in")
    many.http.cookies.set(some, parts[some][:-8] + "AAAAAAAA", domain="127.0.0.1", path="/")
    assert many.get(PAGE).path.startswith("/sign-in")


def test_tokens_are_renewed(browser: New) -> None:
    """Long after the ID token has ended; a refresh token is taken once, and all requests share."""
    brief = browser()
    brief.sign_in_by_provider("brief", PAGE)
    first = session(brief)
    time.sleep(BRIEF_SECONDS + 3)
    jar = dict(brief.http.cookies.items())

    def ask(_: int) -> int:
        one = browser()
        for key, value in jar.items():
            one.http.cookies.set(key, value, domain="127.0.0.1", path="/")
        return one.get(PAGE).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {200}
    page = brief.get(PAGE)
    assert page.status == 200
    assert name(page) == f"{PREFIX}brief"
    assert session(brief) != first


def test_nobody_vouches_any_more(browser: New, world: OidcWorld, url: str) -> None:
    """A refresh token that was used before ends the whole grant: it may have been stolen."""
    brief = browser()
    brief.sign_in_by_provider("brief", PAGE)
    old = dict(brief.http.cookies.items())
    time.sleep(BRIEF_SECONDS + 3)
    assert brief.get(PAGE).status == 200  # used, in one console
    with world.console("--namespace", NAMESPACE, number=1, secret=SECRET) as other:
        thief = browser(other)
        for key, value in old.items():
            thief.http.cookies.set(key, value, domain="127.0.0.1", path="/")
        assert thief.get(PAGE).path.startswith("/sign-in")


def test_a_session_ends(browser: New, world: OidcWorld) -> None:
    with world.console("--session-hours=0.001", "--namespace", NAMESPACE, number=1) as brief:
        alice = browser(brief)
        alice.sign_in_by_provider("alice", PAGE)
        page = alice.get(PAGE)
        assert page.status == 200
        wait_for(lambda: alice.get(PAGE).path.startswith("/sign-in"), "the end of the session")


def test_signing_out_here_and_there(browser: New) -> None:
    alice = browser()
    page = alice.sign_in_by_provider("alice", PAGE)
    leaving = page.form("Sign out").submit()
    assert "Sign out everywhere" in leaving.text  # the provider asks
    gone = leaving.forms[0].submit("Sign out everywhere")
    assert gone.path.startswith("/signed-out"), gone
    assert "You are signed out" in gone.text
    assert not session(alice)
    assert alice.get(PAGE).path.startswith("/sign-in")
    assert alice.get(begin(alice)).form("password")  # the provider has forgotten her, too


def test_where_forms_may_lead(browser: New, world: OidcWorld) -> None:
    policy = browser().get("/sign-in").headers["content-security-policy"]
    assert f"form-action 'self' {world.provider.issuer};" in policy


def test_no_token_sign_in_beside_a_provider(browser: New, world: OidcWorld) -> None:
    alice = browser()
    page = alice.get("/sign-in")
    assert not page.all("input", name="token")
    sent = alice.post("/sign-in", {"token": world.plane.token("alice")})
    assert sent.status == 404
    assert not session(alice)


def test_both_where_it_is_wanted(browser: New, world: OidcWorld) -> None:
    with world.console("--token-sign-in", number=1) as both:
        alice = browser(both)
        alice.tokens = {"alice": world.plane.token("alice")}
        alice.sign_in("alice")
        page = alice.get("/n/default/prompts")
        assert "alice" in page.html
        assert PREFIX not in page.html
        gone = page.form("Sign out").submit()
        assert gone.path == "/signed-out"  # the provider has nothing to do with it


def test_a_cluster_that_does_not_know_the_provider(
    browser: New, world: OidcWorld, control_plane: ControlPlane
) -> None:
    other = (f"--server={control_plane.url}", f"--ca-file={control_plane.ca_file}")
    with world.console(*other, number=1) as stranger:
        page = browser(stranger).sign_in_by_provider("alice", PAGE)
        assert page.status == 403
        assert "does not take this provider's tokens" in page.alert


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_it_leads_to_no_other_site(browser: New, target: str) -> None:
    alice = browser()
    page = alice.sign_in_by_provider("alice", target)
    assert page.url.startswith(alice.url)


def test_the_provider_is_away(browser: New, world: OidcWorld) -> None:
    alice, new = browser(), browser()
    alice.sign_in_by_provider("alice", PAGE)
    with away(world):
        assert alice.get(PAGE).status == 200  # who is signed in does not notice
        with world.console(number=1) as fresh:
            new = browser(fresh)
            page = new.get("/sign-in").follow("Sign in with")
            assert page.status == 503
            assert "does not answer" in page.alert
            assert "Sign in with" in page.text  # to try again
    assert new is not alice


def test_the_provider_is_away_when_a_token_ends(browser: New, world: OidcWorld) -> None:
    brief = browser()
    brief.sign_in_by_provider("brief", PAGE)
    with away(world):
        time.sleep(BRIEF_SECONDS + 3)
        page = brief.get(PAGE)
        assert page.status == 503, page
        assert "does not answer" in page.text
    assert brief.get(PAGE).status == 200


def own_token(world: OidcWorld, folder: Path) -> Path:
    """The console's service account, which may act as these people and groups and nobody else."""
    rules = [
        {
            "apiGroups": [""],
            "resources": ["users"],
            "verbs": ["impersonate"],
            "resourceNames": [f"{PREFIX}{name}" for name in ("alice", "bob")],
        },
        {
            "apiGroups": [""],
            "resources": ["groups"],
            "verbs": ["impersonate"],
            "resourceNames": [f"{PREFIX}authors", f"{PREFIX}approvers"],
        },
    ]
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    world.plane.kubectl("create", "serviceaccount", "console", "-n", "default")
    world.plane.request(
        "POST", f"{rbac}/clusterroles", {"metadata": {"name": "console"}, "rules": rules}
    )
    world.plane.kubectl(
        "create", "clusterrolebinding", "console",
        "--clusterrole=console", "--serviceaccount=default:console",
    )  # fmt: skip
    token = world.plane.kubectl("create", "token", "console", "-n", "default").stdout.strip()
    file = folder / "token"
    file.write_text(token)
    return file


def test_impersonation(browser: New, world: OidcWorld, tmp_path: Path) -> None:
    """Where the API server can't take the provider's tokens: within what a ClusterRole allows."""
    arguments = (
        "--impersonate",
        f"--own-token-file={own_token(world, tmp_path)}",
        "--username-claim=preferred_username",
        f"--username-prefix={PREFIX}",
        f"--groups-prefix={PREFIX}",
        f"--namespace={NAMESPACE}",
    )
    with world.console(*arguments, number=1) as acting:
        alice = browser(acting)
        page = alice.sign_in_by_provider("alice", PAGE)
        assert page.status == 200, page  # by her group
        assert name(page) == f"{PREFIX}alice"
        write(alice, "acted-for")
        assert author(world, "acted-for") == f"{PREFIX}alice"
        carol = browser(acting)
        page = carol.sign_in_by_provider("carol", PAGE)
        assert page.status == 403
        assert "impersonate" in page.alert
        assert not session(carol)
        many = browser(acting).sign_in_by_provider("many", PAGE)
        assert many.status == 403  # the groups are not among those


def test_nobody_acts_as_kubernetes_itself(browser: New, world: OidcWorld, tmp_path: Path) -> None:
    """Even where the console could: mallory's group is system:masters, and nothing goes before."""
    admin = tmp_path / "token"
    admin.write_text(world.plane.token("admin"))
    arguments = (
        "--impersonate",
        f"--own-token-file={admin}",
        "--username-claim=preferred_username",
        f"--namespace={NAMESPACE}",
    )
    with world.console(*arguments, number=1) as acting:
        mallory = browser(acting)
        page = mallory.sign_in_by_provider("mallory", PAGE)
        assert page.status == 403
        assert "system:masters" in page.alert
        assert not session(mallory)
