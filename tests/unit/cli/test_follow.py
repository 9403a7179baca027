"""What `graph` and `watch` say, from plain JSON."""

from __future__ import annotations

from typing import Any

import pytest

from promptrelease.release import wire
from promptrelease.release.consumers import Consumers, Fixed
from promptrelease.release.model import (
    Condition,
    LabelStatus,
    Pending,
    ReleaseStatus,
    Served,
)
from promptrelease.views.look import following, graphing

LABEL = "production"


def served(number: int, revision: int = 1, **more: Any) -> Served:
    by = {"kind": "Promotion", "by": "alice", "reason": "better", **more}
    return Served(number, f"sha256:{number}", revision, "2026-11-21T11:00:00Z", **by)


def release(
    name: str,
    status: dict[str, LabelStatus],
    *conditions: tuple[str, str],
    wants: dict[str, int] | None = None,
) -> dict[str, Any]:
    told = tuple(Condition(kind, "True", "R", message, 1, "") for kind, message in conditions)
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "resourceVersion": "1",
            "generation": 1,
        },
        "spec": {
            "labels": {
                label: {"version": number, "reason": "because", "by": "mia"}
                for label, number in (wants or {}).items()
            }
        },
        "status": wire.release_status(name, ReleaseStatus(1, 1, status, told)),
    }


def version(prompt: str, number: int, *consumes: str) -> dict[str, Any]:
    spec = {"prompt": prompt, "version": number, "consumes": list(consumes)}
    return {"metadata": {"name": f"{prompt}-v{number}"}, "spec": spec}


def picture(**arrows: str) -> graphing.Picture:
    """Each prompt, at v1, with the prompts that it consumes."""
    return graphing.picture(
        [release(name, {LABEL: LabelStatus(served(1))}) for name in arrows],
        [version(name, 1, *upstream.split()) for name, upstream in arrows.items()],
        LABEL,
    )


class TestGraph:
    def test_it_is_of_what_the_label_serves(self) -> None:
        moved = "production: a moved to v2 after b did, and no evaluation has passed; staging: x"
        seen = graphing.picture(
            [
                release("a", {LABEL: LabelStatus(served(2)), "staging": LabelStatus(served(3))}),
                release("b", {LABEL: LabelStatus(served(1))}, ("NeedsReevaluation", moved)),
                release("idle", {"staging": LabelStatus(served(1))}),
            ],
            [version("a", 2), version("a", 3, "gone"), version("b", 1, "a"), version("idle", 1)],
            LABEL,
        )
        assert seen.versions == {"a": 2, "b": 1}
        assert list(graphing.lines(seen, "a")) == [
            ("a", " v2", ""),
            ("└─ b", " v1", "re-evaluate"),
        ]
        assert list(graphing.warnings(seen)) == [
            ("b", "a moved to v2 after b did, and no evaluation has passed")
        ]

    def test_what_is_missing_is_told_and_where_from(self) -> None:
        seen = picture(b="a")
        assert graphing.roots(seen.graph) == ["a"]
        assert list(graphing.lines(seen, "a")) == [
            ("a", " (not served)", ""),
            ("└─ b", " v1", "broken"),
        ]
        assert list(graphing.warnings(seen)) == [("b", "production serves no a")]

    def test_a_cycle_is_drawn_and_told(self) -> None:
        seen = picture(a="c", b="a", c="b", alone="")
        assert graphing.roots(seen.graph) == ["a", "alone"]
        rows = [f"{name}{version}" for name, version, _ in graphing.lines(seen, "a")]
        assert rows == ["a v1", "└─ b v1", "   └─ c v1", "      └─ a v1 (cycle)"]
        assert {name for name, _ in graphing.warnings(seen)} == {"a", "b", "c"}
        assert graphing.plain(seen)["cycles"] == [["a", "b", "c", "a"]]

    def test_every_prompt_is_in_some_tree(self) -> None:
        seen = picture(a="b", b="a", c="b", d="e", e="d", f="c e", g="")
        drawn = {
            name.split(" ")[-1]
            for root in graphing.roots(seen.graph)
            for name, _, _ in graphing.lines(seen, root)
        }
        assert drawn == set("abcdefg")

    def test_around_a_prompt_is_what_it_is_joined_to(self) -> None:
        seen = picture(a="", b="a", c="b", d="a", z="")
        part = graphing.around(seen, "b")
        assert set(part.versions) == {"a", "b", "c"}
        assert set(part.graph.edges()) == {("a", "b"), ("b", "c")}
        assert graphing.roots(part.graph) == ["a"]

    def test_a_script_gets_all_of_it(self) -> None:
        assert graphing.plain(picture(b="a")) == {
            "label": LABEL,
            "prompts": [
                {"name": "a", "version": None, "consumes": [], "consumers": ["b"]},
                {
                    "name": "b",
                    "version": 1,
                    "consumes": ["a"],
                    "consumers": [],
                    "problem": "production serves no a",
                },
            ],
            "cycles": [],
            "missing": {"b": ["a"]},
        }


def told(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    return list(following.changes(before, after))


HELD = Pending(7, ("1 approval", "the end of a freeze"))
AT_6 = LabelStatus(served(6, 1))
READY, WAITING = ("Ready", "production v6"), ("Reconciling", "production stays")


class TestWatch:
    def test_the_same_twice_is_no_news(self) -> None:
        one = release("p", {LABEL: LabelStatus(served(6), HELD)}, WAITING, wants={LABEL: 7})
        assert told(one, one) == []
        assert told(None, None) == []

    @pytest.mark.parametrize(
        ("before", "after", "line"),
        [
            (AT_6, LabelStatus(served(7, 2)), "production: v6 -> v7, Promotion by alice: better"),
            (
                AT_6,
                LabelStatus(served(7, 2, break_glass="fire")),
                "production: went past its gates: fire",
            ),
            (AT_6, LabelStatus(served(6, 1), HELD), "production: v7 waits for 1 approval"),
            (
                LabelStatus(served(6), HELD),
                LabelStatus(served(6), Pending(7, ("1 approval",))),
                "production: v7 no longer waits for the end of a freeze",
            ),
            (LabelStatus(served(6), HELD), AT_6, "production: v7 is not asked for any more"),
            (
                AT_6,
                LabelStatus(served(6), None, Consumers(1, 4, 3)),
                "production: told 3 of 4 pods",
            ),
            (
                AT_6,
                LabelStatus(served(6), None, Consumers(1, 1, 0, (Fixed("w", "c", "subPath"),))),
                "production: pod w, container c keeps the old content until it is restarted "
                "(subPath)",
            ),
        ],
    )
    def test_a_line_for_each_change(
        self, before: LabelStatus, after: LabelStatus, line: str
    ) -> None:
        wants = {LABEL: 7}
        found = told(
            release("p", {LABEL: before}, READY, wants=wants),
            release("p", {LABEL: after}, READY, wants=wants),
        )
        assert line in found

    def test_what_is_asked_for_is_told_before_the_operator_looks(self) -> None:
        before = release("p", {LABEL: AT_6}, READY, wants={LABEL: 6})
        after = release("p", {LABEL: AT_6}, READY, wants={LABEL: 7})
        assert told(before, after) == ["production: v7 asked for by mia: because"]

    def test_a_withdrawal_is_told_twice(self) -> None:
        before = release("p", {LABEL: AT_6}, READY, wants={LABEL: 6})
        withdrawn = release("p", {LABEL: AT_6}, READY)
        assert told(before, withdrawn) == ["production: withdrawn; v6 stays while pods mount it"]
        assert told(withdrawn, release("p", {}, READY)) == ["production: v6 is gone"]

    def test_how_it_is_is_told_when_that_changes(self) -> None:
        ready = release("p", {LABEL: AT_6}, READY)
        waiting = release("p", {LABEL: AT_6}, WAITING)
        unseen = {**ready, "metadata": {**ready["metadata"], "generation": 9}}
        assert told(ready, waiting) == ["is waiting: production stays"]
        assert told(waiting, ready) == ["is ready"]
        assert told(ready, unseen) == []

    def test_a_release_that_comes_and_goes(self) -> None:
        new = release("p", {LABEL: AT_6}, READY, wants={LABEL: 6})
        assert told(None, new) == ["production: nothing -> v6, Promotion by alice: better"]
        assert told(new, None) == ["the release was deleted"]
