"""No order of events serves what the policies had not let pass at that moment.

Whether they had is judged here once more, from what really was served and when, and by other code
than the operator's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.simulation import Cluster, Json
from promptrelease.release import log, wire
from promptrelease.release.model import Served
from promptrelease.release.plan import plan, plan_serve
from promptrelease.release.steps import ApplyConfigMap
from promptrelease.release.times import timestamp

LABELS = ("production", "staging")
NUMBERS = (1, 2, 3, 4)
PEOPLE = ("alice", "bob", "carol", "dave")
labels = st.sampled_from(LABELS)
numbers = st.sampled_from(NUMBERS)
people = st.sampled_from((*PEOPLE, ""))
seconds = st.integers(0, 40)
texts = st.sampled_from(["one", "two", "three"])
rollbacks = st.sampled_from(["immediate", "gated"])
# Writes that the operator does before it is killed; the last is for "until all is done".
turns = st.sampled_from([0, 1, 2, 3, 5, 99])
requirements = st.fixed_dictionaries(
    {},
    optional={
        "from": st.fixed_dictionaries(
            {"label": st.just("staging")}, optional={"seconds": st.sampled_from([0, 5, 20])}
        ),
        "approvals": st.fixed_dictionaries(
            {},
            optional={
                "count": st.sampled_from([1, 1, 2]),
                "notBy": st.lists(st.sampled_from(["mover", "author"]), unique=True),
            },
        ),
    },
)


def one_in(count: int) -> st.SearchStrategy[bool]:
    return st.integers(1, count).map(lambda drawn: drawn == count)


def made(approval: tuple[str, Json]) -> str:
    """When; of those in one second it is the one that was made first."""
    time: str = approval[1]["metadata"]["creationTimestamp"]
    return time


decisions = st.tuples(people, one_in(8), st.none() | st.none() | seconds)


class Judge:
    """Whether a move may be, by what was really served."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        specs = [change["spec"] for change in cluster.changes.values()]
        told = {(spec["label"], spec["revision"], spec["at"]) for spec in specs}
        # Its release went before anybody had written it down: nobody can know of it any more.
        self.lost = {
            place
            for place, (step, _) in enumerate(cluster.served)
            if (step.label, step.served.revision, step.served.since) not in told
            and any(label == step.label and place < at for label, at in cluster.ended)
        }

    def passes(
        self, label: str, number: int, digest: str, mover: str, now: datetime, moves: int
    ) -> bool:
        """Ask as of so many moves that were served before."""
        before = self.known(label, moves)
        returns = any((s.version, s.digest) == (number, digest) for s in before)
        spent = {one.name for s in before for one in s.approvals}
        for policy in self.cluster.policies.values():
            spec = policy["spec"]
            if label not in spec.get("labels", LABELS):
                continue
            if returns and spec.get("rollback") != "gated":
                continue
            if any(f["start"] <= timestamp(now) < f["end"] for f in spec.get("freeze", ())):
                return False
            require = spec.get("require", {})
            if "from" in require and not self._soaked(require["from"], number, digest, now, moves):
                return False
            if "approvals" in require and not self._approved(
                require["approvals"], label, number, digest, mover, now, spent
            ):
                return False
        return True

    def known(self, label: str, moves: int) -> list[Served]:
        """What a label has served, as far as anybody knows."""
        return [
            step.served
            for place, (step, _) in enumerate(self.cluster.served[:moves])
            if step.label == label and place not in self.lost
        ]

    def _soaked(self, demand: Json, number: int, digest: str, now: datetime, moves: int) -> bool:
        """Each time that it was served until another was, or until now."""
        label = demand["label"]
        needed = timedelta(seconds=demand.get("seconds", 0))
        for place, (step, since) in enumerate(self.cluster.served[:moves]):
            if step.label != label:
                continue
            if (step.served.version, step.served.digest) != (number, digest):
                continue
            following = self._next(label, place, moves)
            if place in self.lost or (following is not None and following[0] in self.lost):
                continue
            until = moves if following is None else following[0]
            if any(name == label and place < at <= until for name, at in self.cluster.ended):
                continue  # it ended by a withdrawal
            end = now if following is None else following[1]
            if end - since >= needed:
                return True
        return False

    def _next(self, label: str, place: int, moves: int) -> tuple[int, datetime] | None:
        for at in range(place + 1, moves):
            step, when = self.cluster.served[at]
            if step.label == label:
                return at, when
        return None

    def _approved(
        self,
        demand: Json,
        label: str,
        number: int,
        digest: str,
        mover: str,
        now: datetime,
        spent: set[str],
    ) -> bool:
        latest: dict[str, tuple[str, str]] = {}
        for name, obj in sorted(self.cluster.approvals.items(), key=made):
            spec = obj["spec"]
            about = (spec["label"], spec["version"], spec["digest"])
            expired = "expiresAt" in spec and spec["expiresAt"] <= timestamp(now)
            if about == (label, number, digest) and not expired:
                latest[spec["by"]] = name, spec["decision"]
        words = {by: decision for by, (name, decision) in latest.items() if name not in spent}
        if "deny" in words.values():
            return False
        not_by = demand.get("notBy", ["mover", "author"])
        author = self.cluster.versions[number]["metadata"].get("annotations", {})
        excluded = {
            {"mover": mover, "author": author.get("promptrelease.dev/author", "")}[role]
            for role in not_by
        }
        if "mover" in not_by and not mover:
            return False
        count: int = demand.get("count", 1)
        return len(words.keys() - excluded - {""}) >= count


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cluster = Cluster(before_move=self.judge)
        self.cluster.create_release()
        for number in NUMBERS:
            self.cluster.create_version(number, f"text {number}", author="carol")

    def judge(self, step: ApplyConfigMap, now: datetime) -> None:
        """Every move, at the moment at which it is served."""
        if step.label == "latest":
            return
        assert self.cluster.release is not None
        served = step.served
        wanted = self.cluster.release["spec"]["labels"][step.label]
        count = len(self.cluster.served)
        judge = Judge(self.cluster)
        before = judge.known(step.label, count)
        passed = judge.passes(
            step.label, served.version, served.digest, wanted.get("by", ""), now, count
        )
        if not served.break_glass:
            assert passed, f"{step} was served though the policies had not let it pass"
            used = {one.name for earlier in before for one in earlier.approvals}
            for consent in served.approvals:
                approval = self.cluster.approvals[consent.name]["spec"]
                assert (approval["by"], approval["decision"]) == (consent.by, "approve")
                assert consent.name not in used, "an approval passed two moves"
            return
        assert not passed, "the glass was broken for nothing"
        assert not served.approvals
        words = f"v{served.version}: {served.break_glass}"
        glass = self.cluster.release["metadata"]["annotations"]
        assert glass[f"breakglass.promptrelease.dev/{step.label}"] == words
        broken = {(earlier.version, earlier.break_glass) for earlier in before}
        assert (served.version, served.break_glass) not in broken, "spent twice"

    # People

    @initialize(require=requirements, rollback=rollbacks)
    def there_is_a_policy(self, require: Json, rollback: str) -> None:
        self.cluster.set_policy("one", labels=["production"], require=require, rollback=rollback)
        for label in LABELS:
            self.cluster.set_label(label, 1, by="alice")
        self.cluster.settle()

    @rule(label=labels, number=numbers, by=people, then=turns)
    def a_label_moves(self, label: str, number: int, by: str, then: int) -> None:
        self.cluster.set_label(label, number, by=by)
        self.cluster.work(then)

    @rule(
        number=numbers,
        text=texts,
        by=people,
        approvers=st.lists(people, max_size=3, unique=True),
        wait=seconds,
        then=turns,
    )
    def a_version_goes_all_the_way(
        self, number: int, text: str, by: str, approvers: list[str], wait: int, then: int
    ) -> None:
        self.cluster.create_version(number, text, author="carol")
        self.cluster.set_label("staging", number, by=by)
        self.cluster.settle()
        for approver in approvers:
            self.cluster.approve(approver, "production", number)
        self.cluster.tick(wait)
        self.cluster.set_label("production", number, by=by)
        self.cluster.work(then)

    @precondition(lambda self: self.held())
    @rule(data=st.data(), words=st.lists(decisions, min_size=1, max_size=3), then=turns)
    def people_decide(
        self, data: st.DataObject, words: list[tuple[str, bool, int | None]], then: int
    ) -> None:
        label, number, _, _ = data.draw(st.sampled_from(self.held()))
        for by, deny, lasts in words:
            spec: Json = {"decision": "deny" if deny else "approve"}
            if lasts is not None:
                spec["expiresAt"] = timestamp(self.cluster.clock + timedelta(seconds=lasts))
            self.cluster.approve(by, label, number, **spec)
        self.cluster.work(then)

    @precondition(lambda self: self.held())
    @rule(data=st.data(), wait=seconds, then=turns)
    def everybody_approves_in_time(self, data: st.DataObject, wait: int, then: int) -> None:
        label, number, _, _ = data.draw(st.sampled_from(self.held()))
        for by in PEOPLE:
            self.cluster.approve(by, label, number)
        self.cluster.tick(wait)
        self.cluster.work(then)

    @precondition(lambda self: self.held())
    @rule(data=st.data(), why=st.sampled_from(["fire", "flood"]), then=turns)
    def the_glass_is_broken(self, data: st.DataObject, why: str, then: int) -> None:
        assert self.cluster.release is not None
        label, number, _, _ = data.draw(st.sampled_from(self.held()))
        glass = {f"breakglass.promptrelease.dev/{label}": f"v{number}: {why}"}
        self.cluster.release["metadata"].setdefault("annotations", {}).update(glass)
        self.cluster.work(then)

    @rule(
        name=st.sampled_from(["one", "two"]),
        only=st.just(["production"]) | st.none(),
        require=requirements,
        rollback=rollbacks,
        freeze=st.none() | st.tuples(seconds, seconds),
        then=turns,
    )
    def a_policy_changes(
        self,
        name: str,
        only: list[str] | None,
        require: Json,
        rollback: str,
        freeze: tuple[int, int] | None,
        then: int,
    ) -> None:
        spec: Json = {"require": require, "rollback": rollback}
        if only is not None:
            spec["labels"] = only
        if freeze is not None:
            start = self.cluster.clock + timedelta(seconds=freeze[0] - 20)
            end = start + timedelta(seconds=freeze[1] + 1)
            spec["freeze"] = [
                {"start": timestamp(start), "end": timestamp(end), "reason": "holidays"}
            ]
        self.cluster.set_policy(name, **spec)
        self.cluster.work(then)

    @rule(
        data=st.data(), what=st.sampled_from(["policy", "approval", "label", "version", "release"])
    )
    def something_goes(self, data: st.DataObject, what: str) -> None:
        cluster = self.cluster
        if what == "policy" and cluster.policies:
            del cluster.policies[data.draw(st.sampled_from(sorted(cluster.policies)))]
        elif what == "approval" and cluster.approvals:
            del cluster.approvals[data.draw(st.sampled_from(sorted(cluster.approvals)))]
        elif what == "label" and self.spec_labels:
            cluster.withdraw(data.draw(st.sampled_from(sorted(self.spec_labels))))
        elif what == "version":
            cluster.create_version(data.draw(numbers), data.draw(texts), author="bob")
        elif what == "release" and len(cluster.given) < 3:
            cluster.delete_release()
            cluster.create_release()
        cluster.work(data.draw(turns))

    @rule(by=st.integers(-30, 30))
    def the_clock_is_set(self, by: int) -> None:
        self.cluster.tick(by)

    # The operator

    @rule()
    def it_settles(self) -> None:
        self.cluster.settle()
        for label, number, digest, wanted in self.held():
            now = self.cluster.clock
            passed = Judge(self.cluster).passes(
                label, number, digest, wanted.get("by", ""), now, len(self.cluster.served)
            )
            assert not plan_serve(self.cluster.view(), now)
            assert not passed, f"{label} waits though everything has passed"
        self.log_is_complete()

    @rule(wait=seconds)
    def time_passes_and_nothing_else(self, wait: int) -> None:
        self.cluster.settle()
        again = plan(self.cluster.view(), self.cluster.clock).again
        self.cluster.tick(wait)
        if plan_serve(self.cluster.view(), self.cluster.clock):
            assert again is not None, "nobody would have looked"
            assert again <= self.cluster.clock

    @invariant()
    def nothing_is_served_that_no_log_can_tell(self) -> None:
        """Of each content that was ever served there is an entry, or what to make it from."""
        view = self.cluster.view()
        for step, _ in self.cluster.served:
            entry = log.of_move(step_release(self.cluster), step.label, step.served)
            config_map = view.config_maps.get(step.label)
            known = (
                []
                if config_map is None
                else [
                    *config_map.backlog,
                    *(
                        [log.of_move(entry.release, step.label, config_map.served)]
                        if config_map.served
                        else []
                    ),
                ]
            )
            written = self.cluster.changes.keys()
            lost = log.name_of(entry) not in written and entry.revision not in {
                change.revision for change in known
            }
            assert not lost or self.cluster.ended, f"nobody will ever know of {entry}"

    def log_is_complete(self) -> None:
        moves = {(step.label, step.served.revision): step.served for step, _ in self.cluster.served}
        told = {
            (c["spec"]["label"], c["spec"]["revision"]): c["spec"]
            for c in self.cluster.changes.values()
            if c["spec"]["kind"] != "Withdrawal"
        }
        assert told.keys() <= moves.keys()
        for place, served in moves.items():
            if place in told:
                spec = told[place]
                assert (spec["to"], spec["digest"]) == (served.version, served.digest)
                assert spec.get("breakGlass", "") == served.break_glass

    # What is asked above

    @property
    def spec_labels(self) -> Json:
        assert self.cluster.release is not None
        found: Json = self.cluster.release["spec"]["labels"]
        return found

    def held(self) -> list[tuple[str, int, str, Json]]:
        """Moves to a content that could be served."""
        assert self.cluster.release is not None
        release = wire.release(self.cluster.release)
        result = []
        for label, known in release.status.labels.items():
            if known.pending is None or not known.pending.digest or label not in self.spec_labels:
                continue
            wanted = self.spec_labels[label]
            result.append((label, wanted["version"], known.pending.digest, wanted))
        return result


def step_release(cluster: Cluster) -> str:
    assert cluster.release is not None
    name: str = cluster.release["metadata"]["name"]
    return name


Model.TestCase.settings = settings(max_examples=120, stateful_step_count=40)
TestModel = Model.TestCase
