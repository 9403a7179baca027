"""The writes that a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promptrelease.release.evaluation import Question
from promptrelease.release.model import (
    Change,
    ConfigMap,
    ReleaseStatus,
    Served,
    Version,
    VersionStatus,
)


@dataclass(frozen=True, slots=True)
class ApplyConfigMap:
    """Write a ConfigMap whole.

    Attributes:
        replaces: the ConfigMap as it was when this was decided; none when it must be new.
        drift: whether somebody else's edit or deletion is undone.
        backlog: earlier moves that are not written down yet, and go along.

    """

    label: str
    served: Served
    version: str
    replaces: ConfigMap | None
    drift: bool = False
    backlog: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteConfigMap:
    """Remove the ConfigMap of a withdrawn label, if it still is the one that was seen."""

    config_map: ConfigMap


@dataclass(frozen=True, slots=True)
class WriteChange:
    """Write an entry of the change log, and tell of it if it is the first time."""

    change: Change


@dataclass(frozen=True, slots=True)
class WriteReleaseStatus:
    """Write a release's status whole."""

    status: ReleaseStatus


@dataclass(frozen=True, slots=True)
class WriteVersionStatus:
    """Write a version's status whole."""

    version: Version
    status: VersionStatus


@dataclass(frozen=True, slots=True)
class DeleteVersion:
    """Delete a version that nothing needs, if it still is the one that was seen."""

    version: Version


@dataclass(frozen=True, slots=True)
class AskSuite:
    """Make a PromptEvaluation, which has the suite's Job run; there is one for each question."""

    question: Question


Serve = ApplyConfigMap | DeleteConfigMap
Record = WriteChange | WriteReleaseStatus | WriteVersionStatus | DeleteVersion | AskSuite


@dataclass(frozen=True, slots=True)
class Plan:
    """Writes, in order.

    Attributes:
        again: when there may be something else to do, by the clock alone.

    """

    serve: tuple[Serve, ...] = ()
    record: tuple[Record, ...] = ()
    again: datetime | None = None
