"""The last entries of a log, by the names that a status tells."""

from __future__ import annotations

from dataclasses import replace

from promptrelease.console.pages.lately import last, names, unexplained
from promptrelease.release.log import of_move
from promptrelease.release.model import Change, LabelStatus, Release, ReleaseStatus, Served

P = "ticket-summary"


def release(revision: int, **labels: int) -> Release:
    """``release(9, production=9, staging=7)``: what each label serves came by that revision."""
    statuses = {name: LabelStatus(served(number)) for name, number in labels.items()}
    return Release(P, "u", "1", 1, {}, ReleaseStatus(1, revision, statuses, ()))


def served(revision: int, before: int | None = 1) -> Served:
    return Served(2, "", revision, "2026-11-20T12:00:00Z", before=before)


def entry(label: str, revision: int, before: int | None = 1) -> Change:
    return of_move(P, label, served(revision, before))


def test_what_the_status_tells_is_not_asked_for() -> None:
    its = release(3, production=3, staging=2, latest=1)
    assert sorted(last(its)) == [1, 2, 3]
    assert names(its, last(its), 8) == {}


def test_no_entry_of_a_label_is_newer_than_what_it_serves() -> None:
    its = release(9, production=9, staging=6)
    assert names(its, last(its), 5) == {
        5: [f"{P}.production.5", f"{P}.staging.5"],
        7: [f"{P}.production.7"],
        8: [f"{P}.production.8"],
    }


def test_a_label_that_was_withdrawn_leaves_a_gap() -> None:
    its = release(3, production=3)
    found = last(its)
    assert unexplained(its, found | {2: entry("production", 2)}, 3)
    assert not unexplained(its, found | {n: entry("production", n) for n in (1, 2)}, 3)
    its = release(3, production=2)
    assert names(its, last(its), 2) == {3: []}


def test_a_label_that_begins_again_has_an_end_between() -> None:
    its = release(2, production=2)
    first = {1: entry("production", 1, None)}
    assert not unexplained(its, last(its) | first, 8)
    again = {2: entry("production", 2, None)}
    assert unexplained(its, again | first, 8)
    # Or it may have, before what is looked at.
    assert unexplained(its, again, 1)


def test_a_withdrawal_that_is_told_of() -> None:
    its = release(1, production=1)
    assert not unexplained(its, last(its), 8)
    assert unexplained(replace(its, withdrawn_by={"canary": "bob"}), last(its), 8)
