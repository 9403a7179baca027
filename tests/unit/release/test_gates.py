"""Every gate at its edges: what passes, what waits, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from promptrelease.release.gates import Answer, Candidate, ask
from promptrelease.release.model import Change, Consent
from promptrelease.release.policy import (
    AUTHOR,
    MOVER,
    Approval,
    Approvals,
    Freeze,
    Policy,
    ServedFrom,
)
from promptrelease.release.times import timestamp

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
OURS, OTHER = "sha256:ours", "sha256:other"
V7 = Candidate("ticket", "production", 7, OURS, mover="mia", author="ada", returns=False)
BOTH = (MOVER, AUTHOR)

Log = Mapping[str, tuple[Change, ...]]


def at(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


def policy(name: str = "one", **more: object) -> Policy:
    return replace(Policy(name, "u", "1"), **more)  # type: ignore[arg-type]


def asked(
    *policies: Policy,
    words: Sequence[Approval] = (),
    log: Log | None = None,
    serving: Sequence[str] = ("staging",),
    candidate: Candidate = V7,
) -> Answer:
    return ask(candidate, policies, words, log or {}, serving, NOW)


Stay = tuple[int, "int | None", str]


def entry(revision: int, stay: Stay, label: str = "staging", *consents: str) -> Change:
    """Since when, which version, which content; a withdrawal when it is no version."""
    second, version, digest = stay
    return Change(
        release="ticket",
        label=label,
        revision=revision,
        kind="Promotion" if version else "Withdrawal",
        before=None,
        to=version,
        digest=digest if version else "",
        reason="",
        by="",
        at=timestamp(at(second)),
        approvals=tuple(Consent(name, "who") for name in consents),
    )


def logged(*stays: Stay) -> tuple[Change, ...]:
    """Stays from the oldest on, as the log has them: the newest first."""
    return tuple(entry(revision, stay) for revision, stay in enumerate(stays, 1))[::-1]


def seven(second: int) -> Stay:
    return second, 7, OURS


def six(second: int) -> Stay:
    return second, 6, OTHER


def gone(second: int) -> Stay:
    return second, None, ""


class TestFreeze:
    @pytest.mark.parametrize(
        ("start", "end", "frozen"),
        [(-9, -1, False), (-9, 0, False), (-9, 1, True), (0, 1, True), (1, 9, False)],
    )
    def test_from_its_start_until_before_its_end(self, start: int, end: int, frozen: bool) -> None:
        answer = asked(policy(freezes=(Freeze(at(start), at(end), "fair"),)))
        if not frozen:
            assert answer == Answer()
            return
        until = timestamp(at(end))
        assert answer == Answer((f"the end of a freeze at {until}: fair",), again=at(end))

    def test_the_first_end_is_when_to_look_again(self) -> None:
        freezes = [Freeze(at(-1), at(end), f"until {end}") for end in (9, 5, -1)]
        answer = asked(policy(freezes=tuple(freezes)))
        assert [wait[-1] for wait in answer.waits] == ["9", "5"]
        assert answer.again == at(5)
        assert not answer.hopeless


class TestSoak:
    @pytest.mark.parametrize(
        ("stays", "seconds", "due"),
        [
            pytest.param([seven(-60)], 60, "passes", id="just long enough"),
            pytest.param([seven(-59)], 60, 1, id="a second is missing"),
            pytest.param([seven(0)], 60, 60, id="it has just begun"),
            pytest.param([seven(0)], 0, "passes", id="0: there at all"),
            pytest.param([seven(5)], 0, 5, id="the clock was set back"),
            pytest.param([], 60, None, id="never there"),
            pytest.param([], 0, None, id="0, and never there"),
            pytest.param([six(-99)], 60, None, id="another was there"),
            pytest.param([(-99, 7, OTHER)], 60, None, id="the number with another content"),
            pytest.param([(-99, 8, OURS)], 60, None, id="the content as another version"),
            pytest.param([seven(-99), six(-39)], 60, "passes", id="long enough, and left"),
            pytest.param([seven(-99), six(-40)], 60, None, id="left a second too early"),
            pytest.param([seven(-99), six(-39), seven(-9)], 60, "passes", id="and back again"),
            pytest.param([seven(-99), six(-40), seven(-9)], 60, 51, id="stays don't add up"),
            pytest.param([seven(-99), six(-39), six(-30)], 60, "passes", id="two moves ago"),
            pytest.param([seven(-99), gone(-9)], 60, None, id="withdrawn, who knows when"),
            pytest.param([seven(-99), gone(-9)], 0, None, id="0, and withdrawn"),
            pytest.param([seven(-99), six(-39), gone(-9)], 60, "passes", id="its end is known"),
            pytest.param([seven(-99), gone(-80), seven(-30)], 60, 30, id="withdrawn in between"),
        ],
    )
    def test_so_long_without_a_break(
        self, stays: list[Stay], seconds: int, due: int | str | None
    ) -> None:
        demand = policy(served_from=ServedFrom("staging", seconds))
        answer = asked(demand, log={"staging": logged(*stays)})
        assert not answer.hopeless
        if due == "passes":
            assert answer == Answer()
        elif isinstance(due, int):
            time = timestamp(at(due))
            text = f"v7 to have been served by staging for {seconds} s, at {time}"
            assert answer == Answer((text,), again=at(due))
        else:
            how_long = f" for {seconds} s" if seconds else ""
            assert answer == Answer((f"v7 to have been served by staging{how_long}",))

    def test_a_release_that_went_ended_it_nobody_knows_when(self) -> None:
        demand = policy(served_from=ServedFrom("staging", 60))
        still = {"staging": logged(seven(-99))}
        assert asked(demand, log=still).passed
        assert asked(demand, log=still, serving=["production"]) == Answer(
            ("v7 to have been served by staging for 60 s",)
        )
        before = {"staging": logged(seven(-99), six(-39))}
        assert asked(demand, log=before, serving=[]).passed

    def test_another_label_is_no_substitute(self) -> None:
        log = {label: logged(seven(-99)) for label in ("canary", "production")}
        assert not asked(policy(served_from=ServedFrom("staging", 0)), log=log).passed
        assert asked(
            policy(served_from=ServedFrom("canary", 0)), log=log, serving=["canary"]
        ).passed


def says(
    by: str, decision: str = "yes", made: int = -9, ends: int | None = None, **more: object
) -> Approval:
    approval = Approval(
        name=f"{by}{made}",
        uid="u",
        resource_version="10",
        release="ticket",
        label="production",
        version=7,
        digest=OURS,
        approves=decision == "yes",
        by=by,
        comment="because",
        created=at(made),
        expires=None if ends is None else at(ends),
    )
    return replace(approval, **more)  # type: ignore[arg-type]


def approvals(count: int = 1, not_by: tuple[str, ...] = BOTH, name: str = "one") -> Policy:
    return policy(name, approvals=Approvals(count, not_by))


class TestApprovals:
    @pytest.mark.parametrize(
        ("count", "not_by", "people", "enough"),
        [
            pytest.param(1, BOTH, "", False, id="nobody"),
            pytest.param(1, BOTH, "ann", True, id="somebody"),
            pytest.param(2, BOTH, "ann", False, id="one of two"),
            pytest.param(2, BOTH, "ann bob", True, id="two of two"),
            pytest.param(2, BOTH, "ann bob cid", True, id="three of two"),
            pytest.param(1, BOTH, "mia", False, id="who moves it"),
            pytest.param(1, BOTH, "ada", False, id="who wrote it"),
            pytest.param(2, BOTH, "ada mia ann", False, id="both, and one more"),
            pytest.param(1, (MOVER,), "ada", True, id="the author may"),
            pytest.param(1, (MOVER,), "mia", False, id="the mover may not"),
            pytest.param(1, (AUTHOR,), "mia", True, id="the mover may"),
            pytest.param(1, (AUTHOR,), "ada", False, id="the author may not"),
            pytest.param(2, (), "ada mia", True, id="everybody may"),
        ],
    )
    def test_so_many_people_but_not_those(
        self, count: int, not_by: tuple[str, ...], people: str, enough: bool
    ) -> None:
        answer = asked(approvals(count, not_by), words=[says(by) for by in people.split()])
        assert answer.passed == enough
        assert not answer.hopeless
        assert answer.again is None
        counted = {by for by in people.split() if by not in _excluded(not_by)}
        assert {consent.by for consent in answer.consents} == (counted if enough else set())

    @pytest.mark.parametrize(
        ("count", "not_by", "people", "text"),
        [
            (1, BOTH, "", "1 approval of sha256:ours by somebody else than ada and mia"),
            (2, (AUTHOR,), "", "2 approvals of sha256:ours by somebody else than ada"),
            (2, BOTH, "mia", "2 approvals of sha256:ours by somebody else than ada and mia"),
            (2, (), "mia", "2 approvals of sha256:ours (so far 1)"),
        ],
    )
    def test_in_words(self, count: int, not_by: tuple[str, ...], people: str, text: str) -> None:
        words = [says(by) for by in people.split()]
        assert asked(approvals(count, not_by), words=words).waits == (text,)

    @pytest.mark.parametrize("author", ["mia", ""])
    def test_who_is_both_is_named_once_and_nobody_not_at_all(self, author: str) -> None:
        answer = asked(approvals(), candidate=replace(V7, author=author))
        assert answer.waits == ("1 approval of sha256:ours by somebody else than mia",)

    @pytest.mark.parametrize(
        ("not_by", "passes"), [(BOTH, False), ((MOVER,), False), ((AUTHOR,), True), ((), True)]
    )
    def test_without_a_known_mover_nobody_else_can_be_told_from_them(
        self, not_by: tuple[str, ...], passes: bool
    ) -> None:
        answer = asked(approvals(1, not_by), words=[says("ann")], candidate=replace(V7, mover=""))
        assert (answer.passed, answer.hopeless) == (passes, not passes)
        if not passes:
            assert "by is empty" in answer.waits[0]
            assert not answer.consents

    def test_an_unknown_author_excludes_nobody(self) -> None:
        nobody = replace(V7, author="")
        assert asked(approvals(), words=[says("ann")], candidate=nobody).passed
        assert not asked(approvals(), words=[says("")], candidate=nobody).passed

    def test_whoever_does_not_say_who_they_are_does_not_count(self) -> None:
        assert not asked(approvals(1, ()), words=[says("")]).passed

    @pytest.mark.parametrize(
        "about",
        [
            pytest.param({"digest": OTHER}, id="another content"),
            pytest.param({"version": 8}, id="another version"),
            pytest.param({"label": "staging"}, id="another label"),
        ],
    )
    @pytest.mark.parametrize("decision", ["yes", "no"])
    def test_only_of_this_very_move(self, about: dict[str, Any], decision: str) -> None:
        answer = asked(approvals(), words=[says("ann", decision, ends=9, **about)])
        assert answer.waits == asked(approvals()).waits
        assert not answer.hopeless
        assert answer.again is None
        # Nor does it take back what was said of this one.
        words = [says("bob"), says("bob", decision, made=-1, **about)]
        assert asked(approvals(), words=words).passed

    def test_a_person_counts_once_and_with_their_latest_word(self) -> None:
        answer = asked(approvals(2), words=[says("ann", made=-9), says("ann", made=-5)])
        assert answer.waits[0].endswith("(so far 1)")
        words = [says("ann", made=-5), says("ann", made=-9)]
        assert asked(approvals(), words=words).consents == (Consent("ann-5", "ann"),)

    @pytest.mark.parametrize(
        ("words", "passes"),
        [
            pytest.param([says("ann", "no")], False, id="no"),
            pytest.param([says("ann"), says("bob", "no")], False, id="one yes, one no"),
            pytest.param([says("ann"), says("mia", "no")], False, id="the mover's no"),
            pytest.param([says("ann"), says("ada", "no")], False, id="the author's no"),
            pytest.param([says("ann"), says("", "no")], False, id="no by who knows whom"),
            pytest.param([says("ann", "no"), says("ann", made=-8)], True, id="taken back"),
            pytest.param([says("ann", made=-8), says("ann", "no")], True, id="listed last"),
            pytest.param([says("ann"), says("ann", "no", made=-8)], False, id="second thoughts"),
            pytest.param([says("ann", "no"), says("bob", made=-8)], False, id="not by another"),
            pytest.param([says("ann"), says("bob", "no", ends=0)], True, id="no longer"),
            pytest.param([says("ann"), says("bob", "no", ends=1)], False, id="still"),
        ],
    )
    def test_a_denial_holds_until_it_is_taken_back(
        self, words: list[Approval], passes: bool
    ) -> None:
        answer = asked(approvals(), words=words)
        assert (answer.passed, answer.hopeless) == (passes, not passes)

    @pytest.mark.parametrize(("by", "who"), [("bob", "bob"), ("", "somebody")])
    def test_a_denial_in_words(self, by: str, who: str) -> None:
        answer = asked(approvals(), words=[says("ann"), says(by, "no")])
        text = f"{who} to take back a denial (PromptApproval {by}-9): because"
        assert answer.waits == (text,)

    def test_what_was_said_in_one_second_has_an_order_nevertheless(self) -> None:
        first = says("ann", "no", name="z", resource_version="9")
        then = says("ann", name="a", resource_version="10")
        for words in ([first, then], [then, first]):
            assert asked(approvals(), words=words).passed
        # Whatever is done to an object later: when it was made decides first.
        later = says("ann", "no", made=-8, resource_version="8")
        assert not asked(approvals(), words=[later, then]).passed

    @pytest.mark.parametrize(
        ("words", "passes", "again"),
        [
            pytest.param([says("ann", ends=0)], False, None, id="not at its end"),
            pytest.param([says("ann", ends=1)], True, 1, id="just before"),
            pytest.param([says("ann", ends=5), says("bob", ends=3)], True, 3, id="the first end"),
            pytest.param([says("mia", ends=5)], False, 5, id="one that does not count"),
            pytest.param([says("ann", "no", ends=5)], False, 5, id="a denial that ends"),
            pytest.param(
                [says("ann", made=-9), says("ann", made=-5, ends=0)],
                True,
                None,
                id="the one before",
            ),
            pytest.param(
                [says("ann", made=-9, ends=3), says("ann", made=-5)], True, None, id="replaced"
            ),
        ],
    )
    def test_expiry(self, words: list[Approval], passes: bool, again: int | None) -> None:
        answer = asked(approvals(), words=words)
        assert answer.passed == passes
        assert answer.again == (None if again is None else at(again))

    @pytest.mark.parametrize(
        ("stays", "label", "passes"),
        [
            pytest.param([seven(-5)], "production", False, id="used"),
            pytest.param([seven(-5), six(-3)], "production", False, id="used, and moved on"),
            pytest.param([(-5, 6, OTHER)], "production", True, id="the name, of another content"),
            pytest.param([seven(-5)], "staging", True, id="the name, under another label"),
        ],
    )
    def test_an_approval_serves_one_move(self, stays: list[Stay], label: str, passes: bool) -> None:
        entries = [entry(n, stay, label) for n, stay in enumerate(stays, 1)]
        entries[0] = entry(1, stays[0], label, "ann-9")
        log = {label: tuple(reversed(entries))}
        words = [says("ann", ends=5)]
        answer = asked(approvals(), words=words, log=log)
        assert answer.passed == passes
        assert answer.again == (at(5) if passes else None)
        assert asked(approvals(), words=[*words, says("ann", made=-4)], log=log).passed

    def test_long_ago_is_spent_as_well(self) -> None:
        used = entry(1, seven(-3), "production", "ann-9")
        for older in ([used], [replace(used, digest=OTHER)]):
            answer = ask(V7, [approvals()], [says("ann")], {}, (), NOW, older=older)
            assert answer.passed == (older != [used])

    def test_a_denial_is_never_spent_whatever_its_name_was_used_for(self) -> None:
        log = {"production": (entry(1, seven(-3), "production", "ann-9"),)}
        assert asked(approvals(), words=[says("ann", "no")], log=log).hopeless

    def test_an_older_word_is_not_there_to_be_used_afterwards(self) -> None:
        log = {"production": (entry(1, seven(-3), "production", "ann-5"),)}
        for decision in ("yes", "no"):
            words = [says("ann", decision, made=-9), says("ann", made=-5)]
            answer = asked(approvals(), words=words, log=log)
            assert not answer.passed
            assert not answer.hopeless


def _excluded(not_by: tuple[str, ...]) -> set[str]:
    return {{MOVER: "mia", AUTHOR: "ada"}[role] for role in not_by}


class TestWhichPolicies:
    @pytest.mark.parametrize(
        ("prompts", "labels", "governs"),
        [
            ((), (), True),
            (("ticket",), ("production",), True),
            (("mail", "ticket"), ("staging", "production"), True),
            (("mail",), (), False),
            ((), ("staging",), False),
            (("mail",), ("production",), False),
            (("ticket",), ("staging",), False),
        ],
    )
    def test_those_of_this_prompt_and_label(
        self, prompts: tuple[str, ...], labels: tuple[str, ...], governs: bool
    ) -> None:
        it = replace(approvals(), prompts=frozenset(prompts), labels=frozenset(labels))
        assert asked(it).passed == (not governs)
        assert it.is_for("ticket") == ("ticket" in prompts or not prompts)

    @pytest.mark.parametrize(
        ("returns", "gated", "passes"),
        [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
    )
    def test_a_return_passes_unless_it_is_gated(
        self, returns: bool, gated: bool, passes: bool
    ) -> None:
        it = replace(approvals(), gates_rollbacks=gated)
        assert asked(it, candidate=replace(V7, returns=returns)).passed == passes

    def test_each_decides_about_returns_by_itself(self) -> None:
        immediate = policy("a", freezes=(Freeze(at(-1), at(5), "fair"),))
        gated = replace(approvals(name="b"), gates_rollbacks=True)
        answer = asked(immediate, gated, candidate=replace(V7, returns=True))
        assert [wait[:10] for wait in answer.waits] == ["1 approval"]
        assert answer.again is None

    def test_without_any_everything_passes(self) -> None:
        assert asked(words=[says("ann", "no")]) == Answer()
        assert asked(policy(), words=[says("ann", "no")]) == Answer()


def test_suites_are_asked_as_soon_as_they_are_known() -> None:
    """What they say is in test_scene."""
    it = policy(evaluations=("*",))
    assert asked(it).waits == ("evaluations, which can't be looked at yet",)
    assert ask(V7, [it], (), {}, (), NOW, with_suites=False).passed


class TestTogether:
    def test_they_add_up_in_the_order_of_their_names(self) -> None:
        answer = asked(
            approvals(3, name="c"),
            policy("b", served_from=ServedFrom("staging", 60)),
            policy("a", freezes=(Freeze(at(-1), at(90), "fair"),)),
            words=[says("ann", ends=70), says("bob")],
            log={"staging": logged(seven(0))},
        )
        starts = [" ".join(wait.split()[:2]) for wait in answer.waits]
        assert starts == ["the end", "v7 to", "3 approvals"]
        assert answer.again == at(60)
        assert not answer.passed
        assert not answer.hopeless

    def test_all_gates_of_one(self) -> None:
        it = policy(
            served_from=ServedFrom("staging", 60),
            approvals=Approvals(1),
            freezes=(Freeze(at(-1), at(9), "fair"),),
        )
        assert len(asked(it).waits) == 3
        assert len(asked(it, words=[says("ann")]).waits) == 2
        assert len(asked(it, words=[says("ann", "no")]).waits) == 4

    def test_what_two_of_them_say_is_said_once(self) -> None:
        both = asked(approvals(name="a"), approvals(name="b"))
        assert both.waits == asked(approvals()).waits
        assert len(asked(approvals(1, name="a"), approvals(2, name="b")).waits) == 2

    def test_one_hopeless_gate_is_enough(self) -> None:
        frozen = policy("b", freezes=(Freeze(at(-1), at(9), "fair"),))
        answer = asked(approvals(name="a"), frozen, words=[says("ann", "no")])
        assert answer.hopeless
        assert answer.again == at(9)

    def test_consents_of_all_are_passed_on_once_and_in_order(self) -> None:
        words = [says("mia"), says("bob"), says("ann")]
        answer = asked(approvals(3, (), "a"), approvals(2, (MOVER,), "b"), words=words)
        assert answer == Answer(
            consents=(Consent("ann-9", "ann"), Consent("bob-9", "bob"), Consent("mia-9", "mia"))
        )


def test_a_move_passes_on_no_more_approvals_than_a_status_can_hold() -> None:
    demand = policy(approvals=Approvals(16, ()))
    words = [
        Approval(
            name=f"a{number:03}",
            uid=str(number),
            resource_version=str(number),
            release="ticket",
            label="production",
            version=7,
            digest=OURS,
            approves=True,
            by=f"person-{number}",
            comment="",
            created=NOW,
        )
        for number in range(100)
    ]
    answer = asked(demand, words=words)
    assert answer.passed
    assert [consent.name for consent in answer.consents] == [f"a{n:03}" for n in range(64)]
