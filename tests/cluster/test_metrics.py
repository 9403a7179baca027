"""What the operator counts, shows and logs, while it serves a real API server."""

from __future__ import annotations

import gzip
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from harness.api import (
    CONFIG_MAPS,
    RELEASES,
    VERSIONS,
    Api,
    approval,
    policy,
    release,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.operator import Operator, install

P = "ticket-summary"
SECRET = "the-very-words-of-a-prompt"
MOVES = "promptrelease_moves_total"
SERVED = "promptrelease_served_info"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"

Labels = dict[str, str]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def logging_operator(control_plane: ControlPlane, shared_operator: Operator) -> Iterator[Operator]:
    """One that logs JSON, and everything, in the place of the shared one."""
    if shared_operator.running:
        shared_operator.stop()
    options = ["--log-format", "json", "--log-level", "debug"]
    with Operator(control_plane, install(control_plane), options=options) as running:
        yield running


@pytest.fixture
def operator(logging_operator: Operator) -> Operator:
    return logging_operator


def scrape(operator: Operator, **headers: str) -> Any:
    """The answer of /metrics; headers are given with underscores."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{operator._port}/metrics", headers=sent)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read(), answer.headers


def samples(operator: Operator) -> Samples:
    text = scrape(operator)[0].decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(text)
        for sample in family.samples
    }


def value(operator: Operator, name: str, **labels: str) -> float:
    """One sample; 0 when there is none."""
    return samples(operator).get((name, frozenset(labels.items())), 0.0)


def of_release(operator: Operator, api: Api, name: str) -> list[Labels]:
    """The labels of a metric's samples in the test's namespace, without the namespace."""
    found = [dict(labels) for (its, labels) in samples(operator) if its == name]
    return [labels for labels in found if labels.pop("namespace") == api.namespace]


class Change:
    """How much a sample has grown since this was made."""

    def __init__(self, operator: Operator, name: str, **labels: str) -> None:
        self._of = (operator, name, labels)
        self._before = value(operator, name, **labels)

    def __call__(self) -> float:
        operator, name, labels = self._of
        return value(operator, name, **labels) - self._before

    def becomes(self, expected: float) -> None:
        wait_for(lambda: self() == expected, f"{self._of[1:]} to grow by {expected}")


def lines(operator: Operator) -> list[dict[str, Any]]:
    """All lines so far; each is a JSON object."""
    return [json.loads(line) for line in operator.logs.splitlines()]


def logged(operator: Operator, api: Api, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """The lines of the test's namespace that have all those fields, once there are so many."""

    def found() -> list[dict[str, Any]]:
        mine = [line for line in lines(operator) if line.get("namespace") == api.namespace]
        fitting = [line for line in mine if fields.items() <= line.items()]
        return fitting if len(fitting) >= count else []

    result = wait_for(found, f"{count} lines with {fields}")
    assert len(result) == count
    return result


@pytest.fixture
def served(api: Api) -> Api:
    """Production serves v1, and there is a v2."""
    api.apply(version(P, 1), version(P, 2), release(P, production=(1, "first")))
    api.ready(P)
    return api


class TestMoves:
    def test_a_promotion_is_counted_timed_shown_and_logged(
        self, served: Api, operator: Operator
    ) -> None:
        count = Change(operator, MOVES, label="production", result="promoted")
        timed = Change(operator, "promptrelease_edit_to_served_seconds_count", label="production")
        took = Change(operator, "promptrelease_edit_to_served_seconds_sum", label="production")
        served.move(P, "production", 2, "kept the\nurgency")
        after = served.ready(P)["status"]["labels"]["production"]

        count.becomes(1)
        timed.becomes(1)
        assert 0 < took() < 10
        digest = after["digest"]
        shown = {"release": P, "label": "production", "version": "2", "digest": digest}
        assert shown in of_release(operator, served, SERVED)
        (line,) = logged(operator, served, label="production", version=2, level="info")
        assert line["release"] == P
        assert line["revision"] == after["revision"]
        assert (line["kind"], line["before"]) == ("Promotion", 1)
        assert line["reason"] == "kept the\nurgency"
        assert line["msg"] == (
            f"{served.namespace}/{P}: production moved from v1 to v2: kept the\nurgency"
        )
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["ts"])

    def test_a_way_back_a_follower_and_a_withdrawal_are_counted_apart(
        self, served: Api, operator: Operator
    ) -> None:
        back = Change(operator, MOVES, label="production", result="rolled_back")
        followed = Change(operator, MOVES, label="latest", result="followed")
        gone = Change(operator, MOVES, label="production", result="withdrawn")
        served.move(P, "production", 2, "better")
        served.served(P, "production", f"{P} v2")
        served.move(P, "production", 1, "worse")
        back.becomes(1)
        served.apply(version(P, 3))
        followed.becomes(1)
        served.merge(RELEASES, P, {"spec": {"labels": {"production": None}}})
        gone.becomes(1)
        wait_for(
            lambda: {"latest"} == {it["label"] for it in of_release(operator, served, SERVED)},
            "what is not served any more to have no series",
        )

    def test_a_restart_counts_no_move_again(self, served: Api, operator: Operator) -> None:
        operator.stop()
        operator.start()
        operator.catch_up()
        assert value(operator, MOVES, label="production", result="promoted") == 0

    def test_who_moved_it_is_in_the_line(self, served: Api, operator: Operator) -> None:
        wanted = {"version": 2, "reason": "better", "by": "mia"}
        served.merge(RELEASES, P, {"spec": {"labels": {"production": wanted}}})
        (line,) = logged(operator, served, label="production", version=2)
        assert line["by"] == "mia"


class TestHeld:
    def test_what_waits_shows_by_its_gate_until_it_may_move(
        self, served: Api, operator: Operator
    ) -> None:
        require = {"approvals": {"count": 1}}
        served.create(policy("four-eyes", labels=["production"], require=require))
        operator.catch_up()
        count = Change(operator, MOVES, label="production", result="held")
        waiting = Change(operator, "promptrelease_pending_moves", gate="approvals")
        wanted = {"version": 2, "reason": "better", "by": "mia"}
        served.merge(RELEASES, P, {"spec": {"labels": {"production": wanted}}})
        count.becomes(1)
        waiting.becomes(1)
        shown = {"release": P, "label": "production", "version": "2", "gate": "approvals"}
        assert of_release(operator, served, "promptrelease_pending_info") == [shown]
        condition = {"namespace": served.namespace, "release": P, "condition": "Ready"}
        assert value(operator, "promptrelease_release_condition", **condition) == 0

        pending = served.get(RELEASES, P)["status"]["labels"]["production"]["pending"]
        served.create(approval("yes", pending, "ada", release=P, label="production"))
        served.served(P, "production", f"{P} v2")
        waiting.becomes(0)
        assert of_release(operator, served, "promptrelease_pending_info") == []
        count.becomes(1)

    def test_a_broken_glass_is_counted_and_warned_of(self, served: Api, operator: Operator) -> None:
        freeze = {"start": "2020-01-01T00:00:00Z", "end": "2100-01-01T00:00:00Z", "reason": "no"}
        served.create(policy("never", labels=["production"], freeze=[freeze]))
        operator.catch_up()
        broken = Change(operator, "promptrelease_glass_broken_total")
        served.move(P, "production", 2, "must")
        wait_for(lambda: of_release(operator, served, "promptrelease_pending_info"), "the freeze")
        glass = {"breakglass.promptrelease.dev/production": "v2: outage"}
        served.merge(RELEASES, P, {"metadata": {"annotations": glass}})
        served.served(P, "production", f"{P} v2")
        broken.becomes(1)
        (line,) = logged(operator, served, label="production", level="warning")
        assert line["break_glass"] == "outage"

    def test_a_version_that_is_missing_or_invalid_shows(
        self, served: Api, operator: Operator
    ) -> None:
        invalid = Change(operator, "promptrelease_versions_invalid")
        served.apply(version(P, 3, text="{{undeclared}}"))
        invalid.becomes(1)
        served.move(P, "production", 9, "too early")
        served.release_with(P, "Ready", "False")
        wait_for(
            lambda: (
                sorted(
                    (it["label"], it["version"], it["gate"])
                    for it in of_release(operator, served, "promptrelease_pending_info")
                )
                == [("latest", "3", "version"), ("production", "9", "version")]
            ),
            "both to wait for their versions",
        )


def test_repairs_are_counted_by_what_was_done(served: Api, operator: Operator) -> None:
    edited = Change(operator, "promptrelease_drift_repairs_total", what="edited")
    deleted = Change(operator, "promptrelease_drift_repairs_total", what="deleted")
    moves = Change(operator, MOVES, label="production", result="promoted")
    served.merge(CONFIG_MAPS, f"{P}.production", {"data": {"prompt.txt": "better!"}}, who="mallory")
    edited.becomes(1)
    served.delete(CONFIG_MAPS, f"{P}.production")
    deleted.becomes(1)
    assert moves() == 0
    first, second = logged(operator, served, 2, label="production", level="warning", version=1)
    assert "was changed by mallory" in first["msg"]
    assert "was deleted" in second["msg"]


def test_pods_that_are_told_are_counted_and_timed(served: Api, operator: Operator) -> None:
    told = Change(operator, "promptrelease_pods_told_total")
    timed = Change(operator, "promptrelease_edit_to_pods_told_seconds_count", label="production")
    path = f"/api/v1/namespaces/{served.namespace}"
    account = {"metadata": {"name": "default"}}
    served.control_plane.request("POST", f"{path}/serviceaccounts", account)
    for name in ("a", "b"):
        served.control_plane.request("POST", f"{path}/pods", pod(name))
    served.move(P, "production", 2, "better")
    told.becomes(2)
    timed.becomes(1)


def pod(name: str) -> dict[str, Any]:
    """One that mounts production, and wants to be told."""
    return {
        "metadata": {"name": name, "labels": {"promptrelease.dev/refresh": "true"}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "app",
                    "image": "app",
                    "volumeMounts": [{"name": "prompts", "mountPath": "/prompts"}],
                }
            ],
            "volumes": [{"name": "prompts", "configMap": {"name": f"{P}.production"}}],
        },
    }


def test_requests_are_counted_by_what_they_are_about(served: Api, operator: Operator) -> None:
    name = "promptrelease_api_requests_total"
    written = Change(operator, name, verb="PATCH", resource="configmaps", code="200")
    served.move(P, "production", 2, "better")
    served.served(P, "production", f"{P} v2")
    written.becomes(1)
    assert value(operator, name, verb="WATCH", resource="promptversions", code="200") >= 1
    resources = {dict(labels)["resource"] for its, labels in samples(operator) if its == name}
    assert all(re.fullmatch(r"[a-z]+(/status)?", resource) for resource in resources), resources


def test_a_deleted_release_leaves_no_series(served: Api, operator: Operator) -> None:
    assert of_release(operator, served, "promptrelease_release_condition")
    served.delete(RELEASES, P)
    wait_for(
        lambda: not of_release(operator, served, "promptrelease_release_condition"), "no series"
    )


def test_a_replica_that_waits_to_lead_knows_all_and_says_that_it_does_nothing(
    served: Api, operator: Operator, control_plane: ControlPlane
) -> None:
    operator.stop()
    options = ["--leader-elect", "--lease", f"{served.namespace}/test", "--lease-seconds", "3"]
    with Operator(control_plane, options=options) as leader:
        wait_for(lambda: value(leader, "promptrelease_working") == 1, "the first to lead")
        with Operator(control_plane, options=options) as follower:
            served.move(P, "production", 2, "better")
            served.served(P, "production", f"{P} v2")
            wait_for(
                lambda: {"2"} == {it["version"] for it in of_release(follower, served, SERVED)},
                "who waits to know what is served",
            )
            moved = {"label": "production", "result": "promoted"}
            assert value(leader, MOVES, **moved) == 1
            assert value(follower, MOVES, **moved) == 0
            assert value(follower, "promptrelease_ready") == 1
            assert value(follower, "promptrelease_working") == 0
            assert value(follower, "promptrelease_queue_oldest_seconds") == 0
            back = Change(follower, MOVES, label="production", result="rolled_back")
            leader.kill()
            edited = time.monotonic()
            served.move(P, "production", 1, "worse")
            back.becomes(1)
            assert value(follower, "promptrelease_working") == 1
            took = value(follower, "promptrelease_edit_to_served_seconds_sum", label="production")
            assert took <= time.monotonic() - edited, "not from when it began to wait"
    operator.start()


class TestScrape:
    def test_is_text_unless_openmetrics_is_asked_for(self, served: Api, operator: Operator) -> None:
        text, headers = scrape(operator)
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        plain = {family.name for family in parse_text(text.decode())}
        assert {"promptrelease_moves", "promptrelease_served_info"} <= plain

        text, headers = scrape(operator, Accept=OPENMETRICS)
        assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        assert text.endswith(b"# EOF\n")
        families = parse_openmetrics(text.decode())  # type: ignore[no-untyped-call]
        assert {"promptrelease_moves", "promptrelease_served"} <= {it.name for it in families}

    def test_is_compressed_when_asked_for(self, served: Api, operator: Operator) -> None:
        text, headers = scrape(operator, Accept_Encoding="gzip")
        assert headers["Content-Encoding"] == "gzip"
        assert b"promptrelease_ready 1.0\n" in gzip.decompress(text)

    def test_tells_of_no_single_release_when_that_is_switched_off(
        self, served: Api, operator: Operator, control_plane: ControlPlane
    ) -> None:
        operator.stop()
        options = ["--no-release-metrics"]
        with Operator(control_plane, install(control_plane), options=options) as quiet:
            quiet.catch_up()
            text = scrape(quiet)[0].decode()
            assert value(quiet, "promptrelease_releases", condition="Ready") >= 1
        assert served.namespace not in text
        assert 'release="' not in text
        operator.start()


def test_every_line_is_json_and_none_has_words_of_a_prompt(api: Api, operator: Operator) -> None:
    """At the level debug, through whatever can go wrong with a version and its ConfigMap."""
    secret = {"text": f"{SECRET} {{{{ticket}}}}", "variables": {"ticket": {}}}
    api.apply(version(P, 1, **secret), version(P, 2, text=f"{SECRET} {{{{undeclared}}}}"))
    api.apply(release(P, production=(1, "first"), staging=(2, "second")))
    api.served(P, "production", f"{SECRET} {{{{ticket}}}}")
    api.release_with(P, "Ready", "False")
    api.merge(CONFIG_MAPS, f"{P}.production", {"data": {"prompt.txt": f"{SECRET}!"}})
    api.served(P, "production", f"{SECRET} {{{{ticket}}}}")
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{P}.other"}})
    api.move(P, "other", 1, "in the way")
    api.release_with(P, "Stalled", "True")
    api.delete(VERSIONS, f"{P}-v1")
    operator.catch_up()
    assert SECRET not in operator.logs
    for line in lines(operator):
        assert {"ts", "level", "logger", "msg"} <= line.keys()
    (line,) = logged(operator, api, label="production", kind="Promotion")
    assert line["release"] == P
