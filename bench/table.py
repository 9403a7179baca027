"""One row a measure, each beside what it is measured against in the same run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPORT = Path(__file__).parents[1] / "build" / "bench.json"


@dataclass(frozen=True)
class Row:
    """One measure.

    Attributes:
        name: what was measured.
        value: the median of several runs, in ``unit``.
        peer: what it is measured against, with ``peer_value`` in the same unit.
        limit: the demand: the most that ``ratio`` (or ``value``, without a peer) may be.
        note: how it was measured, where that is not obvious.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    limit: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """``value`` in terms of the peer's: below 1 it is the smaller."""
        return None if not self.peer_value else self.value / self.peer_value

    @property
    def ok(self) -> bool:
        """Whether the demand is met; True where there is none."""
        measured = self.value if self.ratio is None else self.ratio
        return self.limit is None or measured <= self.limit

    def to_json(self) -> dict[str, Any]:
        """``{"name", "value", "unit", "peer"?: {"name", "value"}, "ratio"?, "limit"?, "ok"?}``."""
        made: dict[str, Any] = {"name": self.name, "value": self.value, "unit": self.unit}
        if self.peer_value is not None:
            made["peer"] = {"name": self.peer, "value": self.peer_value}
            made["ratio"] = self.ratio
        if self.limit is not None:
            made |= {"limit": self.limit, "ok": self.ok}
        return made


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned columns."""
    cells = [("measure", "ours", "", "against", "", "ratio", "demand", "note")]
    for row in rows:
        peer = "" if row.peer_value is None else _number(row.peer_value)
        ratio = "" if row.ratio is None else _number(row.ratio)
        demand = "" if row.limit is None else f"≤ {row.limit:.3g} {'ok' if row.ok else 'MISSED'}"
        value = _number(row.value)
        cells.append((row.name, value, row.unit, row.peer, peer, ratio, demand, row.note))
    return "\n".join(_aligned(cells))


def write(rows: Iterable[Row], path: Path = REPORT) -> None:
    """Write the rows for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.to_json() for row in rows], indent=2) + "\n")


def _aligned(cells: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    to_the_right = {1, 4, 5}
    return [
        "  ".join(
            cell.rjust(width) if column in to_the_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def _number(value: float) -> str:
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1e}"
