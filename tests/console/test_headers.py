"""What each answer tells browsers: pages, failures, redirects, files, of whatever kind."""

from __future__ import annotations

import httpx
import pytest

from console import raw
from console.addresses import addresses
from console.conftest import Bind, Browse
from harness.api import Api, release, version
from harness.components import free_port
from harness.console import console
from harness.controlplane import ControlPlane

COOKIE = "promptrelease"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
WANTED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def check(headers: httpx.Headers | dict[str, str], what: object) -> None:
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == POLICY, what
    for name, value in WANTED.items():
        assert headers[name] == value, (what, name)
    assert headers["cache-control"] in ("no-store", "no-cache"), what
    assert "server" not in headers, what
    assert "permissions-policy" in headers, what


def names(namespace: str) -> dict[str, str]:
    prompt = {"prompt": "greeting", "label": "staging", "number": "1"}
    return {"namespace": namespace, **prompt}


@pytest.fixture
def greeting(api: Api, bind: Bind) -> Api:
    bind("alice", "platform")
    api.create(version("greeting", 1))
    api.create(release("greeting", staging=(1, "begin")))
    api.ready("greeting")
    return api


@pytest.mark.parametrize("user", ["alice", "carol", ""])
def test_every_page(greeting: Api, browse: Browse, user: str) -> None:
    """To who may see it, who may not, and who is nobody."""
    browser = browse(user)
    statuses = set()
    for address in addresses("GET", names(greeting.namespace)):
        with browser.http.stream("GET", address, follow_redirects=False) as answer:
            check(answer.headers, address)
            statuses.add(answer.status_code)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert answer.headers["cache-control"] == "no-store", address
    assert statuses >= ({200, 404} if user == "alice" else {403} if user else {303})


def test_every_form(greeting: Api, browse: Browse) -> None:
    browser = browse("alice")
    for address in addresses("POST", names(greeting.namespace)):
        answer = browser.http.post(address, data={"csrf": "wrong"}, follow_redirects=False)
        check(answer.headers, address)


def test_what_is_refused_before_any_page(shared_console: str, browse: Browse) -> None:
    alice = browse("alice")
    cookie = f"Cookie: {COOKIE}={alice.http.cookies[COOKIE]}"
    form = "Content-Type: application/x-www-form-urlencoded"
    tried = {
        404: raw.send(shared_console, "/nowhere", cookie),
        405: raw.send(shared_console, "/sign-out", cookie),
        413: raw.send(shared_console, "/sign-in", "Content-Length: 9999999", method="POST"),
        421: raw.send(shared_console, "/sign-in", "Host: evil.example"),
        403: raw.send(
            shared_console, "/sign-out", "Origin: https://evil.example", form, method="POST"
        ),
    }
    for status, answer in tried.items():
        assert answer.status == status
        check(answer.headers, status)
        assert "<h1>" in answer.body
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        answer = raw.send(shared_console, "/n/default/prompts", cookie, method=method)
        assert answer.status in (403, 405), method
        check(answer.headers, method)


def test_too_often_and_too_late(control_plane: ControlPlane, browse: Browse) -> None:
    with console(control_plane, "default", "--sign-ins-per-minute=1", "--answer-seconds=1") as url:
        sent = [raw.send(url, "/sign-in", "Content-Length: 0", method="POST") for _ in range(3)]
        assert sent[-1].status == 429
        check(sent[-1].headers, 429)
        late = raw.send(
            url,
            "/sign-out",
            "Content-Length: 9",
            "Content-Type: application/x-www-form-urlencoded",
            method="POST",
        )
        assert late.status == 504
        check(late.headers, 504)


def test_files(shared_console: str) -> None:
    for path in ("/static/console.css", "/static/console.js", "/static/none"):
        check(raw.send(shared_console, path).headers, path)


def test_nothing_for_others_to_read(browse: Browse) -> None:
    """No answer lets a page of another origin read it."""
    answer = browse("alice").http.get("/namespaces", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_over_tls(control_plane: ControlPlane, browse: Browse) -> None:
    """Behind an Ingress: the address that people see begins with https."""
    port = free_port()
    host = "prompts.example.org"

    def ready() -> bool:
        try:
            return raw.send(f"http://127.0.0.1:{port}", "/readyz").status == 200
        except OSError:
            return False

    arguments = (f"--url=https://{host}",)
    with console(control_plane, "default", *arguments, port=port, ready=ready) as url:
        answer = raw.send(url, "/sign-in", f"Host: {host}")
        assert answer.status == 200
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        browser = httpx.Client(base_url=url, headers={"Host": host, "Origin": f"https://{host}"})
        with browser:
            asked = browser.get("/sign-in")
            form = browse().get("/sign-in").form("token")
            name, _, rest = asked.headers["set-cookie"].partition("=")
            assert name == "__Host-promptrelease-browser"
            assert {"Secure", "HttpOnly", "Path=/"} <= set(rest.split("; "))
            csrf = asked.text.split('name="csrf" value="')[1].split('"')[0]
            assert form.values["csrf"] != [csrf]
            entered = browser.post(
                "/sign-in",
                data={"csrf": csrf, "token": control_plane.token("alice")},
                headers={"Cookie": f"{name}={rest.split(';')[0]}"},
            )
            assert entered.status_code == 303
            name, _, rest = entered.headers["set-cookie"].partition("=")
            assert name == "__Host-promptrelease"
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(rest.split("; "))
            assert "Domain" not in rest
        wrong = httpx.post(
            f"{url}/sign-out", headers={"Host": host, "Origin": f"http://{host}.evil.example"}
        )
        assert wrong.status_code == 403
