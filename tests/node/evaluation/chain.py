"""The chain of manifests/examples/evaluation: summary → router → reply, in a namespace."""

from __future__ import annotations

import itertools
import time
from typing import Any

import yaml

from harness.api import (
    EVALUATIONS,
    RELEASES,
    Api,
    Json,
    condition,
    release,
    suite,
    version,
    wait_for,
)
from harness.controlplane import ControlPlane
from harness.images import ROOT
from node.evaluation.watching import Witness

EXAMPLE = ROOT / "manifests" / "examples" / "evaluation"
SUMMARY, ROUTER, REPLY = CHAIN = ("ticket-summary", "ticket-router", "ticket-reply")
MARKER = "marker"
FINISHED = ("Passed", "Failed", "Error")
VERDICT_SECONDS = 120.0  # a node may copy all files of an image for each container


def example(plane: ControlPlane) -> list[Json]:
    """The objects of the example, as kustomize builds them."""
    built = plane.kubectl("kustomize", EXAMPLE).stdout
    return [obj for obj in yaml.safe_load_all(built) if obj]


def gate(api: Api, *suites_and_policies: Json) -> None:
    """Apply suites and policies, and wait until the operator knows them all.

    Releases, suites and policies come by three watches: which is heard first is nobody's promise.
    So a prompt that nobody needs is moved until that is held back.
    """
    api.apply(*suites_and_policies, suite(f"{MARKER}-suite", MARKER, accept=False))
    api.apply(version(MARKER, 1))
    api.apply(release(MARKER, production=(1, "nobody needs it")))
    for number in itertools.count(2):
        api.apply(version(MARKER, number))
        api.move(MARKER, "production", number, f"is {number} held back?")
        label = wait_for(lambda n=number: _decided(api, n), "a move, or none")  # type: ignore[misc]
        if "pending" in label and "suites passed" in label["pending"]["waitingFor"][0]:
            break
    # It ends before its suite is asked: that waits until a label has been left alone for a second.
    api.delete(RELEASES, MARKER)


def _decided(api: Api, number: int) -> Json:
    status = api.get(RELEASES, MARKER).get("status", {})
    label: Json = status.get("labels", {}).get("production", {})
    where = (label.get("version"), label.get("pending", {}).get("version"))
    return label if number in where else {}


class Chain:
    """The example in a namespace, and everything that happens to it."""

    def __init__(
        self,
        api: Api,
        witness: Witness,
        *suites: Json,
        gated_from_the_start: bool = False,
        **policy: Any,
    ) -> None:
        """Serve the first versions under production, before there is a gate or through it.

        Args:
            api: the namespace.
            witness: of all that happens in it.
            suites: more of them.
            gated_from_the_start: whether the first versions need the suites' verdicts, too.
            policy: more of the policy's spec.

        """
        self.api = api
        self.witness = witness
        objects = example(api.control_plane)
        rules = [obj for obj in objects if obj["kind"] in ("PromptSuite", "PromptPolicy")]
        prompts = [obj for obj in objects if obj not in rules]
        rules += suites
        (rule,) = [obj for obj in rules if obj["kind"] == "PromptPolicy"]
        rule["spec"] |= policy
        prompts.sort(key=lambda obj: str(obj["kind"]), reverse=True)  # versions before releases
        if gated_from_the_start:
            gate(api, *rules)
            api.apply(*prompts)
        else:
            api.apply(*prompts)
            for prompt in CHAIN:
                api.ready(prompt)
            gate(api, *rules)
            assert witness.new_jobs() == []

    def move(self, label: str = "production", /, **to: int) -> float:
        """Move prompts, by their last word, one right after the other; returns when it began."""
        since = time.monotonic()
        for word, number in to.items():
            prompt = f"ticket-{word}"
            self.api.move(prompt, label, number, f"to v{number} at {since}")
        return since

    def passes(self, **to: int) -> None:
        """Move prompts of production, and wait until they are served."""
        since = self.move("production", **to)
        for word, number in to.items():
            self.witness.moved(f"ticket-{word}", number, since)
            self.api.ready(f"ticket-{word}")

    def stalls(self, prompt: str, words: str) -> str:
        """Wait until a release is stalled with some words, and return all of them."""

        def stalled() -> str:
            found = self.api.get(RELEASES, prompt)
            said = condition(found, "Stalled")
            now = said.get("observedGeneration") == found["metadata"]["generation"]
            text = said.get("message", "") if now else ""
            return text if said.get("status") == "True" and words in text else ""

        return wait_for(stalled, f"{prompt} to be stalled by {words!r}", VERDICT_SECONDS)

    def evaluated(self, suites: int) -> list[Json]:
        """As ``evaluated``."""
        return evaluated(self.api, suites)


def evaluated(api: Api, suites: int) -> list[Json]:
    """The evaluations, once there are so many and all of them are finished."""

    def finished() -> list[Json]:
        found = api.list(EVALUATIONS)
        ended = [e for e in found if e.get("status", {}).get("phase") in FINISHED]
        return found if len(found) == len(ended) == suites else []

    return wait_for(finished, f"{suites} verdicts", VERDICT_SECONDS)


def by_suite(evaluations: list[Json]) -> dict[str, Json]:
    """Suite to the status of its evaluation."""
    return {e["spec"]["suite"]: e["status"] for e in evaluations}
