"""What `list`, `status`, `history` and `show` say, from plain JSON."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import yaml
from rich.console import Console

from promptrelease.cli.look import sheet, statusview
from promptrelease.release import gates, wire
from promptrelease.release.consumers import Consumers, Fixed
from promptrelease.release.model import (
    Change,
    Condition,
    Consent,
    LabelStatus,
    Pending,
    Release,
    ReleaseStatus,
    Served,
    Verdict,
    Version,
    View,
    Wanted,
)
from promptrelease.release.moves import outcomes
from promptrelease.release.policy import Approval, Approvals, Freeze, Policy, ServedFrom
from promptrelease.release.times import timestamp
from promptrelease.views.failures import NotFound, UsageMistake
from promptrelease.views.look import loglines, overview, refs
from promptrelease.views.look.advice import advice

P = "ticket-summary"
NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
DIGEST = f"sha256:{7:064x}"
SERVED = Served(6, DIGEST, 3, "2026-11-20T12:00:00Z", "kept the urgency", "alice", (6, 5))


def condition(kind: str, status: str, message: str = "", generation: int = 2) -> Condition:
    return Condition(kind, status, "Some", message, generation, "2026-11-21T11:00:00Z")


def raw(
    labels: dict[str, LabelStatus],
    *conditions: Condition,
    spec: dict[str, Any] | None = None,
    generation: int = 2,
    observed: int = 2,
) -> dict[str, Any]:
    """A PromptRelease as the API server would give it."""
    status = ReleaseStatus(observed, 3, labels, conditions)
    return {
        "metadata": {
            "name": P,
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "1",
            "generation": generation,
        },
        "spec": {"labels": spec or {}},
        "status": wire.release_status(P, status),
    }


HELD = raw(
    {
        "production": LabelStatus(
            SERVED,
            Pending(7, (f"1 approval of {DIGEST} by somebody else than mia",), DIGEST),
            Consumers(3, 4, 3, (Fixed("web-1", "app", "subPath"),)),
        ),
        "latest": LabelStatus(Served(7, DIGEST, 2, "2026-11-21T11:59:00Z")),
    },
    condition("Ready", "False"),
    condition("Reconciling", "True", "production stays at v6"),
    spec={"production": {"version": 7, "reason": "shorter", "by": "mia"}},
)


def shown(obj: dict[str, Any], width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    for part in statusview.status(obj, NOW):
        console.print(part)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


class TestReferences:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("summary", ("summary", "")),
            ("summary@staging", ("summary", "staging")),
            ("summary@v7", ("summary", "v7")),
        ],
    )
    def test_they_are_a_prompt_and_what_of_it(self, text: str, expected: tuple[str, str]) -> None:
        assert refs.split(text) == expected

    @pytest.mark.parametrize("text", ["", "@v1", "a@", "A", "a b", "../a", "-a"])
    def test_what_names_no_prompt_is_refused(self, text: str) -> None:
        with pytest.raises(UsageMistake, match="names no prompt"):
            refs.split(text)

    @pytest.mark.parametrize(
        ("what", "expected"),
        [("7", 7), ("v12", 12), ("production", 6), ("@production", 6), ("latest", 7), ("", 6)],
    )
    def test_they_stand_for_a_version(self, what: str, expected: int) -> None:
        assert refs.number(what, P, HELD) == expected

    def test_without_production_it_is_the_newest(self) -> None:
        assert refs.number("", P, None) is None
        assert refs.number("latest", P, raw({})) is None

    def test_a_label_that_serves_nothing_is_no_version(self) -> None:
        with pytest.raises(NotFound, match="canary of ticket-summary serves nothing") as caught:
            refs.number("canary", P, HELD)
        assert "latest, production" in caught.value.hint
        held = raw({"canary": LabelStatus(None, Pending(3, ("v3",)))})
        with pytest.raises(NotFound, match="serves nothing yet: v3 is held back"):
            refs.number("canary", P, held)


class TestHealth:
    @pytest.mark.parametrize(
        ("obj", "state"),
        [
            (raw({}, condition("Ready", "True")), overview.READY),
            (HELD, overview.WAITING),
            (raw({}, condition("Stalled", "True", "do it")), overview.STALLED),
            (raw({}, condition("Stalled", "True"), generation=3), overview.UNSEEN),
            (raw({}, observed=1), overview.UNSEEN),
            (raw({}, condition("NeedsReevaluation", "True", "x moved")), overview.REEVALUATE),
        ],
    )
    def test_it_is_what_the_conditions_come_to(self, obj: dict[str, Any], state: str) -> None:
        assert overview.health(wire.release(obj)).state == state

    def test_a_label_shows_where_it_is_going(self) -> None:
        production, latest = overview.labels(wire.release(HELD))
        assert (production.text, latest.text) == ("v6 -> v7", "v7")
        new = raw({}, spec={"staging": {"version": 2, "reason": "r"}})
        (staging,) = overview.labels(wire.release(new))
        assert (staging.text, staging.going) == ("- -> v2", 2)

    def test_a_script_gets_what_waits_with_what_to_do(self) -> None:
        found = overview.plain(HELD)
        assert found["state"] == "waiting"
        assert found["moved"] == "2026-11-21T11:59:00Z"
        production = found["labels"][0]
        assert production["version"] == 6
        assert production["wanted"] == {"version": 7, "reason": "shorter", "by": "mia"}
        (waits,) = production["pending"]["waitingFor"]
        assert waits["todo"] == f"somebody else than mia: kubectl prompt approve {P} production"

    def test_labels_are_columns_until_they_are_too_many(self) -> None:
        release = wire.release(HELD)
        assert overview.columns([release]) == ["production", "latest"]
        assert overview.columns([release], most=1) == []


class TestStatus:
    def test_it_says_what_waits_and_what_to_do(self) -> None:
        text = shown(HELD)
        assert "production -> v7 is held back; asked for by mia: shorter" in text
        assert "waits for 1 approval of sha256:000000000000 by somebody else than mia" in text
        assert f"-> somebody else than mia: kubectl prompt approve {P} production" in text
        assert "told 3 of 4 pods" in text
        assert "pod web-1, container app: keeps what it started with (subPath)" in text
        row = next(line for line in text.splitlines() if line.startswith("production  v6 -> v7"))
        words = row.split()
        assert words[4:10] == ["1d", "ago", "alice", "3", "of", "4"]
        assert words[10:] == ["kept", "the", "urgency"]

    def test_what_a_cluster_says_commands_no_terminal(self) -> None:
        evil = "\x1b[2J\x9b31m[red]x[/red]\u202e"
        obj = raw(
            {"production": LabelStatus(Served(1, DIGEST, 1, "", evil, evil), Pending(2, (evil,)))},
            condition("Stalled", "True", evil),
            condition("NeedsReevaluation", "True", evil),
            spec={"production": {"version": 2, "reason": evil, "by": evil}},
        )
        text = shown(obj, 400)
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert "\u202e" not in text
        assert r"\x1b[2J\x9b31m[red]x[/red]\u202e" in text

    def test_a_name_is_not_cut_where_there_is_no_terminal(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from promptrelease.cli.output import show

        wide = raw({"production": LabelStatus(SERVED)}, condition("Ready", "True"))
        wide["metadata"]["name"] = "n" * 63
        show(statusview.listing([wide], "production", everywhere=True))
        heads, row = capsys.readouterr().out.splitlines()
        assert heads.split() == ["NAMESPACE", "NAME", "PRODUCTION", "SINCE", "BY", "STATE", "WHY"]
        assert row.split()[:3] == ["shop", "n" * 63, "v6"]
        assert row.endswith("kept the urgency")


def waits() -> Iterator[str]:
    """Whatever the operator's own code says that a move may wait for."""
    candidate = gates.Candidate(P, "production", 7, DIGEST, "mia", "arthur", False)
    late, soon = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
    move = Change(P, "staging", 1, "Promotion", None, 7, DIGEST, "", "", timestamp(soon))

    def policy(**spec: Any) -> Policy:
        return Policy("p", "u", "1", **spec)

    def said(approves: bool) -> Approval:
        return Approval("a-1", "u", "1", P, "production", 7, DIGEST, approves, "dave", "no", NOW)

    strict = policy(approvals=Approvals(2))
    asked = [
        (policy(freezes=(Freeze(soon, late, "holidays"),)), (), {}),
        (policy(served_from=ServedFrom("staging", 7200)), (), {"staging": (move,)}),
        (policy(served_from=ServedFrom("staging", 7200)), (), {}),
        (policy(served_from=ServedFrom("staging", 0)), (), {}),
        (strict, (), {}),
        (strict, (said(True),), {}),
        (strict, (said(False),), {}),
        (policy(approvals=Approvals(1, ())), (), {}),
        (policy(evaluations=("nightly",)), (), {}),
    ]
    for one, approvals, log in asked:
        answer = gates.ask(candidate, [one], approvals, log, ["staging"], NOW)
        assert answer.waits
        yield from answer.waits
    nobody = gates.Candidate(P, "production", 7, DIGEST, "", "", False)
    yield from gates.ask(nobody, [strict], (), {}, (), NOW).waits
    yield from _of_versions()


def _of_versions() -> Iterator[str]:
    valid = Version(f"{P}-v1", "u", "1", 1, verdict=Verdict(DIGEST))
    unseen = Version(f"{P}-v2", "u", "1", 2)
    for wanted in (
        Wanted(9, "r"),
        Wanted(2, "r"),
        Wanted(1, "r", away_from=5),
    ):
        release = Release(P, "u", "1", 1, {"production": wanted})
        view = View("shop", P, release, {1: valid, 2: unseen})
        outcome = next(o for o in outcomes(view, release, NOW) if o.label == "production")
        assert outcome.pending is not None
        yield from outcome.pending.waiting_for


@pytest.mark.parametrize("wait", list(waits()))
def test_there_is_advice_for_all_that_the_operator_waits_for(wait: str) -> None:
    found = advice(wait, P, "production", 7)
    assert found, wait
    assert "{" not in found


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        ("v7 to have been served by staging", f"kubectl prompt promote {P} staging v7"),
        ("v7 to have been served by staging for 9 s, at 2026-11-21T12:00:00Z", "by itself at 2026"),
        ("dave to take back a denial (PromptApproval d-1): no", "talk to dave"),
        ("0 of 1 suites passed, failed: s (e-1): score 0.1", "move another version"),
        ("0 of 1 suites passed, not evaluated: s (e-1): no image", "delete promptevaluation e-1"),
        ("0 of 1 suites passed, running: s", "nothing: they run"),
        ("what nobody has ever heard of", ""),
    ],
)
def test_advice_names_what_it_is_about(wait: str, expected: str) -> None:
    found = advice(wait, P, "production", 7)
    assert expected in found if expected else not found


class TestHistory:
    CHANGES = (
        Change(P, "production", 1, "Promotion", None, 1, DIGEST, "a", "", "2026-11-01T00:00:00Z"),
        Change(P, "staging", 2, "Promotion", None, 2, DIGEST, "b", "", "2026-11-20T00:00:00Z"),
        Change(P, "production", 3, "Promotion", 1, 2, DIGEST, "c", "", "2026-11-21T00:00:00Z"),
        Change(P, "production", 3, "Withdrawal", 2, None, "", "d", "", "2026-11-21T00:00:00Z"),
        Change("other", "production", 9, "Promotion", 1, 2, "", "e", "", "2026-11-21T00:00:00Z"),
    )

    def reasons(self, **how: Any) -> str:
        return "".join(change.reason for change in loglines.chosen(self.CHANGES, P, **how))

    def test_it_is_of_one_prompt_and_newest_first(self) -> None:
        assert self.reasons() == "dcba"
        assert self.reasons(label="production") == "dca"
        assert self.reasons(limit=2) == "dc"
        assert self.reasons(since=loglines.since("48h", NOW)) == "dcb"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("90m", NOW - timedelta(minutes=90)),
            ("2w", NOW - timedelta(weeks=2)),
            ("2026-11-21T02:00:00+02:00", NOW - timedelta(hours=12)),
        ],
    )
    def test_since_is_a_time_or_how_long_ago(self, text: str, expected: datetime) -> None:
        assert loglines.since(text, NOW) == expected

    def test_a_time_that_is_none_is_refused(self) -> None:
        for text in ("yesterday", "5", "-5m", ""):
            with pytest.raises(UsageMistake, match="is no time"):
                loglines.since(text, NOW)
        assert loglines.since("9999999999w", NOW).year == 1970

    def test_it_says_on_what_a_move_passed(self) -> None:
        change = Change(
            *(P, "production", 1, "Promotion", 1, 2, DIGEST, "r", "mia", ""),
            approvals=(Consent("a-1", "dave"), Consent("a-2", "")),
            evaluations=("e-1",),
        )
        assert loglines.passed_on(change) == "approved by dave, a-2; passed e-1"
        assert loglines.arrow(change) == "v1 -> v2"


VERSION: dict[str, Any] = {
    "apiVersion": "promptrelease.dev/v1alpha1",
    "kind": "PromptVersion",
    "metadata": {
        "name": f"{P}-v6",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "9",
        "creationTimestamp": "2026-11-20T10:00:00Z",
        "annotations": {
            "promptrelease.dev/author": "arthur",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "team": "support",
        },
        "managedFields": [{}],
    },
    "spec": {
        "text": "Summarize {{ticket}}.\nBe brief.\n",
        "message": "urgency",
        "model": {"provider": "openai", "name": "m", "parameters": {"topP": 1.0}},
        "prompt": P,
        "version": 6,
        "variables": {"ticket": {"type": "string", "default": "none"}},
        "tools": [{"name": "t", "parameters": {"type": "object"}}],
    },
    "status": {
        "digest": DIGEST,
        "labels": ["production"],
        "conditions": [{"type": "Valid", "status": "True", "message": "it can be served"}],
    },
}


class TestShow:
    def test_the_manifest_is_what_one_would_apply(self) -> None:
        found = sheet.manifest(VERSION)
        assert found["metadata"] == {"name": f"{P}-v6", "annotations": {"team": "support"}}
        assert found["spec"] == VERSION["spec"]
        assert list(found["spec"])[:3] == ["prompt", "version", "text"]
        assert "status" not in found

    def test_a_spec_of_another_api_is_left_as_it_is(self) -> None:
        odd = {**VERSION, "spec": {**VERSION["spec"], "unknown": 1}}
        assert sheet.manifest(odd)["spec"] == odd["spec"]

    def test_the_facts(self) -> None:
        facts = dict(sheet.facts(VERSION, HELD))
        assert facts["made"] == "2026-11-20T10:00:00Z by arthur"
        assert facts["served"] == "production since 2026-11-20T12:00:00Z"
        assert facts["model"] == "openai/m"
        assert facts["  topP"] == "1.0"
        assert "valid" not in facts

    def test_texts_variables_and_documents(self) -> None:
        spec = VERSION["spec"]
        assert list(sheet.texts(spec)) == [("text", spec["text"])]
        assert list(sheet.variables(spec)) == [("ticket", "string", "none", "")]
        ((heading, text),) = sheet.documents(spec)
        assert heading == "tool t"
        assert yaml.safe_load(text) == {"parameters": {"type": "object"}}
        chat = {"messages": [{"role": "user", "content": "hi"}, {"placeholder": "history"}]}
        assert [heading for heading, _ in sheet.texts(chat)] == ["user", "placeholder"]


def test_latest_can_t_be_moved_by_hand() -> None:
    wait = "PromptVersion p-v4, which is invalid: {{x}} is used and not declared"
    assert "kubectl prompt new p" in advice(wait, "p", "latest", 4)
    assert "move production" in advice(wait, "p", "production", 4)
