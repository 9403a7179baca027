"""Where the nodes of a graph go: in columns, so that arrows run one way and cross little.

Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures",
1981: columns by longest path, an invisible node wherever an arrow passes a column, and sweeps that
put each node near the middle of its neighbours. Arrows that close a cycle run backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8
LEFT, RIGHT = 0, 1

Edge = tuple[str, str]
_Node = tuple[str, str, int]
"""A prompt's name and two blanks, or the ends of an arrow and the column that it passes."""


@dataclass(frozen=True)
class Layout:
    """Where everything is, in columns and rows from 0.

    Attributes:
        places: node to column and row; a row may lie between two, to be level
            with neighbours.
        ways: for each arrow the points that it passes, its ends included.
        columns: how many there are.
        rows: as many as the highest column has.

    """

    places: Mapping[str, tuple[int, float]]
    ways: Mapping[Edge, tuple[tuple[int, float], ...]]
    columns: int
    rows: float


def layout(nodes: Iterable[str], edges: Iterable[Edge]) -> Layout:
    """Place nodes; an arrow's ends must be among them. The same input gives the same picture.

    What hangs together is placed by itself, the largest first, and the next below it.
    """
    names = sorted(set(nodes))
    arrows = sorted({(a, b) for a, b in edges if a != b})
    places: dict[str, tuple[int, float]] = {}
    ways: dict[Edge, tuple[tuple[int, float], ...]] = {}
    columns, rows = 0, 0.0
    for part, within in _parts(names, arrows):
        one = _layout(part, within)
        places |= {name: (at, row + rows) for name, (at, row) in one.places.items()}
        for edge, way in one.ways.items():
            ways[edge] = tuple((at, row + rows) for at, row in way)
        columns, rows = max(columns, one.columns), rows + one.rows
    return Layout(places, ways, columns, rows)


def _parts(names: Sequence[str], edges: Sequence[Edge]) -> list[tuple[list[str], list[Edge]]]:
    """What hangs together, the largest first, then by name."""
    beside: dict[str, list[str]] = {name: [] for name in names}
    for a, b in edges:
        beside[a].append(b)
        beside[b].append(a)
    part_of: dict[str, int] = {}
    parts: list[tuple[list[str], list[Edge]]] = []
    for name in names:
        todo = [] if name in part_of else [name]
        if todo:
            parts.append(([], []))
        while todo:
            one = todo.pop()
            if one not in part_of:
                part_of[one] = len(parts) - 1
                todo += beside[one]
    for name in names:
        parts[part_of[name]][0].append(name)
    for edge in edges:
        parts[part_of[edge[0]]][1].append(edge)
    return sorted(parts, key=lambda part: (-len(part[0]), part[0]))


def _layout(names: Sequence[str], arrows: Sequence[Edge]) -> Layout:
    back = _closing(names, arrows)
    forward = [(b, a) if (a, b) in back else (a, b) for a, b in arrows]
    column = _columns(names, forward)
    chains = {edge: _chain(edge, column) for edge in dict.fromkeys(forward)}
    levels = _levels(names, column, chains)
    neighbours = _neighbours(chains.values())
    _order(levels, neighbours)
    row = _rows(levels, neighbours)
    depth = {node: i for i, level in enumerate(levels) for node in level}
    ways = {}
    for edge in arrows:
        chain = chains[edge] if edge in chains else chains[edge[1], edge[0]][::-1]
        ways[edge] = tuple((depth[node], row[node]) for node in chain)
    return Layout(
        {name: (column[name], row[name, "", 0]) for name in names},
        ways,
        len(levels),
        max(row.values()) + 1,
    )


def _closing(names: Sequence[str], edges: Sequence[Edge]) -> set[Edge]:
    """Arrows that close a cycle: those that lead back to where a walk comes from."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for a, b in edges:
        after[a].append(b)
    entered = dict.fromkeys(names, False)
    on_path: set[str] = set()
    found: set[Edge] = set()
    # Walks begin where nothing leads to, so that of a cycle the arrow to its entry turns round.
    led_to = {b for _, b in edges}
    for root in sorted(names, key=lambda name: (name in led_to, name)):
        if entered[root]:
            continue
        entered[root] = True
        on_path.add(root)
        path = [(root, iter(after[root]))]
        while path:
            name, rest = path[-1]
            for other in rest:
                if other in on_path:
                    found.add((name, other))
                elif not entered[other]:
                    entered[other] = True
                    on_path.add(other)
                    path.append((other, iter(after[other])))
                    break
            else:
                on_path.discard(name)
                path.pop()
    return found


def _columns(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest way to each node; what has neighbours to the right alone stands next to them."""
    before: dict[str, int] = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {name: [] for name in names}
    for a, b in dict.fromkeys(edges):
        before[b] += 1
        after[a].append(b)
    sources = {name for name in names if not before[name]}
    column = dict.fromkeys(names, 0)
    ready = sorted(sources)
    while ready:
        name = ready.pop()
        for other in after[name]:
            column[other] = max(column[other], column[name] + 1)
            before[other] -= 1
            if not before[other]:
                ready.append(other)
    for name in sources:
        if after[name]:
            column[name] = min(column[other] for other in after[name]) - 1
    return column


def _chain(edge: Edge, column: Mapping[str, int]) -> tuple[_Node, ...]:
    a, b = edge
    passed = [(a, b, i) for i in range(column[a] + 1, column[b])]
    return (a, "", 0), *passed, (b, "", 0)


def _levels(
    names: Sequence[str],
    column: Mapping[str, int],
    chains: Mapping[Edge, tuple[_Node, ...]],
) -> list[list[_Node]]:
    levels: list[list[_Node]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for name in names:
        levels[column[name]].append((name, "", 0))
    for chain in chains.values():
        for node in chain[1:-1]:
            levels[node[2]].append(node)
    return levels


_Neighbours = Mapping[_Node, tuple[list[_Node], list[_Node]]]


def _neighbours(chains: Iterable[tuple[_Node, ...]]) -> _Neighbours:
    """Each node's neighbours to the left and to the right."""
    found: dict[_Node, tuple[list[_Node], list[_Node]]] = {}
    for chain in chains:
        for a, b in pairwise(chain):
            found.setdefault(a, ([], []))[1].append(b)
            found.setdefault(b, ([], []))[0].append(a)
    return found


def _order(levels: list[list[_Node]], neighbours: _Neighbours) -> None:
    """Sort each column by the middle of its neighbours, there and back; keep the best."""
    best, fewest = [list(level) for level in levels], crossings(levels, neighbours)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        if sweep % 2:
            for i in range(len(levels) - 2, -1, -1):
                levels[i] = _by_middle(levels[i], levels[i + 1], neighbours, RIGHT)
        else:
            for i in range(1, len(levels)):
                levels[i] = _by_middle(levels[i], levels[i - 1], neighbours, LEFT)
        count = crossings(levels, neighbours)
        if count < fewest:
            best, fewest = [list(level) for level in levels], count
    levels[:] = best


def _by_middle(
    level: Sequence[_Node], beside: Sequence[_Node], neighbours: _Neighbours, side: int
) -> list[_Node]:
    place = {node: at for at, node in enumerate(beside)}
    middle: dict[_Node, float] = {}
    for at, node in enumerate(level):
        near = [place[other] for other in neighbours[node][side]] if node in neighbours else []
        middle[node] = sum(near) / len(near) if near else float(at)
    return sorted(level, key=middle.__getitem__)


def crossings(levels: Sequence[Sequence[_Node]], neighbours: _Neighbours) -> int:
    """How many pairs of arrows cross."""
    total = 0
    for left, right in pairwise(levels):
        place = {node: at for at, node in enumerate(right)}
        ends = [
            at
            for node in left
            for at in sorted(place[b] for b in neighbours.get(node, ([], []))[1] if b in place)
        ]
        # Inversions, counted by a Fenwick tree: Barth, Mutzel and Jünger, 2004.
        tree = [0] * (len(right) + 1)
        for seen, at in enumerate(ends):
            upto = 0
            i = at + 1
            while i:
                upto += tree[i]
                i -= i & -i
            total += seen - upto
            i = at + 1
            while i <= len(right):
                tree[i] += 1
                i += i & -i
    return total


def _rows(levels: Sequence[Sequence[_Node]], neighbours: _Neighbours) -> dict[_Node, float]:
    """Rows that keep the order, at least one apart, each near the middle of its neighbours."""
    row = {node: float(at) for level in levels for at, node in enumerate(level)}
    for sweep in range(SWEEPS):
        side = sweep % 2
        for level in levels if not side else levels[::-1]:
            wanted = []
            for node in level:
                beside = neighbours.get(node, ([], []))
                near = beside[side] or beside[1 - side]
                wanted.append(sum(row[o] for o in near) / len(near) if near else row[node])
            for node, at in zip(level, _apart(wanted), strict=True):
                row[node] = at
    least = min(row.values(), default=0.0)
    return {node: at - least for node, at in row.items()}


def _apart(wanted: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, in order and at least one apart, in least squares.

    Pool adjacent violators, on what is wanted less what is due to the order.
    """
    pools: list[tuple[float, int]] = []  # mean, and how many share it
    for i, at in enumerate(wanted):
        mean, count = at - i, 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean, count = (mean * count + other * more) / (count + more), count + more
        pools.append((mean, count))
    means = [mean for mean, count in pools for _ in range(count)]
    return [mean + i for i, mean in enumerate(means)]
