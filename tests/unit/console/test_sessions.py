"""Sessions, what seals them, and the cookies that hold them."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from http.cookies import SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from promptrelease.console.identity import browsers, coming, cookies, sessions
from promptrelease.console.identity.person import Person
from promptrelease.console.identity.sealing import proof, seal, unseal
from promptrelease.console.settings import Settings
from promptrelease.views.failures import Forbidden

SECRET = "a" * 40
SETTINGS = Settings(server="https://a", secret=SECRET, url="http://a", secure=False)


def request(jar: dict[str, str] | None = None) -> Request:
    cookie = "; ".join(f"{key}={value}" for key, value in (jar or {}).items())
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request({"type": "http", "headers": headers, "method": "GET", "path": "/"})


def jar(response: Response, before: dict[str, str] | None = None) -> dict[str, str]:
    """What a browser holds after an answer."""
    found = dict(before or {})
    for header in response.headers.getlist("set-cookie"):
        for key, morsel in SimpleCookie(header).items():
            if morsel["max-age"] == "0":
                found.pop(key, None)
            else:
                found[key] = morsel.value
    return found


def written(session: sessions.Session, settings: Settings = SETTINGS) -> dict[str, str]:
    response = Response()
    sessions.write(settings, response, session)
    return jar(response)


def begun(token: str = "secret", **more: float | str) -> sessions.Session:
    person = Person("alice", ("authors", "büro"), "Alice", token)
    return replace(sessions.begin(SETTINGS, person, time.time()), **more)  # type: ignore[arg-type]


# Sealing


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_what_was_sealed_comes_out_again(value: object) -> None:
    sealed = seal(SECRET, "one", value)
    assert unseal(SECRET, "one", sealed) == value
    assert sealed.replace("-", "").replace("_", "").isalnum()


def test_not_for_another_purpose() -> None:
    assert unseal(SECRET, "two", seal(SECRET, "one", {"a": 1})) is None


def test_not_with_another_secret() -> None:
    assert unseal("b" * 40, "one", seal(SECRET, "one", {"a": 1})) is None


def test_a_secret_is_replaced() -> None:
    """The new one first, the old one still opens."""
    new, old = "n" * 40, SECRET
    both = f"{new}\n{old}"
    assert unseal(both, "one", seal(old, "one", 1)) == 1
    assert unseal(old, "one", seal(both, "one", 1)) is None
    assert unseal(new, "one", seal(both, "one", 1)) == 1


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_byte_changed_anywhere(at: int, by: int) -> None:
    sealed = bytearray(seal(SECRET, "one", {"a": "b" * 40}).encode())
    at %= len(sealed)
    sealed[at] = (sealed[at] + by) % 256
    found = unseal(SECRET, "one", sealed.decode("latin-1"))
    # The last character has bits that mean nothing.
    assert found is None or at == len(sealed) - 1


@given(st.text())
def test_anything_else_is_nothing(text: str) -> None:
    assert unseal(SECRET, "one", text) is None


def test_it_grows_old() -> None:
    sealed = seal(SECRET, "one", 1)
    assert unseal(SECRET, "one", sealed, 60) == 1
    assert unseal(SECRET, "one", sealed, -1) is None


@given(st.lists(st.text()), st.lists(st.text()))
def test_a_proof_is_of_these_parts(one: list[str], other: list[str]) -> None:
    assert (proof(SECRET, *one) == proof(SECRET, *other)) == (one == other)


# Cookies


@pytest.mark.parametrize("length", [1, 3799, 3800, 3801, 15200])
def test_a_cookie_in_parts(length: int) -> None:
    value = secrets.token_urlsafe(length)[:length]
    response = Response()
    cookies.write(SETTINGS, response, "x", value)
    held = jar(response)
    assert len(held) == -(-length // 3800)
    assert all(len(key) + len(part) < 4000 for key, part in held.items())
    assert cookies.read(SETTINGS, request(held), "x") == value
    for key in held:
        assert (
            cookies.read(SETTINGS, request({k: v for k, v in held.items() if k != key}), "x") == ""
        )


def test_too_long_for_cookies() -> None:
    with pytest.raises(cookies.TooLong):
        cookies.write(SETTINGS, Response(), "x", "a" * 15201)


def test_a_person_with_more_groups_than_fit() -> None:
    session = begun(token=secrets.token_hex(20_000))
    with pytest.raises(Forbidden, match="too long"):
        sessions.write(SETTINGS, Response(), session)


@pytest.mark.parametrize("value", ["", "x", "5.x", "0.x", "-1.x", "²x.", "1", "1e1.x", "\u0661.x"])
def test_a_cookie_that_is_none_of_ours(value: str) -> None:
    scope = request({"promptrelease": value})
    found = cookies.read(SETTINGS, scope)
    assert sessions.read(SETTINGS, scope) is None
    assert found == ""


def test_ending_takes_all_parts() -> None:
    held = written(begun(token=secrets.token_hex(4000)))
    assert len(held) > 1
    response = Response()
    sessions.end(SETTINGS, request(held), response)
    assert jar(response, held) == {}


def test_names_that_bind_cookies_to_this_host() -> None:
    assert cookies.name(replace(SETTINGS, secure=True)).startswith("__Host-")
    response = Response()
    cookies.write(replace(SETTINGS, secure=True), response, "", "x")
    header = response.headers["set-cookie"]
    assert "Secure" in header
    assert "Path=/" in header
    assert "Domain" not in header


# Sessions


def test_a_session_comes_back_whole() -> None:
    session = begun(refresh="r", subject="s")
    assert sessions.read(SETTINGS, request(written(session))) == session


def test_the_token_is_not_to_be_read() -> None:
    held = written(begun(token="do-not-look"))
    assert "do-not-look" not in str(held)


def test_each_has_a_token_for_forms_of_its_own() -> None:
    assert begun().csrf != begun().csrf


def test_it_ends() -> None:
    now = time.time()
    over = written(begun(ends=now - 1))
    assert sessions.read(SETTINGS, request(over)) is None
    last = sessions.last(SETTINGS, request(over))
    assert last is not None
    assert last.person.name == "alice"


def test_it_ends_with_its_token_unless_that_can_be_renewed() -> None:
    now = time.time()
    assert sessions.read(SETTINGS, request(written(begun(expires=now - 1)))) is None
    assert sessions.read(SETTINGS, request(written(begun(expires=now - 1, refresh="r"))))


# Sign-ins that have begun


def test_a_sign_in_comes_back() -> None:
    response = Response()
    one = coming.begin(SETTINGS, request(), response, "/a")
    held = jar(response)
    assert coming.finish(SETTINGS, request(held), one.state) == one
    assert coming.finish(SETTINGS, request(held), "another") is None
    assert coming.finish(SETTINGS, request(), one.state) is None
    assert coming.finish(SETTINGS, request(held), "") is None


def test_one_is_not_taken_for_another() -> None:
    """Its cookie under another's name."""
    first, second = Response(), Response()
    one = coming.begin(SETTINGS, request(), first, "/a")
    other = coming.begin(SETTINGS, request(), second, "/b")
    swapped = dict(zip(jar(first), jar(second).values(), strict=True))
    assert coming.finish(SETTINGS, request(swapped), one.state) is None
    assert coming.finish(SETTINGS, request(swapped), other.state) is None


def test_many_do_not_pile_up() -> None:
    held: dict[str, str] = {}
    for _ in range(20):
        response = Response()
        coming.begin(SETTINGS, request(held), response, "/")
        held = jar(response, held)
    assert len(held) <= coming.AT_ONCE + 1


# Browsers


def test_a_form_is_the_browsers_own() -> None:
    response = Response()
    name = browsers.known(SETTINGS, request())
    browsers.remember(SETTINGS, request(), response, name)
    held = jar(response)
    csrf = browsers.csrf(SETTINGS, name, "sign-in")
    assert browsers.known(SETTINGS, request(held)) == name
    assert browsers.sent(SETTINGS, request(held), "sign-in", csrf)
    assert not browsers.sent(SETTINGS, request(held), "again", csrf)
    assert not browsers.sent(SETTINGS, request(held), "sign-in", "")
    assert not browsers.sent(SETTINGS, request(), "sign-in", csrf)
    empty = browsers.csrf(SETTINGS, "", "sign-in")
    assert not browsers.sent(SETTINGS, request(), "sign-in", empty)


def test_a_name_that_is_none() -> None:
    assert browsers.known(SETTINGS, request({"promptrelease-browser": "1.x"})) != "x"
