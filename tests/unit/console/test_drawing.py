"""The dependency graph as boxes and arrows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from promptrelease.console.shown import drawing
from promptrelease.console.shown.drawing import HEIGHT, LETTERS, WIDTH, Drawing, alone, drawn, rows
from promptrelease.release import graph
from promptrelease.views.look.graphing import Picture


def picture(consumes: Mapping[str, Sequence[str]], **more: Mapping[str, str]) -> Picture:
    known = graph.build(consumes)
    return Picture("production", known, dict.fromkeys(consumes, 1), **more)


CHAIN = picture({"summary": (), "router": ("summary",), "reply": ("router",), "other": ()})


def places(found: Drawing) -> dict[str, tuple[float, float]]:
    return {box.name: (box.x, box.y) for box in found.boxes}


def test_a_chain_runs_to_the_right_on_one_level() -> None:
    found, names = drawn(CHAIN)
    at = places(found)
    assert names == ["reply", "router", "summary"]
    assert at["summary"][0] < at["router"][0] < at["reply"][0]
    assert len({y for _, y in at.values()}) == 1
    assert {(a.producer, a.consumer) for a in found.arrows} == {
        ("summary", "router"),
        ("router", "reply"),
    }
    assert alone(CHAIN) == ["other"]


def test_focus_shows_what_it_is_joined_to() -> None:
    seen = picture({"a": (), "b": ("a",), "c": ("b",), "x": ("a",)})
    found, names = drawn(seen, "b")
    assert names == ["a", "b", "c"]
    assert [box.name for box in found.boxes if box.focus] == ["b"]
    _, names = drawn(picture({"lonely": ()}), "lonely")
    assert names == ["lonely"]


def test_what_is_wrong_is_said() -> None:
    seen = picture(
        {"b": ("a",), "c": ("b",)}, wrong={"b": "serves no a"}, doubtful={"c": "b moved"}
    )
    found, names = drawn(seen)
    assert {box.name: box.state for box in found.boxes} == {
        "a": "not served",
        "b": "broken",
        "c": "to be evaluated again",
    }
    assert [(row.name, row.consumes, row.consumers) for row in rows(seen, names)] == [
        ("a", (), ("b",)),
        ("b", ("a",), ("c",)),
        ("c", ("b",), ()),
    ]


NAMES = [f"p{i}" for i in range(10)]
GRAPHS = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4), max_size=10
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@given(GRAPHS)
def test_everything_is_within_the_picture_and_no_two_boxes_meet(
    consumes: dict[str, list[str]],
) -> None:
    seen = picture({name: [p for p in of if p != name] for name, of in consumes.items()})
    found, _ = drawn(seen)
    for box in found.boxes:
        assert 0 <= box.x <= found.width - WIDTH
        assert 0 <= box.y <= found.height - HEIGHT + 0.2
        for other in found.boxes:
            apart = abs(box.x - other.x) >= WIDTH or abs(box.y - other.y) >= HEIGHT
            assert box is other or apart
    for arrow in found.arrows:
        assert arrow.path.startswith("M")
        x, y = map(float, NUMBER.findall(arrow.path)[-2:])
        end = places(found)[arrow.consumer]
        assert x in (end[0], end[0] + WIDTH)
        assert abs(y - end[1] - HEIGHT / 2) < 0.2


@given(GRAPHS, st.integers(1, 6))
def test_never_more_boxes_than_that(consumes: dict[str, list[str]], most: int) -> None:
    seen = picture({name: [p for p in of if p != name] for name, of in consumes.items()})
    found, names = drawn(seen, most=most)
    assert len(names) <= most
    assert found.left_out + len(names) == len(drawing.joined(seen))
    for focus in drawing.joined(seen):
        _, names = drawn(seen, focus, most=most)
        assert focus in names
        assert len(names) <= most


def test_too_many_leave_the_largest_groups_that_fit() -> None:
    pairs = {f"b{i}": (f"a{i}",) for i in range(3)}
    seen = picture({**pairs, "z2": ("z1",), "z3": ("z2",)})
    found, names = drawn(seen, most=4)
    assert names == ["z1", "z2", "z3"]
    assert found.left_out == 6


def test_long_names_are_cut() -> None:
    name = "a" * 60
    found, _ = drawn(picture({name: ("b",)}))
    box = next(box for box in found.boxes if box.name == name)
    assert len(box.short) == LETTERS


def test_a_cycle_is_drawn() -> None:
    found, _ = drawn(picture({"a": ("b",), "b": ("a",)}))
    assert len(found.arrows) == 2
    assert len({arrow.path for arrow in found.arrows}) == 2
