"""The change log: what is in it, what is missing, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from promptrelease.release import log
from promptrelease.release.model import Change, ConfigMap, Consent, Served
from promptrelease.release.notes import Note, of_change
from promptrelease.release.times import moment


def move(revision: int, to: int = 1, kind: str = "Promotion", **more: object) -> Change:
    change = Change(
        release="ticket",
        label="production",
        revision=revision,
        kind=kind,
        before=None,
        to=to,
        digest=f"d{to}",
        reason="why",
        by="mia",
        at=time(revision),
    )
    return replace(change, **more)  # type: ignore[arg-type]


def end(revision: int, at: int) -> Change:
    return log.of_end(move(revision), by="eve", reason="unused", at=time(at))


def time(second: int) -> str:
    return f"2026-11-21T00:{second // 60:02}:{second % 60:02}Z"


def window(*revisions: int) -> tuple[Change, ...]:
    """Entries as they are kept."""
    entries: tuple[Change, ...] = ()
    for revision in revisions:
        entries = log.added(entries, move(revision))
    return entries


def revisions(entries: Sequence[Change]) -> list[int]:
    return [entry.revision for entry in entries]


FULL = window(*range(2, 2 * log.WINDOW + 1, 2))  # 2, 4, ... 64


def test_names_say_what_and_cannot_meet() -> None:
    assert log.name_of(move(7)) == "ticket.production.7"
    assert log.name_of(move(7, kind="Rollback")) == "ticket.production.7"
    assert log.name_of(end(7, 9)) == "ticket.production.7.withdrawn"


SERVED = Served(
    version=7,
    digest="d7",
    revision=5,
    since=time(5),
    reason="better",
    by="mia",
    history=(7, 6),
    kind="Rollback",
    before=6,
    approvals=(Consent("yes", "ann"),),
    evaluations=("e1",),
    break_glass="fire",
    checksum="sha256:files",
)


def test_the_entry_of_a_move_says_all_of_it() -> None:
    assert log.of_move("ticket", "production", SERVED) == Change(
        release="ticket",
        label="production",
        revision=5,
        kind="Rollback",
        before=6,
        to=7,
        digest="d7",
        reason="better",
        by="mia",
        at=time(5),
        approvals=(Consent("yes", "ann"),),
        evaluations=("e1",),
        break_glass="fire",
    )
    assert log.of_move("ticket", "production", replace(SERVED, kind="")).kind == "Promotion"


def test_the_entry_of_an_end_says_what_ended_and_passes_nothing_on() -> None:
    last = log.of_move("ticket", "production", SERVED)
    assert log.of_end(last, by="eve", reason="unused", at=time(9)) == Change(
        release="ticket",
        label="production",
        revision=5,
        kind="Withdrawal",
        before=7,
        to=None,
        digest="",
        reason="unused",
        by="eve",
        at=time(9),
    )


class TestAdded:
    def test_newest_first_whatever_comes_first(self) -> None:
        assert revisions(window(3, 1, 2)) == [3, 2, 1]

    def test_twice_is_once_and_the_first_stays(self) -> None:
        entries = window(1, 2)
        assert log.added(entries, move(2, to=9)) is entries

    def test_an_end_is_after_its_move(self) -> None:
        for changes in ([move(1), end(1, 5)], [end(1, 5), move(1)]):
            entries: tuple[Change, ...] = ()
            for change in changes:
                entries = log.added(entries, change)
            assert [entry.kind for entry in entries] == ["Withdrawal", "Promotion"]

    def test_the_oldest_go(self) -> None:
        assert len(FULL) == log.WINDOW
        assert revisions(log.added(FULL, move(65)))[:2] == [65, 64]
        assert revisions(log.added(FULL, move(65)))[-1] == 4
        assert log.added(FULL, move(1)) == FULL


class TestLeftBehind:
    @pytest.mark.parametrize(
        ("before", "change", "lost"),
        [
            pytest.param(FULL[1:], move(65), [], id="there is room"),
            pytest.param(FULL, move(65), [2], id="the oldest"),
            pytest.param(FULL, move(3), [2], id="one in between comes late"),
            pytest.param(FULL, move(1), [1], id="one comes too late"),
            pytest.param(FULL, move(64), [], id="twice is once"),
            pytest.param(FULL, end(1, 5), [], id="nothing hangs on an end"),
            pytest.param((*FULL[:-1], end(2, 5)), move(65), [], id="nor on one of the window"),
        ],
    )
    def test_what_a_full_window_has_no_place_for(
        self, before: tuple[Change, ...], change: Change, lost: list[int]
    ) -> None:
        found = dict(log.left_behind(before, log.added(before, change), change))
        assert revisions(list(found.values())) == lost

    @pytest.mark.parametrize(
        ("one", "two", "count"),
        [
            pytest.param({}, {}, 1, id="the same, twice"),
            pytest.param({}, {"reason": "other", "by": "bob", "before": 7}, 1, id="who asks why"),
            pytest.param({}, {"to": 2}, 2, id="another version"),
            pytest.param({}, {"digest": "d2"}, 2, id="another content"),
            pytest.param({}, {"approvals": (Consent("yes", "ann"),)}, 2, id="an approval"),
            pytest.param({}, {"break_glass": "fire"}, 2, id="broken glass"),
            pytest.param({"break_glass": "a"}, {"break_glass": "b"}, 2, id="twice broken"),
        ],
    )
    def test_one_of_each_that_decisions_can_hang_on(
        self, one: dict[str, object], two: dict[str, object], count: int
    ) -> None:
        before = (*FULL[:-2], move(4, **two), move(2, **one))  # type: ignore[arg-type]
        kept = dict(log.left_behind(before, log.added(before, move(65)), move(65)))
        before = log.added(before, move(65))
        kept |= dict(log.left_behind(before, log.added(before, move(66)), move(66)))
        assert len(kept) == count


class TestIsLogged:
    @pytest.mark.parametrize(
        ("entries", "change", "there"),
        [
            pytest.param((), move(1), False, id="nothing is"),
            pytest.param(window(1), move(1), True, id="it is there"),
            pytest.param(window(1), end(1, 5), False, id="its end is not"),
            pytest.param((end(1, 5),), move(1), False, id="only its end is"),
            pytest.param(window(2), move(1), False, id="older than all, and there is room"),
            pytest.param(FULL[1:], move(1), False, id="room for one"),
            pytest.param(FULL, move(1), True, id="a full window, older than all"),
            pytest.param(FULL, move(2), True, id="its oldest"),
            pytest.param(FULL, end(2, 5), False, id="the end of its oldest"),
            pytest.param(FULL, move(3), False, id="younger than its oldest"),
            pytest.param(FULL, move(65), False, id="younger than all"),
        ],
    )
    def test_as_far_as_is_known(
        self, entries: tuple[Change, ...], change: Change, there: bool
    ) -> None:
        assert log.is_logged(entries, change) == there


@pytest.mark.parametrize(
    ("entries", "what", "ended_since"),
    [
        pytest.param((), None, None, id="empty"),
        pytest.param(window(1, 2), 2, None, id="served"),
        pytest.param((end(2, 5), *window(1, 2)), None, 2, id="ended"),
        pytest.param((end(2, 5),), None, 2, id="ended, and its move fell out"),
        pytest.param((move(3), end(2, 5), move(2)), 3, None, id="and begun again"),
    ],
)
def test_what_is_served_as_far_as_the_log_tells(
    entries: tuple[Change, ...], what: int | None, ended_since: int | None
) -> None:
    found = log.unended(entries)
    assert (None if found is None else found.revision) == what
    for revision in (1, 2, 3):
        ended = ended_since is not None and revision <= ended_since
        assert log.has_ended(entries, revision) == ended


@pytest.mark.parametrize(
    ("entries", "version", "revision"),
    [
        pytest.param((), 7, 5, id="nothing is written down"),
        pytest.param((move(5, 7),), 7, 5, id="the same move"),
        pytest.param((move(4, 6),), 7, 5, id="an earlier one"),
        pytest.param((move(6, 8), move(5, 7)), 8, 6, id="a later one, and no status since"),
        pytest.param((end(6, 9), move(6, 8)), None, None, id="a later one, and its end"),
        pytest.param((end(5, 9), move(5, 7)), None, None, id="its end"),
        pytest.param((end(4, 9), move(4, 6)), 7, 5, id="an earlier end"),
        pytest.param((move(6, 7), end(5, 9), move(5, 7)), 7, 6, id="its end, and it came back"),
    ],
)
def test_what_was_served_last_when_the_config_map_is_gone(
    entries: tuple[Change, ...], version: int | None, revision: int | None
) -> None:
    found = log.last_served(SERVED, entries)
    if found is None:
        assert version is None
        return
    assert (found.version, found.digest, found.revision) == (version, f"d{version}", revision)
    assert found.history[0] == version
    assert found.checksum == (SERVED.checksum if revision == SERVED.revision else "")


class TestUnlogged:
    CONFIG_MAP = ConfigMap(
        name="ticket.production",
        label="production",
        uid="u",
        resource_version="1",
        owner="o",
        served=SERVED,
        checksum="",
        backlog=(move(3), move(4)),
    )

    @pytest.mark.parametrize(
        ("logged", "missing"),
        [((), [3, 4, 5]), ((3,), [4, 5]), ((3, 4), [5]), ((5,), [3, 4]), ((3, 4, 5), [])],
    )
    def test_the_backlog_and_what_is_served_oldest_first(
        self, logged: tuple[int, ...], missing: list[int]
    ) -> None:
        found = log.unlogged("ticket", self.CONFIG_MAP, SERVED, window(*logged))
        assert revisions(found) == missing

    def test_what_is_served_is_what_is_said_and_not_what_stands_there(self) -> None:
        known = replace(SERVED, revision=2)
        found = log.unlogged("ticket", self.CONFIG_MAP, known, ())
        assert found == [move(3), move(4), log.of_move("ticket", "production", known)]
        assert log.unlogged("ticket", self.CONFIG_MAP, None, ()) == [move(3), move(4)]


@pytest.mark.parametrize(
    ("version", "digest", "served"),
    [(2, "d2", True), (1, "d1", True), (2, "d1", False), (1, "d2", False), (3, "d3", False)],
)
def test_what_was_served_before_is_a_number_and_its_content(
    version: int, digest: str, served: bool
) -> None:
    assert log.has_served((end(2, 9), move(2, 2), move(1, 1)), version, digest) == served
    assert not log.has_served((), version, digest)


@pytest.mark.parametrize(
    ("version", "reason", "spent"),
    [(2, "fire", True), (2, "flood", False), (1, "fire", False), (1, "flood", True)],
)
def test_broken_glass_is_spent_for_a_version_and_in_these_words(
    version: int, reason: str, spent: bool
) -> None:
    entries = (move(2, 2, break_glass="fire"), move(1, 1, break_glass="flood"))
    assert log.is_spent(entries, version, reason) == spent
    assert not log.is_spent((), version, reason)


class TestHistory:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ((), (7,)),
            ((6, 5), (7, 6, 5)),
            ((6, 7, 5), (7, 6, 5)),
            (tuple(range(16, 6, -1)), (7, *range(16, 7, -1))),
            (tuple(range(20, 10, -1)), (7, *range(20, 11, -1))),
        ],
    )
    def test_newest_first_each_once_and_bounded(
        self, before: tuple[int, ...], after: tuple[int, ...]
    ) -> None:
        served = replace(SERVED, history=before)
        assert log.history(7, served, [move(1, to=99)]) == after

    def test_after_an_end_the_log_remembers(self) -> None:
        entries = (end(3, 9), move(3, to=3), move(2, to=7), move(1, to=3))
        assert log.history(7, None, entries) == (7, 3)
        assert log.history(7, None, ()) == (7,)


class TestIntervals:
    @pytest.mark.parametrize(
        ("entries", "stays"),
        [
            pytest.param((), [], id="never"),
            pytest.param((move(10),), [(10, None)], id="still"),
            pytest.param((move(30), move(10)), [(30, None), (10, 30)], id="until the next"),
            pytest.param((end(10, 20), move(10)), [], id="withdrawn"),
            pytest.param(
                (end(30, 50), move(30), move(10)), [(10, 30)], id="the one before is known"
            ),
            pytest.param((move(40), end(10, 20), move(10)), [(40, None)], id="withdrawn, and back"),
            pytest.param((end(10, 20),), [], id="its move fell out of the window"),
        ],
    )
    def test_from_when_until_when(
        self, entries: tuple[Change, ...], stays: list[tuple[int, int | None]]
    ) -> None:
        found = list(log.intervals(entries))
        assert [change for change, _, _ in found] == [
            entry for entry in entries if entry.at in {time(begin) for begin, _ in stays}
        ]
        assert [(begin, until) for _, begin, until in found] == [
            (moment(time(begin)), None if until is None else moment(time(until)))
            for begin, until in stays
        ]


@pytest.mark.parametrize(
    ("change", "word", "text"),
    [
        (move(2, 7, before=6), "Promoted", "from v6 to v7: why (by mia)"),
        (move(2, 7, before=None), "Promoted", "from nothing to v7: why (by mia)"),
        (move(2, 6, "Rollback", before=7), "RolledBack", "from v7 to v6: why (by mia)"),
        (move(2, 7, "Follow", before=6, by="", reason=""), "Followed", "from v6 to v7"),
        (move(2, 7, before=6, by=""), "Promoted", "from v6 to v7: why"),
        (move(2, 7, before=6, reason=""), "Promoted", "from v6 to v7 (by mia)"),
        (log.of_end(move(2, 7), by="", reason="", at=""), "Withdrawn", "from v7 to nothing"),
        (move(2, 7, "New", before=6, by="", reason=""), "New", "from v6 to v7"),
    ],
)
def test_a_change_in_words(change: Change, word: str, text: str) -> None:
    assert list(of_change(change)) == [Note("Normal", word, f"production moved {text}")]


@pytest.mark.parametrize(("by", "who"), [("mia", " (by mia)"), ("", "")])
def test_broken_glass_is_a_warning_of_its_own(by: str, who: str) -> None:
    told, warned = of_change(move(2, 7, before=6, by=by, break_glass="the house burns"))
    assert (told.type, told.reason) == ("Normal", "Promoted")
    text = f"production went to v7 past its gates{who}: the house burns"
    assert warned == Note("Warning", "GlassBroken", text)
