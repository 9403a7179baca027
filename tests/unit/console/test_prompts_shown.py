"""A prompt from its release and its versions."""

from __future__ import annotations

from typing import Any

from promptrelease.console.shown.prompts import Prompt, prompt
from promptrelease.release import wire
from promptrelease.release.consumers import Consumers, Fixed
from promptrelease.release.model import (
    Condition,
    Consent,
    LabelStatus,
    Pending,
    ReleaseStatus,
    Served,
)

P = "ticket-summary"
DIGEST = f"sha256:{7:064x}"
SERVED = Served(
    6,
    DIGEST,
    3,
    "2026-11-20T12:00:00Z",
    "kept the urgency",
    "bob",
    (6, 5),
    approvals=(Consent("a-1", "dave"),),
)


def release(
    labels: dict[str, LabelStatus], *conditions: Condition, **spec: tuple[int, str]
) -> dict[str, Any]:
    status = ReleaseStatus(1, 3, labels, conditions)
    wanted = {name: {"version": v, "reason": why, "by": "bob"} for name, (v, why) in spec.items()}
    return {
        "metadata": {"name": P, "uid": "u", "resourceVersion": "1", "generation": 1},
        "spec": {"labels": wanted},
        "status": wire.release_status(P, status),
    }


def version(number: int, *conditions: dict[str, str], author: str = "") -> dict[str, Any]:
    notes = {"promptrelease.dev/author": author} if author else {}
    return {
        "metadata": {
            "name": f"{P}-v{number}",
            "creationTimestamp": "2026-11-20T10:00:00Z",
            "annotations": notes,
        },
        "spec": {
            "prompt": P,
            "version": number,
            "message": f"try {number}",
            "text": "t",
            "model": {"provider": "p", "name": "m"},
        },
        "status": {"conditions": list(conditions), "digest": DIGEST},
    }


VALID = {"type": "Valid", "status": "True", "message": "it can be served"}


def labelled(found: Prompt) -> dict[str, Any]:
    return {label.name: label for label in found.labels}


def test_what_is_live_and_the_way_back() -> None:
    statuses = {
        "production": LabelStatus(SERVED),
        "staging": LabelStatus(Served(7, DIGEST, 2, "", history=(7,))),
        "latest": LabelStatus(Served(7, DIGEST, 1, "", history=(7, 6))),
    }
    raw = release(statuses, production=(6, "kept"), staging=(7, "try"))
    found = prompt(P, raw, [version(n, VALID, author="alice") for n in (5, 7, 6)])
    assert [label.name for label in found.labels] == ["production", "staging", "latest"]
    of = labelled(found)
    assert (of["production"].back, of["staging"].back, of["latest"].back) == (5, None, None)
    assert of["production"].approvers == ("dave",)
    assert of["latest"].follows
    assert [row.number for row in found.versions] == [7, 6, 5]
    assert [row.labels for row in found.versions] == [("latest", "staging"), ("production",), ()]
    assert found.versions[0].author == "alice"
    assert found.pair == (6, 7)
    assert found.newest == 7


def test_what_waits_is_told_once_with_what_to_do() -> None:
    wait = f"1 approval of {DIGEST}"
    statuses = {"production": LabelStatus(SERVED, Pending(7, (wait,), DIGEST))}
    told = Condition("Reconciling", "True", "Waiting", f"production stays at v6: {wait}", 1, "")
    found = prompt(P, release(statuses, told, production=(7, "shorter")), [])
    (label,) = found.labels
    assert (label.going, label.asked_by, label.asked_why) == (7, "bob", "shorter")
    assert len(label.waits) == 1
    assert found.message == ""
    assert found.health is not None
    assert found.health.state == "waiting"


def test_what_no_label_tells_is_told_of_the_prompt() -> None:
    told = Condition(
        "NeedsReevaluation", "True", "UpstreamMoved", "production: summary moved", 1, ""
    )
    raw = release({"production": LabelStatus(SERVED)}, told, production=(6, "kept"))
    assert prompt(P, raw, []).message == "production: summary moved"


def test_who_uses_it() -> None:
    def pods(consumers: Consumers | None) -> str:
        raw = release({"production": LabelStatus(SERVED, consumers=consumers)}, production=(6, ""))
        return prompt(P, raw, []).labels[0].pods

    assert pods(None) == ""
    assert pods(Consumers(3)) == "No workload mounts it"
    assert pods(Consumers(3, 1, 1)) == "1 workload pod uses it; it was told at once"
    assert pods(Consumers(3, 4, 4)) == "4 workload pods use it; all were told at once"
    assert "3 follow" in pods(Consumers(3, 4, 1))
    assert pods(Consumers(3, message="it can't be seen")) == "It can't be seen"
    assert pods(Consumers(3, 1, 0, (Fixed("p", "c", "subPath"),))).startswith("1 workload pod")


def test_versions_with_mistakes_and_those_nobody_has_looked_at() -> None:
    wrong = {"type": "Valid", "status": "False", "message": "{{a}} is not declared"}
    found = prompt(P, None, [version(1, VALID), version(2, wrong), version(3)])
    assert found.health is None
    assert [(row.state, row.problem) for row in found.versions] == [
        ("being checked", ""),
        ("has mistakes", "{{a}} is not declared"),
        ("can be served", ""),
    ]
    assert found.pair == (2, 3)
    assert prompt(P, None, [version(1)]).pair is None
