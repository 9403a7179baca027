"""Policies, approvals and changes as the API server has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from promptrelease.release import wire_policy
from promptrelease.release.model import Change, Consent
from promptrelease.release.policy import (
    AUTHOR,
    MOVER,
    Approval,
    Approvals,
    Freeze,
    Policy,
    Retention,
    ServedFrom,
)
from promptrelease.release.times import EARLIEST, LATEST

META = {
    "name": "one",
    "uid": "u",
    "resourceVersion": "7",
    "creationTimestamp": "2026-11-21T12:00:00Z",
}
NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)


def policy(**spec: Any) -> Policy:
    return wire_policy.policy({"metadata": META, "spec": spec})


class TestPolicy:
    def test_says_nothing_that_is_not_said(self) -> None:
        nothing = Policy("one", "u", "7")
        assert policy() == nothing
        assert policy(require={}, prompts=None, labels=None, freeze=None) == nothing
        assert policy(require=None, retention=None) == nothing

    def test_says_all_of_it(self) -> None:
        assert policy(
            prompts=["ticket", "mail"],
            labels=["production"],
            require={
                "from": {"label": "staging", "seconds": 60},
                "approvals": {"count": 2, "notBy": ["author"]},
                "evaluations": ["*"],
            },
            rollback="gated",
            freeze=[
                {"start": "2026-11-21T12:00:00Z", "end": "2026-11-21T13:00:00+01:00", "reason": "r"}
            ],
            retention={"keep": 3, "olderThanDays": 0, "dryRun": False},
        ) == Policy(
            "one",
            "u",
            "7",
            prompts=frozenset({"ticket", "mail"}),
            labels=frozenset({"production"}),
            served_from=ServedFrom("staging", 60),
            approvals=Approvals(2, (AUTHOR,)),
            evaluations=("*",),
            freezes=(Freeze(NOON, NOON, "r"),),
            gates_rollbacks=True,
            retention=Retention(3, 0, dry_run=False),
        )

    @pytest.mark.parametrize(
        ("require", "served_from", "approvals"),
        [
            ({"from": {"label": "a"}}, ServedFrom("a", 0), None),
            ({"approvals": {}}, None, Approvals(1, (MOVER, AUTHOR))),
            ({"approvals": {"notBy": []}}, None, Approvals(1, ())),
            ({"approvals": {"count": 3}}, None, Approvals(3, (MOVER, AUTHOR))),
        ],
    )
    def test_defaults(
        self, require: Any, served_from: ServedFrom | None, approvals: Approvals | None
    ) -> None:
        it = policy(require=require)
        assert (it.served_from, it.approvals) == (served_from, approvals)

    def test_a_retention_deletes_nothing_unless_it_says_so(self) -> None:
        assert policy(retention={}).retention == Retention(20, 90, dry_run=True)
        assert not policy(rollback="immediate").gates_rollbacks


UNREADABLE = [
    "0000-01-01T00:00:00Z",
    "2026-11-21T12:00:00+24:00",
    "2026-11-21T23:59:60Z",
    "0001-01-01T00:00:00+23:00",
    "9999-12-31T23:59:59-23:00",
    "soon",
    "",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_time_that_can_not_be_read_lets_nothing_pass(text: str) -> None:
    (freeze,) = policy(freeze=[{"start": text, "end": text, "reason": "r"}]).freezes
    assert (freeze.start, freeze.end) == (EARLIEST, LATEST)
    assert approval(expiresAt=text).expires == EARLIEST


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21T12:00:00z", NOON),
        ("2026-11-21T13:30:00+01:30", NOON),
        ("2026-11-21T12:00:00", NOON),
        ("2026-11-21T12:00:00.000Z", NOON),
        ("0001-01-01T00:00:00Z", EARLIEST),
        ("9999-12-31T23:59:59Z", LATEST),
    ],
)
def test_times(text: str, time: datetime) -> None:
    (freeze,) = policy(freeze=[{"start": text, "end": text, "reason": "r"}]).freezes
    assert freeze.start == freeze.end == approval(expiresAt=text).expires == time


def approval(**more: Any) -> Approval:
    spec = {
        "release": "ticket",
        "label": "production",
        "version": 7,
        "digest": "d",
        "decision": "approve",
        **more,
    }
    return wire_policy.approval({"metadata": META, "spec": spec})


def test_an_approval() -> None:
    least = Approval(
        name="one",
        uid="u",
        resource_version="7",
        release="ticket",
        label="production",
        version=7,
        digest="d",
        approves=True,
        by="",
        comment="",
        created=NOON,
        expires=None,
    )
    assert approval() == least
    assert not approval(decision="deny").approves
    it = approval(by="ann", comment="fine", expiresAt="2026-11-21T12:00:00Z")
    assert (it.by, it.comment, it.expires) == ("ann", "fine", NOON)


def test_a_change_and_what_it_leaves_out() -> None:
    spec = {
        "release": "ticket",
        "label": "production",
        "revision": 3,
        "kind": "Promotion",
        "at": "2026-11-21T12:00:00Z",
    }
    least = Change(
        release="ticket",
        label="production",
        revision=3,
        kind="Promotion",
        before=None,
        to=None,
        digest="",
        reason="",
        by="",
        at="2026-11-21T12:00:00Z",
    )
    assert wire_policy.change({"metadata": {}, "spec": spec}) == least
    assert wire_policy.change({"metadata": META, "spec": spec}) == replace(least, order=7)
    more = {**spec, "to": 7, "approvals": [{"name": "a"}, {"name": "b", "by": "bob"}]}
    it = wire_policy.change({"metadata": META, "spec": more})
    assert it.approvals == (Consent("a", ""), Consent("b", "bob"))
    written = wire_policy.change_manifest("team", it)
    assert written["spec"] == more
    assert written["metadata"] == {
        "name": "ticket.production.3",
        "namespace": "team",
        "labels": {"promptrelease.dev/prompt": "ticket", "promptrelease.dev/label": "production"},
    }


def test_a_null_where_a_time_may_be_left_out_is_no_time() -> None:
    spec = {"release": "p", "label": "l", "version": 1, "digest": "d", "decision": "approve"}
    meta = {"name": "a", "uid": "u", "resourceVersion": "1"}
    meta["creationTimestamp"] = "2026-01-01T00:00:00Z"
    found = wire_policy.approval({"metadata": meta, "spec": {**spec, "expiresAt": None}})
    assert found.expires is None
