"""``plan`` against every order of edits, damage and crashes that hypothesis can think of."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harness.simulation import Cluster
from promptrelease.release.model import LabelStatus, config_map_name
from promptrelease.release.plan import plan
from promptrelease.release.wire import release as read_release

LABELS = ("production", "staging")
NUMBERS = (1, 2, 3)
TEXTS = ("one", "two", "{{undeclared}}", "{{> tone}}")
labels = st.sampled_from(LABELS)
numbers = st.sampled_from((*NUMBERS, 9))


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster()
        self.cluster.create_release()
        for number in NUMBERS:
            self.cluster.create_version(number, TEXTS[number % 2])

    # People

    @rule(number=st.sampled_from(NUMBERS), text=st.sampled_from(TEXTS))
    def a_version_is_created_again_or_anew(self, number: int, text: str) -> None:
        self.cluster.create_version(number, text)

    @precondition(lambda self: self.cluster.versions)
    @rule(data=st.data())
    def a_version_is_deleted(self, data: st.DataObject) -> None:
        del self.cluster.versions[data.draw(st.sampled_from(sorted(self.cluster.versions)))]

    @rule(text=st.sampled_from(["kind", "stern", None]))
    def the_included_text_comes_or_goes(self, text: str | None) -> None:
        self.cluster.tone = text

    @precondition(lambda self: self.cluster.release)
    @rule(label=labels, number=numbers, then=st.integers(0, 2))
    def a_label_moves(self, label: str, number: int, then: int) -> None:
        self.cluster.set_label(label, number)
        self.cluster.work(then)

    @precondition(lambda self: self.spec_labels)
    @rule(data=st.data(), then=st.integers(0, 2))
    def a_label_is_withdrawn(self, data: st.DataObject, then: int) -> None:
        self.cluster.withdraw(data.draw(st.sampled_from(sorted(self.spec_labels))))
        self.cluster.work(then)

    @precondition(lambda self: len(self.cluster.given) < 2)
    @rule()
    def the_release_is_made_anew(self) -> None:
        self.cluster.delete_release()
        self.cluster.create_release()

    @precondition(lambda self: self.noted)
    @rule(data=st.data(), damage=st.sampled_from(["gone", "text", "annotations", "owner", "label"]))
    def a_config_map_is_damaged(self, data: st.DataObject, damage: str) -> None:
        label = data.draw(st.sampled_from(self.noted))
        config_map = self.cluster.config_maps[label]
        meta: dict[str, Any] = config_map["metadata"]
        if damage == "gone":
            del self.cluster.config_maps[label]
        elif damage == "text":
            config_map["data"]["prompt.txt"] = "mine"
        elif damage == "annotations":
            meta["annotations"] = {}
        elif damage == "owner":
            meta["ownerReferences"] = []
        else:
            meta["labels"]["promptrelease.dev/label"] = "other"
        self.cluster.touch(config_map)

    # The operator

    @rule(count=st.integers(1, 4))
    def it_is_killed_at_work(self, count: int) -> None:
        undisturbed = self.cluster.twin()
        undisturbed.settle()
        killed = self.cluster.twin()
        killed.work(count)
        killed.settle()
        assert killed.essence() == undisturbed.essence()
        self.cluster.work(count)

    @rule()
    def it_settles(self) -> None:
        self.cluster.settle()
        view = self.cluster.view()
        todo = plan(view, self.cluster.now())
        assert not todo.serve
        assert not todo.record
        assert view.release is not None
        status = view.release.status
        for label in (*view.release.labels, "latest"):
            self.is_right(label, status.labels.get(label, LabelStatus()))
        assert view.config_maps.keys() <= {*view.release.labels, "latest"}
        (ready,) = [c.status for c in status.conditions if c.type == "Ready"]
        held = [name for name, it in status.labels.items() if it.pending and name != "latest"]
        if held:
            assert ready == "False"
        elif not self.lost:
            assert ready == "True", "latest never keeps a release from being ready"
        for number, version in view.versions.items():
            shown = {name for name, it in status.labels.items() if self.serves(it, number)}
            assert set(version.status.labels) == shown

    def is_right(self, label: str, known: LabelStatus) -> None:
        view = self.cluster.view()
        assert view.release is not None
        config_map = view.config_maps.get(label)
        if config_map is not None and config_map.served is not None:
            assert config_map.served == known.served or label in self.lost
        highest = max(view.versions, default=None)
        wanted = highest if label == "latest" else view.release.labels[label].version
        if wanted is None:
            return
        version = view.versions.get(wanted)
        servable = version is not None and version.verdict is not None and version.verdict.valid
        if known.pending is not None:
            assert known.pending.version == wanted
            again = known.served is not None and known.served.version == wanted
            assert not servable or again, "a version that could be served is held back"
        elif servable:
            assert known.served is not None
            assert known.served.version == wanted
            assert label in self.lost or config_map is not None

    @invariant()
    def an_empty_plan_stays_empty(self) -> None:
        first = plan(self.cluster.view(), self.cluster.now())
        if not first.serve and not first.record:
            assert plan(self.cluster.view(), self.cluster.now()) == first

    # What is asked above

    @property
    def spec_labels(self) -> dict[str, Any]:
        release = self.cluster.release
        found: dict[str, Any] = release["spec"]["labels"] if release else {}
        return found

    @property
    def noted(self) -> list[str]:
        """Labels of whole ConfigMaps whose revision the status knows.

        Other damage destroys the only trace of a revision, or of the ConfigMap being ours.
        """
        if self.cluster.release is None:
            return []
        status = read_release(self.cluster.release).status
        return [
            label
            for label, config_map in sorted(self.cluster.view().config_maps.items())
            if config_map.intact
            and config_map.served is not None
            and config_map.served.revision <= status.revision
        ]

    @property
    def lost(self) -> set[str]:
        """Labels whose ConfigMap is damaged and can't be made again: their version is another."""
        view = self.cluster.view()
        assert view.release is not None
        lost = set()
        for label, known in view.release.status.labels.items():
            if (served := known.served) is None:
                continue
            version = view.versions.get(served.version)
            if (
                version is None
                or version.verdict is None
                or version.verdict.digest != served.digest
            ):
                lost.add(label)
        return lost

    @staticmethod
    def serves(known: LabelStatus, number: int) -> bool:
        return known.served is not None and known.served.version == number


Model.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestModel = Model.TestCase


def test_no_two_labels_share_a_config_map() -> None:
    assert config_map_name("a", "b-c") != config_map_name("a-b", "c")
