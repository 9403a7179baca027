"""What policies demand and what people said, as plain values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

MOVER = "mover"
AUTHOR = "author"


@dataclass(frozen=True, slots=True)
class ServedFrom:
    """Another label must have served the candidate, so many seconds without a break."""

    label: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Approvals:
    """So many people must approve; ``not_by`` holds whose consent does not count."""

    count: int
    not_by: tuple[str, ...] = (MOVER, AUTHOR)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Nothing moves from ``start`` until before ``end``; both are aware times."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Retention:
    """Beyond the ``keep`` highest versions, what is older than ``days`` and not needed may go."""

    keep: int
    days: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """A PromptPolicy.

    Attributes:
        prompts: that it is for; all when empty.
        labels: that it is for; all when empty.
        evaluations: suites that must have passed; ``*`` stands for all.
        gates_rollbacks: whether a return to what was served before must pass it, too.

    """

    name: str
    uid: str
    resource_version: str
    prompts: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    served_from: ServedFrom | None = None
    approvals: Approvals | None = None
    evaluations: tuple[str, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    gates_rollbacks: bool = False
    retention: Retention | None = None

    def is_for(self, prompt: str) -> bool:
        """Whether it is about a prompt at all."""
        return _matches(self.prompts, prompt)

    def governs(self, prompt: str, label: str) -> bool:
        """Whether moves of that label are its business."""
        return self.is_for(prompt) and _matches(self.labels, label)


@dataclass(frozen=True, slots=True)
class Approval:
    """A PromptApproval: a verdict on one exact content.

    Attributes:
        approves: false for a denial.
        created: by the API server's clock.
        expires: none when it never does.

    """

    name: str
    uid: str
    resource_version: str
    release: str
    label: str
    version: int
    digest: str
    approves: bool
    by: str
    comment: str
    created: datetime
    expires: datetime | None = None


def _matches(names: Collection[str], name: str) -> bool:
    return not names or name in names
