"""The plain values that decisions are made on.

Small and immutable: the operator holds one of these for each object of the cluster, and no bodies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptrelease.release.consumers import Consumers


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of the Kubernetes API conventions; times are RFC 3339."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int
    last_transition_time: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a version.

    Attributes:
        reason: one CamelCase word, for programs.
        message: what is wrong, where, and what to do.

    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a version can be served: it has a digest, or problems."""

    digest: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it can be served."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """What a PromptVersion's status says."""

    digest: str = ""
    labels: tuple[str, ...] = ()
    valid: Condition | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A PromptVersion without its body.

    Attributes:
        includes: prompt and number of each text that it takes in, as pinned.
        verdict: none as long as nobody has looked at the body.

    """

    name: str
    uid: str
    resource_version: str
    number: int
    includes: tuple[tuple[str, int], ...] = ()
    verdict: Verdict | None = None
    status: VersionStatus = VersionStatus()


@dataclass(frozen=True, slots=True)
class Served:
    """A content under a label: which, by which move, and why.

    Attributes:
        revision: number of the move, counted over all labels of the release.
        since: RFC 3339, UTC.
        history: numbers that this label has served, newest (this one) first.
        checksum: of the ConfigMap's files; empty before they are rendered.

    """

    version: int
    digest: str
    revision: int
    since: str
    reason: str = ""
    by: str = ""
    history: tuple[int, ...] = ()
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A move that is held back, and what it waits for, in words."""

    version: int
    waiting_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelStatus:
    """What a release's status says of a label."""

    served: Served | None = None
    pending: Pending | None = None
    consumers: Consumers | None = None


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    """What a PromptRelease's status says."""

    observed_generation: int = 0
    revision: int = 0
    labels: Mapping[str, LabelStatus] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where somebody wants a label to point, and why."""

    version: int
    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A PromptRelease."""

    name: str
    uid: str
    resource_version: str
    generation: int
    labels: Mapping[str, Wanted] = field(default_factory=dict)
    status: ReleaseStatus = ReleaseStatus()
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap that bears our labels, as it is on the cluster.

    Attributes:
        owner: UID of the controller that its owner references name; empty when there is none.
        served: what its annotations say; none when they are not readable.
        checksum: of the files that are really there.
        intact: whether labels and annotations are just what ``served`` would have us write.
        editor: field manager that wrote to it last, where that was somebody else.

    """

    name: str
    label: str
    uid: str
    resource_version: str
    owner: str
    served: Served | None
    checksum: str
    intact: bool = True
    editor: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """All that is known of one prompt at one moment.

    Attributes:
        versions: by number.
        config_maps: by label.
        obstacles: label to what kept its ConfigMap from being written or removed at the last try.
        written: label to what this process has served under it, as the API server confirmed.
        consumers: label to who was told of its last move, where that is known.

    """

    namespace: str
    prompt: str
    release: Release | None = None
    versions: Mapping[int, Version] = field(default_factory=dict)
    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)
    obstacles: Mapping[str, Obstacle] = field(default_factory=dict)
    written: Mapping[str, Served] = field(default_factory=dict)
    consumers: Mapping[str, Consumers] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a ConfigMap could not be written, or removed.

    Attributes:
        lasting: whether somebody must act before it can be (kstatus: Stalled).

    """

    message: str
    lasting: bool


def config_map_name(release: str, label: str) -> str:
    """Name of the ConfigMap to mount.

    Names of prompts and labels hold no dots, so that two pairs can't meet in one name.
    """
    return f"{release}.{label}"
