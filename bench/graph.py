"""The graph of prompts, beside networkx on the same graph, turn by turn in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from random import Random

import networkx as nx
from bench.table import Row

from promptrelease.release.graph import Graph, affected, build, cycles, downstream, propose

PROMPTS = 10_000
ARROWS = 30_000
RINGS = 10
RUNS = 15

Consumes = dict[str, list[str]]


def rows() -> list[Row]:
    """Measure; takes some seconds."""
    random = Random(6)
    consumes = _consumes(random)
    graph, peer = build(consumes), _peer(consumes)
    return [
        _row(
            "graph, build",
            partial(build, consumes),
            partial(_peer, consumes),
            note=f"{PROMPTS:,} prompts, {ARROWS:,} arrows",
        ),
        *_downstream_rows(graph, peer, random),
        _cycles_row(consumes, random),
        *_move_rows(graph, peer, consumes),
    ]


def _downstream_rows(graph: Graph, peer: nx.DiGraph[str], random: Random) -> list[Row]:
    made = []
    for start in ({"prompt-00007"}, set(random.sample(sorted(graph.producers), 100))):
        found = downstream(graph, start)
        assert list(found) == _peer_downstream(peer, start)
        made.append(
            _row(
                f"graph, downstream of {len(start)}",
                partial(downstream, graph, start),
                partial(_peer_downstream, peer, start),
                note=f"{len(found):,} dependents, in order",
            )
        )
    return made


def _cycles_row(consumes: Consumes, random: Random) -> Row:
    """Ten consumers of something feed it, too."""
    turning = {prompt: list(names) for prompt, names in consumes.items()}
    for prompt in random.sample([p for p, names in consumes.items() if names], RINGS):
        turning[consumes[prompt][0]].append(prompt)
    graph, peer = build(turning), _peer(turning)
    found = [set(cycle.prompts) for cycle in cycles(graph)]
    assert found == sorted(map(set, _peer_groups(peer)), key=min)
    sizes = ", ".join(str(len(group)) for group in found)
    return _row(
        "graph, cycles of all",
        partial(cycles, graph),
        partial(_peer_cycles, peer),
        note=f"{len(found)}, of {sizes} prompts",
    )


def _move_rows(graph: Graph, peer: nx.DiGraph[str], consumes: Consumes) -> list[Row]:
    """A move after which a prompt consumes one other upstream."""
    moved, now = "prompt-01000", ["prompt-00007"]

    def ours() -> list[str]:
        return list(affected(propose(graph, {moved: now}), {moved}).producers)

    def on_a_copy() -> list[str]:
        return in_place(peer.copy())

    def in_place(into: nx.DiGraph[str]) -> list[str]:
        into.remove_edges_from([(upstream, moved) for upstream in consumes[moved]])
        into.add_edges_from((upstream, moved) for upstream in now)
        return [moved, *_peer_downstream(into, {moved})]

    def and_back() -> list[str]:
        order = in_place(peer)
        peer.remove_edges_from([(upstream, moved) for upstream in now])
        peer.add_edges_from((upstream, moved) for upstream in consumes[moved])
        return order

    assert ours() == on_a_copy() == and_back()
    name, note = "graph, a move and what it affects", f"{len(ours()):,} prompts"
    return [
        _row(name, ours, on_a_copy, peer="networkx, on a copy", note=note),
        _row(name, ours, and_back, peer="networkx, in place and back", note=note),
        _row(
            "graph, a move alone",
            partial(propose, graph, {moved: now}),
            peer.copy,
            peer="networkx, a copy",
        ),
    ]


def _consumes(random: Random) -> Consumes:
    """Arrows between any two, from the lower to the higher number: no cycles."""
    names = [f"prompt-{number:05}" for number in range(PROMPTS)]
    arrows: set[tuple[int, int]] = set()
    while len(arrows) < ARROWS:
        producer, consumer = sorted(random.sample(range(PROMPTS), 2))
        arrows.add((producer, consumer))
    made: Consumes = {name: [] for name in names}
    for producer, consumer in sorted(arrows):
        made[names[consumer]].append(names[producer])
    return made


def _peer(consumes: Consumes) -> nx.DiGraph[str]:
    made: nx.DiGraph[str] = nx.DiGraph()
    made.add_nodes_from(consumes)
    made.add_edges_from((u, prompt) for prompt, names in consumes.items() for u in names)
    return made


def _peer_downstream(peer: nx.DiGraph[str], start: set[str]) -> list[str]:
    part = start.union(*(nx.descendants(peer, prompt) for prompt in start))
    order = nx.lexicographical_topological_sort(peer.subgraph(part).copy())
    return [prompt for prompt in order if prompt not in start]


def _peer_groups(peer: nx.DiGraph[str]) -> list[set[str]]:
    return [group for group in nx.strongly_connected_components(peer) if len(group) > 1]


def _peer_cycles(peer: nx.DiGraph[str]) -> list[list[tuple[str, str]]]:
    """A cycle of each group; any, where ours is a shortest."""
    return [nx.find_cycle(peer.subgraph(group), min(group)) for group in _peer_groups(peer)]


def _row(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    peer: str = "networkx",
    note: str = "",
) -> Row:
    """Medians of several runs of both, by turns; slower than the peer is a demand missed."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS):
        for run, times in zip((ours, theirs), taken, strict=True):
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1000)
    value, peer_value = map(statistics.median, taken)
    return Row(name, value, "ms", peer, peer_value, limit=1, note=note)
