"""What is written can be read back; JSON from the API server, in whatever state it is."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from promptrelease.content.files import Content, from_files
from promptrelease.release import log, render, wire, wire_policy
from promptrelease.release.consumers import Consumers, Fixed
from promptrelease.release.model import (
    Change,
    Condition,
    Consent,
    LabelStatus,
    Pending,
    ReleaseStatus,
    Retirement,
    Served,
    VersionStatus,
)

words = st.text(max_size=8)
word = st.text(min_size=1, max_size=8)
numbers = st.integers(1, 2**31 - 1)
names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
conditions = st.builds(
    Condition,
    type=st.sampled_from(["Ready", "Stalled"]),
    status=st.sampled_from(["True", "False"]),
    reason=word,
    message=words,
    observed_generation=numbers,
    last_transition_time=words,
)
times = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1)).map(
    lambda time: f"{time:%Y-%m-%dT%H:%M:%SZ}"
)
histories = st.lists(numbers, min_size=1, max_size=10, unique=True).map(tuple)
consents = st.builds(Consent, name=word, by=words)
changes = st.builds(
    Change,
    release=st.just("p"),
    label=st.just("production"),
    revision=numbers,
    kind=st.sampled_from(["Promotion", "Rollback", "Follow", "Withdrawal"]),
    before=st.none() | numbers,
    to=st.none() | numbers,
    digest=words,
    reason=words,
    by=words,
    at=times,
    approvals=st.lists(consents, max_size=2).map(tuple),
    break_glass=words,
)
moves = st.builds(
    Served,
    version=numbers,
    digest=word,
    revision=numbers,
    since=times,
    reason=words,
    by=words,
    history=histories,
    kind=st.sampled_from(["", "Promotion", "Rollback", "Follow"]),
    before=st.none() | numbers,
    approvals=st.lists(consents, max_size=2).map(tuple),
    break_glass=words,
    checksum=word,
)
pendings = st.builds(
    Pending,
    version=numbers,
    waiting_for=st.lists(words, min_size=1, max_size=3).map(tuple),
    digest=words,
)
fixed = st.builds(Fixed, pod=word, container=word, reason=word)
consumers = st.builds(
    Consumers,
    revision=numbers,
    pods=st.integers(0, 9),
    refreshed=st.integers(0, 9),
    never=st.lists(fixed, max_size=2).map(tuple),
    message=words,
)
label_statuses = st.builds(
    LabelStatus,
    served=st.none() | moves,
    pending=st.none() | pendings,
    consumers=st.none() | consumers,
)
release_statuses = st.builds(
    ReleaseStatus,
    observed_generation=numbers,
    revision=numbers,
    labels=st.dictionaries(names, label_statuses, max_size=3),
    conditions=st.lists(conditions, max_size=3).map(tuple),
    retirement=st.none()
    | st.builds(Retirement, count=numbers, versions=st.lists(numbers, max_size=3).map(tuple)),
)
version_statuses = st.builds(
    VersionStatus,
    digest=words,
    labels=st.lists(names, max_size=3).map(tuple),
    history=st.lists(names, max_size=3).map(tuple),
    included_by=st.lists(names, max_size=3).map(tuple),
    valid=st.none() | st.builds(lambda c: Condition("Valid", *_rest(c)), conditions),
)


def _rest(c: Condition) -> tuple[Any, ...]:
    return c.status, c.reason, c.message, c.observed_generation, c.last_transition_time


def over_the_wire(value: Any) -> Any:
    return json.loads(json.dumps(value))


def resource(**parts: Any) -> dict[str, Any]:
    meta = {"name": "p", "uid": "u", "resourceVersion": "1", "generation": 1}
    return {"metadata": meta, "spec": {"version": 1}, **parts}


@given(release_statuses)
def test_a_release_s_status_is_read_as_it_was_written(status: ReleaseStatus) -> None:
    written = over_the_wire(wire.release_status("p", status))
    assert wire.release(resource(status=written)).status == status


@given(version_statuses)
def test_a_version_s_status_is_read_as_it_was_written(status: VersionStatus) -> None:
    written = over_the_wire(wire.version_status(status))
    assert wire.version(resource(status=written)).status == status


@given(changes)
def test_a_change_is_read_as_it_was_written(change: Change) -> None:
    written = over_the_wire(wire_policy.change_manifest("team", change))
    assert written["metadata"]["name"] == log.name_of(change)
    assert wire_policy.change(written) == change


@given(served=moves, backlog=st.lists(changes, max_size=3).map(tuple))
def test_moves_that_nobody_wrote_down_go_along(served: Served, backlog: tuple[Change, ...]) -> None:
    body = over_the_wire(render.config_map("ns", "p", "owner", "production", served, {}, backlog))
    body["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    assert wire.config_map(body).backlog == backlog


@given(prompt=names, label=names, served=moves, text=word)
def test_a_config_map_is_read_as_it_was_written(
    prompt: str, label: str, served: Served, text: str
) -> None:
    content = Content(text=text, model={"provider": "o", "name": "m"})
    data = render.files(prompt, label, served, content)
    served = render.with_checksum(served, data)
    body = over_the_wire(render.config_map("ns", prompt, "owner", label, served, data))
    body["metadata"] |= {"uid": "u", "resourceVersion": "7"}

    read = wire.config_map(body)
    assert read.intact
    assert (read.served, read.label, read.owner) == (served, label, "owner")
    assert read.checksum == served.checksum
    assert wire.release_and_label(read.name) == (prompt, label)
    if served.digest == content.digest:
        assert from_files(data)[0] == content


@given(prompt=names, label=names, served=moves, data=st.data())
def test_whatever_is_changed_in_it_shows(
    prompt: str, label: str, served: Served, data: st.DataObject
) -> None:
    files = {"prompt.txt": "hi"}
    served = render.with_checksum(served, files)
    body = over_the_wire(render.config_map("ns", prompt, "owner", label, served, files))
    meta = body["metadata"]
    meta |= {"uid": "u", "resourceVersion": "7"}
    place = data.draw(st.sampled_from([meta["labels"], meta["annotations"], body["data"]]))
    # The backlog is believed only while nobody else has written to the ConfigMap.
    key = data.draw(st.sampled_from(sorted(place.keys() - {"promptrelease.dev/backlog"})))
    before = place[key]
    place[key] = data.draw(st.none() | words)
    if place[key] is None:
        del place[key]
    read = wire.config_map(body)
    assert place.get(key) == before or (read.served, read.checksum, read.intact) != (
        served,
        served.checksum,
        True,
    )


@given(st.lists(st.dictionaries(word, words, min_size=1, max_size=3), min_size=2, max_size=2))
def test_checksums_differ_where_files_do(both: list[dict[str, str]]) -> None:
    one, other = both
    assert (render.checksum(one) == render.checksum(other)) == (one == other)


def test_neighbours_do_not_run_together() -> None:
    assert render.checksum({"a": "b", "c": ""}) != render.checksum({"a": "", "c": "b"})
    assert render.checksum({"ab": "c"}) != render.checksum({"a": "bc"})


def test_names_that_are_never_ours() -> None:
    for name in ("production", "a.b.c", ".production", "kube-root-ca.crt.x"):
        assert wire.release_and_label(name)[0] == "" or name.count(".") == 1
    assert wire.release_and_label("ticket-summary.production") == ("ticket-summary", "production")


def test_what_was_edited_elsewhere_leaves_the_annotations_ours() -> None:
    annotations = {"promptrelease.dev/revision": "3", "promptrelease.dev/digest": "d"}
    labels = {"promptrelease.dev/version": "2"}

    def owned(*names: str) -> dict[str, Any]:
        found: dict[str, Any] = {f"f:promptrelease.dev/{name}": {} for name in names}
        fields = {
            "f:annotations": {n: v for n, v in found.items() if not n.endswith("version")},
            "f:labels": {n: v for n, v in found.items() if n.endswith("version")},
        }
        return {"manager": "promptrelease", "fieldsV1": {"f:metadata": fields}}

    def authentic(*entries: dict[str, Any], **more: str) -> bool:
        theirs = {"manager": "kubectl-edit", "fieldsV1": {"f:data": {"f:prompt.txt": {}}}}
        meta = {
            "name": "p.l",
            "uid": "u",
            "resourceVersion": "1",
            "labels": labels,
            "annotations": {**annotations, **more},
            "managedFields": [*entries, theirs],
        }
        return wire.config_map({"metadata": meta}).authentic

    assert authentic(owned("revision", "digest", "version"))
    assert authentic(owned("revision", "digest"), owned("version"), note="theirs")
    assert not authentic(owned("revision", "digest"))
    assert not authentic(owned("digest", "version"))
    assert not authentic()
    theirs = {"promptrelease.dev/backlog": "[]"}
    assert not authentic(owned("revision", "digest", "version"), **theirs)


def test_the_editor_is_the_last_other_writer() -> None:
    def editor(*entries: tuple[str, str]) -> str:
        fields = [{"manager": manager, "time": time} for manager, time in entries]
        meta = {"name": "p.l", "uid": "u", "resourceVersion": "1", "managedFields": fields}
        return wire.config_map({"metadata": meta}).editor

    assert editor() == ""
    assert editor(("promptrelease", "2026-01-02")) == ""
    assert editor(("promptrelease", "2026-01-01"), ("kubectl-edit", "2026-01-02")) == "kubectl-edit"
    assert editor(("kubectl-edit", "2026-01-01"), ("promptrelease", "2026-01-02")) == ""
    assert editor(("promptrelease", "2026-01-01"), ("helm", "2026-01-01")) == "helm"
