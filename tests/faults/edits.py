"""What people do, and the cluster, before and while something goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from faults.desk import Desk
from faults.operators import Kept
from harness.api import (
    CHANGES,
    CONFIG_MAPS,
    JOBS,
    RELEASES,
    VERSIONS,
    Json,
    approval,
    condition,
    policy,
    release,
    suite,
    version,
)

P = "ticket"
SCORE: Json = {"score": 0.97, "baselineScore": 0.95, "text": "12 of 12"}


def versions(*numbers: int, prompt: str = P) -> list[Json]:
    return [version(prompt, number) for number in numbers]


async def judged(desk: Desk, *numbers: int, prompt: str = P) -> None:
    """Create versions, and wait until all are found valid."""
    await desk.create(*versions(*numbers, prompt=prompt))
    for number in numbers:
        name = f"{prompt}-v{number}"
        await desk.until(
            lambda name=name: condition(desk.get(VERSIONS, name), "Valid"),  # type: ignore[misc]
            f"{name} to be judged",
        )


async def known(desk: Desk, name: str, *, prompt: str = P, **spec: Any) -> None:
    """Create a policy, and wait until a release tells of it: a dry run shows what is spare."""
    await desk.create(policy(name, retention={"keep": 1, "olderThanDays": 0}, **spec))
    await desk.until(
        lambda: desk.get(RELEASES, prompt)["status"].get("retention"), f"policy {name} to be known"
    )


def serves(number: int, label: str = "production") -> Callable[[Desk], bool]:
    """Done when a label serves a version, the release is ready, and the log is complete."""

    def probe(desk: Desk) -> bool:
        return (
            desk.text(P, label) == f"{P} v{number}"
            and desk.says(P, "Ready", "True")
            and is_logged(desk)
            and is_told(desk)
        )

    return probe


def is_logged(desk: Desk, prompt: str = P) -> bool:
    """Whether all that is served is in the log."""
    labels = desk.get(RELEASES, prompt)["status"]["labels"]
    names = [
        f"{prompt}.{label}.{its['revision']}" for label, its in labels.items() if "revision" in its
    ]
    return all(desk.get(CHANGES, name) for name in names)


def is_told(desk: Desk, prompt: str = P) -> bool:
    """Whether versions say where they are served."""
    served: dict[int, list[str]] = {}
    for label, its in desk.get(RELEASES, prompt)["status"]["labels"].items():
        served.setdefault(its.get("version", 0), []).append(label)
    return all(
        sorted(served.get(obj["spec"]["version"], ())) == obj.get("status", {}).get("labels", [])
        for obj in desk.all(VERSIONS)
        if obj["spec"]["prompt"] == prompt
    )


# Without gates


async def two_versions(desk: Desk) -> None:
    await judged(desk, 1, 2)


async def create_release(desk: Desk, _: Kept) -> None:
    await desk.create(release(P, production=(1, "first"), staging=(2, "next")))


async def served(desk: Desk) -> None:
    await judged(desk, 4, 1, 2, 3)
    await desk.create(release(P, production=(1, "first"), staging=(2, "next")))
    await desk.ready(P)


async def promote(desk: Desk, _: Kept) -> None:
    await desk.move(P, "production", 2, "better")


async def promote_all(desk: Desk, _: Kept) -> None:
    labels = {name: {"version": 3, "reason": "all"} for name in ("production", "staging", "canary")}
    await desk.merge(RELEASES, P, {"spec": {"labels": labels}})


async def promoted(desk: Desk) -> None:
    await served(desk)
    await desk.move(P, "production", 2, "better")
    await desk.until(lambda: serves(2)(desk), "v2 to be served")


async def roll_back(desk: Desk, _: Kept) -> None:
    await desk.move(P, "production", 1, "worse")


async def there_and_back(desk: Desk, _: Kept) -> None:
    for number, why in ((3, "try"), (1, "worse"), (2, "the other one")):
        await desk.move(P, "production", number, why)
        await desk.until(lambda n=number: desk.text(P, "production") == f"{P} v{n}", why)  # type: ignore[misc]


async def withdraw(desk: Desk, _: Kept) -> None:
    await desk.withdraw(P, "staging")


def is_withdrawn(desk: Desk) -> bool:
    return (
        not desk.get(CONFIG_MAPS, f"{P}.staging")
        and desk.says(P, "Ready", "True")
        and "staging" not in desk.get(RELEASES, P)["status"]["labels"]
        and any(obj["spec"]["kind"] == "Withdrawal" for obj in desk.all(CHANGES))
        and is_told(desk)
    )


async def edit_config_map(desk: Desk, _: Kept) -> None:
    files = {"prompt.txt": "edited", "more.txt": "added"}
    await desk.merge(CONFIG_MAPS, f"{P}.production", {"data": files})


async def delete_config_map(desk: Desk, _: Kept) -> None:
    await desk.delete(CONFIG_MAPS, f"{P}.production")


async def promote_and_edit(desk: Desk, operator: Kept) -> None:
    """Somebody edits what has just come, before status and log tell of it, if they are quick."""
    await promote(desk, operator)
    await desk.until(lambda: desk.text(P, "production") == f"{P} v2", "v2 to be served")
    await desk.merge(CONFIG_MAPS, f"{P}.production", {"data": {"prompt.txt": "edited"}})


async def new_version(desk: Desk, _: Kept) -> None:
    await desk.create(version(P, 9))


# With gates


async def waits_for_approval(desk: Desk) -> None:
    await served(desk)
    await known(desk, "four-eyes", labels=["production"], require={"approvals": {"count": 1}})
    await desk.move(P, "production", 2, "better", by="mia")
    words = "production stays at v1: waits for 1 approval of sha256:"
    await desk.until(lambda: desk.says(P, "Reconciling", "True", words), "the move to be held")


async def approve(desk: Desk, _: Kept) -> None:
    pending = desk.get(RELEASES, P)["status"]["labels"]["production"]["pending"]
    await desk.create(approval("fine", pending, "bob", release=P, label="production"))


async def needs_staging(desk: Desk) -> None:
    await served(desk)
    soak = {"from": {"label": "staging", "seconds": 1}}
    await known(desk, "soak", labels=["production"], require=soak)


async def promote_step_by_step(desk: Desk, _: Kept) -> None:
    await desk.move(P, "production", 3, "better", by="mia")
    await desk.until(lambda: desk.says(P, "Ready", "False", "staging"), "the move to be held")
    await desk.move(P, "staging", 3, "try it there")


async def waits_for_suite(desk: Desk) -> None:
    await served(desk)
    await desk.create(service_account())
    await desk.create(suite("quality", P, accept=False, timeoutSeconds=600))
    await known(desk, "gate", labels=["production"], require={"evaluations": ["*"]})


async def promote_and_run(desk: Desk, _: Kept) -> None:
    """Move, and be the cluster that runs the Job."""
    await desk.move(P, "production", 2, "better")
    jobs = await desk.until(lambda: desk.all(JOBS), "the Job")
    await run_job(desk, jobs[0]["metadata"]["name"])


async def run_job(desk: Desk, name: str, score: Json = SCORE) -> None:
    """Be the cluster that runs a Job."""
    await desk.create(pod(name))
    ended = {"exitCode": 0, "reason": "Completed", "message": json.dumps(score)}
    container = {"name": "judge", "image": "none", "imageID": "", "ready": False, "restartCount": 0}
    status = {
        "phase": "Succeeded",
        "containerStatuses": [container | {"state": {"terminated": ended}}],
    }
    await desk.merge("pods", name, {"status": status}, below="status")
    await desk.merge(JOBS, name, {"status": completed()}, below="status")


def service_account() -> Json:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}


def pod(job: str) -> Json:
    labels = {"batch.kubernetes.io/job-name": job}
    container = {"name": "judge", "image": "none"}
    spec = {"containers": [container], "automountServiceAccountToken": False}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": job, "labels": labels},
        "spec": spec,
    }


def completed() -> Json:
    at = "2026-01-01T00:00:00Z"
    told = [
        {"type": kind, "status": "True", "lastTransitionTime": at}
        for kind in ("SuccessCriteriaMet", "Complete")
    ]
    return {"startTime": at, "completionTime": at, "succeeded": 1, "conditions": told}


# The rest


async def spare_versions(desk: Desk) -> None:
    await judged(desk, 9, 1, 2, 3, 4, 5)
    await desk.create(release(P, production=(1, "first")))
    await desk.ready(P)


async def retain(desk: Desk, _: Kept) -> None:
    retention = {"keep": 1, "olderThanDays": 0, "dryRun": False}
    await desk.create(policy("retention", retention=retention))


def is_retained(desk: Desk) -> bool:
    left = [obj["spec"]["version"] for obj in desk.all(VERSIONS)]
    return sorted(left) == [1, 9] and serves(1)(desk)


async def upgrade(desk: Desk, operator: Kept) -> None:
    operator.file_format = None
    operator.kill()
    await asyncio.sleep(0)


def is_upgraded(desk: Desk) -> bool:
    maps = desk.all(CONFIG_MAPS)
    formats = {o["metadata"]["annotations"]["promptrelease.dev/format"] for o in maps}
    return formats == {"1"} and serves(1)(desk)
