"""The dependency graph as boxes and arrows, in the units of an SVG's view box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from promptrelease.console.shown.layers import layout
from promptrelease.release import graph
from promptrelease.views.look.graphing import Picture, around

MOST = 200
"""Boxes of one picture."""

WIDTH, HEIGHT = 184, 52
GAP_X, GAP_Y = 56, 20
MARGIN = 12
LETTERS = 21
"""Of a longer name the end is cut off; its title and the table have all of it."""


@dataclass(frozen=True)
class Box:
    """A prompt.

    Attributes:
        version: that the label serves; none where it serves nothing.
        broken, doubtful: what is wrong with it, and why it needs to be evaluated again.

    """

    name: str
    x: float
    y: float
    version: int | None
    broken: str = ""
    doubtful: str = ""
    focus: bool = False

    @property
    def short(self) -> str:
        """Its name, as long as the box is."""
        return self.name if len(self.name) <= LETTERS else f"{self.name[: LETTERS - 1]}…"

    @property
    def state(self) -> str:
        """What is shown of it beside its version, in a word or two."""
        if self.version is None:
            return "not served"
        if self.broken:
            return "broken"
        return "to be evaluated again" if self.doubtful else ""


@dataclass(frozen=True)
class Arrow:
    """From a producer to a consumer; ``path`` is an SVG path."""

    producer: str
    consumer: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """A picture of ``width`` by ``height``; ``left_out`` prompts were too many for it."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float
    left_out: int = 0


@dataclass(frozen=True)
class Row:
    """A prompt of the graph in words."""

    name: str
    version: int | None
    consumes: tuple[str, ...]
    consumers: tuple[str, ...]
    broken: str = ""
    doubtful: str = ""


def joined(seen: Picture) -> list[str]:
    """Prompts that consume or are consumed, by name."""
    known = seen.graph
    return sorted(
        name
        for name in known.producers.keys() | known.consumers.keys()
        if known.producers.get(name) or known.consumers.get(name)
    )


def alone(seen: Picture) -> list[str]:
    """Prompts that neither consume nor are consumed, by name."""
    return sorted(seen.graph.producers.keys() - set(joined(seen)))


def rows(seen: Picture, names: Sequence[str]) -> list[Row]:
    """Some prompts in words."""
    return [
        Row(
            name,
            seen.versions.get(name),
            seen.graph.producers.get(name, ()),
            seen.graph.consumers.get(name, ()),
            seen.wrong.get(name, ""),
            seen.doubtful.get(name, ""),
        )
        for name in names
    ]


def drawn(seen: Picture, focus: str = "", most: int = MOST) -> tuple[Drawing, list[str]]:
    """The picture of what is joined, and the names of what is in it.

    Args:
        seen: the graph.
        focus: with what is up- and downstream of it alone; empty for all.
        most: as many boxes; with a focus those nearest to it, else whole groups, largest first.

    """
    part = around(seen, focus) if focus else seen
    names = [focus] if focus and focus not in joined(part) else joined(part)
    kept = names
    if len(names) > most:
        kept = sorted(_nearest(part, focus, most) if focus else _groups(part, names, most))
    inside = set(kept)
    edges = [(a, b) for a, b in part.graph.edges() if a in inside and b in inside]
    placed = layout(kept, edges)

    def point(at: tuple[int, float]) -> tuple[float, float]:
        column, row = at
        return (
            round(MARGIN + column * (WIDTH + GAP_X), 1),
            round(MARGIN + row * (HEIGHT + GAP_Y), 1),
        )

    boxes = tuple(
        Box(
            name,
            *point(placed.places[name]),
            version=seen.versions.get(name),
            broken=seen.wrong.get(name, ""),
            doubtful=seen.doubtful.get(name, ""),
            focus=name == focus,
        )
        for name in kept
    )
    arrows = tuple(
        Arrow(a, b, " ".join(_path([point(at) for at in way])))
        for (a, b), way in placed.ways.items()
    )
    width = 2 * MARGIN + max(1, placed.columns) * (WIDTH + GAP_X) - GAP_X
    height = 2 * MARGIN + max(1.0, placed.rows) * (HEIGHT + GAP_Y) - GAP_Y
    return Drawing(boxes, arrows, width, round(height, 1), len(names) - len(kept)), kept


def _path(points: Sequence[tuple[float, float]]) -> Iterator[str]:
    """From the right side of one box to the left side of another, level through each column."""
    (x, y), *_, (end_x, end_y) = points
    half = HEIGHT / 2
    if end_x <= x:  # it closes a cycle: out at the left, in at the right
        begin, end = (x, y + half), (end_x + WIDTH, end_y + half)
    else:
        begin, end = (x + WIDTH, y + half), (end_x, end_y + half)
    yield f"M{begin[0]:g} {begin[1]:g}"
    here = begin
    for at_x, at_y in points[1:-1]:
        sides = (at_x, at_x + WIDTH) if end_x > x else (at_x + WIDTH, at_x)
        yield _curve(here, (sides[0], at_y + half))
        yield f"H{sides[1]:g}"
        here = (sides[1], at_y + half)
    yield _curve(here, end)


def _curve(begin: tuple[float, float], end: tuple[float, float]) -> str:
    middle = (begin[0] + end[0]) / 2
    return f"C{middle:g} {begin[1]:g} {middle:g} {end[1]:g} {end[0]:g} {end[1]:g}"


def _nearest(seen: Picture, focus: str, most: int) -> list[str]:
    """What is fewest steps away, either way."""
    found = {focus: None}
    front = [focus]
    while front and len(found) < most:
        near = sorted(
            {
                other
                for name in front
                for side in (seen.graph.producers, seen.graph.consumers)
                for other in side.get(name, ())
            }
            - found.keys()
        )
        front = near[: most - len(found)]
        found |= dict.fromkeys(front)
    return list(found)


def _groups(seen: Picture, names: Sequence[str], most: int) -> list[str]:
    """Groups that hang together, the largest that fit first; of one too large, its beginning."""
    groups: list[list[str]] = []
    left = dict.fromkeys(names)
    while left:
        group = _nearest(seen, next(iter(left)), len(names))
        for name in group:
            left.pop(name, None)
        groups.append(group)
    groups.sort(key=lambda group: (-len(group), group[0]))
    kept: list[str] = []
    for group in groups:
        if len(kept) + len(group) <= most:
            kept += group
    if kept:
        return kept
    order: Mapping[str, tuple[str, ...]] = graph.affected(seen.graph, set(groups[0])).producers
    return list(order)[:most]
