"""The layout of graphs: everything has a place of its own, and arrows run one way."""

from __future__ import annotations

from itertools import combinations

import networkx
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.console.shown.layers import Edge, crossings, layout

NAMES = [f"p{i}" for i in range(12)]
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40)


@given(EDGES)
def test_no_two_are_in_one_place(edges: list[Edge]) -> None:
    placed = layout(NAMES, edges)
    assert placed.places.keys() == set(NAMES)
    for a, b in combinations(placed.places.values(), 2):
        assert a[0] != b[0] or abs(a[1] - b[1]) >= 1 - 1e-9
    for column, row in placed.places.values():
        assert 0 <= column < placed.columns
        assert -1e-9 <= row <= placed.rows - 1 + 1e-9


@given(EDGES)
def test_every_arrow_has_a_way_from_its_one_end_to_the_other(edges: list[Edge]) -> None:
    placed = layout(NAMES, edges)
    assert placed.ways.keys() == {(a, b) for a, b in edges if a != b}
    for (a, b), way in placed.ways.items():
        assert way[0] == placed.places[a]
        assert way[-1] == placed.places[b]
        columns = [column for column, _ in way]
        step = 1 if columns[-1] > columns[0] else -1
        assert columns == list(range(columns[0], columns[-1] + step, step))


@given(EDGES)
def test_without_cycles_all_arrows_run_to_the_right(edges: list[Edge]) -> None:
    forward = [(a, b) for a, b in edges if a < b]
    placed = layout(NAMES, forward)
    for a, b in forward:
        assert placed.places[a][0] < placed.places[b][0]


@given(EDGES)
def test_of_a_cycle_some_arrows_still_run_to_the_right(edges: list[Edge]) -> None:
    placed = layout(NAMES, edges)
    right = [(a, b) for a, b in placed.ways if placed.places[a][0] < placed.places[b][0]]
    assert networkx.is_directed_acyclic_graph(networkx.DiGraph(right))
    known: networkx.DiGraph[str] = networkx.DiGraph([(a, b) for a, b in edges if a != b])
    if networkx.is_directed_acyclic_graph(known):
        assert len(right) == len(placed.ways)


@given(EDGES)
def test_the_order_of_what_is_given_makes_no_difference(edges: list[Edge]) -> None:
    assert layout(NAMES, edges) == layout(NAMES[::-1], edges[::-1])


Node = tuple[str, str, int]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_crossings_are_counted_as_by_hand(pairs: list[tuple[int, int]]) -> None:
    left: list[Node] = [(f"l{i}", "", 0) for i in range(7)]
    right: list[Node] = [(f"r{i}", "", 0) for i in range(7)]
    found: dict[Node, tuple[list[Node], list[Node]]] = {node: ([], []) for node in left + right}
    for a, b in pairs:
        found[left[a]][1].append(right[b])
    by_hand = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(pairs, 2))
    assert crossings([left, right], found) == by_hand


def test_what_can_be_drawn_without_crossings_is() -> None:
    # As they come by name, the two arrows cross.
    placed = layout(["a1", "a2", "z1", "z2"], [("a1", "z2"), ("a2", "z1")])
    assert (placed.places["a1"][1] < placed.places["a2"][1]) == (
        placed.places["z2"][1] < placed.places["z1"][1]
    )


def test_what_feeds_one_far_away_stands_next_to_it() -> None:
    placed = layout(["a", "b", "c", "late"], [("a", "b"), ("b", "c"), ("late", "c")])
    assert placed.places["late"][0] == placed.places["c"][0] - 1


def test_nothing() -> None:
    placed = layout([], [])
    assert (placed.columns, placed.rows, dict(placed.places)) == (0, 0, {})
