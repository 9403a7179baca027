"""The list of prompts: its lines, and what is found among them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from harness.api import release, version
from promptrelease.console.kube.feed import Feed
from promptrelease.console.listing.board import PAGE, Asked, Board
from promptrelease.console.listing.row import BAD, MUTED, OK, WAIT, Row, row

DIGEST = f"sha256:{7:064}"
READY = {"type": "Ready", "status": "True", "reason": "Served", "observedGeneration": 1}


def stored(obj: dict[str, Any], **status: Any) -> dict[str, Any]:
    """The object as the API server has it."""
    meta = {**obj["metadata"], "uid": "u", "resourceVersion": "1", "generation": 1}
    return {**obj, "metadata": meta, "status": status}


def served(prompt: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """A release whose production is where it shall be, unless ``more`` of its label says else."""
    label = {"version": number, "digest": DIGEST, "revision": 1, "reason": "begin", **more}
    return stored(
        release(prompt, production=(number, "begin")),
        observedGeneration=1,
        labels={"production": label},
        conditions=[READY],
    )


def condition(kind: str, message: str) -> dict[str, Any]:
    return {
        "type": kind,
        "status": "True",
        "reason": kind,
        "message": message,
        "observedGeneration": 1,
    }


@pytest.fixture
async def feed() -> AsyncIterator[Feed]:
    """A feed that nobody lends rights to: it knows what a test puts into it."""
    made = Feed("shop")
    yield made
    await made.stop()


async def names(board: Board, **asked: Any) -> list[str]:
    return [it.name for it in (await board.page(Asked(**asked), 1)).rows]


def line(prompt: dict[str, Any]) -> Row:
    return row(prompt["metadata"]["name"], prompt, {})


def test_a_prompt_that_serves_what_was_asked_for_is_fine() -> None:
    found = line(served("ticket", since="2026-11-20T08:00:00Z"))
    assert (found.kind, found.state, found.moved) == (OK, "Fine", "2026-11-20T08:00:00Z")
    (chip,) = found.chips
    assert (chip.name, chip.serves, chip.going, chip.kind) == ("production", "v1", None, OK)


def test_a_move_that_waits_for_an_approval_says_so() -> None:
    waits = [f"2 approvals of {DIGEST} by somebody else than alice (so far 1)"]
    obj = served("ticket", pending={"version": 2, "waitingFor": waits, "digest": DIGEST})
    obj["status"]["conditions"] = [condition("Reconciling", f"production stays at v1: {waits[0]}")]
    found = line(obj)
    (chip,) = found.chips
    assert (found.kind, chip.kind, chip.serves, chip.going) == (WAIT, WAIT, "v1", 2)
    assert found.approvals == ("production",)
    (steps,) = chip.waits
    assert "".join(step.text for step in steps) == "approval by one more person other than alice"


def test_what_stalls_is_bad_and_the_other_labels_are_not() -> None:
    wait = "PromptVersion ticket-v2, which is invalid: an undeclared variable"
    obj = served("ticket", pending={"version": 2, "waitingFor": [wait]})
    obj["status"]["labels"]["staging"] = {"version": 1, "digest": DIGEST, "revision": 2}
    obj["spec"]["labels"]["staging"] = {"version": 1, "reason": "too"}
    obj["status"]["conditions"] = [condition("Stalled", f"production stays at v1: {wait}")]
    found = line(obj)
    assert found.kind == BAD
    assert found.message == ""  # its label says it
    assert {chip.name: chip.kind for chip in found.chips} == {"production": BAD, "staging": OK}


def test_versions_without_a_release_are_not_live() -> None:
    store: dict[int, Any] = {}
    from promptrelease.console.kube.known import summary

    for number in (1, 2):
        store[number] = summary(stored(version("ticket", number)))
    found = row("ticket", None, store)
    assert (found.kind, found.newest, found.said, found.chips) == (MUTED, 2, "try 2", ())


def test_pods_that_were_not_told_are_counted() -> None:
    consumers = {"revision": 1, "pods": 5, "refreshed": 3}
    found = line(served("ticket", consumers=consumers))
    assert (found.pods, found.behind) == (5, 2)


async def test_a_search_looks_into_names_messages_models_reasons_and_people(feed: Feed) -> None:
    feed.releases.put(served("ticket", 3, reason="Keep the urgency", by="bob"))
    feed.versions.put(stored(version("ticket", 3, message="Kürzer und höflich")))
    feed.releases.put(served("other"))
    board = Board(feed)
    for words in (
        ("tick",),
        ("urgency",),
        ("bob",),
        ("kürzer",),
        ("openai/gpt-5",),
        ("bob", "urg"),
    ):
        assert await names(board, words=words) == ["ticket"], words
    assert await names(board, words=("bob", "nothing")) == []
    assert await names(board, words=()) == ["other", "ticket"]


async def test_states_are_counted_for_what_was_found(feed: Feed) -> None:
    feed.releases.put(served("fine"))
    feed.releases.put(served("fine-too"))
    broken = served("fine-not")
    broken["status"]["conditions"] = [condition("Stalled", "the API server refused: a quota")]
    feed.releases.put(broken)
    board = Board(feed)
    page = await board.page(Asked(("fine",), "trouble"), 1)
    assert [it.name for it in page.rows] == ["fine-not"]
    assert dict(page.counts) == {"": 3, "waiting": 0, "trouble": 1, "fine": 2}
    assert page.everything == 3


async def test_pages_end_where_the_prompts_do(feed: Feed) -> None:
    for number in range(2 * PAGE + 1):
        feed.releases.put(served(f"p{number:03}"))
    board = Board(feed)
    page = await board.page(Asked(), 99)
    assert (page.number, page.pages, page.first, page.last, page.total) == (3, 3, 101, 101, 101)
    assert [it.name for it in page.rows] == ["p100"]
    first = await board.page(Asked(order="-name"), 1)
    assert (first.rows[0].name, first.first, first.last) == ("p100", 1, 50)


async def test_orders(feed: Feed) -> None:
    feed.releases.put(served("a", since="2026-01-01T00:00:00Z"))
    feed.releases.put(served("b", since="2026-03-01T00:00:00Z"))
    broken = served("c", since="2026-02-01T00:00:00Z")
    broken["status"]["conditions"] = [condition("Stalled", "no")]
    feed.releases.put(broken)
    board = Board(feed)
    assert await names(board, order="changed") == ["b", "c", "a"]
    assert await names(board, order="-changed") == ["a", "c", "b"]
    assert await names(board, order="state") == ["c", "a", "b"]


async def test_a_change_is_seen_and_only_what_is_shown_changes_the_tag(feed: Feed) -> None:
    for name in ("a", "b"):
        feed.releases.put(served(name))
    board = Board(feed)
    only_a = Asked(("a",))
    before, all_before = (await board.page(only_a, 1)).tag, (await board.page(Asked(), 1)).tag
    feed.releases.put(served("b", 2))
    feed.releases.put(served("a"))  # again, and the same
    assert (await board.page(only_a, 1)).tag == before
    page = await board.page(Asked(), 1)
    assert page.tag != all_before
    assert page.rows[1].chips[0].serves == "v2"
    feed.releases.drop("b")
    assert await names(board) == ["a"]


async def test_what_a_list_does_not_show_is_gone(feed: Feed) -> None:
    for number in (1, 2):
        feed.versions.put(stored(version("ticket-v2", number)))
    feed.versions.put(stored(version("gone", 1)))
    feed.versions.keep_only({"ticket-v2-v1"})
    assert {prompt: list(numbers) for prompt, numbers in feed.versions.items()} == {
        "ticket-v2": [1]
    }


async def test_waiting_approvals_are_counted_over_all_prompts(feed: Feed) -> None:
    pending = {"version": 2, "waitingFor": [f"1 approval of {DIGEST}"], "digest": DIGEST}
    feed.releases.put(served("ticket", pending=pending))
    feed.releases.put(served("other"))
    board = Board(feed)
    await board.catch_up()
    assert board.waiting == 1
