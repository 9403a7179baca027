"""The plain values that decisions are made on.

Small and immutable: the operator holds one of these for each object of the cluster, and no bodies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from promptrelease.release.consumers import Consumers
from promptrelease.release.evaluation import Member
from promptrelease.release.policy import Approval, Policy
from promptrelease.release.scene import Scene


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
    history: tuple[str, ...] = ()
    included_by: tuple[str, ...] = ()
    valid: Condition | None = None
    chain: Condition | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A PromptVersion without its body.

    Attributes:
        includes: prompt and number of each text that it takes in, as pinned.
        verdict: none as long as nobody has looked at the body.
        consumes: prompts whose output it takes in.
        author: who created it, where admission has noted that.
        created: RFC 3339.

    """

    name: str
    uid: str
    resource_version: str
    number: int
    includes: tuple[tuple[str, int], ...] = ()
    verdict: Verdict | None = None
    status: VersionStatus = VersionStatus()
    author: str = ""
    created: str = ""
    consumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """An approval that a move passed on, by its name, and who approved."""

    name: str
    by: str


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the change log: see PromptChange.

    Attributes:
        before: the version that was served until then; none for a first move.
        to: the version that is served since; none for a withdrawal.
        at: RFC 3339.
        order: grows from entry to entry, over all releases; 0 where it is not known.

    """

    release: str
    label: str
    revision: int
    kind: str
    before: int | None
    to: int | None
    digest: str
    reason: str
    by: str
    at: str
    approvals: tuple[Consent, ...] = ()
    evaluations: tuple[str, ...] = ()
    break_glass: str = ""
    order: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Served:
    """A content under a label: which, by which move, and why.

    Attributes:
        revision: number of the move, counted over all labels of the release.
        since: RFC 3339, UTC.
        history: numbers that this label has served, newest (this one) first.
        kind: what kind of move it was: Promotion, Rollback or Follow.
        before: the version that was served until then.
        approvals: on which it passed the gates.
        evaluations: names of those on which it passed the gates.
        break_glass: why the gates were skipped, when they were.
        checksum: of the ConfigMap's files; empty before they are rendered.

    """

    version: int
    digest: str
    revision: int
    since: str
    reason: str = ""
    by: str = ""
    history: tuple[int, ...] = ()
    kind: str = ""
    before: int | None = None
    approvals: tuple[Consent, ...] = ()
    evaluations: tuple[str, ...] = ()
    break_glass: str = ""
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A move that is held back, and what it waits for, in words.

    Attributes:
        digest: of the content that waits, once that is known.

    """

    version: int
    waiting_for: tuple[str, ...]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class LabelStatus:
    """What a release's status says of a label."""

    served: Served | None = None
    pending: Pending | None = None
    consumers: Consumers | None = None


@dataclass(frozen=True, slots=True)
class Retirement:
    """What a retention would delete: how many versions, and the lowest of their numbers."""

    count: int
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    """What a PromptRelease's status says."""

    observed_generation: int = 0
    revision: int = 0
    labels: Mapping[str, LabelStatus] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    retirement: Retirement | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where somebody wants a label to point, and why.

    Attributes:
        away_from: what they saw served when they asked for it, if they said so.

    """

    version: int
    reason: str
    by: str = ""
    away_from: int | None = None


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """A wish to skip the gates for the move to one version, and why."""

    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """A PromptRelease.

    Attributes:
        break_glass: by label.
        withdrawn_by: label to who withdrew it, as admission has noted.
        withdrawal_reason: why, if they said so.

    """

    name: str
    uid: str
    resource_version: str
    generation: int
    labels: Mapping[str, Wanted] = field(default_factory=dict)
    status: ReleaseStatus = ReleaseStatus()
    deleting: bool = False
    break_glass: Mapping[str, BreakGlass] = field(default_factory=dict)
    withdrawn_by: Mapping[str, str] = field(default_factory=dict)
    withdrawal_reason: str = ""


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap that bears our labels, as it is on the cluster.

    Attributes:
        owner: UID of the controller that its owner references name; empty when there is none.
        served: what its annotations say; none when they are not readable.
        checksum: of the files that are really there.
        intact: whether labels and annotations are just what ``served`` would have us write.
        editor: field manager that wrote to it last, where that was somebody else.
        authentic: whether its labels and annotations are ours, whatever else was edited.
        backlog: earlier moves that nobody had written down when this one was made; none when
            somebody else has written there.

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
    authentic: bool = True
    backlog: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """All that is known of one prompt at one moment.

    Attributes:
        versions: by number.
        config_maps: by label.
        obstacles: label to what kept its ConfigMap from being written or removed at the last try.
        written: label to what this process has served under it, as the API server confirmed.
        consumers: label to who was told of its last move, where that is known.
        policies: of the namespace.
        approvals: of this prompt's moves.
        log: label to its newest changes, newest first.
        older: label to what of its earlier changes decisions still hang on, in no order.
        logged_revision: the highest revision that the log tells of.
        includers: number of a version to the names of those that take it in.
        scenes: what else is on the labels for which suites are asked; none: don't ask them.
        moved_upstreams: label to upstream prompts that moved since, and that no evaluation covers.
        chain_problems: number of a version to a reason and what is wrong with what it consumes.

    """

    namespace: str
    prompt: str
    release: Release | None = None
    versions: Mapping[int, Version] = field(default_factory=dict)
    config_maps: Mapping[str, ConfigMap] = field(default_factory=dict)
    obstacles: Mapping[str, Obstacle] = field(default_factory=dict)
    written: Mapping[str, Served] = field(default_factory=dict)
    consumers: Mapping[str, Consumers] = field(default_factory=dict)
    policies: Sequence[Policy] = ()
    approvals: Sequence[Approval] = ()
    log: Mapping[str, tuple[Change, ...]] = field(default_factory=dict)
    older: Mapping[str, Collection[Change]] = field(default_factory=dict)
    logged_revision: int = 0
    includers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    scenes: Mapping[str, Scene] | None = field(default_factory=dict)
    moved_upstreams: Mapping[str, tuple[Member, ...]] = field(default_factory=dict)
    chain_problems: Mapping[int, tuple[str, str]] = field(default_factory=dict)


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
