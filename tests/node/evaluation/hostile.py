"""Suites that do everything wrong, each with a prompt of its own.

The image is busybox alone: a suite is whatever its shell is told to do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.api import API_VERSION, Json
from harness.images import PAUSE

LOG = "/dev/termination-log"
SLOW = "/busybox sleep 600"
GOOD = f"echo '{{\"score\": 1}}' > {LOG}"
# A pod is named after its Job, and that after the attempt.
SLOW_AT_FIRST = f"case $HOSTNAME in *-1-?????) {SLOW};; esac; {GOOD}"


@dataclass(frozen=True)
class Case:
    """A suite, and how its evaluation must end.

    Attributes:
        name: of its prompt.
        script: what the container does.
        phase: of the evaluation, at the end.
        words: what the message must say, one of these at least.
        spec: more of the suite's spec.
        container: more of the container's.

    """

    name: str
    script: str
    phase: str
    words: tuple[str, ...]
    spec: Json = field(default_factory=dict)
    container: Json = field(default_factory=dict)

    @property
    def suite(self) -> Json:
        """The PromptSuite."""
        return {
            "apiVersion": API_VERSION,
            "kind": "PromptSuite",
            "metadata": {"name": f"{self.name}-suite"},
            "spec": {
                "prompts": [self.name],
                "job": {"spec": {"template": {"spec": pod(self.script, **self.container)}}},
                **self.spec,
            },
        }


def pod(script: str, **container: Any) -> Json:
    """A pod of busybox, as the restricted Pod Security Standard wants it."""
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "suite",
                "image": PAUSE,
                "imagePullPolicy": "Never",
                "command": ["/busybox", "sh", "-c", script],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                **container,
            }
        ],
    }


def says(text: str, then: str = "") -> str:
    """A script that leaves a text behind."""
    return f"/busybox printf '%s' '{text}' > {LOG}; {then}"


def score(least: float) -> Json:
    """A pass rule."""
    return {"pass": {"minScore": least}}


CASES = (
    Case(
        "no-message",
        "exit 0",
        "Failed",
        ("no score, and at least 0.5 is asked",),
        score(0.5),
    ),
    Case(
        "long-message",
        f'(/busybox printf \'{{"score": 1, "text": "\'; /busybox head -c 1048576 /dev/zero | '
        f"/busybox tr '\\0' x; /busybox printf '\"}}') > {LOG}",
        "Error",
        ("the verdict is not JSON",),
    ),
    Case("not-json", says("score: 1"), "Error", ("the verdict is not JSON",)),
    Case("nan", says('{"score": NaN, "passed": true}'), "Error", ("NaN is no number",), score(0.5)),
    Case("score-text", says('{"score": "1"}'), "Error", ("score is not a number",), score(0.5)),
    Case(
        "exit-one",
        says('{"score": 1, "passed": true, "text": "so it says"}', "exit 1"),
        "Failed",
        ("exit code 1: so it says",),
    ),
    Case(
        "low-score",
        says('{"score": 0.62, "baselineScore": 0.95}'),
        "Failed",
        ("score 0.62, and at least 0.9 is asked (baseline 0.95, -0.33)",),
        score(0.9),
    ),
    Case(
        "much-worse",
        says('{"score": 0.92, "baselineScore": 0.95}'),
        "Failed",
        ("0.03 below the baseline, and at most 0.01 is allowed",),
        {"pass": {"minScore": 0.9, "maxDrop": 0.01}},
    ),
    Case(
        "says-no",
        says('{"score": 1, "passed": false}'),
        "Failed",
        ("it did not pass, score 1",),
        score(0.5),
    ),
    Case(
        "crash",
        "echo first words; echo what went wrong; exit 3",
        "Failed",
        ("exit code 3: what went wrong",),
    ),
    Case(
        "no-image",
        GOOD,
        "Error",
        ("its container can't start: ErrImageNeverPull",),
        container={"image": "localhost/nowhere:1"},
    ),
    Case(
        "no-registry",
        GOOD,
        "Error",
        tuple(
            f"no verdict in 8 s: its container can't start: {why}"
            for why in ("ErrImagePull", "ImagePullBackOff")
        ),
        {"timeoutSeconds": 8},
        {"image": "registry.invalid/nowhere:1", "imagePullPolicy": "IfNotPresent"},
    ),
    Case("too-slow", SLOW, "Error", ("no verdict in 4 s",), {"timeoutSeconds": 4}),
    Case(
        "too-large",
        "exec /busybox tail /dev/zero",
        "Error",
        ("OOMKilled; 2 attempts, no verdict",),
        {"retries": 1},
        {"resources": {"limits": {"memory": "24Mi"}}},
    ),
    Case(
        "always-deleted",
        SLOW,
        "Error",
        ("its Job was deleted; 2 attempts, no verdict",),
        {"retries": 1},
    ),
)
"""None of them may promote anything."""

KUBELET_GONE = Case(
    "kubelet-gone",
    f"/busybox sleep 3; {GOOD}",
    "Error",
    ("no verdict in 8 s",),
    {"timeoutSeconds": 8},
)
"""Its container passes, on a node of which nobody hears any more."""

DELETED_ONCE = Case("deleted-once", SLOW_AT_FIRST, "Passed", ("passed, score 1",), score(1))
NODE_LOST = Case("node-lost", SLOW_AT_FIRST, "Passed", ("passed, score 1",), score(1))
BY_EXIT_CODE = Case("by-exit-code", "exit 0", "Passed", ("passed",))
SURVIVORS = (DELETED_ONCE, NODE_LOST, BY_EXIT_CODE)
"""These pass in the end."""
