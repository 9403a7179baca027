"""Which versions may go: whatever is a reason to keep one keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from promptrelease.release import retention
from promptrelease.release.model import (
    LabelStatus,
    Pending,
    Release,
    ReleaseStatus,
    Served,
    Version,
    View,
    Wanted,
)
from promptrelease.release.policy import Policy, Retention
from promptrelease.release.times import timestamp

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
DAY = timedelta(days=1)
ALL = list(range(1, 10))


def keeping(keep: int = 1, days: int = 30, dry_run: bool = False, **more: object) -> Policy:
    it = Policy("one", "u", "1", retention=Retention(keep, days, dry_run))
    return replace(it, **more)  # type: ignore[arg-type]


def judged(
    *policies: Policy,
    ages: Mapping[int, timedelta] | None = None,
    labels: Mapping[str, Wanted] | None = None,
    told: Mapping[str, LabelStatus] | None = None,
    includers: Mapping[int, tuple[str, ...]] | None = None,
    numbers: list[int] = ALL,
) -> retention.Verdict:
    """Versions 1 to 9 that are a year old, where nothing else is said."""
    ages = ages or {}
    versions = {
        n: Version(
            name=f"ticket-v{n}",
            uid=f"u{n}",
            resource_version="1",
            number=n,
            created=timestamp(NOW - ages.get(n, 365 * DAY)),
        )
        for n in numbers
    }
    release = Release("ticket", "u", "1", 1, labels=labels or {})
    view = View(
        "team",
        "ticket",
        release=release,
        versions=versions,
        policies=policies,
        includers=includers or {},
    )
    return retention.judge(view, release, ReleaseStatus(labels=told or {}), NOW)


def going(verdict: retention.Verdict) -> list[int]:
    return [version.number for version in verdict.versions]


def served(*history: int) -> LabelStatus:
    return LabelStatus(Served(history[0], "d", 1, "", history=history))


@pytest.mark.parametrize(
    ("keep", "stay"),
    [(1, [9]), (2, [8, 9]), (8, [2, 3, 4, 5, 6, 7, 8, 9]), (9, ALL), (99, ALL)],
)
def test_the_highest_stay(keep: int, stay: list[int]) -> None:
    assert going(judged(keeping(keep))) == [n for n in ALL if n not in stay]


@pytest.mark.parametrize(
    ("needed", "stay"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"labels": {"production": Wanted(3, "r")}}, [3], id="wanted"),
        pytest.param({"told": {"production": served(3)}}, [3], id="served"),
        pytest.param({"told": {"production": served(3, 5, 2)}}, [2, 3, 5], id="the way back"),
        pytest.param({"told": {"latest": served(3, 2)}}, [2, 3], id="latest, and its way back"),
        pytest.param({"told": {"a": served(3), "b": served(4)}}, [3, 4], id="several labels"),
        pytest.param({"told": {"a": LabelStatus(None, Pending(3, ()))}}, [3], id="pending"),
        pytest.param(
            {"told": {"a": replace(served(3), pending=Pending(4, ()))}}, [3, 4], id="and served"
        ),
        pytest.param({"includers": {3: ("mail-v1",), 4: ("mail-v2",)}}, [3, 4], id="included"),
        pytest.param({"labels": {"a": Wanted(77, "r")}}, [], id="not even there"),
        pytest.param({"ages": {3: 29 * DAY}}, [3], id="young"),
        pytest.param({"ages": {3: 30 * DAY - timedelta(seconds=1)}}, [3], id="nearly old"),
        pytest.param({"ages": {3: 30 * DAY}}, [], id="just old enough"),
    ],
)
def test_what_something_needs_stays(needed: dict[str, object], stay: list[int]) -> None:
    verdict = judged(keeping(), **needed)  # type: ignore[arg-type]
    assert going(verdict) == [n for n in ALL[:-1] if n not in stay]


def test_what_is_kept_counts_by_number_and_not_by_need() -> None:
    verdict = judged(keeping(3), told={"a": served(9, 8)}, numbers=[2, 5, 7, 8, 9])
    assert going(verdict) == [2, 5]


def test_the_only_one_stays() -> None:
    assert judged(keeping(0), numbers=[4]).versions == ()
    assert judged(keeping(), numbers=[]).versions == ()


def test_of_unknown_age_stays() -> None:
    release = Release("ticket", "u", "1", 1)
    versions = {n: Version(f"ticket-v{n}", "u", "1", n) for n in (1, 2)}
    view = View("team", "ticket", versions=versions, policies=[keeping(days=0)])
    assert retention.judge(view, release, ReleaseStatus(), NOW).versions == ()


class TestPolicies:
    def test_without_any_everything_stays(self) -> None:
        for nothing in ([], [Policy("one", "u", "1")], [keeping(prompts=frozenset({"mail"}))]):
            assert judged(*nothing) == retention.Verdict((), True, None)

    def test_one_for_this_prompt_or_for_all(self) -> None:
        assert going(judged(keeping(8, prompts=frozenset({"ticket", "mail"})))) == [1]
        # It is about prompts: what labels it names is no matter.
        assert going(judged(keeping(8, labels=frozenset({"staging"})))) == [1]

    @pytest.mark.parametrize(
        ("one", "two", "go"),
        [
            pytest.param(keeping(6), keeping(8), [1], id="the most versions"),
            pytest.param(keeping(8), keeping(6), [1], id="in any order"),
            pytest.param(keeping(1, 10), keeping(1, 75), [1, 2], id="the most days"),
            pytest.param(keeping(5, 10), keeping(1, 75), [1, 2], id="the days of one"),
            pytest.param(keeping(8, 10), keeping(1, 75), [1], id="the versions of the other"),
            pytest.param(keeping(8), Policy("b", "u", "1"), [1], id="one without"),
            pytest.param(
                keeping(8), keeping(9, prompts=frozenset({"mail"})), [1], id="not of another"
            ),
        ],
    )
    def test_what_keeps_most_decides(self, one: Policy, two: Policy, go: list[int]) -> None:
        ages = {n: (10 - n) * 10 * DAY for n in ALL}
        assert going(judged(one, two, ages=ages)) == go

    @pytest.mark.parametrize(
        ("one", "two", "dry"),
        [(False, False, False), (False, True, True), (True, False, True), (True, True, True)],
    )
    def test_one_that_only_wants_to_know_is_enough(self, one: bool, two: bool, dry: bool) -> None:
        verdict = judged(keeping(8, dry_run=one), keeping(8, dry_run=two))
        assert verdict.dry_run == dry
        assert going(verdict) == [1]


@pytest.mark.parametrize(
    ("ages", "again"),
    [
        pytest.param({}, None, id="all are old"),
        pytest.param({3: 29 * DAY}, DAY, id="one in a day"),
        pytest.param({3: 20 * DAY, 4: 28 * DAY, 5: 1 * DAY}, 2 * DAY, id="the first of them"),
        pytest.param({9: 1 * DAY}, None, id="one that is needed anyway"),
        pytest.param({3: 30 * DAY}, None, id="now"),
        pytest.param({3: 30 * DAY - timedelta(seconds=1)}, timedelta(seconds=1), id="nearly"),
    ],
)
def test_when_there_will_be_one_more(ages: dict[int, timedelta], again: timedelta | None) -> None:
    verdict = judged(keeping(), ages=ages)
    assert verdict.again == (None if again is None else NOW + again)
