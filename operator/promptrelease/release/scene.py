"""What is served under a label beside a prompt, what else would move, and what that asks for.

A verdict is about a combination: the contents of the prompts that a suite judges, and of
everything upstream of them, as they would be served. Whatever of that changes asks anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from promptrelease.release import graph
from promptrelease.release.evaluation import (
    ALL,
    ERROR,
    FAILED,
    PASSED,
    RUNNING,
    Bench,
    Evaluation,
    Member,
    Proposal,
    Question,
    Suite,
)
from promptrelease.release.graph import Graph


@dataclass(frozen=True, slots=True)
class Scene:
    """One label of one namespace.

    Attributes:
        served: prompt to what it serves under the label.
        graph: who consumes whom among these.
        proposals: prompt to the move that waits under the label.
        bench: suites and evaluations.
        baselines: label to what it serves, by prompt.
        quiet_since: when the last of all this changed; what changes together is asked together.

    """

    label: str
    served: Mapping[str, Member]
    graph: Graph
    proposals: Mapping[str, Proposal]
    bench: Bench
    baselines: Mapping[str, Mapping[str, Member]]
    quiet_since: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What the suites say of a combination.

    Attributes:
        wait: what must happen first, in words; empty when all have passed.
        hopeless: whether that can't happen by itself.
        evaluations: names of those that passed.
        unasked: questions that nobody has asked yet.

    """

    wait: str = ""
    hopeless: bool = False
    evaluations: tuple[str, ...] = ()
    unasked: tuple[Question, ...] = ()


def questions(scene: Scene, prompt: str, names: Collection[str]) -> Iterator[Question]:
    """What must be known before a prompt's proposal may be served, or of what it serves now.

    With it move all proposals that nothing else holds back: what is promoted together is judged
    together.

    Args:
        scene: the label.
        prompt: the prompt.
        names: suites that are asked; ``*`` stands for all.

    """
    yield from _joint(scene, prompt, names)[0]


def find(scene: Scene, prompt: str, names: Collection[str]) -> Finding:
    """Say what the suites have found out about a proposal, and about those that move with it."""
    missing = sorted(set(names) - scene.bench.suites.keys() - {ALL})
    if missing:
        return Finding(f"PromptSuite {', '.join(missing)}, which does not exist", hopeless=True)
    asked, others = _joint(scene, prompt, names)
    best = [(question, next(iter(scene.bench.answers(question)), None)) for question in asked]
    passed = [e.name for _, e in best if e is not None and e.status.phase == PASSED]
    unasked = tuple(question for question, e in best if e is None)
    if len(passed) == len(asked):
        return Finding(evaluations=tuple(sorted(passed)))
    bad = [e for _, e in best if e is not None and e.status.phase in (FAILED, ERROR)]
    parts = [f"{len(passed)} of {len(asked)} suites passed"]
    parts += [f"{_word(e)}: {e.suite} ({e.name}): {e.status.message}" for e in bad]
    running = [e.suite for _, e in best if e is not None and e.status.phase == RUNNING]
    if running:
        parts.append(f"running: {', '.join(running)}")
    waiting = [q.suite.name for q, e in best if e is None or not (e.finished or _runs(e))]
    if waiting:
        parts.append(f"to be run: {', '.join(waiting)}")
    if others:
        parts.append(
            f"judged together with {', '.join(f'{m.prompt} v{m.version}' for m in others)}"
        )
    return Finding(", ".join(parts), bool(bad), tuple(sorted(passed)), unasked)


def unasked_on_move(scene: Scene, prompt: str) -> list[Question]:
    """What suites want to know of what a prompt serves now, wherever it is going."""
    names = {s.name for s in scene.bench.suites.values() if scene.label in s.evaluate_on}
    if not names or prompt not in scene.served:
        return []
    as_it_is = replace(scene, proposals={})
    return [q for q in questions(as_it_is, prompt, names) if not scene.bench.answers(q)]


def moved_upstreams(scene: Scene, prompt: str, order: Mapping[str, int]) -> tuple[Member, ...]:
    """Upstream prompts that moved after this one, whose combination no evaluation has passed.

    Args:
        scene: the label.
        prompt: what it serves is what is asked about.
        order: prompt to when its label moved last, as a number that grows; first moves are left
            out, as there was nothing before that could have been relied on.

    """
    mine = scene.served.get(prompt)
    if mine is None or not mine.consumes:
        return ()
    upstream = [scene.served[p] for p in graph.upstream(scene.graph, {prompt}) if p in scene.served]
    moved = [m for m in upstream if order.get(m.prompt, 0) > order.get(prompt, 0)]
    if not moved:
        return ()
    wanted = {(member.prompt, member.digest) for member in (mine, *upstream)}
    for suite in scene.bench.suites.values():
        if prompt not in suite.prompts:
            continue
        for evaluation in scene.bench.evaluations.get(suite.name, ()):
            judged = {(m.prompt, m.digest) for m in evaluation.candidate}
            valid = evaluation.suite_digest in ("", suite.digest)
            trusted = evaluation.evidence is None or suite.accepts_evidence
            if evaluation.status.phase == PASSED and valid and trusted and wanted <= judged:
                return ()
    return tuple(moved)


def chain_problem(scene: Scene, member: Member) -> tuple[str, str] | None:
    """What is wrong with what a content consumes: a reason and a text; none when nothing is."""
    found = graph.would_close_cycle(scene.graph, {member.prompt: member.consumes})
    if found:
        return "Cycle", f"{scene.label}: {'; '.join(map(str, found))}"
    missing = sorted(p for p in member.consumes if p not in scene.served)
    if missing:
        return "UpstreamMissing", f"{scene.label} serves no {', '.join(missing)}"
    return None


def _joint(
    scene: Scene, prompt: str, names: Collection[str]
) -> tuple[list[Question], list[Member]]:
    """What must be known, and the other proposals that any of it is about.

    Of these, none may be served without the others: that combination was never judged. So each
    waits for what all of them wait for.
    """
    moving = {
        name: proposal.member
        for name, proposal in scene.proposals.items()
        if proposal.ready or name == prompt
    }
    proposed = graph.propose(scene.graph, {p: m.consumes for p, m in moving.items()})
    together, names = {prompt}, set(names)
    while True:
        touched = {*together, *graph.downstream(proposed, together)}
        asked = {
            suite: judged | set(graph.upstream(proposed, judged))
            for suite in _chosen(scene.bench.suites, names)
            if suite.prompts & touched
            and (judged := {p for p in suite.prompts if p in moving or p in scene.served})
        }
        found = {p for inputs in asked.values() for p in inputs if p in moving} - together
        if not found:
            break
        together |= found
        names.update(*(scene.proposals[p].suites for p in found))
    return (
        [_question(scene, moving, suite, inputs) for suite, inputs in asked.items()],
        [moving[p] for p in sorted(together - {prompt})],
    )


def _question(
    scene: Scene, moving: Mapping[str, Member], suite: Suite, inputs: Collection[str]
) -> Question:
    candidate = [m for p in sorted(inputs) if (m := moving.get(p) or scene.served.get(p))]
    baseline = scene.baselines.get(suite.baseline, {})
    return Question(
        suite, tuple(candidate), tuple(baseline[p] for p in sorted(inputs) if p in baseline)
    )


def _chosen(suites: Mapping[str, Suite], names: Collection[str]) -> Iterable[Suite]:
    return [suite for name, suite in sorted(suites.items()) if ALL in names or name in names]


def _runs(evaluation: Evaluation) -> bool:
    return evaluation.status.phase == RUNNING


def _word(evaluation: Evaluation) -> str:
    return "failed" if evaluation.status.phase == FAILED else "not evaluated"
