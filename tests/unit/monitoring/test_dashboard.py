"""The shipped dashboard: what it asks for exists, and it asks whatever Prometheus one has."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

from harness.monitored import DASHBOARD, expressions, metrics

ROOT = Path(__file__).parents[3]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24

PANELS: list[dict[str, Any]] = DASHBOARD["panels"]


def test_every_metric_that_it_asks_for_exists() -> None:
    known = set(metrics()) | {"process_resident_memory_bytes", "process_cpu_seconds_total"}
    for title, expression in expressions():
        asked = re.findall(r"\b((?:promptrelease|process)_\w+)", expression)
        assert asked, title
        for name in asked:
            assert re.sub("_bucket$", "", name) in known, f"{title}: {name}"


def test_every_panel_says_what_it_shows_and_asks_the_chosen_source() -> None:
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == SOURCE
        assert all(target["datasource"] == SOURCE for target in panel["targets"])
    (variable,) = [v for v in DASHBOARD["templating"]["list"] if v["name"] == "datasource"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")


def test_panels_have_their_own_places() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    places = [(panel["title"], panel["gridPos"]) for panel in PANELS]
    for (one, a), (other, b) in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, f"{one} is over {other}"
    assert all(place["x"] + place["w"] <= COLUMNS for _, place in places)


def test_its_picture_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "monitor.md").read_text()
    (picture,) = re.findall(r"!\[[^]]+\]\((images/[\w.-]+)\)", text)
    assert (ROOT / "docs" / picture).stat().st_size > 10_000
