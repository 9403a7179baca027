"""``plan`` on stories that were once told wrong, or that must be told in these words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.simulation import Cluster
from promptrelease.release import notes
from promptrelease.release.model import Change, Obstacle
from promptrelease.release.plan import plan
from promptrelease.release.steps import ApplyConfigMap, Plan, WriteChange, WriteReleaseStatus


@pytest.fixture
def settled() -> Cluster:
    """Production serves 1, latest 2."""
    cluster = Cluster()
    cluster.create_release()
    cluster.create_version(1, "one")
    cluster.create_version(2, "two")
    cluster.set_label("production", 1)
    cluster.settle()
    return cluster


def status_of(todo: Plan) -> WriteReleaseStatus:
    (written,) = [step for step in todo.record if isinstance(step, WriteReleaseStatus)]
    return written


def change_of(todo: Plan) -> Change:
    (written,) = [step for step in todo.record if isinstance(step, WriteChange)]
    return written.change


def test_a_revision_is_noted_before_its_config_map_goes(settled: Cluster) -> None:
    settled.set_label("production", 2)
    settled.work(1)  # served, and killed before the status
    settled.withdraw("production")
    settled.settle()
    settled.set_label("production", 1)
    settled.settle()
    (given,) = settled.given.values()
    assert given == [1, 2, 3, 4]
    assert set(settled.config_maps) == {"production", "latest"}


def test_a_crash_after_serving_is_told_as_the_move_that_it_was(settled: Cluster) -> None:
    settled.set_label("production", 2)
    settled.work(1)
    move = change_of(plan(settled.view(), settled.now()))
    assert (move.kind, move.label, move.before, move.to) == ("Promotion", "production", 1, 2)


def test_a_return_to_what_a_label_has_served_is_a_rollback(settled: Cluster) -> None:
    for number, kind in ((2, "Promotion"), (1, "Rollback"), (2, "Rollback")):
        settled.set_label("production", number)
        settled.work(1)
        assert change_of(plan(settled.view(), settled.now())).kind == kind
        settled.settle()


def test_history_is_bounded_and_newest_first(settled: Cluster) -> None:
    for number in range(3, 16):
        settled.create_version(number, f"text {number}")
        settled.set_label("production", number)
        settled.settle()
    served = settled.view().config_maps["production"].served
    assert served is not None
    assert served.history == tuple(range(15, 5, -1))


def test_a_repair_is_no_move_and_keeps_everything_but_the_files(settled: Cluster) -> None:
    before = settled.essence()
    settled.config_maps["production"]["data"]["prompt.txt"] = "mine"
    settled.touch(settled.config_maps["production"])
    todo = plan(settled.view(), settled.now())
    (step,) = todo.serve
    assert isinstance(step, ApplyConfigMap)
    assert step.drift
    assert not todo.record
    settled.settle()
    assert settled.essence() == before


def test_a_config_map_put_back_to_an_older_move_is_drift(settled: Cluster) -> None:
    old = settled.twin().config_maps["production"]
    settled.set_label("production", 2)
    settled.settle()
    before = settled.essence()
    old["metadata"]["uid"] = settled.config_maps["production"]["metadata"]["uid"]
    settled.config_maps["production"] = old
    settled.touch(old)
    (step,) = plan(settled.view(), settled.now()).serve
    assert isinstance(step, ApplyConfigMap)
    assert step.drift
    settled.settle()
    assert settled.essence() == before


@pytest.mark.parametrize("lasting", [True, False])
def test_an_obstacle_keeps_a_move_pending_and_is_told(settled: Cluster, lasting: bool) -> None:
    settled.set_label("production", 2)
    obstacle = Obstacle("the API server refused: quota", lasting)
    view = replace(settled.view(), obstacles={"production": obstacle})
    todo = plan(view, settled.now())
    assert len(todo.serve) == 1, "it is tried again"
    written = status_of(todo)
    pending = written.status.labels["production"].pending
    assert pending is not None
    assert pending.waiting_for == ("the API server refused: quota",)
    conditions = {c.type: c for c in written.status.conditions}
    assert conditions["Ready"].status == "False"
    assert conditions["Stalled"].status == str(lasting)
    assert conditions["Reconciling"].status == str(not lasting)
    assert "production stays at v1: the API server refused: quota" in conditions["Ready"].message
    assert not [step for step in todo.record if isinstance(step, WriteChange)]


def test_a_release_that_is_being_deleted_is_left_alone(settled: Cluster) -> None:
    assert settled.release is not None
    settled.release["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"
    settled.set_label("production", 2)
    assert plan(settled.view(), settled.now()) == Plan()


def test_versions_without_a_release_are_judged(settled: Cluster) -> None:
    settled.delete_release()
    settled.settle()
    assert settled.versions[1]["status"]["labels"] == []
    assert settled.versions[1]["status"]["conditions"][0]["status"] == "True"


def test_notes_are_told_once(settled: Cluster) -> None:
    settled.set_label("production", 9)
    view = settled.view()
    assert view.release is not None
    written = status_of(plan(view, settled.now()))
    (note,) = notes.of_release(view.release.status, written.status)
    assert (note.type, note.reason) == ("Warning", "MoveHeld")
    assert "ticket-v9, which does not exist" in note.message
    assert not list(notes.of_release(written.status, written.status))


def test_a_condition_keeps_the_time_of_its_last_transition(settled: Cluster) -> None:
    before = settled.view().release
    assert before is not None
    settled.set_label("production", 9)
    settled.settle()
    after = settled.view().release
    assert after is not None
    times = [
        {c.type: c.last_transition_time for c in it.status.conditions} for it in (before, after)
    ]
    assert times[0]["Stalled"] == times[1]["Stalled"]
    assert times[0]["Ready"] < times[1]["Ready"]
    assert {c.observed_generation for c in after.status.conditions} == {after.generation}


def test_a_claim_to_a_higher_revision_is_drift_and_no_move(settled: Cluster) -> None:
    before = settled.essence()
    view = settled.view()
    ours = view.config_maps["production"]
    assert ours.served is not None
    claimed = replace(
        ours,
        served=replace(ours.served, revision=99, checksum="sha256:mine"),
        checksum="sha256:mine",
        editor="kubectl-edit",
        authentic=False,
    )
    forged = replace(view, config_maps={**view.config_maps, "production": claimed})
    todo = plan(forged, settled.now())
    (step,) = todo.serve
    assert isinstance(step, ApplyConfigMap)
    assert step.drift
    assert step.served == ours.served
    assert settled.essence() == before


def test_damage_right_after_a_move_is_drift_and_no_second_move(settled: Cluster) -> None:
    settled.set_label("production", 2)
    settled.work(1)  # served, and the status does not tell of it yet
    view = settled.view()
    ours = view.config_maps["production"]
    assert ours.served is not None
    edited = replace(ours, checksum="sha256:theirs", editor="kubectl-edit")
    damaged = replace(
        view,
        config_maps={**view.config_maps, "production": edited},
        written={"production": ours.served},
    )
    (step,) = plan(damaged, settled.now()).serve
    assert isinstance(step, ApplyConfigMap)
    assert step.drift
    assert step.served == ours.served


def test_more_withdrawn_labels_than_a_status_holds_are_told_in_part(settled: Cluster) -> None:
    view = settled.view()
    ours = view.config_maps["production"]
    more = {f"l{n:02}": replace(ours, label=f"l{n:02}", name=f"p.l{n:02}") for n in range(40)}
    crowded = replace(view, config_maps={**view.config_maps, **more})
    labels = status_of(plan(crowded, settled.now())).status.labels
    assert len(labels) == 17
    assert "production" in labels
