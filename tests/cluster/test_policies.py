"""What policies hold back, what lets it pass, and what they leave alone."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from harness.api import (
    APPROVALS,
    CHANGES,
    CONFIG_MAPS,
    EVENTS,
    POLICIES,
    RELEASES,
    VERSIONS,
    Api,
    Json,
    Refused,
    approval,
    condition,
    holds,
    policy,
    release,
    version,
    wait_for,
)
from harness.operator import Operator

PROMPT = "ticket-summary"
OTHER = "ticket-router"
HIGHEST = 9
MOVER, AUTHOR = "mia", "arthur"
ONE_APPROVAL = {"approvals": {"count": 1}}
TWO_SECONDS_OF_STAGING = {"from": {"label": "staging", "seconds": 2}}

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shop(api: Api) -> Api:
    """Production at v1 of nine versions, which one person has written; no policy."""
    numbers = (HIGHEST, *range(1, HIGHEST))  # latest has never been at any but the highest
    versions = [version(PROMPT, number) for number in numbers]
    for obj in versions:
        obj["metadata"]["annotations"] = {"promptrelease.dev/author": AUTHOR}
    api.apply(*versions, release(PROMPT, production=(1, "first")))
    api.ready(PROMPT)
    return api


def demand(api: Api, name: str, **spec: Any) -> None:
    """Create a policy, and wait until the operator knows it.

    A release and a policy come by two watches: which is heard first is nobody's promise. So each
    policy here would also have one more of the spare versions kept, and the status tells that.
    """
    keep = 1 + len(api.list(POLICIES))
    api.create(policy(name, retention={"keep": keep, "olderThanDays": 0}, **spec))

    def known() -> bool:
        retention = api.get(RELEASES, PROMPT)["status"].get("retention", {})
        return bool(max(retention.get("versions", [0])) == HIGHEST - keep)

    wait_for(known, f"policy {name} to be known")


def move(api: Api, to: int, why: str, *, label: str = "production", **spec: Any) -> None:
    """One edit of one label, as the mover, unless ``spec`` says otherwise; ``from_`` is from."""
    spec = {name.rstrip("_"): value for name, value in spec.items()}
    wanted = {"version": to, "reason": why, "by": MOVER, **spec}
    api.merge(RELEASES, PROMPT, {"spec": {"labels": {label: wanted}}})


def held(api: Api, to: int, *words: str, prompt: str = PROMPT) -> Json:
    """The move of production that is held back, once it waits for all of that."""

    def probe() -> Json:
        status = api.get(RELEASES, prompt).get("status", {})
        found: Json = status.get("labels", {}).get("production", {}).get("pending", {})
        said = "; ".join(found.get("waitingFor", ()))
        return found if found.get("version") == to and all(w in said for w in words) else {}

    return wait_for(probe, f"{prompt}'s v{to} to wait for {words}")


def say(api: Api, pending: Json, *people: str, prompt: str = PROMPT, **spec: Any) -> None:
    """Approve what is pending, or ``decision="deny"``, one after the other."""
    for by in people:
        name = f"{by}-{len(api.list(APPROVALS))}"
        api.create(approval(name, pending, by, release=prompt, label="production", **spec))


def passed(api: Api, to: int) -> Json:
    """The log's entry of the move of production, once it is served and nothing is pending."""
    api.served(PROMPT, "production", f"{PROMPT} v{to}")
    found = api.ready(PROMPT)["status"]["labels"]["production"]
    entry: Json = api.get(CHANGES, f"{PROMPT}.production.{found['revision']}")["spec"]
    assert entry["to"] == found["version"] == to
    assert entry.get("approvals") == found.get("approvals")
    return entry


def people(entry: Json) -> list[str]:
    """Whose approvals a move passed on."""
    return sorted(one["by"] for one in entry.get("approvals", ()))


def stays(api: Api, number: int = 1) -> None:
    """Production shows what it showed."""
    assert api.files(PROMPT, "production")["prompt.txt"] == f"{PROMPT} v{number}"


def in_seconds(seconds: float) -> str:
    """A time as Kubernetes writes it, at most a second earlier than that."""
    then = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def frozen(start: float, end: float, reason: str = "holidays") -> list[Json]:
    """A freeze, in seconds from now."""
    return [{"start": in_seconds(start), "end": in_seconds(end), "reason": reason}]


class TestApprovals:
    def test_a_held_move_changes_nothing_until_it_is_approved(self, shop: Api) -> None:
        demand(shop, "four-eyes", labels=["production"], require=ONE_APPROVAL)
        before = shop.get(CONFIG_MAPS, f"{PROMPT}.production")
        move(shop, 2, "better")

        pending = held(shop, 2, "1 approval of sha256:", "somebody else than arthur and mia")
        assert pending["digest"] == shop.get(VERSIONS, f"{PROMPT}-v2")["status"]["digest"]
        waiting = shop.release_with(PROMPT, "Reconciling", "True", "production stays at v1: waits")
        assert condition(waiting, "Ready")["status"] == "False"
        assert condition(waiting, "Stalled")["status"] == "False"
        assert waiting["status"]["labels"]["production"]["version"] == 1
        assert shop.get(CONFIG_MAPS, f"{PROMPT}.production") == before
        assert wait_for(lambda: shop.events(PROMPT, "MoveHeld"), "the event")

        say(shop, pending, "ann")
        entry = passed(shop, 2)
        assert entry["approvals"] == [{"name": "ann-0", "by": "ann"}]
        assert (entry["kind"], entry["by"], entry["from"]) == ("Promotion", MOVER, 1)

    def test_mover_and_author_do_not_count_and_two_others_do(self, shop: Api) -> None:
        demand(shop, "six-eyes", require={"approvals": {"count": 2}})
        move(shop, 2, "better")
        say(shop, held(shop, 2, "2 approvals"), MOVER, AUTHOR, "ann", "ann")
        say(shop, held(shop, 2, "2 approvals", "(so far 1)"), "bob")
        assert people(passed(shop, 2)) == ["ann", "bob"]

    def test_everybody_counts_where_the_policy_says_so(self, shop: Api) -> None:
        demand(shop, "two-eyes", require={"approvals": {"count": 1, "notBy": []}})
        move(shop, 2, "better", by=None)
        say(shop, held(shop, 2, "1 approval"), AUTHOR)
        assert people(passed(shop, 2)) == [AUTHOR]

    def test_a_mover_whom_nobody_knows_stalls(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better", by=None)
        say(shop, held(shop, 2, "by somebody who is known (by is empty)"), "ann")
        shop.release_with(PROMPT, "Stalled", "True", "whoever moves it may not approve it")
        stays(shop)
        move(shop, 2, "better")
        assert people(passed(shop, 2)) == ["ann"]

    def test_an_approval_of_other_content_of_that_number_does_not_count(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        old = held(shop, 2, "1 approval")
        shop.delete(VERSIONS, f"{PROMPT}-v2")
        shop.apply(version(PROMPT, 2, text="something else"))
        new = shop.version_with(f"{PROMPT}-v2", "True")["status"]["digest"]
        pending = held(shop, 2, f"1 approval of {new}")
        say(shop, old, "ann")
        say(shop, pending, "bob")
        shop.served(PROMPT, "production", "something else")
        found = shop.ready(PROMPT)["status"]["labels"]["production"]
        assert found["digest"] == new != old["digest"]
        assert people(found) == ["bob"]

    def test_an_approval_of_another_label_or_version_does_not_count(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        pending = held(shop, 2, "1 approval")
        shop.create(approval("other-label", pending, "ann", release=PROMPT, label="staging"))
        say(shop, {**pending, "version": 3}, "bob")
        say(shop, pending, "cem")
        assert people(passed(shop, 2)) == ["cem"]

    def test_an_approval_is_spent_by_the_move_that_it_let_pass(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL, rollback="gated")
        move(shop, 2, "better")
        say(shop, held(shop, 2, "1 approval"), "ann")
        passed(shop, 2)
        move(shop, 3, "better still")
        say(shop, held(shop, 3, "1 approval"), "ann")
        passed(shop, 3)
        move(shop, 2, "no, it was not")
        say(shop, held(shop, 2, "1 approval"), "bob")
        entry = passed(shop, 2)
        assert (entry["kind"], people(entry)) == ("Rollback", ["bob"])

    def test_a_name_may_be_used_for_another_approval(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        for to in (2, 3):
            move(shop, to, f"better {to}")
            pending = held(shop, to, "1 approval")
            shop.create(approval("ok", pending, "ann", release=PROMPT, label="production"))
            assert people(passed(shop, to)) == ["ann"]
            shop.delete(APPROVALS, "ok")

    def test_an_approval_that_is_over_does_not_count(self, shop: Api) -> None:
        demand(shop, "six-eyes", require={"approvals": {"count": 2}})
        end = in_seconds(2)
        digest = shop.get(VERSIONS, f"{PROMPT}-v2")["status"]["digest"]
        say(shop, {"version": 2, "digest": digest}, "ann", expiresAt=end)
        sleep_until(end)
        move(shop, 2, "better")
        say(shop, held(shop, 2, "2 approvals"), "bob")
        pending = held(shop, 2, "2 approvals", "(so far 1)")

        say(shop, pending, "cem", expiresAt=in_seconds(3))
        assert people(passed(shop, 2)) == ["bob", "cem"]

    def test_an_approval_ends_while_the_move_still_waits(self, shop: Api) -> None:
        demand(shop, "six-eyes", require={"approvals": {"count": 2}})
        move(shop, 2, "better")
        say(shop, held(shop, 2, "2 approvals"), "ann", expiresAt=in_seconds(3))
        held(shop, 2, "(so far 1)")
        wait_for(lambda: "so far" not in held(shop, 2)["waitingFor"][0], "it to be over")
        stays(shop)


class TestDenials:
    def test_a_denial_stalls_until_who_denied_approves(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        pending = held(shop, 2, "1 approval")
        deny(shop, pending, "zoe", "z-first", "it swears")
        say(shop, pending, "ann")
        held(shop, 2, "zoe to take back a denial (PromptApproval z-first): it swears")
        stalled = shop.release_with(PROMPT, "Stalled", "True", "zoe to take back a denial")
        assert condition(stalled, "Ready")["status"] == "False"
        assert wait_for(lambda: shop.events(PROMPT, "Stalled"), "the event")
        stays(shop)

        # Within the same second, and before it in the alphabet: the latest word counts.
        shop.create(approval("a-last", pending, "zoe", release=PROMPT, label="production"))
        assert people(passed(shop, 2)) == ["ann", "zoe"]

    def test_a_denial_after_an_approval_counts(self, shop: Api) -> None:
        demand(shop, "six-eyes", require={"approvals": {"count": 2}})
        move(shop, 2, "better")
        pending = held(shop, 2, "2 approvals")
        shop.create(approval("z-first", pending, "zoe", release=PROMPT, label="production"))
        deny(shop, pending, "zoe", "a-last", "on second thoughts, no")
        held(shop, 2, "zoe to take back a denial (PromptApproval a-last): on second thoughts, no")

    def test_a_denial_that_is_deleted_is_taken_back(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        pending = held(shop, 2, "1 approval")
        say(shop, pending, "ann")
        passed(shop, 2)
        move(shop, 3, "better still")
        pending = held(shop, 3, "1 approval")
        deny(shop, pending, "zoe", "no", "it swears")
        say(shop, pending, "ann")
        shop.release_with(PROMPT, "Stalled", "True", "zoe to take back a denial")
        shop.delete(APPROVALS, "no")
        assert people(passed(shop, 3)) == ["ann"]

    def test_a_denied_move_ends_by_another_move(self, shop: Api) -> None:
        before = shop.get(RELEASES, PROMPT)["status"]["labels"]["production"]
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        deny(shop, held(shop, 2, "1 approval"), "zoe", "no", "it swears")
        shop.release_with(PROMPT, "Stalled", "True", "it swears")
        move(shop, 1, "as zoe says")
        assert shop.ready(PROMPT)["status"]["labels"]["production"] == before

    def test_a_denial_says_why(self, shop: Api) -> None:
        digest = shop.get(VERSIONS, f"{PROMPT}-v2")["status"]["digest"]
        with pytest.raises(Refused, match="say why: a denial needs a comment"):
            say(shop, {"version": 2, "digest": digest}, "zoe", decision="deny")

    def test_a_verdict_can_not_be_changed(self, shop: Api) -> None:
        digest = shop.get(VERSIONS, f"{PROMPT}-v2")["status"]["digest"]
        deny(shop, {"version": 2, "digest": digest}, "zoe", "no", "it swears")
        with pytest.raises(Refused, match="an approval can't be changed: create another one"):
            shop.merge(APPROVALS, "no", {"spec": {"decision": "approve"}})


class TestServedBefore:
    def test_it_passes_by_itself_once_it_has_been_there_long_enough(self, shop: Api) -> None:
        demand(shop, "soak", labels=["production"], require=TWO_SECONDS_OF_STAGING)
        move(shop, 2, "try", label="staging")
        staging = shop.served(PROMPT, "staging", f"{PROMPT} v2")
        since = moment(json.loads(staging["metadata.json"])["since"])
        move(shop, 2, "better")
        due = (since + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        held(shop, 2, f"v2 to have been served by staging for 2 s, at {due}")
        stays(shop)
        # And from here on nobody does anything.
        assert moment(passed(shop, 2)["at"]) >= since + timedelta(seconds=2)

    def test_what_was_never_there_waits_for_somebody_to_bring_it_there(self, shop: Api) -> None:
        demand(shop, "soak", labels=["production"], require=TWO_SECONDS_OF_STAGING)
        move(shop, 3, "try", label="staging")
        move(shop, 2, "better")
        said = held(shop, 2, "v2 to have been served by staging for 2 s")["waitingFor"]
        assert said == ["v2 to have been served by staging for 2 s"]
        shop.release_with(PROMPT, "Reconciling", "True", "staging")
        move(shop, 2, "try this one", label="staging")
        passed(shop, 2)

    def test_having_been_there_is_enough_where_no_time_is_asked_for(self, shop: Api) -> None:
        demand(shop, "ladder", labels=["production"], require={"from": {"label": "staging"}})
        move(shop, 2, "try", label="staging")
        shop.served(PROMPT, "staging", f"{PROMPT} v2")
        move(shop, 3, "try that", label="staging")
        shop.served(PROMPT, "staging", f"{PROMPT} v3")
        move(shop, 2, "better")
        passed(shop, 2)

    def test_other_content_of_that_number_has_not_been_there(self, shop: Api) -> None:
        demand(shop, "ladder", labels=["production"], require={"from": {"label": "staging"}})
        move(shop, 2, "try", label="staging")
        shop.served(PROMPT, "staging", f"{PROMPT} v2")
        shop.delete(VERSIONS, f"{PROMPT}-v2")
        shop.apply(version(PROMPT, 2, text="something else"))
        shop.version_with(f"{PROMPT}-v2", "True")
        move(shop, 2, "better")
        held(shop, 2, "v2 to have been served by staging")
        stays(shop)


class TestFreezes:
    def test_it_passes_by_itself_when_the_freeze_ends(self, shop: Api) -> None:
        freeze = frozen(-60, 3)
        demand(shop, "holidays", freeze=freeze)
        move(shop, 2, "better")
        held(shop, 2, f"the end of a freeze at {freeze[0]['end']}: holidays")
        shop.release_with(PROMPT, "Reconciling", "True", "freeze")
        stays(shop)
        assert passed(shop, 2)["at"] >= freeze[0]["end"]

    def test_an_operator_that_comes_meanwhile_knows_of_it(
        self, shop: Api, operator: Operator
    ) -> None:
        freeze = frozen(-60, 5)
        demand(shop, "holidays", freeze=freeze)
        operator.kill()
        move(shop, 2, "better")
        operator.start()
        held(shop, 2, "freeze")
        stays(shop)
        assert passed(shop, 2)["at"] >= freeze[0]["end"]

    def test_a_freeze_holds_nothing_before_it_begins(self, shop: Api) -> None:
        demand(shop, "holidays", freeze=[*frozen(3600, 7200), *frozen(-7200, -3600)])
        move(shop, 2, "better")
        passed(shop, 2)


class TestRollbacks:
    @pytest.fixture
    def moved(self, shop: Api) -> Api:
        """Production has been at v1, and is at v2."""
        move(shop, 2, "better")
        passed(shop, 2)
        return shop

    def test_a_rollback_passes_no_gate(self, moved: Api) -> None:
        gates = {**ONE_APPROVAL, "from": {"label": "staging", "seconds": 3600}}
        demand(moved, "everything", require=gates, freeze=frozen(-60, 3600))
        move(moved, 3, "better still")
        held(moved, 3, "1 approval", "freeze", "staging")
        move(moved, 1, "2 a.m.", by=None)
        entry = passed(moved, 1)
        assert (entry["kind"], entry["from"], people(entry)) == ("Rollback", 2, [])
        assert wait_for(lambda: moved.events(PROMPT, "RolledBack"), "the event")

    def test_a_rollback_passes_the_gates_where_a_policy_says_so(self, moved: Api) -> None:
        demand(moved, "all-ways", require=ONE_APPROVAL, rollback="gated")
        move(moved, 1, "2 a.m.")
        say(moved, held(moved, 1, "1 approval"), "ann")
        entry = passed(moved, 1)
        assert (entry["kind"], people(entry)) == ("Rollback", ["ann"])

    def test_only_the_policy_that_says_so_gates_it(self, moved: Api) -> None:
        demand(moved, "all-ways", require=ONE_APPROVAL, rollback="gated")
        demand(moved, "holidays", freeze=frozen(-60, 3600))
        move(moved, 1, "2 a.m.")
        assert len(held(moved, 1, "1 approval")["waitingFor"]) == 1

    def test_what_another_label_has_served_is_no_rollback(self, moved: Api) -> None:
        move(moved, 3, "try", label="staging")
        moved.served(PROMPT, "staging", f"{PROMPT} v3")
        demand(moved, "four-eyes", labels=["production"], require=ONE_APPROVAL)
        move(moved, 3, "better still")
        held(moved, 3, "1 approval")

    def test_other_content_of_a_number_that_was_served_is_no_rollback(self, moved: Api) -> None:
        demand(moved, "four-eyes", require=ONE_APPROVAL)
        moved.delete(VERSIONS, f"{PROMPT}-v1")
        moved.apply(version(PROMPT, 1, text="something else"))
        moved.version_with(f"{PROMPT}-v1", "True")
        move(moved, 1, "2 a.m.")
        held(moved, 1, "1 approval")
        stays(moved, 2)


class TestWhichPolicies:
    def test_those_that_match_add_up(self, shop: Api) -> None:
        demand(shop, "a-ladder", labels=["production"], require={"from": {"label": "staging"}})
        demand(shop, "four-eyes", labels=["production", "canary"], require=ONE_APPROVAL)
        demand(shop, "six-eyes", require={"approvals": {"count": 2}})
        demand(shop, "not-this-one", labels=["canary"], freeze=frozen(-60, 3600))
        move(shop, 2, "better")
        pending = held(shop, 2, "staging", "1 approval of", "2 approvals of")
        assert [words.split()[0] for words in pending["waitingFor"]] == ["v2", "1", "2"]
        say(shop, pending, "ann")
        say(shop, held(shop, 2, "2 approvals of", "(so far 1)"), "bob")
        only = ["v2 to have been served by staging"]
        wait_for(lambda: held(shop, 2)["waitingFor"] == only, "the approvals to count")
        demand(shop, "staging-too", labels=["staging"], require=ONE_APPROVAL)
        shop.delete(POLICIES, "a-ladder")
        assert people(passed(shop, 2)) == ["ann", "bob"]

    def test_one_policy_holds_several_releases_apart(self, shop: Api) -> None:
        shop.apply(version(OTHER, 1), version(OTHER, 2), release(OTHER, production=(1, "first")))
        shop.ready(OTHER)
        demand(shop, "four-eyes", labels=["production"], require=ONE_APPROVAL)
        move(shop, 2, "better")
        shop.merge(RELEASES, OTHER, labels(production={"version": 2, "reason": "b", "by": MOVER}))
        pending = held(shop, 2, "1 approval")
        say(shop, held(shop, 2, "1 approval", prompt=OTHER), "ann", prompt=OTHER)
        shop.served(OTHER, "production", f"{OTHER} v2")
        stays(shop)
        say(shop, pending, "ann")
        passed(shop, 2)

    def test_one_that_names_prompts_is_for_those_only(self, shop: Api) -> None:
        shop.apply(version(OTHER, 1), version(OTHER, 2), release(OTHER, production=(1, "first")))
        shop.ready(OTHER)
        demand(shop, "four-eyes", prompts=[PROMPT], require=ONE_APPROVAL)
        shop.move(OTHER, "production", 2, "better")
        shop.served(OTHER, "production", f"{OTHER} v2")
        move(shop, 2, "better")
        held(shop, 2, "1 approval")

    def test_another_namespace_has_its_own(self, shop: Api) -> None:
        other = Api(shop.control_plane, f"{shop.namespace}-other")
        namespace = {"metadata": {"name": other.namespace}}
        shop.control_plane.request("POST", "/api/v1/namespaces", namespace)
        other.create(policy("four-eyes", require=ONE_APPROVAL))
        other.apply(version(PROMPT, 1), release(PROMPT, production=(1, "first")))
        held(other, 1, "by somebody who is known")
        move(shop, 2, "better")
        passed(shop, 2)

    def test_latest_passes_all(self, shop: Api) -> None:
        demand(shop, "never", require=ONE_APPROVAL, freeze=frozen(-60, 3600))
        shop.apply(version(PROMPT, 10))
        shop.served(PROMPT, "latest", f"{PROMPT} v10")

    def test_a_label_s_first_move_is_held_like_any_other(self, shop: Api) -> None:
        demand(shop, "four-eyes", labels=["canary"], require=ONE_APPROVAL)
        move(shop, 2, "try", label="canary")
        waiting = shop.release_with(PROMPT, "Ready", "False", "canary is not served yet: waits")
        assert "version" not in waiting["status"]["labels"]["canary"]
        assert not shop.files(PROMPT, "canary")


class TestPoliciesThatChange:
    def test_a_new_one_holds_what_is_pending_and_its_end_lets_it_pass(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        held(shop, 2, "1 approval")
        shop.create(policy("holidays", freeze=frozen(-60, 3600)))
        say(shop, held(shop, 2, "1 approval", "freeze"), "ann")
        wait_for(lambda: len(held(shop, 2, "freeze")["waitingFor"]) == 1, "the approval to count")
        stays(shop)
        shop.delete(POLICIES, "holidays")
        assert people(passed(shop, 2)) == ["ann"]

    def test_an_edited_one_asks_for_what_it_says_now(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "better")
        held(shop, 2, "1 approval")
        shop.merge(POLICIES, "four-eyes", {"spec": {"require": {"approvals": {"count": 3}}}})
        held(shop, 2, "3 approvals")
        shop.merge(POLICIES, "four-eyes", {"spec": {"labels": ["staging"]}})
        passed(shop, 2)

    def test_none_takes_away_what_is_served(self, shop: Api) -> None:
        before = shop.get(CONFIG_MAPS, f"{PROMPT}.production")
        demand(shop, "never", require=ONE_APPROVAL, freeze=frozen(-60, 3600), rollback="gated")
        found = shop.get(RELEASES, PROMPT)
        assert holds(found, "Ready")
        assert "pending" not in found["status"]["labels"]["production"]
        assert shop.get(CONFIG_MAPS, f"{PROMPT}.production") == before
        shop.delete(CONFIG_MAPS, f"{PROMPT}.production")
        shop.served(PROMPT, "production", f"{PROMPT} v1")  # and it is repaired all the same


class TestBrokenGlass:
    @pytest.fixture
    def never(self, shop: Api) -> Api:
        """Nothing passes here, not even back."""
        demand(shop, "never", require=ONE_APPROVAL, freeze=frozen(-60, 3600), rollback="gated")
        return shop

    def break_glass(self, api: Api, words: str | None) -> None:
        glass = {"breakglass.promptrelease.dev/production": words}
        api.merge(RELEASES, PROMPT, {"metadata": {"annotations": glass}})

    def test_it_lets_one_move_pass_and_tells(self, never: Api) -> None:
        move(never, 2, "the model is down")
        held(never, 2, "1 approval", "freeze")
        self.break_glass(never, "v2: nobody is awake")
        entry = passed(never, 2)
        assert entry["breakGlass"] == "nobody is awake"
        assert people(entry) == []
        status = never.get(RELEASES, PROMPT)["status"]["labels"]["production"]
        assert status["breakGlass"] == "nobody is awake"
        (event,) = wait_for(lambda: told(never, "GlassBroken"), "the event")
        assert event["type"] == "Warning"
        assert "production went to v2 past its gates (by mia): nobody is awake" in event["message"]

    def test_the_same_words_do_not_work_twice(self, never: Api) -> None:
        self.break_glass(never, "v2: nobody is awake")
        move(never, 2, "the model is down")
        passed(never, 2)
        self.break_glass(never, "v1: it is worse")
        move(never, 1, "it is worse")
        passed(never, 1)
        self.break_glass(never, "v2: nobody is awake")
        move(never, 2, "once more")
        held(never, 2, "1 approval")
        self.break_glass(never, "v2: still nobody")
        assert passed(never, 2)["breakGlass"] == "still nobody"

    def test_nor_for_other_content_of_that_number(self, never: Api) -> None:
        self.break_glass(never, "v2: nobody is awake")
        move(never, 2, "the model is down")
        passed(never, 2)
        never.delete(VERSIONS, f"{PROMPT}-v2")
        never.apply(version(PROMPT, 2, text="something else"))
        never.release_with(PROMPT, "Stalled", "True", "give a new reason")
        move(never, 2, "yes, that")
        held(never, 2, "1 approval")
        stays(never, 2)

    @pytest.mark.parametrize("words", ["v3: another one", "v2", "v2: ", "nobody is awake"])
    def test_it_does_not_work_for_another_version_or_without_a_reason(
        self, never: Api, words: str
    ) -> None:
        self.break_glass(never, words)
        move(never, 2, "the model is down")
        held(never, 2, "1 approval")
        stays(never)

    def test_a_move_that_passes_anyway_is_not_told_of_so(self, shop: Api) -> None:
        self.break_glass(shop, "v2: nobody is awake")
        move(shop, 2, "better")
        assert "breakGlass" not in passed(shop, 2)
        assert not told(shop, "GlassBroken")


class TestCompareAndSwap:
    def test_the_api_server_refuses_what_somebody_else_was_faster_with(self, shop: Api) -> None:
        move(shop, 2, "better", from_=1)
        with pytest.raises(Refused, match="from names another version than the label has now"):
            move(shop, 3, "better still", from_=1)
        passed(shop, 2)
        move(shop, 3, "better still", from_=2)
        passed(shop, 3)

    def test_the_operator_refuses_when_something_else_is_served(self, shop: Api) -> None:
        demand(shop, "four-eyes", require=ONE_APPROVAL)
        move(shop, 2, "a colleague's")
        held(shop, 2, "1 approval")
        move(shop, 3, "on top of it", from_=2)
        held(shop, 3, "the move is from v2 to v3, and production serves v1 by now. Set from to")
        shop.release_with(PROMPT, "Stalled", "True", "somebody to look at it again")
        stays(shop)
        move(shop, 3, "on top of it", from_=1)
        say(shop, held(shop, 3, "1 approval"), "ann")
        passed(shop, 3)

    def test_a_label_that_serves_nothing_is_not_where_it_should_come_from(self, shop: Api) -> None:
        move(shop, 2, "try", label="canary", from_=1)
        shop.release_with(PROMPT, "Stalled", "True", "canary serves nothing by now")
        assert not shop.files(PROMPT, "canary")

    def test_what_is_left_of_it_is_not_in_the_way_back(self, shop: Api) -> None:
        move(shop, 2, "better", from_=1)
        passed(shop, 2)
        shop.move(PROMPT, "production", 1, "no, it was not")
        entry = passed(shop, 1)
        assert (entry["kind"], entry["from"]) == ("Rollback", 2)

    def test_what_is_left_of_it_is_taken_at_its_word_on_any_other_way(self, shop: Api) -> None:
        move(shop, 2, "better", from_=1)
        with pytest.raises(Refused, match="look at it again, or leave from out"):
            shop.move(PROMPT, "production", 3, "better still")
        move(shop, 3, "better still", from_=None)
        passed(shop, 3)


REFUSED: dict[str, tuple[Json, str]] = {
    "latest": ({"labels": ["latest"]}, "latest follows the highest version by itself"),
    "backwards": ({"freeze": frozen(60, -60)}, "a freeze ends after it starts"),
    "no reason": ({"freeze": [{"start": in_seconds(0), "end": in_seconds(9)}]}, "reason: Required"),
    "no time": (
        {"freeze": [{"start": "tomorrow", "end": in_seconds(9), "reason": "r"}]},
        "spec.freeze[0].start in body must be of type date-time",
    ),
    "unknown field": ({"require": {"aprovals": {}}}, 'unknown field "spec.require.aprovals"'),
    "unknown word": (
        {"require": {"approvals": {"notBy": ["reviewer"]}}},
        'Unsupported value: "reviewer": supported values: "mover", "author"',
    ),
    "nobody": ({"require": {"approvals": {"count": 0}}}, "greater than or equal to 1"),
    "no label": ({"labels": []}, "spec.labels"),
    "not a label": ({"labels": ["Production"]}, "spec.labels[0]"),
    "keep nothing": ({"retention": {"keep": 0}}, "greater than or equal to 1"),
    "rollback": ({"rollback": "later"}, 'supported values: "immediate", "gated"'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_policy_is_refused(api: Api, kubectl: Kubectl, case: str) -> None:
    spec, words = REFUSED[case]
    tried = kubectl("apply", "-f", "-", stdin=json.dumps(policy("bad", **spec)), check=False)
    assert tried.returncode != 0
    assert words in tried.stderr
    assert not api.list(POLICIES)


def deny(api: Api, pending: Json, by: str, name: str, why: str) -> None:
    """Say no to what is pending, and why."""
    spec = {"label": "production", "decision": "deny", "comment": why}
    api.create(approval(name, pending, by, release=PROMPT, **spec))


def labels(**spec: Json) -> Json:
    """A merge patch of labels."""
    return {"spec": {"labels": spec}}


def told(api: Api, reason: str) -> list[Json]:
    """Events of a reason."""
    return [event for event in api.list(EVENTS) if event["reason"] == reason]


def moment(text: str) -> datetime:
    """The time that Kubernetes has written."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


def sleep_until(text: str) -> None:
    """Until a time that Kubernetes has written is over."""
    time.sleep(max(0.0, (moment(text) - datetime.now(timezone.utc)).total_seconds()))
