"""What others could try: forms of their own, hosts, paths, bodies, sessions of others."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit

import pytest

from console import raw
from console.addresses import addresses
from console.browsing import Browser
from console.conftest import Bind, Browse
from harness.api import Api, release, version
from harness.components import free_port
from harness.console import console
from harness.controlplane import ControlPlane

COOKIE = "promptrelease"
OTHER = "https://evil.example"
FIELDS = {
    "to": "2",
    "reason": "because",
    "version": "2",
    "digest": f"sha256:{0:064}",
    "decision": "approve",
    "comment": "fine",
    "text": "Hello {{name}}",
    "message": "new",
    "prompt": "another",
    "confirm": "yes",
    "label": "staging",
}
"""What one or the other form is made of; what one does not know it leaves alone."""


@pytest.fixture
def shop(api: Api, bind: Bind) -> Api:
    """A prompt with two versions, one on staging; alice may do everything to it."""
    bind("alice", "platform")
    api.create(version("greeting", 1))
    api.create(version("greeting", 2))
    api.create(release("greeting", staging=(1, "begin")))
    api.ready("greeting")
    return api


def posts(shop: Api) -> list[str]:
    """All addresses that take a form, the sign-in apart."""
    names = {"namespace": shop.namespace, "prompt": "greeting", "label": "staging", "number": "1"}
    found = [it for it in addresses("POST", names) if it != "/sign-in"]
    assert "/sign-out" in found
    return found


# Forms that are not ours


@pytest.mark.parametrize("csrf", [None, "", "wrong", "of bob"])
def test_each_form_needs_its_token(shop: Api, browse: Browse, csrf: str | None) -> None:
    alice, bob = browse("alice"), browse("bob")
    others = bob.get("/namespaces").form("csrf").values["csrf"][0]
    before = shop.state()
    for address in posts(shop):
        fields = dict(FIELDS)
        if csrf is not None:
            fields["csrf"] = others if csrf == "of bob" else csrf
        page = alice.post(address, fields)
        assert page.status == 403, address
        also = alice.post(f"{address}?csrf={quote(others)}", fields, x_csrf_token=others)
        assert also.status == 403, address
    assert shop.state() == before
    assert alice.get("/namespaces").status == 200  # still signed in


@pytest.mark.parametrize(
    "header",
    [
        {"origin": OTHER},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://127.0.0.1.evil.example"},
    ],
)
def test_no_page_of_others_can_send_one(shop: Api, browse: Browse, header: dict[str, str]) -> None:
    """Not even one that has found out the token."""
    alice = browse("alice")
    token = alice.get("/namespaces").form("csrf").values["csrf"][0]
    before = shop.state()
    for address in posts(shop):
        page = alice.post(address, {**FIELDS, "csrf": token}, **header)
        assert page.status == 403, address
        assert "not sent from a page of the console" in page.text
    assert shop.state() == before
    assert alice.get("/namespaces").status == 200


def test_without_a_session_nothing_is_done(shop: Api, browse: Browse) -> None:
    before = shop.state()
    nobody = browse()
    for address in posts(shop):
        page = nobody.post(address, FIELDS)
        assert page.status in (401, 200) if address == "/sign-out" else page.status == 401, address
    names = {"namespace": shop.namespace, "prompt": "greeting", "label": "staging", "number": "1"}
    public = ("/healthz", "/readyz", "/metrics", "/signed-out")
    for address in addresses("GET", names):
        answer = nobody.http.get(address, follow_redirects=False)
        if address.startswith("/sign-in"):
            assert "greeting" not in answer.text
        elif address not in public:
            assert answer.status_code == 303, address
            assert answer.headers["location"] == f"/sign-in?next={quote(address, safe='')}"
    assert shop.state() == before


def test_the_sign_in_is_a_form_of_ours_too(browse: Browse, control_plane: ControlPlane) -> None:
    """Or others could sign people in as somebody else, and read what they write."""
    victim = browse()
    token = control_plane.token("bob")
    csrf = browse().get("/sign-in").form("token").values["csrf"][0]
    for fields in ({}, {"csrf": ""}, {"csrf": csrf}):
        page = victim.post("/sign-in", {"token": token, **fields})
        assert page.status == 403
        assert COOKIE not in victim.http.cookies


def test_the_right_token_by_form_and_by_header(shop: Api, browse: Browse) -> None:
    """So that what is refused above is refused for the token alone."""
    alice = browse("alice")
    token = alice.get("/namespaces").form("csrf").values["csrf"][0]
    check = f"/n/{shop.namespace}/new/check"
    assert alice.post(check, {**FIELDS, "csrf": token}).status != 403
    assert alice.post(check, FIELDS, x_csrf_token=token, hx_request="true").status != 403
    gone = alice.post("/sign-out", {"csrf": token}, origin=alice.url)
    assert "You are signed out" in gone.text
    assert COOKIE not in alice.http.cookies


# Sessions


def test_a_cookie_that_was_changed(browse: Browse) -> None:
    alice = browse("alice")
    whole = alice.http.cookies[COOKIE]
    changed = [whole[:at] + ("A" if whole[at] != "A" else "B") + whole[at + 1 :]
               for at in (0, 1, 2, 10, 40, len(whole) // 2, len(whole) - 3)]  # fmt: skip
    changed += [whole[:-20], "", "1.", "4." + whole[2:], "0.", "-1.x", "999.x", "1." + "A" * 3000]
    for cookie in changed:
        nobody = browse()
        nobody.http.cookies.set(COOKIE, cookie, domain="127.0.0.1", path="/")
        assert nobody.get("/namespaces").path.startswith("/sign-in"), cookie


def test_a_cookie_of_another_console(browse: Browse, control_plane: ControlPlane) -> None:
    with console(control_plane, "default") as other:
        browser = browse("alice", url=other)
        stranger = browse()
        stranger.http.cookies.set(
            COOKIE, browser.http.cookies[COOKIE], domain="127.0.0.1", path="/"
        )
        assert stranger.get("/namespaces").path.startswith("/sign-in")


def test_a_session_that_was_planted_is_replaced(browse: Browse) -> None:
    bob, alice = browse("bob"), browse()
    alice.http.cookies.set(COOKIE, bob.http.cookies[COOKIE], domain="127.0.0.1", path="/")
    page = alice.get("/namespaces")
    assert page.find("span", class_="name").text == "bob"
    alice.sign_in("alice")
    again = alice.get("/namespaces")
    assert again.find("span", class_="name").text == "alice"
    assert again.form("csrf").values != page.form("csrf").values


def test_the_browser_keeps_the_cookie_to_itself(
    browse: Browse, control_plane: ControlPlane
) -> None:
    alice = browse()
    form = alice.get("/sign-in").form("token")
    fields = {"token": control_plane.token("alice"), "csrf": form.values["csrf"][0]}
    answer = alice.http.post("/sign-in", data=fields, follow_redirects=False)
    (cookie,) = answer.headers.get_list("set-cookie")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert control_plane.token("alice") not in cookie


def test_a_token_that_ends(control_plane: ControlPlane, namespace: str, browse: Browse) -> None:
    control_plane.kubectl("create", "serviceaccount", "robot", "-n", namespace)
    token = control_plane.kubectl("create", "token", "robot", "-n", namespace).stdout.strip()
    browser = browse()
    browser.tokens = {"robot": token}
    browser.sign_in("robot")
    name = f"system:serviceaccount:{namespace}:robot"
    assert browser.get("/namespaces").find("span", class_="name").text == name
    control_plane.kubectl("delete", "serviceaccount", "robot", "-n", namespace)
    address = f"/n/{namespace}/prompts"
    deadline = time.monotonic() + 60  # the API server remembers a token for ten seconds
    while not browser.get(address).path.startswith("/sign-in"):
        assert time.monotonic() < deadline
        time.sleep(1)


@pytest.mark.parametrize("token", ["", "   ", "a b", "x\ny", "ü", "x" * 20_000, "system:admin"])
def test_no_token(browse: Browse, token: str) -> None:
    browser = browse()
    page = browser.get("/sign-in").form("token").submit(token=token)
    assert page.status in (400, 401)
    assert page.alert
    assert COOKIE not in browser.http.cookies


# Where one is led to


TARGETS = [
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/%0a/evil.example\r\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "http:evil.example",
    "evil.example",
    "/sign-out",
    "/ü",
    " //evil.example",
    "@evil.example",
    "",
]


@pytest.mark.parametrize("target", TARGETS)
def test_it_leads_to_no_other_site(
    browse: Browse, control_plane: ControlPlane, target: str
) -> None:
    browser = browse()
    form = browser.get(f"/sign-in?next={quote(target, safe='')}").form("token")
    assert form.action == f"{browser.url}/sign-in?next=/"
    for action in (form.action, f"/sign-in?next={quote(target, safe='')}"):
        answer = browser.http.post(
            action,
            data={"token": control_plane.token("alice"), "csrf": form.values["csrf"][0]},
            follow_redirects=False,
        )
        assert answer.status_code == 303
        assert answer.headers["location"] == "/"
        assert "a=b" not in str(answer.headers)


def test_it_leads_to_the_page_that_was_wanted(browse: Browse) -> None:
    browser = browse()
    wanted = "/n/default/prompts?q=a%26b&page=2"
    page = browser.get(wanted)
    assert page.path.startswith("/sign-in")
    page = page.form("token").submit(token=browser.tokens["alice"])
    assert page.path == wanted


# Hosts and paths


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example"),
        *("{ours}.evil.example", "evil.example/{ours}", "{ours}@evil.example"),
        "{ours},evil.example",
    ],
)
def test_other_hosts_are_not_answered(shared_console: str, host: str) -> None:
    ours = urlsplit(shared_console).netloc
    for target in ("/sign-in", "/n/default/prompts/"):
        answer = raw.send(shared_console, target, f"Host: {host.format(ours=ours)}")
        assert answer.status in (400, 421), answer
        assert "location" not in answer.headers
        assert "evil" not in answer.body


def test_two_hosts(shared_console: str) -> None:
    ours = urlsplit(shared_console).netloc
    answer = raw.send(shared_console, "/sign-in", f"Host: {ours}", "Host: evil.example")
    assert answer.status in (400, 421)


def test_a_host_beside_the_real_one_is_not_believed(shared_console: str) -> None:
    for header in ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example",
                   "X-Original-URL: /metrics", "X-Forwarded-Prefix: //evil.example"):  # fmt: skip
        answer = raw.send(shared_console, "/", header)
        assert answer.status == 303
        assert answer.headers["location"] == "/sign-in?next=%2F"


def test_an_absolute_address(shared_console: str) -> None:
    answer = raw.send(shared_console, "http://evil.example/sign-in")
    assert "evil" not in str(answer)


@pytest.mark.parametrize(
    "target",
    [
        "/n/%2e%2e/prompts",
        "/n/../prompts",
        "/n/../../metrics",
        "/n/default%2f..%2fkube-system/prompts",
        "/n/..%2f..%2f..%2fapi/prompts",
        "/n/default/prompts/%2e%2e",
        "/n/default/prompts/..%2f..%2fsecrets",
        "/n/default/prompts/a%2fb",
        "/n/default/prompts/a%00b",
        "/n/default/prompts/a%0d%0aX: y".replace(" ", "%20"),
        "/n/default/prompts/%ff",
        "/n/default/prompts/a?watch=1/versions/1".replace("?", "%3f"),
        "/n/default/prompts/a%23b",
        "/n/DEFAULT/prompts",
        "/n/-/prompts",
        "/n/" + "a" * 300 + "/prompts",
        "/n/default/evaluations/%2e%2e%2fsecrets",
        "/n/default/prompts/a/versions/-1",
        "/n/default/prompts/a/versions/1e9",
        "/n/default/prompts/a/versions/" + "9" * 40,
        "/n/default/prompts/a/labels/%2e%2e/promote",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/static/../app.py",
        "/static//etc/passwd",
        "//evil.example/n/default/prompts",
        "/n/default/prompts//",
        "/%5cevil.example",
    ],
)
def test_paths_that_lead_elsewhere(shared_console: str, browse: Browse, target: str) -> None:
    admin = browse("admin")
    cookie = f"Cookie: {COOKIE}={admin.http.cookies[COOKIE]}"
    answer = raw.send(shared_console, target, cookie)
    assert answer.status in (400, 404), answer
    assert "location" not in answer.headers
    assert "passwd" not in answer.body.lower()
    assert "SettingsMistake" not in answer.body
    assert "metadata" not in answer.body  # nothing that the API server said


def test_what_is_asked_of_the_api_server_stays_in_the_namespace(
    shared_console: str, browse: Browse
) -> None:
    """Names in queries and forms are no way out, either."""
    admin = browse("admin")
    for query in ("prompt=../../kube-system/secrets/x&label=a", "prompt=%2e%2e&label=%2e%2e",
                  "prompt=a%3Fwatch%3D1&label=production", "q=..%2f..&page=-1", "page=99999999999",
                  "page=x"):  # fmt: skip
        for page in ("graph", "prompts", "approvals"):
            answer = admin.get(f"/n/default/{page}?{query}")
            assert answer.status in (200, 400, 404, 422), (page, query, answer)


# Too much, too often, too long


def test_a_body_that_is_too_long(shared_console: str, browse: Browse) -> None:
    limit = 2 * 1024 * 1024
    alice = browse("alice")
    cookie = f"Cookie: {COOKIE}={alice.http.cookies[COOKIE]}"
    form = "Content-Type: application/x-www-form-urlencoded"
    for target in ("/sign-in", "/sign-out", "/n/default/new"):
        announced = raw.send(
            shared_console, target, cookie, form, f"Content-Length: {limit + 1}", method="POST"
        )
        assert announced.status == 413
        chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
        body = chunk * (limit // 0x10000 + 1) + b"0\r\n\r\n"
        told = raw.send(
            shared_console, target, cookie, form, "Transfer-Encoding: chunked",
            method="POST", body=body,
        )  # fmt: skip
        assert told.status == 413
        assert "Nothing was done" in told.body


@pytest.mark.parametrize("length", ["-1", "x", "1, 2", "99999999999999999999999"])
def test_lengths_that_are_none(shared_console: str, length: str) -> None:
    answer = raw.send(shared_console, "/sign-in", f"Content-Length: {length}", method="POST")
    assert answer.status in (400, 413)


def test_two_lengths_are_refused(shared_console: str) -> None:
    """Or a proxy and the console could disagree where the next request begins."""
    body = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    both = ("Content-Length: 5", "Transfer-Encoding: chunked")
    answer = raw.send(shared_console, "/sign-in", *both, method="POST", body=body)
    assert answer.status in (400, 403)
    assert answer.body.count("HTTP/1.1") == 0


def test_too_many_fields(browse: Browse) -> None:
    alice = browse("alice")
    body = "&".join(f"a{n}=b" for n in range(5000))
    answer = alice.http.post(
        "/sign-out", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400


def test_headers_that_are_too_long(shared_console: str) -> None:
    answer = raw.send(shared_console, "/sign-in", f"Cookie: {COOKIE}={'a' * 200_000}")
    assert answer.status in (0, 400, 431)
    assert raw.send(shared_console, "/healthz").status == 200


def asked(browser: Browser, path: str, times: int) -> list[int]:
    return [browser.http.get(path, follow_redirects=False).status_code for _ in range(times)]


def test_who_asks_too_often_waits(control_plane: ControlPlane, browse: Browse) -> None:
    limits = ("--requests-per-minute=30", "--sign-ins-per-minute=3")
    with console(control_plane, "default", *limits) as url:
        alice, bob = browse("alice", url=url), browse("bob", url=url)
        assert 429 in asked(alice, "/namespaces", 40)
        refused = alice.get("/namespaces")
        assert refused.status == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert "too often" in refused.text
        assert bob.get("/namespaces").status == 200  # from the same address
        time.sleep(int(refused.headers["retry-after"]))
        assert alice.get("/namespaces").status == 200
        guesser = browse(url=url)
        form = guesser.get("/sign-in").form("token")
        tried = [form.submit(token=f"guess-{n}").status for n in range(6)]
        assert tried[-1] == 429
        assert guesser.http.get("/healthz").status_code == 200
        for _ in range(50):
            assert raw.send(url, "/static/console.css").status == 200


def test_forwarded_addresses_are_believed_of_proxies_alone(
    control_plane: ControlPlane, browse: Browse
) -> None:
    limits = ("--sign-ins-per-minute=2",)
    for proxies, last in (((), 429), (("--trusted-proxies=127.0.0.1",), 401)):
        with console(control_plane, "default", *limits, *proxies) as url:
            browser = browse(url=url)
            form = browser.get("/sign-in").form("token")
            tried = [
                browser.post(
                    "/sign-in",
                    {"token": "guess", "csrf": form.values["csrf"]},
                    x_forwarded_for=f"192.0.2.{n}",
                ).status
                for n in range(5)
            ]
            assert tried[-1] == last, tried


def test_slow_senders_hold_nobody_up(control_plane: ControlPlane, browse: Browse) -> None:
    """Fifty who send a byte and then nothing."""
    with console(control_plane, "default", "--answer-seconds=2") as url:
        place = urlsplit(url).netloc
        slow = (
            f"POST /sign-in HTTP/1.1\r\nHost: {place}\r\nContent-Length: 100\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\na"
        )
        with ThreadPoolExecutor(50) as pool:
            answers = [pool.submit(raw.exchange, url, slow.encode()) for _ in range(50)]
            alice = browse("alice", url=url)
            assert alice.get("/namespaces").status == 200
            assert {answer.result().status for answer in answers} == {504}


# What it tells about itself


def test_errors_say_nothing_about_the_machine(browse: Browse, shop: Api) -> None:
    alice = browse("alice")
    for address in (f"/n/{shop.namespace}/prompts/none", "/nowhere", "/n/default/prompts"):
        page = alice.get(address)
        for word in ("Traceback", "/work", "site-packages", "127.0.0.1:"):
            assert word not in page.html, address


def test_metrics_name_no_prompts_and_nobody(browse: Browse, shop: Api) -> None:
    alice = browse("alice")
    alice.get(f"/n/{shop.namespace}/prompts")
    alice.get("/made-up-by-somebody")
    text = alice.http.get("/metrics").text
    assert 'promptrelease_console_requests_total{method="GET",page="/n/{namespace}/prompts"' in text
    assert "promptrelease_console_request_seconds_bucket" in text
    for word in (shop.namespace, "alice", "greeting", "made-up"):
        assert word not in text


def test_the_log_names_people_and_no_secrets(
    control_plane: ControlPlane, browse: Browse, namespace: str
) -> None:
    with console(control_plane, namespace) as url:
        alice = browse("alice", url=url)
        alice.get(f"/n/{namespace}/prompts?q=what-I-look-for")
        alice.http.get("/n/x%0aforged/prompts")
        port = urlsplit(url).port
        log = control_plane.logs(f"console-{port}")
    lines = log.splitlines()
    assert any(f"GET /n/{namespace}/prompts" in it and it.endswith("alice") for it in lines)
    assert "what-I-look-for" not in log
    assert control_plane.token("alice") not in log
    assert not any(line.startswith("forged") for line in lines)


def test_ready_only_while_the_api_server_answers(browse: Browse) -> None:
    with ControlPlane() as plane, console(plane, "default", "--answer-seconds=20") as url:
        alice = browse(url=url)
        alice.tokens = {"alice": plane.token("alice")}
        alice.sign_in("alice")
        plane.stop_component("kube-apiserver")
        time.sleep(2.1)
        answer = alice.http.get("/readyz")
        assert answer.status_code == 503
        assert "does not answer" in answer.text
        assert alice.http.get("/healthz").status_code == 200
        page = alice.get("/n/default/prompts")
        assert page.status == 503
        assert "does not answer" in page.text
        plane.start_component("kube-apiserver")
        time.sleep(2.1)
        assert alice.http.get("/readyz").status_code == 200


def test_probes_on_a_port_of_their_own(control_plane: ControlPlane) -> None:
    """Which kubelet asks by the pod's address, and nobody from outside."""
    port = free_port()
    beside = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return raw.send(beside, "/readyz", "Host: 10.1.2.3:8081").status == 200
        except OSError:
            return False

    with console(control_plane, "default", f"--health-port={port}", ready=ready) as url:
        assert raw.send(beside, "/metrics").status == 200
        assert raw.send(beside, "/healthz").status == 200
        assert raw.send(beside, "/sign-in").status == 404
        for path in ("/metrics", "/readyz", "/healthz"):
            assert raw.send(url, path).status == 404
        assert raw.send(url, "/sign-in").status == 200


def test_json_is_no_form(shop: Api, browse: Browse) -> None:
    alice = browse("alice")
    token = alice.get("/namespaces").form("csrf").values["csrf"][0]
    before = shop.state()
    for address in posts(shop):
        answer = alice.http.post(address, content=json.dumps({**FIELDS, "csrf": token}))
        assert answer.status_code == 403, address
    assert shop.state() == before
