"""From a label edit to what is served, and what is told about it."""

from __future__ import annotations

import json

import pytest

from harness.api import (
    CONFIG_MAPS,
    RELEASES,
    VERSIONS,
    Api,
    condition,
    holds,
    release,
    version,
    wait_for,
)

PROMPT = "ticket-summary"


@pytest.fixture
def three(api: Api) -> Api:
    """Three versions, and production at the first."""
    api.apply(*(version(PROMPT, n) for n in (1, 2, 3)))
    api.apply(release(PROMPT, production=(1, "first")))
    api.ready(PROMPT)
    return api


class TestAMove:
    def test_a_first_release_serves_the_whole_of_a_version(self, api: Api) -> None:
        tool = {"name": "lookup", "parameters": {"type": "object", "properties": {"q": {}}}}
        api.apply(
            version(
                PROMPT,
                7,
                text="Summarize {{ticket}} for {{product}}\n",
                variables={"ticket": {"type": "string"}, "product": {"default": "Acme"}},
                model={"provider": "openai", "name": "m", "parameters": {"temperature": 0.2}},
                tools=[tool],
                output={"type": "object", "properties": {"answer": {"type": "string"}}},
            ),
            release(PROMPT, production=(7, "why not")),
        )
        files = api.served(PROMPT, "production", "Summarize {{ticket}} for {{product}}\n")
        served = api.ready(PROMPT)["status"]["labels"]["production"]

        config = json.loads(files["config.json"])
        assert config["model"]["parameters"] == {"temperature": 0.2}
        assert config["output"]["properties"] == {"answer": {"type": "string"}}
        assert json.loads(files["tools.json"]) == [tool]
        metadata = json.loads(files["metadata.json"])
        assert {key: metadata[key] for key in ("prompt", "version", "label", "reason")} == {
            "prompt": PROMPT,
            "version": 7,
            "label": "production",
            "reason": "why not",
        }
        assert metadata["variables"]["product"] == {"type": "string", "default": "Acme"}
        for fact in ("digest", "revision", "since"):
            assert served[fact] == metadata[fact]

    def test_a_chat_prompt_is_served_as_messages(self, api: Api) -> None:
        messages = [
            {"role": "system", "content": "You route tickets for {{product}}."},
            {"placeholder": "history"},
            {"role": "user", "content": "{{ticket}}\r\n"},
        ]
        variables: dict[str, object] = {"product": {}, "ticket": {}}
        api.apply(
            version("router", 1, text=None, messages=messages, variables=variables),
            release("router", production=(1, "first")),
        )
        api.ready("router")
        files = api.files("router", "production")
        assert json.loads(files["messages.json"]) == messages
        assert "prompt.txt" not in files

    def test_promotion_and_rollback_are_edits_of_one_number(self, three: Api) -> None:
        for number, why in ((2, "try 2"), (3, "try 3"), (2, "3 was rude")):
            three.move(PROMPT, "production", number, why)
            three.served(PROMPT, "production", f"{PROMPT} v{number}")
            three.ready(PROMPT)
        status = three.get(RELEASES, PROMPT)["status"]
        assert status["labels"]["production"]["reason"] == "3 was rude"
        assert status["served"]["production"] == [2, 3, 1]
        told = [three.events(PROMPT, reason) for reason in ("Promoted", "RolledBack")]
        assert sorted(told[0]) == [
            "production moved from nothing to v1: first",
            "production moved from v1 to v2: try 2",
            "production moved from v2 to v3: try 3",
        ]
        assert told[1] == ["production moved from v3 to v2: 3 was rude"]

    def test_a_withdrawn_label_loses_its_config_map_and_no_other(self, three: Api) -> None:
        three.move(PROMPT, "staging", 2, "try")
        three.served(PROMPT, "staging", f"{PROMPT} v2")
        three.merge(RELEASES, PROMPT, {"spec": {"labels": {"staging": None}}})
        wait_for(lambda: not three.files(PROMPT, "staging"), "the ConfigMap to go")
        wait_for(lambda: three.events(PROMPT, "Withdrawn"), "the event")
        status = three.ready(PROMPT)["status"]
        assert set(status["labels"]) == {"production", "latest"}
        assert three.files(PROMPT, "production")["prompt.txt"] == f"{PROMPT} v1"

    def test_two_labels_move_in_one_edit(self, three: Api) -> None:
        three.apply(release(PROMPT, production=(2, "both"), staging=(3, "both")))
        three.served(PROMPT, "production", f"{PROMPT} v2")
        three.served(PROMPT, "staging", f"{PROMPT} v3")
        labels = three.ready(PROMPT)["status"]["labels"]
        assert labels["production"]["revision"] != labels["staging"]["revision"]

    def test_latest_follows_the_highest_number(self, three: Api) -> None:
        three.served(PROMPT, "latest", f"{PROMPT} v3")
        three.apply(version(PROMPT, 10), version(PROMPT, 9))
        three.served(PROMPT, "latest", f"{PROMPT} v10")
        three.delete(VERSIONS, f"{PROMPT}-v10")
        three.served(PROMPT, "latest", f"{PROMPT} v9")
        assert wait_for(lambda: three.events(PROMPT, "Followed"), "the event")

    def test_an_invalid_highest_version_holds_latest_and_leaves_the_release_ready(
        self, three: Api
    ) -> None:
        three.apply(version(PROMPT, 4, text="{{undeclared}}"))
        three.version_with(f"{PROMPT}-v4", "False", "undeclared")
        pending = wait_for(
            lambda: three.get(RELEASES, PROMPT)["status"]["labels"]["latest"].get("pending"),
            "latest to be pending",
        )
        assert pending["version"] == 4
        assert "undeclared" in pending["waitingFor"][0]
        assert holds(three.get(RELEASES, PROMPT), "Ready")
        assert three.files(PROMPT, "latest")["prompt.txt"] == f"{PROMPT} v3"


class TestIncludes:
    def test_a_release_heals_when_the_missing_include_appears(self, three: Api) -> None:
        includes = {"tone": {"prompt": "tone", "version": 2}}
        three.apply(version(PROMPT, 4, text="{{> tone}} v4", includes=includes))
        three.version_with(f"{PROMPT}-v4", "False", "tone-v2 does not exist")
        three.move(PROMPT, "production", 4, "be kind")
        held = three.release_with(PROMPT, "Ready", "False", "tone-v2 does not exist")
        assert condition(held, "Reconciling")["status"] == "True"
        assert condition(held, "Stalled")["status"] == "False"
        assert three.files(PROMPT, "production")["prompt.txt"] == f"{PROMPT} v1"

        three.apply(version("tone", 2, text="Be kind."))
        three.served(PROMPT, "production", "Be kind. v4")
        three.version_with(f"{PROMPT}-v4", "True")
        three.ready(PROMPT)

    def test_a_chain_heals_from_its_far_end(self, api: Api) -> None:
        def link(n: int) -> dict[str, object]:
            includes = {"next": {"prompt": f"chain-{n + 1}", "version": 1}}
            return version(f"chain-{n}", 1, text=f"{n} {{{{> next}}}}", includes=includes)

        api.apply(*(link(n) for n in range(5)), release("chain-0", production=(1, "first")))
        api.version_with("chain-0-v1", "False", "chain-5-v1 does not exist")
        api.apply(version("chain-5", 1, text="end"))
        api.served("chain-0", "production", "0 1 2 3 4 end")

    def test_what_is_served_stays_when_an_included_version_goes(self, api: Api) -> None:
        includes = {"tone": {"prompt": "tone", "version": 1}}
        api.apply(
            version("tone", 1, text="Be kind."),
            version(PROMPT, 1, text="{{> tone}}", includes=includes),
            release(PROMPT, production=(1, "first")),
        )
        api.ready(PROMPT)
        api.delete(VERSIONS, "tone-v1")
        api.version_with(f"{PROMPT}-v1", "False", "tone-v1 does not exist")
        assert api.files(PROMPT, "production")["prompt.txt"] == "Be kind."
        assert holds(api.get(RELEASES, PROMPT), "Ready")


class TestDesiredAndServedAreTwoThings:
    def test_a_missing_version_is_waited_for(self, three: Api) -> None:
        three.move(PROMPT, "production", 4, "be early")
        held = three.release_with(PROMPT, "Ready", "False", f"{PROMPT}-v4, which does not exist")
        assert condition(held, "Reconciling")["status"] == "True"
        assert held["status"]["labels"]["production"]["version"] == 1
        assert held["status"]["labels"]["production"]["pending"]["version"] == 4
        assert wait_for(lambda: three.events(PROMPT, "MoveHeld"), "the event")

        three.apply(version(PROMPT, 4))
        three.served(PROMPT, "production", f"{PROMPT} v4")
        healed = three.ready(PROMPT)["status"]["labels"]["production"]
        assert healed["reason"] == "be early"
        assert "pending" not in healed

    def test_an_invalid_version_stalls_until_the_label_moves_on(self, three: Api) -> None:
        three.apply(version(PROMPT, 4, text="{{undeclared}}"))
        three.move(PROMPT, "production", 4, "oops")
        held = three.release_with(PROMPT, "Stalled", "True", "undeclared")
        assert condition(held, "Ready")["status"] == "False"
        assert three.files(PROMPT, "production")["prompt.txt"] == f"{PROMPT} v1"
        assert wait_for(lambda: three.events(PROMPT, "Stalled"), "the event")

        three.move(PROMPT, "production", 2, "rather this")
        three.served(PROMPT, "production", f"{PROMPT} v2")
        three.ready(PROMPT)

    def test_a_version_created_again_with_other_content_waits_for_a_new_reason(
        self, three: Api
    ) -> None:
        three.delete(VERSIONS, f"{PROMPT}-v1")
        three.apply(version(PROMPT, 1, text="something else"))
        three.release_with(PROMPT, "Stalled", "True", "give a new reason")
        assert three.files(PROMPT, "production")["prompt.txt"] == f"{PROMPT} v1"

        three.move(PROMPT, "production", 1, "yes, something else")
        three.served(PROMPT, "production", "something else")
        three.ready(PROMPT)

    def test_a_version_created_again_with_the_same_content_changes_nothing(
        self, three: Api
    ) -> None:
        before = three.get(RELEASES, PROMPT)["status"]["labels"]["production"]
        three.delete(VERSIONS, f"{PROMPT}-v1")
        three.apply(version(PROMPT, 1))
        again = three.version_with(f"{PROMPT}-v1", "True")
        wait_for(
            lambda: three.get(VERSIONS, f"{PROMPT}-v1")["status"]["labels"] == ["production"],
            "the new version to know where it is served",
        )
        assert again["status"]["digest"] == before["digest"]
        assert three.get(RELEASES, PROMPT)["status"]["labels"]["production"] == before

    def test_a_served_version_that_is_deleted_stays_served(self, three: Api) -> None:
        three.delete(VERSIONS, f"{PROMPT}-v1")
        three.move(PROMPT, "staging", 2, "another edit")
        three.served(PROMPT, "staging", f"{PROMPT} v2")
        three.ready(PROMPT)
        assert three.files(PROMPT, "production")["prompt.txt"] == f"{PROMPT} v1"


class TestStatus:
    def test_a_version_knows_where_it_is_served(self, three: Api) -> None:
        three.apply(release(PROMPT, production=(3, "go"), staging=(1, "look")))
        three.ready(PROMPT)

        def labels() -> list[list[str]]:
            return [v["status"]["labels"] for v in three.list(VERSIONS)]

        wait_for(lambda: labels() == [["staging"], [], ["latest", "production"]], "the labels")
        found = three.version_with(f"{PROMPT}-v3", "True")
        served = three.get(RELEASES, PROMPT)["status"]["labels"]["production"]
        assert found["status"]["digest"] == served["digest"]

    def test_times_and_generations_are_those_of_the_change(self, three: Api) -> None:
        before = three.get(RELEASES, PROMPT)
        three.move(PROMPT, "staging", 9, "not there yet")
        held = three.release_with(PROMPT, "Ready", "False")
        assert held["status"]["observedGeneration"] == held["metadata"]["generation"] == 2
        assert held["status"]["labels"]["production"] == before["status"]["labels"]["production"]
        stalled = condition(held, "Stalled")
        assert stalled["lastTransitionTime"] == condition(before, "Stalled")["lastTransitionTime"]

    def test_a_long_reason_in_any_script_is_told_in_an_event(self, three: Api) -> None:
        three.move(PROMPT, "production", 2, "🦊" * 1024)
        wait_for(
            lambda: [told for told in three.events(PROMPT, "Promoted") if "🦊" in told],
            "the event",
        )
        assert three.ready(PROMPT)["status"]["labels"]["production"]["reason"] == "🦊" * 1024

    def test_releases_of_one_namespace_are_not_another_s(self, three: Api) -> None:
        other = Api(three.control_plane, f"{three.namespace}-other")
        namespace = {"metadata": {"name": other.namespace}}
        three.control_plane.request("POST", "/api/v1/namespaces", namespace)
        other.apply(release(PROMPT, production=(1, "first")))
        other.release_with(PROMPT, "Ready", "False", "does not exist")
        assert not other.list(CONFIG_MAPS)
