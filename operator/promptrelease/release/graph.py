"""Which prompts feed which others, on one label of one namespace.

An arrow goes the way the text goes: ``summary → router`` says that router consumes summary's
output, so that a move of summary may break router. Routers are *downstream* of summaries.

V is the number of prompts and E the number of arrows, of the whole graph or of the part that is
looked at. Nothing here recurses, and cycles and missing prompts are ordinary input.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

MAX_NAMED = 16
"""As many names of a cycle are written out; a condition's message has room for few."""

MAX_DEPTH = 64
"""As many levels of a tree are drawn; each line is as wide as it is deep."""

Adjacency = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Graph:
    """Who feeds whom. Made by ``build`` and ``propose``, which keep both sides in step.

    Attributes:
        producers: prompt to what it consumes, by name; one entry for each prompt that is served.
        consumers: prompt to who consumes it, by name; one entry for each prompt that anybody
            consumes, whether it is served or not.

    """

    producers: Adjacency
    consumers: Adjacency

    def edges(self) -> Iterator[tuple[str, str]]:
        """Producer and consumer of each arrow; by consumer as in ``producers``, then by name."""
        for consumer, producers in self.producers.items():
            for producer in producers:
                yield producer, consumer


@dataclass(frozen=True, slots=True)
class Cycle:
    """Prompts each of which feeds, in the end, all the others and itself.

    Attributes:
        prompts: all of them, by name.
        path: a shortest way round, first and last name the same; not always through all of them.

    """

    prompts: tuple[str, ...]
    path: tuple[str, ...]

    def __str__(self) -> str:
        """``a → b → a``; the middle of a long path is left out."""
        more = len(self.path) - MAX_NAMED
        if more <= 0:
            return " → ".join(self.path)
        half = MAX_NAMED // 2
        return " → ".join((*self.path[:half], f"… {more} more …", *self.path[-half:]))


def build(consumes: Mapping[str, Sequence[str]]) -> Graph:
    """The graph of what is served.

    O(V log V + E), where the logarithm sorts names once; names in order cost nothing. Then every
    walk is in the same order on every machine.

    Args:
        consumes: each prompt that the label serves, with the upstream prompts that the served
            version names. Order and repetitions don't matter; an upstream may be missing.

    """
    producers = {prompt: _by_name(upstreams) for prompt, upstreams in consumes.items()}
    consumers: dict[str, list[str]] = {}
    for prompt in sorted(producers):
        for upstream in producers[prompt]:
            consumers.setdefault(upstream, []).append(prompt)
    return Graph(producers, {upstream: tuple(names) for upstream, names in consumers.items()})


def propose(graph: Graph, moves: Mapping[str, Sequence[str] | None]) -> Graph:
    """The graph as it would be after some moves; equal to one that is built anew.

    It shares all that stays with ``graph``, and costs what the moved prompts consume, before and
    after, and the dependents of those upstreams that change. A proposal on a proposal costs all
    that both have moved: build anew rather than pile up thousands.

    Args:
        graph: what is served; it stays as it is.
        moves: prompt to what its proposed version consumes; None where the label is withdrawn.

    """
    producers = {p: None if names is None else _by_name(names) for p, names in moves.items()}
    consumers: dict[str, set[str]] = {}
    for prompt, after in producers.items():
        # What it consumes both before and after needs no change.
        for upstream in set(graph.producers.get(prompt, ())).symmetric_difference(after or ()):
            if upstream not in consumers:
                consumers[upstream] = set(graph.consumers.get(upstream, ()))
            consumers[upstream] ^= {prompt}
    return Graph(
        _Overlay(graph.producers, producers),
        _Overlay(graph.consumers, {p: _by_name(names) or None for p, names in consumers.items()}),
    )


def downstream(graph: Graph, prompts: Set[str]) -> tuple[str, ...]:
    """All that depend on some prompts, directly or not, without those prompts themselves.

    Producers come before their consumers, and where that leaves a choice the first name; the
    prompts of a cycle stand together, by name. A prompt that the graph doesn't know has nothing
    downstream. O(V log V + E) of the part downstream.
    """
    return _all_but(prompts, _in_order(graph, _reach(graph.consumers, prompts).union(prompts)))


def upstream(graph: Graph, prompts: Set[str]) -> tuple[str, ...]:
    """All that some prompts depend on, directly or not, without those prompts themselves.

    In the order of ``downstream``. What is consumed and not served is among them. O(V log V + E)
    of the part upstream.
    """
    return _all_but(prompts, _in_order(graph, _reach(graph.producers, prompts).union(prompts)))


def affected(graph: Graph, moved: Set[str]) -> Graph:
    """What must be evaluated again when some prompts move: they, and everything downstream.

    The part of the graph that holds these and the arrows between them. Its ``producers`` are in
    the order of evaluation, which is that of ``downstream``. All of ``moved`` are in it, served or
    not. For a move to come, ask the graph that ``propose`` gives. O(V log V + E) of the part.
    """
    part = _reach(graph.consumers, moved).union(moved)
    order = _in_order(graph, part)
    producers = {p: _only(part, graph.producers.get(p, ())) for p in order}
    # Whoever consumes one of these is one of these.
    consumers = {p: graph.consumers[p] for p in order if p in graph.consumers}
    return Graph(producers, consumers)


def cycles(graph: Graph) -> tuple[Cycle, ...]:
    """Every group of prompts that feed each other, and every prompt that feeds itself.

    These are the strongly connected components that are more than one prompt without an arrow to
    itself; no prompt is in two of them. By first name, each path from that name on. O(V log V + E).
    """
    groups = _turning(graph, graph.producers.keys())
    return tuple(_cycle(graph, group[0], group) for group in groups)


def would_close_cycle(graph: Graph, moves: Mapping[str, Sequence[str] | None]) -> tuple[Cycle, ...]:
    """The cycles that moved prompts would be in; empty when the moves are sound.

    Also one that was there before, as long as the proposed version is in it; cycles among others
    don't count. By first name, each path from the first moved prompt on. O(V log V + E) of what is
    upstream and downstream.

    Args:
        graph: what is served.
        moves: as for ``propose``; they are made together.

    """
    after = propose(graph, moves)
    # Whoever is in a cycle with a moved prompt is both.
    part = _reach(after.producers, moves) & _reach(after.consumers, moves)
    found: list[Cycle] = []
    for group in _turning(after, part):
        moved = _only(moves.keys(), group)
        if moved:
            found.append(_cycle(after, moved[0], group))
    return tuple(found)


def missing(graph: Graph) -> dict[str, tuple[str, ...]]:
    """What is consumed and not served: prompt to these upstreams, both by name. O(V log V + E)."""
    found: dict[str, list[str]] = {}
    for absent in _absent(graph):
        for consumer in graph.consumers[absent]:
            found.setdefault(consumer, []).append(absent)
    return {consumer: tuple(found[consumer]) for consumer in sorted(found)}


def dot(graph: Graph) -> str:
    """The graph for Graphviz; what is not served is dashed.

    Strings are quoted as graphviz.org/doc/info/lang.html says.
    """
    lines = ["digraph prompts {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {_quoted(prompt)};" for prompt in sorted(graph.producers)]
    lines += [f"  {_quoted(prompt)} [style=dashed];" for prompt in _absent(graph)]
    lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in sorted(graph.edges())]
    return "\n".join((*lines, "}"))


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart; what is not served is dashed.

    Names are labels and not ids, as a prompt may be called ``end``; other signs than letters,
    digits and dashes become entity codes (mermaid.js.org/syntax/flowchart.html).
    """
    served, absent = sorted(graph.producers), _absent(graph)
    ids = {prompt: f"p{i}" for i, prompt in enumerate((*served, *absent))}
    lines = ["flowchart LR"]
    lines += [f'  {ids[prompt]}["{_coded(prompt)}"]' for prompt in served]
    lines += [f'  {ids[prompt]}["{_coded(prompt)}"]:::missing' for prompt in absent]
    lines += [f"  {ids[a]} --> {ids[b]}" for a, b in sorted(graph.edges())]
    if absent:
        lines.append("  classDef missing stroke-dasharray: 4 4")
    return "\n".join(lines)


def tree(graph: Graph, root: str) -> str:
    """A prompt and what is downstream of it, for a terminal.

    The dependents of a prompt are shown once: where it comes again it is marked ``(above)``, and
    ``(cycle)`` where it is under itself. ``…`` stands for what is below ``MAX_DEPTH`` levels. One
    line for each arrow of that part.
    """
    lines = [root if root in graph.producers else f"{root} (not served)"]
    shown = {root}
    path = [root]
    rest = [_last_first(graph, root)]  # for each of the path, what is still to come below it
    while rest:
        if not rest[-1]:
            rest.pop()
            path.pop()
            continue
        prompt = rest[-1].pop()
        below = _last_first(graph, prompt)
        mark = ""
        if prompt in path:
            mark = " (cycle)"
        elif prompt in shown and below:
            mark = " (above)"
        elif len(path) == MAX_DEPTH and below:
            mark = " …"
        bars = "".join("│  " if siblings else "   " for siblings in rest[:-1])
        lines.append(f"{bars}{'├─' if rest[-1] else '└─'} {prompt}{mark}")
        if not mark:
            shown.add(prompt)
            path.append(prompt)
            rest.append(below)
    return "\n".join(lines)


class _Overlay(Mapping[str, tuple[str, ...]]):
    """A mapping of which a few entries are other than in its base, or gone (None)."""

    __slots__ = ("_base", "_changes")
    _base: Adjacency
    _changes: Mapping[str, tuple[str, ...] | None]

    def __init__(self, base: Adjacency, changes: Mapping[str, tuple[str, ...] | None]) -> None:
        self._base = base
        self._changes = changes
        if isinstance(base, _Overlay):
            self._base = base._base
            self._changes = {**base._changes, **changes}

    def __getitem__(self, key: str) -> tuple[str, ...]:
        value = self._changes[key] if key in self._changes else self._base[key]
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        yield from (key for key in self._base if self._changes.get(key, ()) is not None)
        for key, value in self._changes.items():
            if value is not None and key not in self._base:
                yield key

    def __len__(self) -> int:
        more = sum((v is not None) - (k in self._base) for k, v in self._changes.items())
        return len(self._base) + more


def _by_name(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _only(part: Set[str], names: Iterable[str]) -> tuple[str, ...]:
    return tuple([name for name in names if name in part])


def _all_but(some: Set[str], names: Iterable[str]) -> tuple[str, ...]:
    return tuple([name for name in names if name not in some])


def _absent(graph: Graph) -> list[str]:
    return sorted(prompt for prompt in graph.consumers if prompt not in graph.producers)


def _reach(neighbours: Adjacency, start: Iterable[str]) -> set[str]:
    """What one step or more lead to; of the start only what a cycle comes back to."""
    reached: set[str] = set()
    todo = list(start)
    while todo:
        for name in neighbours.get(todo.pop(), ()):
            if name not in reached:
                reached.add(name)
                todo.append(name)
    return reached


def _components(graph: Graph, part: Set[str]) -> Iterator[list[str]]:
    """The strongly connected components of a part of the graph, in no certain order.

    Tarjan, "Depth-first search and linear graph algorithms", 1972, with a stack in place of the
    recursion. O(V + E).
    """
    finished = len(part)  # above every number: what is finished draws nobody into its component
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    left: dict[str, Iterator[str]] = {}
    unfinished: list[str] = []
    for root in part:
        path = [] if root in number else [root]
        while path:
            prompt = path[-1]
            if prompt not in number:
                number[prompt] = lowest[prompt] = len(number)
                left[prompt] = iter(graph.producers.get(prompt, ()))
                unfinished.append(prompt)
            low = lowest[prompt]
            for producer in left[prompt]:
                if producer in number:
                    if lowest[producer] < low:
                        low = lowest[producer]
                elif producer in part:
                    path.append(producer)
                    break
            lowest[prompt] = low
            if path[-1] != prompt:
                continue
            path.pop()
            if low == number[prompt]:
                component = [unfinished.pop()]
                while component[-1] != prompt:
                    component.append(unfinished.pop())
                for member in component:
                    lowest[member] = finished
                yield component
            elif low < lowest[path[-1]]:
                lowest[path[-1]] = low


def _turning(graph: Graph, part: Set[str]) -> list[list[str]]:
    """The components of a part in which there is a cycle, by name."""
    return sorted(
        sorted(group)
        for group in _components(graph, part)
        if len(group) > 1 or group[0] in graph.producers.get(group[0], ())
    )


def _in_order(graph: Graph, part: Set[str]) -> list[str]:
    """A part of the graph, producers first, then by name; the prompts of a cycle together."""
    order = _sorted(graph, part)
    if len(order) == len(part):
        return order
    # With each component as one prompt, of its first name, nothing turns any more.
    groups = {names[0]: names for names in map(sorted, _components(graph, part))}
    group_of = {prompt: first for first, names in groups.items() for prompt in names}
    feeds: dict[str, list[str]] = {first: [] for first in groups}
    for prompt, first in group_of.items():
        into = (group_of.get(producer, first) for producer in graph.producers.get(prompt, ()))
        feeds[first] += [producer for producer in into if producer != first]
    return [prompt for first in _sorted(build(feeds), groups.keys()) for prompt in groups[first]]


def _sorted(graph: Graph, part: Set[str]) -> list[str]:
    """A part of the graph, producers first, then by name; it ends where only cycles could go on.

    Kahn, "Topological sorting of large networks", 1962.
    """
    waits_for = {p: len(_only(part, graph.producers.get(p, ()))) for p in part}
    ready = [prompt for prompt, count in waits_for.items() if not count]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        prompt = heapq.heappop(ready)
        order.append(prompt)
        for consumer in graph.consumers.get(prompt, ()):
            if consumer in waits_for:
                waits_for[consumer] -= 1
                if not waits_for[consumer]:
                    heapq.heappush(ready, consumer)
    return order


def _cycle(graph: Graph, start: str, group: Sequence[str]) -> Cycle:
    """A component, its prompts by name, with a shortest way round from one of them."""
    members = set(group)
    came_from: dict[str, str] = {}
    todo = deque([start])
    while start not in came_from:
        prompt = todo.popleft()
        for consumer in graph.consumers[prompt]:
            if consumer in members and consumer not in came_from:
                came_from[consumer] = prompt
                todo.append(consumer)
    path = [start, came_from[start]]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return Cycle(tuple(group), tuple(reversed(path)))


def _last_first(graph: Graph, prompt: str) -> list[str]:
    """Who consumes a prompt, to be popped by name."""
    return list(reversed(graph.consumers.get(prompt, ())))


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _coded(name: str) -> str:
    return "".join(c if c.isalnum() or c == "-" else f"#{ord(c)};" for c in name)
