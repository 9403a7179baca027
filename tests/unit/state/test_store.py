"""What is known of the cluster, whatever order it is heard in."""

from __future__ import annotations

import random
from typing import Any

import pytest

from promptrelease.content.files import Content
from promptrelease.controller.contents import BoundedCache
from promptrelease.release import log, render
from promptrelease.release.model import Change, Consent, Obstacle, Problem, Served, Verdict
from promptrelease.state.sinks import ConfigMapSink, ReleaseSink, VersionSink
from promptrelease.state.store import Key, Store

NS = "team"
KEY = (NS, "p")
Json = dict[str, Any]


class Heard:
    """A store, and which keys it called dirty since the last look."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.store = Store(self.keys.append)

    @property
    def dirty(self) -> set[Key]:
        keys = set(self.keys)
        self.keys.clear()
        return keys


@pytest.fixture
def heard() -> Heard:
    return Heard()


def obj(name: str, at: int, uid: str = "u", **parts: Any) -> Json:
    meta = {"namespace": NS, "name": name, "uid": uid, "resourceVersion": str(at), "generation": at}
    return {"metadata": meta, "spec": {}, **parts}


def a_version(number: int, at: int, uid: str = "", prompt: str = "p", **includes: int) -> Json:
    spec = {
        "prompt": prompt,
        "version": number,
        "includes": {name: {"prompt": name, "version": n} for name, n in includes.items()},
    }
    return obj(f"{prompt}-v{number}", at, uid or f"{prompt}{number}", spec=spec)


def a_config_map(at: int, uid: str = "c", name: str = "p.production") -> Json:
    served = Served(1, "d", 1, "now", history=(1,))
    data = render.files("p", "production", served, Content(text="hi"))
    body = render.config_map(NS, "p", "u", "production", render.with_checksum(served, data), data)
    body["metadata"] |= {"uid": uid, "resourceVersion": str(at), "name": name}
    return body


VALID = Verdict("sha256:x")


def test_a_late_event_takes_nothing_back(heard: Heard) -> None:
    heard.store.put_release(obj("p", 7))
    heard.store.put_version(a_version(1, 7))
    heard.store.put_config_map(a_config_map(7))
    before = heard.store.view(KEY)
    assert heard.dirty == {KEY}
    for at in (3, 7):
        heard.store.put_release(obj("p", at))
        heard.store.put_version(a_version(1, at))
        heard.store.put_config_map(a_config_map(at))
    assert heard.store.view(KEY) == before
    assert not heard.dirty


def test_versions_compare_as_numbers(heard: Heard) -> None:
    heard.store.put_release(obj("p", 9))
    heard.store.put_release(obj("p", 10))
    release = heard.store.view(KEY).release
    assert release is not None
    assert release.resource_version == "10"


def test_a_late_deletion_of_another_of_that_name_is_none(heard: Heard) -> None:
    heard.store.put_release(obj("p", 7, "new"))
    heard.store.put_version(a_version(1, 7, "new"))
    heard.store.put_config_map(a_config_map(7, "new"))
    before = heard.store.view(KEY)
    heard.store.drop_release(NS, "p", "old")
    heard.store.drop_version(NS, "p", 1, "old")
    heard.store.drop_config_map(NS, "p.production", "old")
    assert heard.store.view(KEY) == before


def test_the_same_end_whatever_the_order(heard: Heard) -> None:
    events = [obj("p", at) for at in range(1, 30)]
    random.Random(3).shuffle(events)
    for event in events:
        heard.store.put_release(event)
    release = heard.store.view(KEY).release
    assert release is not None
    assert release.generation == 29


def test_what_is_gone_leaves_nothing_behind(heard: Heard) -> None:
    heard.store.put_release(obj("p", 1))
    heard.store.put_version(a_version(1, 1, tone=1))
    heard.store.put_config_map(a_config_map(1))
    heard.store.set_obstacle(KEY, "staging", Obstacle("x", lasting=True))
    heard.store.drop_release(NS, "p", "u")
    heard.store.drop_version(NS, "p", 1, "p1")
    heard.store.drop_config_map(NS, "p.production", "c")
    assert KEY not in heard.store
    assert heard.store.keys() == []


@pytest.mark.parametrize("name", ["no-dot", "a.b.c", ".production"])
def test_a_config_map_whose_name_is_never_ours_is_nothing(heard: Heard, name: str) -> None:
    heard.store.put_config_map(a_config_map(1, name=name))
    heard.store.drop_config_map(NS, name, "c")
    assert heard.store.keys() == []
    assert not heard.dirty


def test_a_config_map_is_known_by_its_name_and_not_by_its_labels(heard: Heard) -> None:
    body = a_config_map(1)
    body["metadata"]["labels"] = {"promptrelease.dev/label": "staging"}
    heard.store.put_config_map(body)
    known = heard.store.view(KEY).config_maps
    assert set(known) == {"production"}
    assert not known["production"].intact


class TestGhosts:
    def test_what_a_list_does_not_show_is_gone(self, heard: Heard) -> None:
        heard.store.put_release(obj("p", 5))
        heard.store.put_version(a_version(1, 5))
        heard.store.put_version(a_version(2, 5))
        heard.store.put_config_map(a_config_map(5))
        assert heard.dirty
        ReleaseSink(heard.store).keep_only(set(), "6")
        VersionSink(heard.store, lambda _: None).keep_only({"p2"}, "6")
        ConfigMapSink(heard.store).keep_only(set(), "6")
        view = heard.store.view(KEY)
        assert view.release is None
        assert set(view.versions) == {2}
        assert not view.config_maps
        assert heard.dirty == {KEY}

    def test_what_is_newer_than_the_list_may_be_there(self, heard: Heard) -> None:
        heard.store.put_release(obj("p", 10))
        ReleaseSink(heard.store).keep_only(set(), "9")
        assert heard.store.view(KEY).release is not None

    def test_a_version_is_dropped_by_its_name(self, heard: Heard) -> None:
        sink = VersionSink(heard.store, lambda _: None)
        sink.put(a_version(12, 1))
        sink.drop(NS, "p-v12", "p12")
        sink.drop(NS, "p-vx", "whatever")
        assert KEY not in heard.store


class TestVerdicts:
    def test_a_verdict_stays_while_the_version_does(self, heard: Heard) -> None:
        heard.store.put_version(a_version(1, 1))
        heard.store.set_verdict(KEY, "p1", 1, VALID)
        assert heard.dirty == {KEY}
        heard.store.put_version(a_version(1, 2))
        assert heard.store.view(KEY).versions[1].verdict == VALID
        heard.store.put_version(a_version(1, 3, uid="another"))
        assert heard.store.view(KEY).versions[1].verdict is None

    def test_a_verdict_on_one_that_is_gone_is_dropped(self, heard: Heard) -> None:
        heard.store.set_verdict(KEY, "p1", 1, VALID)
        heard.store.put_version(a_version(1, 1, uid="another"))
        heard.store.set_verdict(KEY, "p1", 1, VALID)
        assert heard.store.view(KEY).versions[1].verdict is None

    def test_the_same_verdict_is_no_news(self, heard: Heard) -> None:
        heard.store.put_version(a_version(1, 1))
        heard.store.set_verdict(KEY, "p1", 1, VALID)
        assert heard.dirty
        heard.store.set_verdict(KEY, "p1", 1, VALID)
        assert not heard.dirty

    def test_what_was_found_while_an_include_came_counts_for_nothing(self, heard: Heard) -> None:
        heard.store.put_version(a_version(1, 1, prompt="a", b=1))
        before = heard.store.doubts((NS, "a"))
        # Somebody looks, and b is not there; it comes before they say so.
        heard.store.put_version(a_version(1, 2, prompt="b"))
        assert heard.dirty
        missing = Verdict(problems=(Problem("IncludeMissing", "b"),))
        heard.store.set_verdict((NS, "a"), "a1", 1, missing, before)
        assert heard.dirty == {(NS, "a")}, "it must be looked at again"
        assert heard.store.view((NS, "a")).versions[1].verdict is None
        heard.store.set_verdict((NS, "a"), "a1", 1, VALID, heard.store.doubts((NS, "a")))
        assert heard.store.view((NS, "a")).versions[1].verdict == VALID

    def test_includers_are_doubted_all_the_way_up(self, heard: Heard) -> None:
        """a takes in b, which takes in c; d takes in nothing."""
        takes_in: dict[str, Any] = {"a": {"b": 1}, "b": {"c": 1}, "d": {}}
        for name, includes in takes_in.items():
            heard.store.put_version(a_version(1, 1, prompt=name, **includes))
        invalid = Verdict(problems=(Problem("IncludeMissing", "c"),))
        for name in "abd":
            heard.store.set_verdict((NS, name), f"{name}1", 1, invalid)
        assert heard.dirty

        heard.store.put_version(a_version(1, 2, prompt="c"))
        assert heard.dirty == {(NS, "a"), (NS, "b"), (NS, "c")}
        verdicts = {n: heard.store.view((NS, n)).versions[1].verdict for n in "abd"}
        assert verdicts["a"] is None
        assert verdicts["b"] is None
        assert verdicts["d"] is not None

        heard.store.set_verdict((NS, "a"), "a1", 1, VALID)
        heard.store.set_verdict((NS, "b"), "b1", 1, VALID)
        assert heard.dirty
        heard.store.put_version(a_version(1, 3, prompt="c"))
        assert heard.dirty == {(NS, "c")}, "only its status is new"
        heard.store.drop_version(NS, "c", 1, "c1")
        assert heard.dirty == {(NS, "a"), (NS, "b"), (NS, "c")}

    def test_a_cycle_of_includes_ends(self, heard: Heard) -> None:
        heard.store.put_version(a_version(1, 1, prompt="a", b=1))
        heard.store.put_version(a_version(1, 1, prompt="b", a=1))
        heard.store.drop_version(NS, "a", 1, "a1")
        heard.store.put_version(a_version(1, 2, prompt="a", uid="again", b=1))
        assert (NS, "b") in heard.dirty


class TestBoundedCache:
    def test_it_forgets_what_was_not_used_for_longest(self) -> None:
        cache: BoundedCache[str, int] = BoundedCache(10)
        cache.put("a", 1, 4)
        cache.put("b", 2, 4)
        assert cache.get("a") == 1
        cache.put("c", 3, 4)
        assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)

    def test_a_value_larger_than_all_is_not_kept_and_takes_no_room(self) -> None:
        cache: BoundedCache[str, int] = BoundedCache(10)
        cache.put("a", 1, 11)
        assert cache.get("a") is None
        cache.put("b", 2, 10)
        assert cache.get("b") == 2

    def test_replacing_and_discarding_give_room_back(self) -> None:
        cache: BoundedCache[str, int] = BoundedCache(10)
        for value in range(5):
            cache.put("a", value, 6)
        cache.discard("a")
        cache.discard("a")
        cache.put("b", 1, 5)
        cache.put("c", 2, 5)
        assert (cache.get("b"), cache.get("c")) == (1, 2)


@pytest.mark.parametrize("log_first", [True, False])
def test_a_namespace_that_goes_takes_the_log_with_it(log_first: bool) -> None:
    """In whatever order its objects go; while there is a version, what was logged is known."""
    store = Store(lambda _: None)
    store.put_version(a_version(1, 1))
    change = Change(
        *("p", "production", 1, "Promotion", None, 1, "sha256:1", "", ""), at="2026-11-21T00:00:00Z"
    )
    store.add_change(NS, change)
    turns = ["log", "version"] if log_first else ["version", "log"]
    for turn in turns:
        assert store.view(KEY).log["production"]
        if turn == "log":
            store.drop_change(NS, log.name_of(change))
        else:
            store.drop_version(NS, "p", 1, "p1")
    assert KEY not in store


def test_what_a_label_served_long_ago_is_still_known() -> None:
    store, key = Store(lambda _: None), ("team", "greeting")

    def moved(revision: int) -> Change:
        version = 1 if revision == 1 else 2 + revision % 2
        consents = (Consent("ok", "bob"),) if revision == 1 else ()
        digest = f"sha256:{version}"
        return Change(
            *("greeting", "production", revision, "Promotion", None, version, digest, "", ""),
            at="2026-11-21T00:00:00Z",
            approvals=consents,
        )

    order = [*range(2, 100), 1]  # as a list may bring them
    for revision in order:
        store.add_change("team", moved(revision))
    view = store.view(key)
    assert len(view.log["production"]) == log.WINDOW
    older = view.older["production"]
    assert log.has_served((*view.log["production"], *older), 1, "sha256:1")
    assert {consent.name for change in older for consent in change.approvals} == {"ok"}
    assert len(older) <= 3, "one of each content"
