"""What production may serve in a soak only after something has happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from faults.desk import Desk
from faults.observer import Event
from faults.prompts import APPROVED, EVALUATED, PRODUCTION, STAGED, STAGING, VERSION
from harness.api import APPROVALS, CONFIG_MAPS, EVALUATIONS

DIGEST = "promptrelease.dev/digest"


def passed_by(desk: Desk, rules: Mapping[str, str], since: int) -> Iterator[str]:
    """Contents that were served before their prompt's rule had let them through.

    What a label has served before may come back without that.
    """
    events = desk.observer.events(desk.namespace)
    for prompt, rule in rules.items():
        served: set[str] = set()
        for event in events:
            if not _serves(event, f"{prompt}.{PRODUCTION}") or str(event.at) in desk.edits:
                continue
            digest = event.object["metadata"]["annotations"][DIGEST]
            if digest not in served and event.at > since:
                before = [other for other in events if other.at < event.at]
                if not _is_open(rule, prompt, event, before):
                    number = event.object["metadata"]["labels"][VERSION]
                    yield f"{prompt}.{PRODUCTION} at {event.at}: v{number} is not {rule}"
            served.add(digest)


def _serves(event: Event, name: str) -> bool:
    return event.resource == CONFIG_MAPS and event.name == name and event.kind != "DELETED"


def _is_open(rule: str, prompt: str, event: Event, before: Sequence[Event]) -> bool:
    digest = event.object["metadata"]["annotations"][DIGEST]
    number = int(event.object["metadata"]["labels"][VERSION])
    if rule == APPROVED:
        return any(
            other.resource == APPROVALS
            and (other.object["spec"]["release"], other.object["spec"]["digest"])
            == (prompt, digest)
            for other in before
        )
    if rule == STAGED:
        return any(
            _serves(other, f"{prompt}.{STAGING}")
            and other.object["metadata"]["annotations"].get(DIGEST) == digest
            for other in before
        )
    if rule == EVALUATED:
        return any(
            other.resource == EVALUATIONS
            and other.object.get("status", {}).get("phase") == "Passed"
            and any(
                (member["prompt"], member["version"]) == (prompt, number)
                for member in other.object["spec"]["candidate"]
            )
            for other in before
        )
    return True
