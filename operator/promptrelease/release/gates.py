"""Whether a move may happen now, by the policies that govern it.

Every policy that matches must be content. Nothing here looks at what is served: a policy holds
moves back, and takes nothing away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from promptrelease.api.promptrelease import MAX_APPROVALS, MAX_EVALUATIONS
from promptrelease.release.evaluation import Question
from promptrelease.release.log import intervals
from promptrelease.release.model import Change, Consent
from promptrelease.release.policy import AUTHOR, MOVER, Approval, Approvals, Policy, ServedFrom
from promptrelease.release.scene import Scene, find
from promptrelease.release.times import timestamp


@dataclass(frozen=True, slots=True)
class Candidate:
    """What shall be served under a label, and who is behind it; unknown people are empty.

    Attributes:
        returns: whether the label has served this very content before.

    """

    prompt: str
    label: str
    version: int
    digest: str
    mover: str
    author: str
    returns: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policies say.

    Attributes:
        waits: what must still happen, in words; nothing when the move may happen.
        hopeless: whether that can't happen by itself: somebody must change their mind.
        consents: approvals that it passes on.
        evaluations: names of those that it passes on.
        unasked: what suites must be asked first.
        again: when the answer may become another one, by the clock alone.

    """

    waits: tuple[str, ...] = ()
    hopeless: bool = False
    consents: tuple[Consent, ...] = ()
    evaluations: tuple[str, ...] = ()
    unasked: tuple[Question, ...] = ()
    again: datetime | None = None

    @property
    def passed(self) -> bool:
        """Whether the move may happen."""
        return not self.waits


@dataclass(frozen=True, slots=True)
class _Part:
    """One gate's say: an empty ``wait`` lets the move pass."""

    wait: str = ""
    hopeless: bool = False
    consents: tuple[Consent, ...] = ()
    evaluations: tuple[str, ...] = ()
    unasked: tuple[Question, ...] = ()
    again: datetime | None = None


def ask(
    candidate: Candidate,
    policies: Iterable[Policy],
    approvals: Sequence[Approval],
    log: Mapping[str, tuple[Change, ...]],
    serving: Collection[str],
    now: datetime,
    scene: Scene | None = None,
    *,
    older: Collection[Change] = (),
    with_suites: bool = True,
) -> Answer:
    """Ask every policy that governs the candidate's label.

    Args:
        candidate: what shall be served.
        policies: of the namespace; those that are not about it are left out.
        approvals: whatever people said about this prompt.
        log: label to its changes, newest first.
        serving: labels under which anything is served now.
        now: an aware time.
        scene: the candidate's label, for suites.
        older: changes of the candidate's label before those of the log, as far as they matter.
        with_suites: whether suites are asked at all.

    """
    parts: list[_Part] = []
    for policy in sorted(policies, key=lambda policy: policy.name):
        if not policy.governs(candidate.prompt, candidate.label):
            continue
        if candidate.returns and not policy.gates_rollbacks:
            continue
        parts += _parts(policy, candidate, approvals, log, older, serving, now)
        if policy.evaluations and with_suites:
            parts.append(_evaluated(policy.evaluations, candidate, scene))
    consents = {consent.name: consent for part in parts for consent in part.consents}
    evaluations = {name for part in parts for name in part.evaluations}
    return Answer(
        # The same demand of two policies is one thing to wait for.
        waits=tuple(dict.fromkeys(part.wait for part in parts if part.wait)),
        hopeless=any(part.hopeless for part in parts),
        # As many as a status and an entry of the log can hold.
        consents=tuple(consents[name] for name in sorted(consents)[:MAX_APPROVALS]),
        evaluations=tuple(sorted(evaluations)[:MAX_EVALUATIONS]),
        unasked=tuple({q.name: q for part in parts for q in part.unasked}.values()),
        again=min((part.again for part in parts if part.again is not None), default=None),
    )


def _parts(
    policy: Policy,
    candidate: Candidate,
    approvals: Sequence[Approval],
    log: Mapping[str, tuple[Change, ...]],
    older: Collection[Change],
    serving: Collection[str],
    now: datetime,
) -> Iterator[_Part]:
    yield from _freezes(policy, now)
    if policy.served_from is not None:
        label = policy.served_from.label
        yield _soaked(policy.served_from, candidate, log.get(label, ()), label in serving, now)
    if policy.approvals is not None:
        moves = (*log.get(candidate.label, ()), *older)
        # Of this content: a name that is free again may have been given to another approval.
        same = [change for change in moves if change.digest == candidate.digest]
        spent = {consent.name for change in same for consent in change.approvals}
        latest = _latest(candidate, approvals, now)
        valid = [a for a in latest if a.name not in spent or not a.approves]
        yield from _denials(valid)
        yield _approved(policy.approvals, candidate, valid)
        ends = [a.expires for a in valid if a.expires is not None]
        yield _Part(again=min(ends, default=None))


def _evaluated(names: Collection[str], candidate: Candidate, scene: Scene | None) -> _Part:
    if scene is None:
        return _Part("evaluations, which can't be looked at yet")
    found = find(scene, candidate.prompt, names)
    return _Part(found.wait, found.hopeless, evaluations=found.evaluations, unasked=found.unasked)


def _freezes(policy: Policy, now: datetime) -> Iterator[_Part]:
    for freeze in policy.freezes:
        if freeze.start <= now < freeze.end:
            until = timestamp(freeze.end)
            yield _Part(f"the end of a freeze at {until}: {freeze.reason}", again=freeze.end)


def _soaked(
    demand: ServedFrom,
    candidate: Candidate,
    entries: Sequence[Change],
    serving: bool,
    now: datetime,
) -> _Part:
    what = f"v{candidate.version} to have been served by {demand.label}"
    needed = timedelta(seconds=demand.seconds)
    due: datetime | None = None
    for change, begin, end in intervals(entries):
        if change.digest != candidate.digest or change.to != candidate.version:
            continue
        if end is None and not serving:
            continue  # its release went meanwhile, and nobody knows when
        if (end or now) - begin >= needed:
            return _Part()
        if end is None:
            due = begin + needed  # unless it was there for long enough before
    if due is not None:
        return _Part(f"{what} for {demand.seconds} s, at {timestamp(due)}", again=due)
    return _Part(f"{what} for {demand.seconds} s" if demand.seconds else what)


def _latest(
    candidate: Candidate, approvals: Sequence[Approval], now: datetime
) -> Iterator[Approval]:
    """Each person's latest word on this very content, as long as it holds."""
    by_person: dict[str, Approval] = {}
    # Times are known to the second; of two in one second, the API server counted the later up.
    for approval in sorted(approvals, key=lambda a: (a.created, int(a.resource_version))):
        about = (approval.label, approval.version, approval.digest)
        if about != (candidate.label, candidate.version, candidate.digest):
            continue
        if approval.expires is None or now < approval.expires:
            by_person[approval.by] = approval
    yield from by_person.values()


def _denials(valid: Iterable[Approval]) -> Iterator[_Part]:
    for denial in valid:
        if not denial.approves:
            who = denial.by or "somebody"
            yield _Part(
                f"{who} to take back a denial (PromptApproval {denial.name}): {denial.comment}",
                hopeless=True,
            )


def _approved(demand: Approvals, candidate: Candidate, valid: Iterable[Approval]) -> _Part:
    if MOVER in demand.not_by and not candidate.mover:
        return _Part(
            "a move by somebody who is known (by is empty): whoever moves it may not approve it; "
            "manifests/admission/stamp fills in by",
            hopeless=True,
        )
    people = {MOVER: candidate.mover, AUTHOR: candidate.author}
    excluded = sorted({people[role] for role in demand.not_by if people[role]})
    counted = [a for a in valid if a.approves and a.by and a.by not in excluded]
    consents = tuple(Consent(approval.name, approval.by) for approval in counted)
    if len(counted) >= demand.count:
        return _Part(consents=consents)
    but = f" by somebody else than {' and '.join(excluded)}" if excluded else ""
    plural = "approval" if demand.count == 1 else "approvals"
    have = f" (so far {len(counted)})" if counted else ""
    return _Part(f"{demand.count} {plural} of {candidate.digest}{but}{have}")
