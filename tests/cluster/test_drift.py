"""A ConfigMap that somebody else edits or deletes comes back; a foreign one is left alone."""

from __future__ import annotations

import pytest

from harness.api import (
    CONFIG_MAPS,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    condition,
    holds,
    release,
    version,
    wait_for,
)
from harness.operator import Operator

P = "ticket-summary"
NAME = f"{P}.production"
MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = ("data", "binaryData", "immutable")


@pytest.fixture
def served(api: Api) -> Api:
    """Production serves v1, and there is a v2."""
    api.apply(version(P, 1), version(P, 2), release(P, production=(1, "first")))
    api.ready(P)
    return api


def content(config_map: Json) -> Json:
    """What a drift can change, and nothing that every write changes."""
    meta = config_map.get("metadata", {})
    return {
        **{field: config_map.get(field) for field in OURS},
        **{field: meta.get(field) for field in ("labels", "annotations", "ownerReferences")},
    }


def comes_back(api: Api, to: Json) -> None:
    wait_for(lambda: content(api.get(CONFIG_MAPS, NAME)) == content(to), "the ConfigMap as it was")


def label(name: str, value: str | None) -> Json:
    return {"metadata": {"labels": {name: value}}}


def annotation(name: str, value: str | None) -> Json:
    return {"metadata": {"annotations": {f"promptrelease.dev/{name}": value}}}


EDITS: dict[str, Json] = {
    "a file": {"data": {"prompt.txt": "better!"}},
    "a file goes": {"data": {"config.json": None}},
    "a file comes": {"data": {"extra.txt": "mine"}},
    "all files go": {"data": None},
    "a binary file comes": {"binaryData": {"extra.bin": "AAEC"}},
    "the owner goes": {"metadata": {"ownerReferences": None}},
    "all labels go": {"metadata": {"labels": None}},
    "all annotations go": {"metadata": {"annotations": None}},
    "labels and annotations go": {"metadata": {"labels": None, "annotations": None}},
    "everything goes": {
        "data": None,
        "metadata": {"labels": None, "annotations": None, "ownerReferences": None},
    },
    **{
        f"{name}={value}": label(name, value)
        for name in (
            MANAGED_BY,
            "promptrelease.dev/prompt",
            "promptrelease.dev/label",
            "promptrelease.dev/version",
        )
        for value in (None, "other", "latest", "")
    },
    **{
        f"{name}={value}": annotation(name, value)
        for name in ("digest", "revision", "since", "history", "checksum")
        for value in (None, "0")
    },
}
# Without owner, labels and annotations nothing says any more that it is ours.
NO_LONGER_OURS = "everything goes"


@pytest.mark.parametrize("edit", sorted(EDITS.keys() - {NO_LONGER_OURS}))
def test_an_edit_is_undone_and_told(served: Api, edit: str) -> None:
    before = served.get(CONFIG_MAPS, NAME)
    served.merge(CONFIG_MAPS, NAME, EDITS[edit], who="mallory")
    comes_back(served, to=before)
    # Of who takes something away the API server keeps no record.
    by = "" if edit.endswith((" go", " goes", "=None")) else " by mallory"
    assert wait_for(lambda: served.events(P, "DriftRepaired"), "the event") == [
        f"ConfigMap {NAME} was changed{by} and is back at v1; "
        "to serve something else, edit spec.labels.production"
    ]
    assert holds(served.ready(P), "Ready")
    assert served.get(CONFIG_MAPS, f"{P}.latest")["data"]["prompt.txt"] == f"{P} v2"


def test_a_deleted_one_is_back_and_told(served: Api) -> None:
    before = served.get(CONFIG_MAPS, NAME)
    served.delete(CONFIG_MAPS, NAME)
    comes_back(served, to=before)
    assert wait_for(lambda: served.events(P, "DriftRepaired"), "the event") == [
        f"ConfigMap {NAME} was deleted and is back at v1; "
        "to serve something else, edit spec.labels.production"
    ]
    assert len(served.events(P, "Promoted")) == 1, "a repair is not a move"


def test_an_edit_again_and_again_is_undone_and_counted_once(served: Api) -> None:
    before = served.get(CONFIG_MAPS, NAME)
    for _ in range(5):
        served.merge(CONFIG_MAPS, NAME, EDITS["a file"], who="mallory")
        comes_back(served, to=before)
    assert len(served.events(P, "DriftRepaired")) == 1


def test_what_happens_while_the_operator_is_down_is_undone_at_its_start(
    served: Api, operator: Operator
) -> None:
    edited, deleted = served.get(CONFIG_MAPS, NAME), served.get(CONFIG_MAPS, f"{P}.latest")
    operator.kill()
    served.merge(CONFIG_MAPS, NAME, EDITS["a file"], who="mallory")
    served.delete(CONFIG_MAPS, f"{P}.latest")
    operator.start()
    comes_back(served, to=edited)
    wait_for(lambda: content(served.get(CONFIG_MAPS, f"{P}.latest")) == content(deleted), "latest")


def test_others_labels_and_annotations_are_no_drift(served: Api, operator: Operator) -> None:
    theirs = {"labels": {"team": "search"}, "annotations": {"note": "x"}}
    edited = served.merge(CONFIG_MAPS, NAME, {"metadata": theirs})
    operator.catch_up()
    assert served.get(CONFIG_MAPS, NAME) == edited
    served.move(P, "production", 2, "go on")
    served.served(P, "production", f"{P} v2")
    meta = served.get(CONFIG_MAPS, NAME)["metadata"]
    assert meta["labels"]["team"] == "search"
    assert meta["annotations"]["note"] == "x"


class TestForeign:
    @pytest.mark.parametrize("labels", [{}, {MANAGED_BY: "helm"}])
    def test_one_in_the_way_is_never_overwritten_and_named(
        self, api: Api, labels: dict[str, str]
    ) -> None:
        mine = api.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": NAME, "labels": labels},
                "data": {"prompt.txt": "mine"},
            }
        )
        api.apply(version(P, 1), release(P, production=(1, "first"), staging=(1, "first")))
        stalled = api.release_with(P, "Stalled", "True", NAME)
        assert condition(stalled, "Ready")["status"] == "False"
        assert stalled["status"]["labels"]["production"]["pending"]["version"] == 1
        assert api.served(P, "staging", f"{P} v1"), "the other label is served"
        assert wait_for(lambda: api.events(P, "Stalled"), "the event")
        assert api.get(CONFIG_MAPS, NAME) == mine

        api.delete(CONFIG_MAPS, NAME)
        api.served(P, "production", f"{P} v1")
        api.ready(P)

    def test_one_of_another_owner_is_left_alone_even_with_our_labels(self, served: Api) -> None:
        owner = {
            "apiVersion": "v1",
            "kind": "Secret",
            "name": "x",
            "uid": "00000000-0000-0000-0000-000000000000",
            "controller": True,
        }
        theirs = {"metadata": {"ownerReferences": [owner]}, "data": {"prompt.txt": "theirs"}}
        edited = served.merge(CONFIG_MAPS, NAME, theirs)
        served.release_with(P, "Stalled", "True", f"ConfigMap {NAME} belongs to something else")
        assert served.get(CONFIG_MAPS, NAME) == edited

        served.merge(RELEASES, P, {"spec": {"labels": {"production": None}}})
        served.ready(P)
        assert served.get(CONFIG_MAPS, NAME) == edited, "nor deleted when the label goes"

    def test_one_that_nothing_tells_from_foreign_is_left_alone(self, served: Api) -> None:
        edited = served.merge(CONFIG_MAPS, NAME, EDITS[NO_LONGER_OURS])
        served.release_with(P, "Stalled", "True", f"ConfigMap {NAME} that promptrelease did not")
        assert served.get(CONFIG_MAPS, NAME) == edited


def test_one_that_was_made_immutable_stalls_a_move_until_it_is_deleted(served: Api) -> None:
    served.merge(CONFIG_MAPS, NAME, {"immutable": True})
    served.move(P, "production", 2, "go on")
    served.release_with(P, "Stalled", "True", "immutable")
    assert served.files(P, "production")["prompt.txt"] == f"{P} v1"

    served.delete(CONFIG_MAPS, NAME)
    served.served(P, "production", f"{P} v2")
    served.ready(P)


def test_what_can_not_be_restored_is_said_and_heals_when_it_can(served: Api) -> None:
    before = served.get(CONFIG_MAPS, NAME)
    served.delete(VERSIONS, f"{P}-v1")
    served.merge(CONFIG_MAPS, NAME, EDITS["a file"])
    served.release_with(P, "Stalled", "True", f"can't be restored: PromptVersion {P}-v1")

    served.apply(version(P, 1))
    comes_back(served, to=before)
    served.ready(P)
