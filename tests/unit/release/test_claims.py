"""What anybody may have written into a ConfigMap is read strictly, or not at all."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from harness.simulation import PROMPT, Cluster
from promptrelease.release import claims
from promptrelease.release.log import MAX_BACKLOG
from promptrelease.release.model import Change, Consent, Served
from promptrelease.release.render import backlog_annotation, config_map_annotations
from promptrelease.release.render import config_map_labels as labels_of

MOVE = Served(
    version=7,
    digest="sha256:" + "0" * 64,
    revision=3,
    since="2026-01-01T00:00:00Z",
    reason="why",
    by="ada",
    history=(7, 6),
    kind="Promotion",
    before=6,
    approvals=(Consent("a", "bob"),),
    evaluations=("e",),
    checksum="sha256:" + "1" * 64,
)
CHANGE = Change("p", "l", 2, "Promotion", None, 1, "d", "r", "", "2026-01-01T00:00:00Z")


def read(**more: str) -> Served | None:
    edited = {f"promptrelease.dev/{name.replace('_', '-')}": text for name, text in more.items()}
    return claims.served(labels_of("p", "l", MOVE), {**config_map_annotations(MOVE), **edited})


def test_ours_is_read_as_it_was_written() -> None:
    assert read() == MOVE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("revision", str(2**63)),
        ("revision", "9" * 5000),
        ("revision", "-1"),
        ("revision", "0"),
        ("revision", "\u0661"),
        ("revision", "1_0"),
        ("since", "2026-02-30T00:00:00Z"),
        ("since", "0000-01-01T00:00:00Z"),
        ("since", "yesterday"),
        ("history", ",".join(["1"] * 11)),
        ("history", "2147483648"),
        ("kind", "Coup"),
        ("from", "0"),
        ("digest", "d" * 72),
        ("reason", "r" * 1025),
        ("by", "b" * 1025),
        ("break_glass", "b" * 1025),
        ("checksum", "c" * 72),
        ("approvals", "[" * 100_000),
        ("approvals", "5"),
        ("approvals", "{}x"),
        ("approvals", '[[["a"],{}]]'),
        ("approvals", '[["\\ud83d","x"]]'),
        ("approvals", json.dumps([["a", "b"]] * 65)),
        ("evaluations", ",".join(["e"] * 65)),
        ("evaluations", "e" * 254),
    ],
)
def test_what_no_status_would_take_is_no_claim(name: str, text: str) -> None:
    assert read(**{name: text}) is None


def test_the_backlog_is_read_as_it_was_written() -> None:
    (text,) = backlog_annotation([CHANGE, replace(CHANGE, revision=3)] * 2).values()
    assert claims.backlog("p", "l", text) == (CHANGE, replace(CHANGE, revision=3)) * 2
    assert claims.backlog("p", "l", "") == ()
    assert len(claims.backlog("p", "l", json.dumps([asdict(CHANGE)] * MAX_BACKLOG))) == MAX_BACKLOG


@pytest.mark.parametrize(
    "edit",
    [
        {"revision": "2"},
        {"revision": True},
        {"revision": 2**63},
        {"before": "1"},
        {"to": 0},
        {"at": 5},
        {"kind": None},
        {"digest": ["d"]},
        {"approvals": [{"name": {}, "by": "b"}]},
        {"approvals": 7},
        {"evaluations": [[]]},
    ],
)
def test_a_backlog_of_other_types_is_none(edit: dict[str, Any]) -> None:
    assert claims.backlog("p", "l", json.dumps([{**asdict(CHANGE), **edit}])) == ()


@pytest.mark.parametrize("text", ["[" * 100_000, "5", "{", "[5]", '[{"revision": 1}]'])
def test_a_backlog_that_is_none(text: str) -> None:
    assert claims.backlog("p", "l", text) == ()


@pytest.mark.parametrize("revision", [2**53, 2**63 - 1])
@pytest.mark.parametrize("label", ["production", "other"])
def test_a_claim_from_far_away_is_put_right_and_counts_for_nothing(
    revision: int, label: str
) -> None:
    cluster = Cluster()
    cluster.create_release()
    for number in (1, 2):
        cluster.create_version(number, f"text {number}")
    cluster.set_label("production", 1)
    cluster.settle()
    forged = copy.deepcopy(cluster.config_maps["production"])
    forged["metadata"]["name"] = f"{PROMPT}.{label}"
    forged["metadata"]["uid"] = "forged"
    forged["metadata"]["annotations"] |= {
        "promptrelease.dev/revision": str(revision),
        "promptrelease.dev/digest": "sha256:" + "0" * 64,
    }
    cluster.touch(forged)
    cluster.config_maps[label] = forged
    cluster.settle()
    cluster.set_label(label, 2)
    cluster.settle()
    left = cluster.view().config_maps[label].served
    assert left is not None
    assert left.version == 2
    assert left.revision < 100
    release = cluster.view().release
    assert release is not None
    assert release.status.revision < 100
