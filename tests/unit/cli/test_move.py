"""Which edit a move is, and how far it has come: without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import policy
from promptrelease.views.failures import NotFound, UsageMistake
from promptrelease.views.move import moving
from promptrelease.views.move.moving import Move
from promptrelease.views.move.progress import Goal, Stage, progress

P = "greeting"
Json = dict[str, Any]


def released(
    wants: int | None = 2, serves: int | None = 2, served: tuple[int, ...] = (2, 1), **status: Any
) -> Json:
    """A release whose production wants one version and serves another."""
    spec: Json = {"production": {"version": wants, "reason": "r", "by": "bob"}} if wants else {}
    label: Json = dict(status)
    if serves:
        label |= {"version": serves, "revision": 7, "since": "2026-01-01T00:00:00Z"}
    return {
        "metadata": {"name": P, "resourceVersion": "5", "generation": 3},
        "spec": {"labels": spec},
        "status": {
            "observedGeneration": 3,
            "labels": {"production": label} if label else {},
            "served": {"production": list(served)} if served else {},
        },
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("v2", 2), ("greeting-v2", 2), ("latest", 9), ("@latest", 9), ("@production", 2)],
)
def test_names_of_versions(text: str, number: int) -> None:
    assert moving.number(text, P, released(), {1, 2, 9}) == number


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("3", NotFound, "there is no v3 of greeting"),
        ("@canary", NotFound, "canary of greeting serves nothing"),
        ("two", UsageMistake, "'two' is no version"),
        ("v0", UsageMistake, "is no version"),
        ("other-v2", UsageMistake, "is no version"),
        ("", UsageMistake, "is no version"),
    ],
)
def test_what_is_no_version(text: str, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        moving.number(text, P, released(), {1, 2, 9})


def test_a_prompt_without_versions() -> None:
    with pytest.raises(NotFound, match="no version of greeting in this namespace"):
        moving.number("1", P, None, set())


def test_the_way_back() -> None:
    assert moving.previous(released(served=(3, 2, 1), serves=3), P, "production") == 2
    assert moving.previous(released(served=(1, 3, 2), serves=1), P, "production") == 3
    with pytest.raises(NotFound, match="has served nothing but v2"):
        moving.previous(released(served=(2,)), P, "production")
    with pytest.raises(NotFound, match="serves nothing"):
        moving.previous(released(), P, "canary")


def test_latest_is_moved_by_nobody() -> None:
    with pytest.raises(UsageMistake, match="latest can't be set"):
        moving.move(released(), P, "latest", 1, "why")


def test_a_move_says_what_it_moves_away_from() -> None:
    release = released()
    move = moving.move(release, P, "production", 3, "better")
    assert moving.patch(move, release, "bob") == {
        "spec": {
            "labels": {"production": {"version": 3, "reason": "better", "from": 2, "by": "bob"}}
        }
    }


def test_where_from_would_be_wrong_the_object_must_be_as_it_was_seen() -> None:
    for release in (released(wants=3, serves=2), released(wants=2, serves=None)):
        move = moving.move(release, P, "production", 4, "better")
        patch = moving.patch(move, release, "")
        assert patch["metadata"] == {"resourceVersion": "5"}
        # A null takes away what the move before has left there.
        label = {"version": 4, "reason": "better", "from": None, "by": None}
        assert patch["spec"]["labels"]["production"] == label


def test_a_withdrawal_keeps_what_others_have_noted() -> None:
    release = released()
    noted = "canary ann\nproduction old"
    release["metadata"]["annotations"] = {moving.WITHDRAWN_BY: noted}
    move = moving.move(release, P, "production", None, "off")
    patch = moving.patch(move, release, "bob")
    assert patch["spec"] == {"labels": {"production": None}}
    assert patch["metadata"]["annotations"] == {
        moving.WITHDRAWN_BY: "canary ann\nproduction bob",
        moving.WITHDRAWAL_REASON: "off",
    }


def test_broken_glass_names_the_version() -> None:
    release = released()
    move = Move(P, "production", 3, "why", 2, 2, break_glass="all is down")
    annotations = moving.patch(move, release, "erin")["metadata"]["annotations"]
    assert annotations == {"breakglass.promptrelease.dev/production": "v3: all is down"}


def test_whom_it_asks() -> None:
    meta = {"uid": "u", "resourceVersion": "1", "namespace": "n"}
    guarded = policy("p", labels=["eu"], prompts=[P])
    guarded["metadata"] |= meta
    assert moving.asks_first(P, "production", ())
    assert moving.asks_first(P, "prod", ())
    assert moving.asks_first(P, "eu", [guarded])
    assert not moving.asks_first("other", "eu", [guarded])
    assert not moving.asks_first(P, "staging", [guarded])


GOAL = Goal(P, "production", 2, generation=3)


def stage(release: Json | None, goal: Goal = GOAL) -> Stage:
    return progress(goal, release).stage


def stalled(release: Json, message: str) -> Json:
    condition = {"type": "Stalled", "status": "True", "message": message}
    release["status"]["conditions"] = [condition]
    return release


def test_a_move_from_its_beginning_to_its_end() -> None:
    early = released(serves=1)
    early["status"]["observedGeneration"] = 2
    assert stage(early) is Stage.ASKED
    held: Json = {"pending": {"version": 2, "waitingFor": ["1 approval"]}}
    assert progress(GOAL, released(serves=1, **held)).lines == ("waits for 1 approval",)
    assert stage(released(serves=1, **held)) is Stage.WAITING
    assert stage(released()) is Stage.SERVED, "nobody was told yet"
    told: Json = {"consumers": {"revision": 6, "pods": 1, "refreshed": 1}}
    assert stage(released(**told)) is Stage.SERVED, "that was told of the move before"
    told = {"consumers": {"revision": 7, "pods": 3, "refreshed": 2}}
    done = progress(GOAL, released(**told))
    assert done.stage is Stage.DONE
    assert "pods told: 2 of 3" in done.lines


def test_held_is_what_stalls_this_very_label() -> None:
    held: Json = {"pending": {"version": 2, "waitingFor": ["dave to take back a denial"]}}
    release = released(serves=1, **held)
    words = "production stays at v1: waits for dave to take back a denial"
    assert stage(stalled(release, words)) is Stage.HELD
    assert stage(stalled(release, f"canary stays at v1: x; {words}")) is Stage.HELD
    assert stage(stalled(release, "canary stays at v1: x")) is Stage.WAITING
    assert stage(stalled(release, f"my-{words}")) is Stage.WAITING
    lines = ("waits for dave to take back a denial",)
    unheard = Goal(P, "production", 2, generation=3, before=lines)
    assert stage(stalled(release, words), unheard) is Stage.WAITING


def test_lost_is_what_somebody_else_moved_or_deleted() -> None:
    assert stage(None) is Stage.LOST
    other = progress(GOAL, released(wants=3, serves=3))
    assert other.lines == ("production was set to v3 meanwhile by bob: r",)
    assert stage(released(wants=None, serves=2)) is Stage.LOST
    overtaken = "somebody to look at it again: the move is from v1 to v2, and production serves v3"
    held: Json = {"pending": {"version": 2, "waitingFor": [overtaken]}}
    assert stage(stalled(released(serves=3, **held), "production stays at v3: x")) is Stage.LOST


def test_a_withdrawal_ends_with_its_config_map() -> None:
    goal = Goal(P, "production", None, generation=3)
    assert stage(released(wants=None), goal) is Stage.WAITING
    assert stage(released(wants=None, serves=None, served=()), goal) is Stage.DONE
    assert stage(released(), goal) is Stage.LOST
