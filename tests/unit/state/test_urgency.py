"""What of all that is heard is urgent, and whom else it concerns: the cost of many at once."""

from __future__ import annotations

from typing import Any

import pytest

from promptrelease.content.files import Content
from promptrelease.release import render
from promptrelease.release.model import Served
from promptrelease.state.store import Key, Store

NS = "team"
KEY = (NS, "p")
DIGEST = "sha256:" + "a" * 64
Json = dict[str, Any]


class Heard:
    """A store, and which keys it called urgent, or not, since the last look."""

    def __init__(self) -> None:
        self.urgent: list[Key] = []
        self.rest: list[Key] = []
        self.store = Store(self.urgent.append, self.rest.append)

    def look(self) -> tuple[set[Key], set[Key]]:
        """The urgent ones, and the others."""
        found = set(self.urgent), set(self.rest)
        self.urgent.clear()
        self.rest.clear()
        return found


@pytest.fixture
def heard() -> Heard:
    return Heard()


def obj(name: str, at: int, **parts: Any) -> Json:
    meta = {"namespace": NS, "name": name, "uid": name, "resourceVersion": str(at), "generation": 1}
    return {"metadata": meta, "spec": {}, **parts}


def a_release(at: int, name: str = "p", **labels: int) -> Json:
    wanted = {label: {"version": n, "reason": f"to {n}"} for label, n in labels.items()}
    return obj(name, at, spec={"labels": wanted})


def a_version(at: int, number: int = 1, prompt: str = "p", **spec: Any) -> Json:
    return obj(f"{prompt}-v{number}", at, spec={"prompt": prompt, "version": number, **spec})


def a_config_map(at: int, revision: int, prompt: str = "p", text: str = "hi") -> Json:
    served = Served(revision, DIGEST, revision, "2026-01-01T00:00:00Z", history=(revision,))
    data = render.files(prompt, "production", served, Content(text="hi"))
    served = render.with_checksum(served, data)
    body = render.config_map(NS, prompt, "u", "production", served, data | {"prompt.txt": text})
    body["metadata"] |= {"uid": prompt, "resourceVersion": str(at)}
    return body


def test_an_edit_is_urgent_and_a_status_is_not(heard: Heard) -> None:
    heard.store.put_release(a_release(1, production=1))
    assert heard.look() == ({KEY}, set())
    told = a_release(2, production=1) | {"status": {"observedGeneration": 1, "revision": 3}}
    heard.store.put_release(told)
    assert heard.look() == (set(), {KEY})
    heard.store.put_release(a_release(3, production=2) | {"status": told["status"]})
    assert heard.look() == ({KEY}, set())
    glass = a_release(4, production=2)
    glass["metadata"]["annotations"] = {"breakglass.promptrelease.dev/production": "v2: now"}
    heard.store.put_release(glass)
    assert heard.look()[0] == {KEY}


def test_a_new_version_is_urgent_and_its_status_is_not(heard: Heard) -> None:
    heard.store.put_version(a_version(1))
    assert heard.look() == ({KEY}, set())
    heard.store.put_version(a_version(2) | {"status": {"labels": ["production"]}})
    assert heard.look() == (set(), {KEY})


def test_the_next_write_of_ours_is_not_urgent(heard: Heard) -> None:
    heard.store.put_config_map(a_config_map(1, revision=1))
    heard.look()
    heard.store.put_config_map(a_config_map(2, revision=2))
    assert heard.look() == (set(), {KEY})


@pytest.mark.parametrize(
    "edited",
    [
        pytest.param(a_config_map(3, revision=3, text="edited"), id="a file"),
        pytest.param(a_config_map(3, revision=1), id="put back to what it was"),
        pytest.param(a_config_map(3, revision=2), id="to what it is"),
    ],
)
def test_an_edit_of_a_config_map_is_urgent(heard: Heard, edited: Json) -> None:
    heard.store.put_config_map(a_config_map(2, revision=2))
    heard.look()
    heard.store.put_config_map(edited)
    assert heard.look()[0] == {KEY}


def test_moves_at_once_do_not_have_one_another_looked_at(heard: Heard) -> None:
    names = [f"p{number}" for number in range(50)]
    for at, name in enumerate(names, 1):
        heard.store.put_version(a_version(at, prompt=name))
        heard.store.put_release(a_release(at, name, production=1))
    heard.look()
    for at, name in enumerate(names, 100):
        heard.store.put_config_map(a_config_map(at, 1, name))
    assert len(heard.urgent) == len(names)


def test_who_consumes_what_has_moved_is_concerned(heard: Heard) -> None:
    store = heard.store
    store.put_version(a_version(1, prompt="reader", consumes=["p"]))
    store.put_config_map(a_config_map(1, 1, "reader"))
    store.put_config_map(a_config_map(2, 1, "p"))
    heard.look()
    store.put_config_map(a_config_map(3, 2, "p"))
    assert heard.look()[0] == {(NS, "reader")}

    store.scenes.listing = True
    store.put_config_map(a_config_map(4, 3, "p"))
    assert heard.look() == (set(), {KEY}), "all are looked at when everything is listed"
    store.scenes.listing = False
    store.put_config_map(a_config_map(5, 4, "p"))
    assert heard.look()[0] == {(NS, "reader")}

    store.drop_config_map(NS, "reader.production", "reader")
    heard.look()
    store.put_config_map(a_config_map(6, 5, "p"))
    assert heard.look() == (set(), {KEY})
