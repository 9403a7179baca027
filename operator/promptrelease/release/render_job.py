"""The Job that runs an evaluation, and the ConfigMaps with what it judges.

The container finds the candidate and the baseline as files, one folder a prompt, just as a workload
would mount them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from promptrelease.api import API_VERSION
from promptrelease.release.evaluation import Evaluation, Suite
from promptrelease.release.render import MANAGER
from promptrelease.release.run import job_name
from promptrelease.release.wire_evaluation import EVALUATION_LABEL, SUITE_LABEL

FOLDER = "/etc/promptrelease"
SIDES = ("candidate", "baseline")
MAX_BYTES = 900 * 1024
"""Of one ConfigMap; what does not fit goes into the next."""

Files = Mapping[str, str]


def config_maps(
    namespace: str, evaluation: Evaluation, sides: Mapping[str, Mapping[str, Files]]
) -> list[dict[str, Any]]:
    """As few ConfigMaps as hold all files, immutable.

    Args:
        namespace: where.
        evaluation: their owner.
        sides: candidate or baseline, to prompt, to its files.

    """
    result: list[dict[str, Any]] = []
    used = MAX_BYTES
    for side, prompts in sides.items():
        for prompt, files in prompts.items():
            size = sum(len(text.encode()) for text in files.values())
            if used + size > MAX_BYTES:
                result.append(_config_map(namespace, evaluation, len(result)))
                used = 0
            used += size
            for name, text in files.items():
                result[-1]["data"][f"{side}.{prompt}.{name}"] = text
    return result


def job(
    namespace: str,
    evaluation: Evaluation,
    suite: Suite,
    attempt: int,
    maps: list[dict[str, Any]],
) -> dict[str, Any]:
    """The Job of an attempt: the suite's template, and what the contract adds to it."""
    made = copy.deepcopy(dict(suite.job))
    spec: dict[str, Any] = made["spec"]
    labels = {
        EVALUATION_LABEL: evaluation.name,
        SUITE_LABEL: suite.name,
        "app.kubernetes.io/managed-by": f"{MANAGER}-evaluation",
    }
    # One pod, tried once: what is tried again, and when, is decided where the verdict is read.
    spec |= {"backoffLimit": 0, "completions": 1, "parallelism": 1}
    spec["activeDeadlineSeconds"] = suite.timeout
    for unwanted in ("ttlSecondsAfterFinished", "suspend", "completionMode", "manualSelector"):
        spec.pop(unwanted, None)
    template: dict[str, Any] = spec["template"]
    template["metadata"] = _merged(template.get("metadata"), labels)
    pod: dict[str, Any] = template.setdefault("spec", {})
    pod["restartPolicy"] = "Never"
    pod.setdefault("automountServiceAccountToken", False)  # a suite asks the API server nothing
    pod["volumes"] = [*(pod.get("volumes") or ()), *(_volume(side, maps) for side in SIDES)]
    mounts = [
        {"name": _volume_name(side), "mountPath": f"{FOLDER}/{side}", "readOnly": True}
        for side in SIDES
    ]
    for container in [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]:
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), *mounts]
        container["env"] = [*_environment(evaluation, suite), *(container.get("env") or ())]
        # What a container that dies early has said is better than nothing.
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **_merged(made.get("metadata"), labels),
            "name": job_name(evaluation.name, attempt),
            "namespace": namespace,
            "ownerReferences": [_owner(evaluation)],
        },
        "spec": spec,
    }


def _environment(evaluation: Evaluation, suite: Suite) -> Iterator[dict[str, str]]:
    judged = sorted(m.prompt for m in evaluation.candidate if m.prompt in suite.prompts)
    values = {
        "PROMPTRELEASE_CANDIDATE": f"{FOLDER}/candidate",
        "PROMPTRELEASE_BASELINE": f"{FOLDER}/baseline",
        "PROMPTRELEASE_PROMPTS": " ".join(judged),
        "PROMPTRELEASE_SUITE": suite.name,
        "PROMPTRELEASE_EVALUATION": evaluation.name,
    }
    for name, value in values.items():
        yield {"name": name, "value": value}


def _volume(side: str, maps: list[dict[str, Any]]) -> dict[str, Any]:
    """All files of one side, from all ConfigMaps, as ``<prompt>/<file>``."""
    sources = []
    for one in maps:
        items = []
        for key in one["data"]:
            its_side, prompt, name = key.split(".", 2)
            if its_side == side:
                items.append({"key": key, "path": f"{prompt}/{name}"})
        if items:
            sources.append({"configMap": {"name": one["metadata"]["name"], "items": items}})
    if not sources:
        return {"name": _volume_name(side), "emptyDir": {}}
    return {"name": _volume_name(side), "projected": {"sources": sources}}


def _volume_name(side: str) -> str:
    return f"promptrelease-{side}"


def _config_map(namespace: str, evaluation: Evaluation, number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{evaluation.name}-{number}",
            "namespace": namespace,
            "labels": {EVALUATION_LABEL: evaluation.name},
            "ownerReferences": [_owner(evaluation)],
        },
        "immutable": True,
        "data": {},
    }


def _owner(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PromptEvaluation",
        "name": evaluation.name,
        "uid": evaluation.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _merged(metadata: Mapping[str, Any] | None, labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = metadata or {}
    result = {"labels": {**(metadata.get("labels") or {}), **labels}}
    if metadata.get("annotations"):
        result["annotations"] = dict(metadata["annotations"])
    return result
