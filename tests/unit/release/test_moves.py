"""Moves that are refused, forced, remembered or put off, told as stories."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from harness.simulation import BEGINNING, Cluster
from promptrelease.release import log
from promptrelease.release.model import Change, Condition, Obstacle, Pending, Retirement, Served
from promptrelease.release.plan import MAX_NUMBERS, plan, plan_serve
from promptrelease.release.retention import MAX_DELETED
from promptrelease.release.steps import (
    ApplyConfigMap,
    DeleteConfigMap,
    DeleteVersion,
    Plan,
    WriteChange,
    WriteReleaseStatus,
)
from promptrelease.release.times import moment, timestamp

DAY = 24 * 3600


@pytest.fixture
def cluster() -> Cluster:
    """Production serves 1, which has been everywhere; there are versions up to 4."""
    cluster = Cluster()
    cluster.create_release()
    for number in range(1, 5):
        cluster.create_version(number, f"text {number}", author="ada")
    cluster.set_label("production", 1)
    cluster.settle()
    return cluster


def served(cluster: Cluster, label: str = "production") -> Served | None:
    config_map = cluster.view().config_maps.get(label)
    return config_map.served if config_map is not None else None


def serves(cluster: Cluster, label: str = "production") -> int | None:
    it = served(cluster, label)
    return it.version if it is not None else None


def pending(cluster: Cluster, label: str = "production") -> Pending | None:
    release = cluster.view().release
    assert release is not None
    return release.status.labels[label].pending


def waits(cluster: Cluster) -> list[str]:
    held = pending(cluster)
    return list(held.waiting_for) if held is not None else []


def condition(cluster: Cluster, kind: str) -> Condition:
    release = cluster.view().release
    assert release is not None
    return next(c for c in release.status.conditions if c.type == kind)


def moved(
    cluster: Cluster,
    number: int,
    label: str = "production",
    by: str = "",
    away_from: int | None = None,
) -> None:
    said = {"by": by, "from": away_from}
    cluster.set_label(label, number, **{name: what for name, what in said.items() if what})
    cluster.settle()


def break_glass(cluster: Cluster, number: int, why: str, label: str = "production") -> None:
    assert cluster.release is not None
    annotations = cluster.release["metadata"].setdefault("annotations", {})
    annotations[f"breakglass.promptrelease.dev/{label}"] = f"v{number}: {why}"


def entries(cluster: Cluster, label: str = "production") -> tuple[Change, ...]:
    return cluster.log()[label]


def changes(todo: Plan) -> list[Change]:
    return [step.change for step in todo.record if isinstance(step, WriteChange)]


class TestFrom:
    @pytest.mark.parametrize(
        ("before", "away_from", "to", "after"),
        [
            pytest.param([], None, 2, 2, id="not asked for"),
            pytest.param([], 1, 2, 2, id="as they saw it"),
            pytest.param([3], 1, 2, 3, id="a colleague was faster"),
            pytest.param([3], 3, 2, 2, id="looked at again"),
            pytest.param([2, 3], 1, 2, 3, id="a rollback is no exception"),
            pytest.param([3], 2, 2, 2, id="left there by the move before"),
            pytest.param([2], 1, 2, 2, id="it is there already"),
        ],
    )
    def test_a_move_is_from_what_they_saw(
        self, cluster: Cluster, before: list[int], away_from: int | None, to: int, after: int
    ) -> None:
        for number in before:
            moved(cluster, number)
        moved(cluster, to, away_from=away_from)
        assert serves(cluster) == after
        assert (pending(cluster) is None) == (after == to)

    def test_in_words_and_somebody_must_act(self, cluster: Cluster) -> None:
        moved(cluster, 3, away_from=2)
        (text,) = waits(cluster)
        assert text == (
            "somebody to look at it again: the move is from v2 to v3, and production serves v1 "
            "by now. Set from to that, or leave it out"
        )
        assert condition(cluster, "Stalled").status == "True"

    def test_from_what_is_not_served_any_more(self, cluster: Cluster) -> None:
        cluster.withdraw("production")
        cluster.settle()
        moved(cluster, 2, away_from=1)
        (text,) = waits(cluster)
        assert "production serves nothing by now" in text
        assert serves(cluster) is None

    def test_comes_before_broken_glass(self, cluster: Cluster) -> None:
        break_glass(cluster, 3, "fire")
        moved(cluster, 3, away_from=2)
        assert serves(cluster) == 1


NOBODY = {"require": {"approvals": {"count": 9}}}


class TestBrokenGlass:
    @pytest.mark.parametrize(
        ("label", "number", "after"),
        [
            pytest.param("production", 2, 2, id="for this move"),
            pytest.param("production", 3, 1, id="for another version"),
            pytest.param("staging", 2, 1, id="for another label"),
        ],
    )
    def test_skips_the_gates_of_one_move(
        self, cluster: Cluster, label: str, number: int, after: int
    ) -> None:
        cluster.set_policy("one", **NOBODY)
        cluster.approve("ann", "production", 2)
        break_glass(cluster, number, "fire", label)
        moved(cluster, 2, by="mia")
        assert serves(cluster) == after
        assert (pending(cluster) is None) == (after == 2)
        if after == 2:
            now, entry = served(cluster), entries(cluster)[0]
            assert now is not None
            assert (now.kind, now.break_glass, now.approvals) == ("Promotion", "fire", ())
            assert (entry.break_glass, entry.by) == ("fire", "mia")

    def test_uses_up_no_approval(self, cluster: Cluster) -> None:
        cluster.set_policy("one", require={"approvals": {}})
        cluster.set_policy("two", **NOBODY)
        cluster.approve("ann", "production", 2)
        break_glass(cluster, 2, "fire")
        moved(cluster, 2, by="mia")
        now = served(cluster)
        assert now is not None
        assert (now.break_glass, now.approvals) == ("fire", ())

    def test_is_left_alone_by_what_passes_by_itself(self, cluster: Cluster) -> None:
        cluster.set_policy("one", require={"approvals": {}})
        name = cluster.approve("ann", "production", 2)
        break_glass(cluster, 2, "fire")
        moved(cluster, 2, by="mia")
        now = served(cluster)
        assert now is not None
        assert (now.break_glass, [one.name for one in now.approvals]) == ("", [name])
        # and is still there when it is needed
        cluster.set_policy("one", **NOBODY, rollback="gated")
        break_glass(cluster, 1, "flood")
        moved(cluster, 1, by="mia")
        break_glass(cluster, 2, "fire")
        moved(cluster, 2, by="mia")
        now = served(cluster)
        assert now is not None
        assert (now.version, now.kind, now.break_glass) == (2, "Rollback", "fire")

    @pytest.mark.parametrize("logged", [True, False])
    def test_is_spent_even_before_that_is_written_down(
        self, cluster: Cluster, logged: bool
    ) -> None:
        def go(number: int) -> None:
            cluster.set_label("production", number, by="mia")
            if logged:
                cluster.settle()
            else:
                cluster.work(1)

        cluster.set_policy("one", **NOBODY)
        break_glass(cluster, 2, "fire")
        go(2)
        assert serves(cluster) == 2
        go(1)
        assert serves(cluster) == 1
        cluster.set_policy("one", **NOBODY, rollback="gated")
        go(2)
        assert serves(cluster) == 1
        cluster.settle()
        assert waits(cluster)[0].startswith("9 approvals")
        break_glass(cluster, 2, "fire again")
        go(2)
        assert serves(cluster) == 2

    def test_the_same_words_for_another_version_are_others(self, cluster: Cluster) -> None:
        cluster.set_policy("one", **NOBODY)
        for number in (2, 3):
            break_glass(cluster, number, "fire")
            moved(cluster, number, by="mia")
            assert serves(cluster) == number


class TestLongAgo:
    """More moves ago than the window of the log is long."""

    @pytest.fixture
    def aged(self, cluster: Cluster) -> Cluster:
        """2 and 3 were served under policies; then 4 and 1 by turns."""
        cluster.set_policy("one", require={"approvals": {}})
        cluster.approve("ann", "production", 2)
        moved(cluster, 2, by="mia")
        break_glass(cluster, 3, "fire")
        moved(cluster, 3, by="mia")
        del cluster.policies["one"]
        for _ in range(log.WINDOW // 2 + 2):
            moved(cluster, 4)
            moved(cluster, 1)
        assert not {2, 3} & {e.to for e in entries(cluster)}
        return cluster

    def test_a_return_is_a_return(self, aged: Cluster) -> None:
        aged.set_policy("one", **NOBODY)
        for number in (2, 3):
            moved(aged, number)
            assert entries(aged)[0].kind == "Rollback"

    def test_what_is_spent_is_spent(self, aged: Cluster) -> None:
        aged.set_policy("one", require={"approvals": {}}, rollback="gated")
        for number in (2, 3):
            moved(aged, number, by="mia")
            assert serves(aged) == 1


class TestKinds:
    def test_by_what_the_label_has_served(self, cluster: Cluster) -> None:
        for number in (2, 1, 2, 3):
            moved(cluster, number)
        moved(cluster, 3, "staging")
        kinds = [(e.kind, e.before, e.to) for e in entries(cluster)]
        assert kinds == [
            ("Promotion", 2, 3),
            ("Rollback", 1, 2),
            ("Rollback", 2, 1),
            ("Promotion", 1, 2),
            ("Promotion", None, 1),
        ]
        assert entries(cluster, "staging")[0].kind == "Promotion"

    def test_a_number_with_another_content_is_new(self, cluster: Cluster) -> None:
        moved(cluster, 2)
        cluster.create_version(1, "another text")
        moved(cluster, 1)
        assert entries(cluster)[0].kind == "Promotion"

    def test_before_it_is_written_down_as_well(self, cluster: Cluster) -> None:
        for number in (2, 3):
            cluster.set_label("production", number)
            cluster.work(1)
        cluster.set_policy("one", **NOBODY)
        moved(cluster, 2)
        assert entries(cluster)[0].kind == "Rollback"

    def test_the_log_outlives_a_release(self, cluster: Cluster) -> None:
        moved(cluster, 2)
        cluster.delete_release()
        cluster.settle()
        ended = entries(cluster)[0]
        assert (ended.kind, ended.reason, ended.before) == (
            "Withdrawal",
            "its release was deleted",
            2,
        )
        cluster.create_release()
        cluster.set_policy("one", **NOBODY)
        moved(cluster, 1)
        now = served(cluster)
        assert now is not None
        assert (now.kind, now.before, now.history, now.revision) == ("Rollback", None, (1, 2), 4)

    def test_latest_follows_and_no_policy_holds_it(self, cluster: Cluster) -> None:
        cluster.set_policy("one", **NOBODY, rollback="gated")
        cluster.create_version(5, "five")
        cluster.settle()
        del cluster.versions[5]
        cluster.settle()
        found = [(e.kind, e.before, e.to) for e in entries(cluster, "latest")]
        assert found == [("Follow", 5, 4), ("Follow", 4, 5), ("Follow", None, 4)]
        assert serves(cluster, "latest") == 4


class TestGatesHere:
    """What is handed to the gates; what they make of it is in test_gates."""

    def test_the_mover_and_the_author(self, cluster: Cluster) -> None:
        cluster.set_policy("one", require={"approvals": {}})
        for by in ("ada", "mia"):
            cluster.approve(by, "production", 2)
        moved(cluster, 2, by="mia")
        assert waits(cluster)[0].endswith("by somebody else than ada and mia")
        assert condition(cluster, "Stalled").status == "False"
        cluster.approve("ann", "production", 2, decision="deny", comment="no")
        cluster.settle()
        assert condition(cluster, "Stalled").status == "True"

    def test_the_time_at_which_it_may_be(self, cluster: Cluster) -> None:
        cluster.set_policy("one", labels=["production"], require={"from": SOAK})
        moved(cluster, 2, "staging")
        moved(cluster, 2)
        again = plan(cluster.view(), cluster.clock).again
        assert again is not None
        begin = served(cluster, "staging")
        assert begin is not None
        assert again == moment(begin.since) + timedelta(hours=1)
        cluster.tick(3600)
        cluster.settle()
        assert serves(cluster) == 2
        assert plan(cluster.view(), cluster.clock).again is None

    def test_what_another_label_serves_counts_before_it_is_written_down(
        self, cluster: Cluster
    ) -> None:
        cluster.set_policy("one", labels=["production"], require={"from": {"label": "staging"}})
        cluster.set_label("staging", 2)
        cluster.work(1)
        cluster.set_label("production", 2)
        cluster.work(1)
        assert (serves(cluster), serves(cluster, "staging")) == (2, 2)

    def test_what_another_label_does_not_serve_any_more_counts_no_longer(
        self, cluster: Cluster
    ) -> None:
        cluster.set_policy("one", labels=["production"], require={"from": SOAK})
        moved(cluster, 2, "staging")
        moved(cluster, 2)
        cluster.set_label("staging", 1)
        cluster.work(1)  # and killed before that is written down
        assert serves(cluster, "staging") == 1
        cluster.tick(3600)
        assert not plan_serve(cluster.view(), cluster.clock)
        cluster.settle()
        assert waits(cluster) == ["v2 to have been served by staging for 3600 s"]

    def test_whose_config_map_it_is_not_tells_nothing(self, cluster: Cluster) -> None:
        cluster.set_policy("one", labels=["production"], require={"from": SOAK})
        moved(cluster, 2, "staging")
        cluster.set_label("production", 2)
        view = cluster.view()
        ours = view.config_maps["staging"]
        assert ours.served is not None
        past = log.of_move("ticket", "staging", replace(ours.served, revision=1))
        forged = replace(ours, backlog=(replace(past, at=timestamp(BEGINNING - SOAKED)),))
        for config_map, passes in ((forged, True), (replace(forged, owner="other"), False)):
            maps = {**view.config_maps, "staging": config_map}
            assert bool(plan_serve(replace(view, config_maps=maps), cluster.clock)) == passes

    def test_the_label_itself_counts_until_it_moved_on(self, cluster: Cluster) -> None:
        cluster.set_policy("one", labels=["staging"], require={"from": SOAK}, rollback="gated")
        break_glass(cluster, 2, "fire", "staging")
        cluster.set_label("staging", 2)
        cluster.work(1)
        break_glass(cluster, 3, "fire", "staging")
        cluster.set_label("staging", 3)
        cluster.work(1)
        cluster.set_label("staging", 2)
        cluster.tick(3600)
        assert serves(cluster, "staging") == 3
        assert not plan_serve(cluster.view(), cluster.clock)

    def test_the_first_time_of_all(self, cluster: Cluster) -> None:
        for number, minutes in ((1, 30), (2, 10), (3, 20)):
            end = timestamp(cluster.clock + timedelta(minutes=minutes))
            freeze = [{"start": timestamp(BEGINNING), "end": end, "reason": "fair"}]
            cluster.set_policy(f"p{number}", labels=[f"l{number}"], freeze=freeze)
            cluster.set_label(f"l{number}", 2)
        begin = cluster.clock
        assert plan(cluster.view(), begin).again == begin + timedelta(minutes=10)

    def test_what_is_told_is_bounded(self, cluster: Cluster) -> None:
        now = cluster.clock.year
        freeze = [
            {"start": f"{now - 1}-01-01T00:00:00Z", "end": f"{now + 2}-01-01T00:00:00Z"}
            | {"reason": f"{number} " + "very " * 400}
            for number in range(40)
        ]
        cluster.set_policy("one", freeze=freeze)
        moved(cluster, 2)
        assert len(waits(cluster)) == 32
        assert {len(text) for text in waits(cluster)} == {1024}


SOAK = {"label": "staging", "seconds": 3600}
SOAKED = timedelta(seconds=3600)


def test_too_many_moves_that_nobody_has_written_down(cluster: Cluster) -> None:
    for place in range(log.MAX_BACKLOG):
        assert serves(cluster) == 1 + place % 2
        cluster.set_label("production", 1 + (place + 1) % 2)
        cluster.work(1)
    cluster.set_label("production", 3)
    todo = plan(cluster.view(), cluster.clock)
    assert not todo.serve
    (status,) = [step.status for step in todo.record if isinstance(step, WriteReleaseStatus)]
    conditions = {c.type: c.status for c in status.conditions}
    assert (conditions["Ready"], conditions["Stalled"]) == ("False", "False")
    told = [change.revision for change in changes(todo)]
    assert told == sorted(told)
    assert len(told) == log.MAX_BACKLOG
    cluster.settle()
    assert serves(cluster) == 3
    assert len(entries(cluster)) == log.MAX_BACKLOG + 2


class TestEnds:
    def test_a_withdrawal_is_written_down_with_who_and_why(self, cluster: Cluster) -> None:
        assert cluster.release is not None
        cluster.release["metadata"]["annotations"] = {
            "promptrelease.dev/withdrawn-by": "staging bob\nproduction eve",
            "promptrelease.dev/withdrawal-reason": "unused",
        }
        cluster.withdraw("production")
        cluster.settle()
        ended = entries(cluster)[0]
        assert (ended.kind, ended.before, ended.to) == ("Withdrawal", 1, None)
        assert (ended.by, ended.reason) == ("eve", "unused")
        assert not plan(cluster.view(), cluster.clock).record
        assert [e.kind for e in entries(cluster, "latest")] == ["Follow"]

    def test_a_config_map_goes_when_its_last_move_is_written_down(self, cluster: Cluster) -> None:
        cluster.set_label("production", 2)
        cluster.work(1)
        cluster.withdraw("production")
        assert not plan_serve(cluster.view(), cluster.clock)
        cluster.settle()
        kinds = [e.kind for e in entries(cluster)]
        assert kinds == ["Withdrawal", "Promotion", "Promotion"]

    def test_it_goes_when_the_log_has_it_and_the_status_is_on_its_way(
        self, cluster: Cluster
    ) -> None:
        cluster.withdraw("production")
        (step,) = plan_serve(cluster.view(), cluster.clock)
        assert isinstance(step, DeleteConfigMap)
        view = cluster.view()
        assert view.release is not None
        behind = replace(view.release, status=replace(view.release.status, revision=0))
        assert not plan_serve(replace(view, release=behind), cluster.clock)
        assert not plan_serve(replace(view, log={}), cluster.clock)

    def test_what_ended_before_the_status_tells_is_no_damage(self, cluster: Cluster) -> None:
        view = cluster.view()
        maps = {name: it for name, it in view.config_maps.items() if name != "production"}
        (repair,) = plan_serve(replace(view, config_maps=maps), cluster.clock)
        assert isinstance(repair, ApplyConfigMap)
        assert repair.drift
        last = view.log["production"]
        ended = log.of_end(last[0], by="", reason="", at=timestamp(cluster.clock))
        changes = {**view.log, "production": (ended, *last)}
        (move,) = plan_serve(replace(view, config_maps=maps, log=changes), cluster.clock)
        assert isinstance(move, ApplyConfigMap)
        assert not move.drift
        assert (move.served.before, move.served.kind, move.backlog) == (None, "Rollback", ())

    def test_an_end_that_nobody_saw_goes_along_with_the_next_move(self, cluster: Cluster) -> None:
        cluster.delete_release()
        cluster.create_release()
        cluster.set_label("production", 2)
        (step, latest) = plan_serve(cluster.view(), cluster.clock)
        assert isinstance(step, ApplyConfigMap)
        assert isinstance(latest, ApplyConfigMap)
        (ended,) = step.backlog
        assert (ended.kind, ended.before, ended.revision) == ("Withdrawal", 1, 1)
        assert ended.at == step.served.since
        assert ended.reason == "its release was deleted"
        cluster.settle()
        assert [(e.kind, e.revision) for e in entries(cluster)] == [
            ("Promotion", 3),
            ("Withdrawal", 1),
            ("Promotion", 1),
        ]

    def test_a_deleted_config_map_is_no_end(self, cluster: Cluster) -> None:
        del cluster.config_maps["production"]
        (step,) = plan_serve(cluster.view(), cluster.clock)
        assert isinstance(step, ApplyConfigMap)
        assert (step.drift, step.backlog) == (True, ())
        assert not changes(plan(cluster.view(), cluster.clock))
        cluster.set_label("production", 2)
        (step,) = plan_serve(cluster.view(), cluster.clock)
        assert isinstance(step, ApplyConfigMap)
        assert (step.drift, step.served.version, step.backlog) == (False, 2, ())
        del cluster.config_maps["latest"]
        assert not changes(plan(cluster.view(), cluster.clock))

    def test_what_is_withdrawn_and_still_there_has_not_ended(self, cluster: Cluster) -> None:
        cluster.withdraw("production")
        assert not changes(plan(cluster.view(), cluster.clock))

    def test_moves_that_nobody_wrote_down_go_along(self, cluster: Cluster) -> None:
        for number in (2, 3):
            cluster.set_label("production", number)
            cluster.work(1)
        cluster.set_label("production", 4)
        (step,) = plan_serve(cluster.view(), cluster.clock)
        assert isinstance(step, ApplyConfigMap)
        assert [(e.before, e.to) for e in step.backlog] == [(1, 2), (2, 3)]

    def test_a_repair_takes_along_what_came_before_and_not_itself(self, cluster: Cluster) -> None:
        for number in (2, 3):
            cluster.set_label("production", number)
            cluster.work(1)
        cluster.config_maps["production"]["data"]["prompt.txt"] = "mine"
        (step,) = plan_serve(cluster.view(), cluster.clock)
        assert isinstance(step, ApplyConfigMap)
        assert step.drift
        assert [(e.before, e.to) for e in step.backlog] == [(1, 2)]

    def test_the_last_moves_of_a_release_that_went(self, cluster: Cluster) -> None:
        cluster.set_label("production", 2)
        cluster.work(1)
        view = replace(cluster.view(), release=None)
        (change,) = changes(plan(view, cluster.clock))
        assert (change.kind, change.to) == ("Promotion", 2)
        ours = view.config_maps["production"]
        for not_ours in (replace(ours, owner=""), replace(ours, authentic=False)):
            maps = {**view.config_maps, "production": not_ours}
            assert not changes(plan(replace(view, config_maps=maps), cluster.clock))


class TestWhoseItIs:
    def test_files_written_anew_for_the_same_move_are_as_they_should_be(
        self, cluster: Cluster
    ) -> None:
        """As by an operator of another version, which writes other files."""
        view = cluster.view()
        ours = view.config_maps["production"]
        assert ours.served is not None
        anew = replace(
            ours, checksum="sha256:new", served=replace(ours.served, checksum="sha256:new")
        )
        maps = {**view.config_maps, "production": anew}
        todo = plan(replace(view, config_maps=maps), cluster.clock)
        assert not todo.serve
        assert not changes(todo)
        theirs = {**maps, "production": replace(anew, authentic=False)}
        (step,) = plan(replace(view, config_maps=theirs), cluster.clock).serve
        assert isinstance(step, ApplyConfigMap)
        assert step.drift

    def test_a_move_is_ours_whatever_was_edited_beside_it(self, cluster: Cluster) -> None:
        cluster.set_label("production", 2)
        cluster.work(1)  # and then the operator ends, and somebody edits the text
        view = cluster.view()
        ours = view.config_maps["production"]
        edited = replace(ours, checksum="sha256:theirs", editor="kubectl-edit")
        view = replace(view, written={}, config_maps={**view.config_maps, "production": edited})
        todo = plan(view, cluster.clock)
        assert [(c.kind, c.to, c.revision) for c in changes(todo)] == [
            ("Promotion", 2, ours.served.revision if ours.served else 0)
        ]
        (step,) = todo.serve
        assert isinstance(step, ApplyConfigMap)
        assert (step.drift, step.served) == (True, ours.served)

    def test_a_claim_is_not_written_down(self, cluster: Cluster) -> None:
        view = cluster.view()
        ours = view.config_maps["production"]
        assert ours.served is not None
        higher = replace(ours.served, revision=99)
        same = replace(ours.served, version=2)
        for claim in (
            replace(ours, served=higher, authentic=False),
            replace(ours, served=same),
        ):
            maps = {**view.config_maps, "production": claim}
            todo = plan(replace(view, config_maps=maps), cluster.clock)
            assert not changes(todo)
            (step,) = todo.serve
            assert isinstance(step, ApplyConfigMap)
            assert (step.drift, step.served) == (True, ours.served)

    def test_nor_what_belongs_to_something_else(self, cluster: Cluster) -> None:
        view = cluster.view()
        ours = view.config_maps["production"]
        other = replace(ours, label="other", owner="other", backlog=(cluster.log()["latest"][0],))
        todo = plan(replace(view, config_maps={**view.config_maps, "other": other}), cluster.clock)
        assert todo == Plan()

    def test_without_an_owner_it_is_ours_if_it_says_what_we_served(self, cluster: Cluster) -> None:
        view = cluster.view()
        ours = replace(view.config_maps["production"], owner="")
        for served, repaired in ((ours.served, True), (None, False)):
            bare = replace(ours, served=served, checksum="sha256:other")
            maps = {**view.config_maps, "production": bare}
            steps = plan_serve(replace(view, config_maps=maps), cluster.clock)
            assert bool(steps) == repaired

    def test_what_can_not_be_restored_is_left_alone(self, cluster: Cluster) -> None:
        cluster.create_version(1, "another text")
        cluster.settle()
        cluster.config_maps["production"]["data"]["prompt.txt"] = "mine"
        cluster.touch(cluster.config_maps["production"])
        assert not plan_serve(cluster.view(), cluster.clock)

    def test_a_release_that_is_being_deleted_serves_nothing_new(self, cluster: Cluster) -> None:
        assert cluster.release is not None
        cluster.release["metadata"]["deletionTimestamp"] = timestamp(cluster.clock)
        cluster.set_label("production", 2)
        assert plan_serve(cluster.view(), cluster.clock) == ()


class TestTheSameVersionAgain:
    def test_with_another_content_it_takes_a_new_reason(self, cluster: Cluster) -> None:
        cluster.create_version(1, "another text")
        cluster.settle()
        assert "was deleted and created again" in waits(cluster)[0]
        assert condition(cluster, "Stalled").status == "True"
        before = served(cluster)
        moved(cluster, 1)
        now = served(cluster)
        assert before is not None
        assert now is not None
        assert (now.version, now.before, now.history) == (1, 1, (1,))
        assert now.digest != before.digest

    def test_latest_follows_it(self, cluster: Cluster) -> None:
        before = served(cluster, "latest")
        cluster.create_version(4, "another text")
        cluster.settle()
        now = served(cluster, "latest")
        assert before is not None
        assert now is not None
        assert now.digest != before.digest

    def test_its_end_changes_nothing(self, cluster: Cluster) -> None:
        del cluster.versions[1]
        cluster.settle()
        assert pending(cluster) is None
        assert condition(cluster, "Ready").status == "True"


def test_what_the_policies_say_comes_before_what_the_api_server_says(cluster: Cluster) -> None:
    cluster.set_policy("one", **NOBODY)
    cluster.set_label("production", 2, by="mia")
    cluster.config_maps["production"]["data"]["prompt.txt"] = "mine"
    cluster.touch(cluster.config_maps["production"])
    refused = Obstacle("the API server refused: quota", lasting=True)
    todo = plan(replace(cluster.view(), obstacles={"production": refused}), cluster.clock)
    (status,) = [step.status for step in todo.record if isinstance(step, WriteReleaseStatus)]
    held = status.labels["production"].pending
    assert held is not None
    assert held.waiting_for[0].startswith("9 approvals")


class TestRevisions:
    def test_each_move_has_its_own(self, cluster: Cluster) -> None:
        for label in ("a", "b"):
            cluster.set_label(label, 2)
        steps = plan_serve(cluster.view(), cluster.clock)
        assert [s.served.revision for s in steps if isinstance(s, ApplyConfigMap)] == [3, 4]

    @pytest.mark.parametrize("known", ["status", "log", "config map"])
    def test_whoever_still_knows_the_highest_is_believed(
        self, cluster: Cluster, known: str
    ) -> None:
        cluster.set_label("other", 2)
        view = cluster.view()
        assert view.release is not None
        if known != "status":
            nothing = replace(view.release.status, revision=0)
            view = replace(view, release=replace(view.release, status=nothing))
        if known != "log":
            view = replace(view, logged_revision=0)
        if known != "config map":
            view = replace(view, config_maps={"production": view.config_maps["production"]})
        moves = [s for s in plan_serve(view, cluster.clock) if isinstance(s, ApplyConfigMap)]
        assert [s.served.revision for s in moves if s.label == "other"] == [3]


class TestRetention:
    def old_versions(self, cluster: Cluster, count: int) -> None:
        for number in range(5, 5 + count):
            cluster.create_version(number, f"text {number}")
        cluster.tick(100 * DAY)
        cluster.settle()

    def told(self, cluster: Cluster) -> Retirement | None:
        release = cluster.view().release
        assert release is not None
        return release.status.retirement

    def test_says_nothing_where_nothing_would_go(self, cluster: Cluster) -> None:
        cluster.set_policy("one", retention={"keep": 4})
        self.old_versions(cluster, 0)
        assert self.told(cluster) is None

    def test_is_told_first(self, cluster: Cluster) -> None:
        cluster.set_policy("one", retention={"keep": 3})
        self.old_versions(cluster, MAX_NUMBERS + 5)
        told = self.told(cluster)
        assert told is not None
        assert told.count == MAX_NUMBERS + 4
        assert told.versions == (2, 3, *range(5, MAX_NUMBERS + 3))
        assert len(cluster.versions) == MAX_NUMBERS + 9

    def test_then_done_a_few_in_a_turn_and_never_with_a_move(self, cluster: Cluster) -> None:
        self.old_versions(cluster, MAX_DELETED + 5)
        cluster.set_policy("one", retention={"keep": 3, "dryRun": False})
        todo = plan(cluster.view(), cluster.clock)
        going = [s.version.number for s in todo.record if isinstance(s, DeleteVersion)]
        assert going == [2, 3, *range(5, MAX_DELETED + 3)]
        assert not [s for s in todo.record if isinstance(s, WriteReleaseStatus)]
        cluster.set_label("production", MAX_DELETED + 9)
        todo = plan(cluster.view(), cluster.clock)
        assert todo.serve
        assert not [s for s in todo.record if isinstance(s, DeleteVersion)]
        cluster.settle()
        assert self.told(cluster) is None
        assert sorted(cluster.versions) == [1, 4, *range(MAX_DELETED + 7, MAX_DELETED + 10)]

    def test_when_to_look_again(self, cluster: Cluster) -> None:
        cluster.set_policy("one", retention={"keep": 1, "olderThanDays": 10})
        assert plan(cluster.view(), cluster.clock).again is not None
        cluster.tick(10 * DAY)
        assert plan(cluster.view(), cluster.clock).again is None
