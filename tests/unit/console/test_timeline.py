"""The change log in sentences, filtered and page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promptrelease.console.shown.timeline import PAGE, Chosen, entry, newest, timeline
from promptrelease.release.model import Change, Consent

P = "ticket-summary"


def change(revision: int, label: str = "production", **more: object) -> Change:
    made = Change(
        P,
        label,
        revision,
        "Promotion",
        1,
        2,
        "",
        f"reason {revision}",
        "bob",
        f"2026-11-21T{revision // 60:02}:{revision % 60:02}:00Z",
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "before", "to", "told"),
    [
        ("Promotion", None, 2, "began with v2"),
        ("Promotion", 1, 2, "moved from v1 to v2"),
        ("Promotion", 2, 2, "serves v2 again, with other content"),
        ("Rollback", 3, 2, "went back from v3 to v2"),
        ("Follow", 2, 3, "followed from v2 to v3"),
        ("Follow", None, 3, "began with v3"),
        ("Withdrawal", 3, None, "was withdrawn; it served v3"),
        ("Withdrawal", None, None, "was withdrawn"),
    ],
)
def test_sentences(kind: str, before: int | None, to: int | None, told: str) -> None:
    found = entry(change(1, kind=kind, before=before, to=to))
    assert found.told == told
    assert found.comparable == (before is not None and to is not None and before != to)


LOG = [
    change(1, before=None),
    change(2, "staging", by="alice"),
    change(3, kind="Rollback", by="carol", before=2, to=1),
    change(4, approvals=(Consent("a-1", "dave"), Consent("a-2", ""))),
    change(5, by="erin", break_glass="outage"),
]


def test_newest_first_with_all_that_one_can_choose() -> None:
    found = timeline(LOG, P)
    assert [e.change.revision for e in found.entries] == [5, 4, 3, 2, 1]
    assert found.labels == ("production", "staging")
    assert found.people == ("alice", "bob", "carol", "dave", "erin")
    assert found.kinds == ("Promotion", "Rollback")
    assert [e.glass for e in found.entries] == ["outage", "", "", "", ""]
    assert found.entries[1].approvers == ("dave", "a-2")
    assert [e.change.revision for e in newest(LOG, P, 2)] == [5, 4]


@pytest.mark.parametrize(
    ("chosen", "revisions"),
    [
        (Chosen(label="staging"), [2]),
        (Chosen(person="bob"), [4, 1]),
        (Chosen(person="dave"), [4]),
        (Chosen(kind="Rollback"), [3]),
        (Chosen(label="production", person="carol", kind="Rollback"), [3]),
        (Chosen(label="staging", person="carol"), []),
    ],
)
def test_filters(chosen: Chosen, revisions: list[int]) -> None:
    found = timeline(LOG, P, chosen)
    assert [e.change.revision for e in found.entries] == revisions
    assert found.total == len(revisions)
    assert found.labels == ("production", "staging")  # whatever is chosen


def test_pages_hold_all_and_none_twice() -> None:
    log = [change(n) for n in range(1, 3 * PAGE)]
    pages = [timeline(log, P, page=n) for n in (1, 2, 3)]
    seen = [e.change.revision for page in pages for e in page.entries]
    assert seen == list(range(3 * PAGE - 1, 0, -1))
    assert {page.pages for page in pages} == {3}
    assert timeline(log, P, page=99).page == 3
    assert timeline([], P).pages == 1


def test_others_logs_are_left_out() -> None:
    assert timeline([replace(LOG[0], release="another")], P).entries == ()
