"""Which versions are deleted: none unless a policy says so, and never one that is needed."""

from __future__ import annotations

from typing import Any

import pytest

from harness.api import (
    CHANGES,
    EVENTS,
    POLICIES,
    RELEASES,
    VERSIONS,
    Api,
    condition,
    policy,
    release,
    version,
    wait_for,
)
from harness.operator import Operator

PROMPT = "ticket-summary"
HIGHEST = 9
NEEDED = {
    1: "served before, and a rollback may return to it",
    2: "served",
    3: "included by another version",
    4: "wanted, and held back",
    HIGHEST: "the highest, which latest serves",
}
FREE = [5, 6, 7, 8]


@pytest.fixture
def shop(api: Api) -> Api:
    """Nine versions, of which some are needed."""
    numbers = (HIGHEST, *range(1, HIGHEST))  # latest has never been at any but the highest
    api.apply(*(version(PROMPT, number) for number in numbers))
    included = {"them": {"prompt": PROMPT, "version": 3}}
    api.apply(version("greeting", 1, text="{{> them}}", includes=included))
    never = {"approvals": {"count": 16, "notBy": []}}
    api.create(policy("nobody-approves", labels=["staging"], require=never))
    api.apply(release(PROMPT, production=(1, "first")))
    api.ready(PROMPT)
    api.move(PROMPT, "production", 2, "better")
    api.served(PROMPT, "production", f"{PROMPT} v2")
    api.move(PROMPT, "staging", 4, "try")
    api.release_with(PROMPT, "Ready", "False", "staging is not served yet: waits")
    return api


def retain(api: Api, name: str = "retention", **spec: Any) -> None:
    """A policy that keeps what ``spec`` says, without regard to age unless that says so."""
    api.create(policy(name, retention={"keep": 1, "olderThanDays": 0, **spec}))


def would_delete(api: Api, *numbers: int) -> None:
    """Wait until the release's status tells of just these."""

    def probe() -> bool:
        told = api.get(RELEASES, PROMPT)["status"].get("retention")
        wanted = {"wouldDelete": len(numbers), "versions": list(numbers)} if numbers else None
        return bool(told == wanted)

    wait_for(probe, f"{numbers} to be what would be deleted")


def left(api: Api) -> list[int]:
    """Numbers of the versions that are there."""
    specs = [obj["spec"] for obj in api.list(VERSIONS)]
    return sorted(spec["version"] for spec in specs if spec["prompt"] == PROMPT)


def test_off_by_default(shop: Api, operator: Operator) -> None:
    shop.create(policy("no-retention", freeze=[]))
    operator.catch_up()
    assert left(shop) == sorted([*NEEDED, *FREE])
    assert "retention" not in shop.get(RELEASES, PROMPT)["status"]


class TestADryRun:
    def test_it_tells_what_nothing_needs_and_deletes_nothing(
        self, shop: Api, operator: Operator
    ) -> None:
        retain(shop)
        would_delete(shop, *FREE)
        operator.catch_up()
        assert left(shop) == sorted([*NEEDED, *FREE])
        assert not told(shop)

    def test_it_follows_what_is_needed(self, shop: Api) -> None:
        retain(shop)
        would_delete(shop, *FREE)
        shop.move(PROMPT, "canary", 6, "try")
        would_delete(shop, 5, 7, 8)
        shop.merge(RELEASES, PROMPT, {"spec": {"labels": {"staging": None}}})
        would_delete(shop, 4, 5, 7, 8)
        shop.delete(VERSIONS, "greeting-v1")
        would_delete(shop, 3, 4, 5, 7, 8)
        shop.apply(version(PROMPT, 10))
        would_delete(shop, 3, 4, 5, 7, 8)  # what latest was at before may be mounted
        shop.delete(POLICIES, "retention")
        would_delete(shop)

    def test_the_newest_are_kept(self, shop: Api) -> None:
        retain(shop, keep=3)
        would_delete(shop, 5, 6)

    def test_the_young_are_kept(self, shop: Api) -> None:
        retain(shop, olderThanDays=0)
        would_delete(shop, *FREE)
        shop.merge(POLICIES, "retention", {"spec": {"retention": {"olderThanDays": 1}}})
        would_delete(shop)

    def test_of_two_policies_the_one_that_keeps_more_decides(self, shop: Api) -> None:
        retain(shop, "a", keep=3)
        would_delete(shop, 5, 6)
        retain(shop, "b", keep=2, dryRun=False)
        shop.merge(POLICIES, "a", {"spec": {"retention": {"keep": 4}}})
        would_delete(shop, 5)
        shop.merge(POLICIES, "b", {"spec": {"retention": {"keep": 5}}})
        would_delete(shop)
        assert left(shop) == sorted([*NEEDED, *FREE])

    def test_it_is_for_the_prompts_that_it_names(self, shop: Api) -> None:
        retain(shop, "for-another")
        would_delete(shop, *FREE)
        shop.merge(POLICIES, "for-another", {"spec": {"prompts": ["ticket-router"]}})
        would_delete(shop)
        # A retention has no business with labels: a version is not of one.
        shop.merge(POLICIES, "for-another", {"spec": {"prompts": [PROMPT], "labels": ["other"]}})
        would_delete(shop, *FREE)

    def test_many_are_counted_and_the_lowest_are_named(self, shop: Api) -> None:
        numbers = [100, *range(10, 50)]
        shop.apply(*(version(PROMPT, number) for number in numbers))
        retain(shop)

        def counted() -> bool:
            found = shop.get(RELEASES, PROMPT)["status"].get("retention", {})
            return bool(found.get("wouldDelete") == len(FREE) + 40)

        wait_for(counted, "all to be counted")
        versions = shop.get(RELEASES, PROMPT)["status"]["retention"]["versions"]
        assert versions == [*FREE, *range(10, 38)]


class TestDeletion:
    def test_it_deletes_only_what_nothing_needs_and_tells(
        self, shop: Api, operator: Operator
    ) -> None:
        before = {name: shop.files(PROMPT, name) for name in ("production", "latest")}
        retain(shop, dryRun=False)
        wait_for(lambda: left(shop) == sorted(NEEDED), "what is free to be deleted")
        wait_for(lambda: len(told(shop)) == len(FREE), "the events")
        assert sorted(told(shop)) == [
            f"PromptVersion {PROMPT}-v{number}: no label needs it any more" for number in FREE
        ]
        operator.catch_up()
        assert left(shop) == sorted(NEEDED)
        assert "retention" not in shop.get(RELEASES, PROMPT)["status"]
        assert {name: shop.files(PROMPT, name) for name in before} == before
        assert condition(shop.get(RELEASES, PROMPT), "Stalled")["status"] == "False"

        shop.move(PROMPT, "production", 1, "and back")
        shop.served(PROMPT, "production", f"{PROMPT} v1")

    def test_a_dry_run_that_ends(self, shop: Api) -> None:
        retain(shop)
        would_delete(shop, *FREE)
        shop.merge(POLICIES, "retention", {"spec": {"retention": {"dryRun": False}}})
        wait_for(lambda: left(shop) == sorted(NEEDED), "what is free to be deleted")
        would_delete(shop)

    def test_one_that_is_free_later_goes_later(self, shop: Api) -> None:
        retain(shop, dryRun=False)
        wait_for(lambda: left(shop) == sorted(NEEDED), "what is free to be deleted")
        shop.move(PROMPT, "staging", 2, "rather not")
        wait_for(lambda: left(shop) == [1, 2, 3, HIGHEST], "the one that was wanted to go")
        shop.delete(VERSIONS, "greeting-v1")
        wait_for(lambda: left(shop) == [1, 2, HIGHEST], "the one that was included to go")

    def test_without_a_release_nothing_is_deleted(self, api: Api, operator: Operator) -> None:
        api.apply(*(version("draft", number) for number in (3, 1, 2)))
        retain(api, dryRun=False)
        operator.catch_up()
        assert len(api.list(VERSIONS)) == 3

    def test_the_log_stays(self, shop: Api) -> None:
        before = shop.list(CHANGES)
        retain(shop, dryRun=False)
        wait_for(lambda: left(shop) == sorted(NEEDED), "what is free to be deleted")
        assert shop.list(CHANGES) == before


def test_a_version_shows_why_it_is_needed(shop: Api) -> None:
    def shown() -> dict[int, dict[str, Any]]:
        found = {}
        for number in (1, 2, 3, 4, HIGHEST):
            status = shop.get(VERSIONS, f"{PROMPT}-v{number}").get("status", {})
            reasons = {key: status.get(key) for key in ("labels", "history", "includedBy")}
            found[number] = {key: names for key, names in reasons.items() if names}
        return found

    expected: dict[int, dict[str, Any]] = {
        1: {"history": ["production"]},
        2: {"labels": ["production"]},
        3: {"includedBy": ["greeting-v1"]},
        4: {},
        HIGHEST: {"labels": ["latest"]},
    }
    wait_for(lambda: shown() == expected, "versions to show why they are needed")
    shop.move(PROMPT, "canary", 1, "try")
    expected[1] = {"labels": ["canary"], "history": ["production"]}
    wait_for(lambda: shown() == expected, "v1 to show that it is served, too")
    shop.move(PROMPT, "production", 1, "and back")
    expected |= {1: {"labels": ["canary", "production"]}, 2: {"history": ["production"]}}
    wait_for(lambda: shown() == expected, "v1 and v2 to change places")
    shop.merge(RELEASES, PROMPT, {"spec": {"labels": {"canary": None, "production": None}}})
    expected |= {1: {}, 2: {}}
    wait_for(lambda: shown() == expected, "nothing of what was withdrawn to be left")
    shop.delete(VERSIONS, "greeting-v1")
    expected[3] = {}
    wait_for(lambda: shown() == expected, "v3 to be free")


def told(api: Api) -> list[str]:
    """What events say of deletions."""
    return [e["message"] for e in api.list(EVENTS) if e["reason"] == "VersionDeleted"]
