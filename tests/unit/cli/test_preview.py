"""What a move would come to, from what was read of a namespace."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from harness.api import policy, release, suite, version
from promptrelease.api import PromptVersionSpec
from promptrelease.release import wire
from promptrelease.release.judge import judge
from promptrelease.views.look.briefly import BRIEF, brief
from promptrelease.views.move import planning
from promptrelease.views.move.moving import Move
from promptrelease.views.move.preview import Known, Preview, preview, workloads

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
BEFORE = "2026-01-01T00:00:00Z"
P = "greeting"
Json = dict[str, Any]


def stored(obj: Json, number: int = 1) -> Json:
    meta = {"namespace": "n", "uid": f"uid-{obj['metadata']['name']}", "generation": 1}
    obj["metadata"] |= {**meta, "resourceVersion": str(number), "creationTimestamp": BEFORE}
    return obj


def digest(obj: Json) -> str:
    return judge(PromptVersionSpec.model_validate(obj["spec"]), lambda *_: None).verdict.digest


def valid(obj: Json) -> Json:
    condition = {"type": "Valid", "status": "True"}
    obj["status"] = {"digest": digest(obj), "conditions": [condition]}
    return stored(obj)


def serving(prompt: str, versions: dict[str, Json]) -> Json:
    """A release that serves what it wants, one move for each label."""
    labels = {name: (obj["spec"]["version"], f"why {name}") for name, obj in versions.items()}
    made = stored(release(prompt, **labels))
    made["status"] = {
        "observedGeneration": 1,
        "revision": len(labels),
        "labels": {
            name: {
                "version": obj["spec"]["version"],
                "digest": digest(obj),
                "revision": i,
                "since": BEFORE,
                "reason": f"why {name}",
                "kind": "Promotion",
                "checksum": "sha256:0",
            }
            for i, (name, obj) in enumerate(versions.items(), 1)
        },
        "served": {name: [obj["spec"]["version"]] for name, obj in versions.items()},
    }
    return made


def logged(prompt: str, label: str, revision: int, obj: Json) -> Json:
    spec = {
        "release": prompt,
        "label": label,
        "revision": revision,
        "kind": "Promotion",
        "to": obj["spec"]["version"],
        "digest": digest(obj),
        "at": BEFORE,
    }
    return stored({"metadata": {"name": f"{prompt}.{label}.{revision}"}, "spec": spec}, revision)


ONE, TWO, THREE = (valid(version(P, n)) for n in (1, 2, 3))
REPLY = valid(version("reply", 1, consumes=[P]))


def known(**more: Any) -> Known:
    mine = serving(P, {"production": ONE, "staging": TWO})
    theirs = serving("reply", {"production": REPLY})
    log = [logged(P, "production", 1, ONE), logged(P, "staging", 2, TWO)]
    all_of_it = {
        "releases": [mine, theirs],
        "versions": [ONE, TWO, THREE, REPLY],
        "changes": log,
        **more,
    }
    return Known("n", **all_of_it)


def asked(to: int | None, **more: Any) -> Move:
    return Move(P, "production", to, "because", 1, 1, **more)


def demanding(**spec: Any) -> list[Json]:
    return [stored(policy("p", labels=["production"], **spec))]


def test_an_open_way() -> None:
    found = preview(known(), asked(2), "bob", NOW)
    assert (found.kind, found.waits, found.hopeless) == ("Promotion", (), False)
    assert found.downstream == ("reply",)
    assert found.differences[0] == "@@ text @@"
    assert "{+" in found.differences[1]


def test_gates_in_the_operators_words() -> None:
    policies = demanding(require={"from": {"label": "staging"}, "approvals": {}})
    two = preview(known(policies=policies), asked(2), "bob", NOW)
    assert [w[:10] for w in two.waits] == ["1 approval"]
    assert two.waits[0].endswith("by somebody else than bob")
    three = preview(known(policies=policies), asked(3), "bob", NOW)
    assert three.waits[0] == "v3 to have been served by staging"
    unknown = preview(known(policies=policies), asked(2), "", NOW)
    assert unknown.hopeless, "whoever moves it must be known"


def test_time_on_staging_ends_by_itself() -> None:
    policies = demanding(require={"from": {"label": "staging", "seconds": 2 * 86400}})
    found = preview(known(policies=policies), asked(2), "bob", NOW)
    assert found.again == "2026-01-03T00:00:00Z"
    assert not found.hopeless


def test_the_way_back_is_open() -> None:
    mine = serving(P, {"production": TWO})
    log = [logged(P, "production", 1, ONE), logged(P, "production", 2, TWO)]
    world = known(releases=[mine], changes=log, policies=demanding(require={"approvals": {}}))
    back = preview(world, Move(P, "production", 1, "cold", 2, 2), "bob", NOW)
    assert (back.kind, back.waits) == ("Rollback", ())
    world = known(
        releases=[mine],
        changes=log,
        policies=demanding(require={"approvals": {}}, rollback="gated"),
    )
    back = preview(world, Move(P, "production", 1, "cold", 2, 2), "bob", NOW)
    assert back.kind == "Rollback"
    assert back.waits


def test_broken_glass_passes() -> None:
    policies = demanding(require={"approvals": {}})
    world = known(policies=policies)
    world.release(P)  # as it is, without the annotation: that is what the move would add
    found = preview(world, asked(2, break_glass="down"), "erin", NOW)
    text = "\n".join(line for line, _ in planning.plan(found, None))
    assert "the glass is broken" in text


def test_what_can_not_be_served_is_hopeless() -> None:
    broken = stored(version(P, 4, text="{{who}}"))
    found = preview(known(versions=[ONE, broken]), asked(4), "bob", NOW)
    assert found.hopeless
    assert "is used and not declared" in found.waits[0]


def test_includes_are_looked_at_where_the_operator_has_not() -> None:
    tone = valid(version("tone", 1))
    uses = version(P, 4, text="{{> t}}", includes={"t": {"prompt": "tone", "version": 1}})
    world = known(versions=[ONE, TWO, tone, stored(uses)])
    assert preview(world, asked(4), "bob", NOW).waits == ()
    world = known(versions=[ONE, TWO, stored(uses)])
    assert "tone-v1" in preview(world, asked(4), "bob", NOW).waits[0]


def test_chains_that_would_break() -> None:
    eats = valid(version(P, 4, consumes=["absent"]))
    found = preview(known(versions=[ONE, TWO, eats, REPLY]), asked(4), "bob", NOW)
    assert "production serves no absent" in found.chain
    circle = valid(version(P, 5, consumes=["reply"]))
    found = preview(known(versions=[ONE, TWO, circle, REPLY]), asked(5), "bob", NOW)
    assert "greeting" in found.chain
    assert found.waits == (), "it keeps nothing from being served"


def test_suites_are_asked_about_what_would_be_served_together() -> None:
    tone = stored(suite("tone", P, accept=True))
    world = {"policies": demanding(require={"evaluations": ["*"]}), "suites": [tone]}
    found = preview(known(**world), asked(2), "bob", NOW)
    assert found.waits == ("0 of 1 suites passed, to be run: tone",)

    def evidence(obj: Json, score: float) -> Json:
        judged = {"prompt": P, "version": obj["spec"]["version"], "digest": digest(obj)}
        spec = {"suite": "tone", "candidate": [judged], "by": "ci", "verdict": {"score": score}}
        status = {"phase": "Passed" if score > 0.9 else "Failed", "message": "rude"}
        made = {"metadata": {"name": f"e-{score}"}, "spec": spec, "status": status}
        return stored(made)

    good = preview(known(**world, evaluations=[evidence(TWO, 0.95)]), asked(2), "bob", NOW)
    assert good.waits == ()
    other = preview(known(**world, evaluations=[evidence(ONE, 0.95)]), asked(2), "bob", NOW)
    assert other.waits == found.waits, "that was another content"
    bad = preview(known(**world, evaluations=[evidence(TWO, 0.5)]), asked(2), "bob", NOW)
    assert bad.hopeless
    assert "failed: tone" in bad.waits[0]


def test_withdrawals_and_what_moves_nothing() -> None:
    assert preview(known(), asked(None), "bob", NOW).kind == "Withdrawal"
    assert preview(known(), asked(1), "bob", NOW).kind == "Nothing"
    fresh = preview(known(releases=[]), Move(P, "canary", 2, "x"), "bob", NOW)
    assert (fresh.kind, fresh.waits) == ("Promotion", ())


def test_a_status_makes_config_maps_that_the_operator_reads_as_its_own() -> None:
    from promptrelease.views.move.preview import _config_maps

    mine = serving(P, {"production": ONE})
    (made,) = _config_maps(mine)
    read = wire.config_map(made)
    assert read.served == wire.release(mine).status.labels["production"].served
    assert read.owner == mine["metadata"]["uid"]


def test_who_uses_a_label() -> None:
    def pod(name: str, mount: Json, **labels: str) -> Json:
        container = {"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/p", **mount}]}
        volume = {"name": "v", "configMap": {"name": f"{P}.production"}}
        return {
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [container], "volumes": [volume]},
        }

    opted = {"promptrelease.dev/refresh": "true"}
    pods = [pod("a", {}, **opted), pod("b", {}), pod("c", {"subPath": "x"}, **opted)]
    used = workloads(pods, P, "production")
    assert (used.pods, used.told, used.never) == (3, 1, ("c",))
    assert workloads(pods, P, "staging").pods == 0


def test_hostile_words_stay_words() -> None:
    move = asked(2)
    found = Preview(move, "Promotion", waits=("[red]\x1b[31m",))
    lines = [line for line, _ in planning.plan(found, None)]
    assert "  would wait for [red]\x1b[31m" in lines, "output.say spells controls out"


def test_a_long_difference_is_cut() -> None:
    text = [f"line {n}" for n in range(100)]
    changed = [f"{line}!" if n % 4 == 0 else line for n, line in enumerate(text)]
    old, new = {"text": "\n".join(text)}, {"text": "\n".join(changed)}
    lines = brief(old, new)
    assert lines[0] == "@@ text @@"
    assert len(lines) == BRIEF + 1
    assert lines[-1].endswith("lines more ...")
    assert brief(old, old) == []
