"""Who feeds whom: the ticket chain by hand, any graph against networkx."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.release.graph import (
    MAX_DEPTH,
    Cycle,
    Graph,
    affected,
    build,
    cycles,
    dot,
    downstream,
    mermaid,
    missing,
    propose,
    tree,
    upstream,
    would_close_cycle,
)

ROOT = Path(__file__).parents[3]
LONG = 20_000

Consumes = dict[str, list[str]]
Moves = dict[str, list[str] | None]

TICKETS = {
    "reply": ["ticket-router"],
    "ticket-router": ["ticket-summary"],
    "ticket-summary": [],
    "weekly-report": ["ticket-summary", "tone"],
}

served = st.sampled_from("abcdefgh")
named = st.sampled_from("abcdefghyz")  # y and z are never served
upstreams = st.lists(named, max_size=4)
many = st.dictionaries(served, upstreams)
some = st.sets(named, max_size=3)
moves = st.dictionaries(served, st.none() | upstreams, max_size=3)


def judge(consumes: Mapping[str, Sequence[str]]) -> nx.DiGraph[str]:
    """The same as networkx has it."""
    made: nx.DiGraph[str] = nx.DiGraph()
    made.add_nodes_from(consumes)
    made.add_edges_from((u, prompt) for prompt, names in consumes.items() for u in names)
    return made


def after(consumes: Consumes, changes: Moves) -> Consumes:
    """What is served when the moves are made."""
    made = {**consumes, **changes}
    return {prompt: names for prompt, names in made.items() if names is not None}


def in_order(part: nx.DiGraph[str]) -> list[str]:
    """The order that ``downstream`` promises."""
    blocks = nx.condensation(part)
    members: dict[int, set[str]] = {block: blocks.nodes[block]["members"] for block in blocks}
    order = nx.lexicographical_topological_sort(blocks, key=lambda block: min(members[block]))
    return [prompt for block in order for prompt in sorted(members[block])]


def groups(consumes: Consumes) -> list[list[str]]:
    whole = judge(consumes)
    found = (sorted(group) for group in nx.strongly_connected_components(whole))
    return sorted(g for g in found if len(g) > 1 or whole.has_edge(g[0], g[0]))


def is_shortest_way_round(cycle: Cycle, whole: nx.DiGraph[str]) -> bool:
    start = cycle.path[0]
    ways = [
        nx.shortest_path_length(whole, n, start) for n in cycle.prompts if (start, n) in whole.edges
    ]
    return (
        cycle.path[-1] == start
        and all(whole.has_edge(*step) for step in pairwise(cycle.path))
        and len(cycle.path) == min(ways) + 2
    )


# The ticket chain


def test_what_is_downstream_of_a_summary() -> None:
    graph = build(TICKETS)
    found = downstream(graph, {"ticket-summary"})
    assert found == ("ticket-router", "reply", "weekly-report"), "router, as reply waits for it"
    assert downstream(graph, {"reply"}) == ()
    assert downstream(graph, {"nobody"}) == ()


def test_one_that_moves_too_is_not_its_own_dependent() -> None:
    assert downstream(build(TICKETS), {"ticket-summary", "reply"}) == (
        "ticket-router",
        "weekly-report",
    )


def test_what_a_reply_rests_on() -> None:
    assert upstream(build(TICKETS), {"reply"}) == ("ticket-summary", "ticket-router")


def test_upstream_tells_of_what_is_not_served_too() -> None:
    assert upstream(build(TICKETS), {"weekly-report"}) == ("ticket-summary", "tone")


def test_what_nobody_serves() -> None:
    assert missing(build(TICKETS)) == {"weekly-report": ("tone",)}


def test_what_a_move_affects() -> None:
    part = affected(build(TICKETS), {"ticket-router"})
    assert list(part.producers) == ["ticket-router", "reply"]
    assert list(part.edges()) == [("ticket-router", "reply")], "the summary stays as it is"
    assert part == build({"ticket-router": [], "reply": ["ticket-router"]})


def test_two_that_move_together_are_evaluated_in_one_order() -> None:
    part = affected(build(TICKETS), {"reply", "ticket-summary"})
    assert list(part.producers) == ["ticket-summary", "ticket-router", "reply", "weekly-report"]


def test_a_move_that_drops_an_upstream_is_no_longer_affected_by_it() -> None:
    graph = propose(build(TICKETS), {"reply": []})
    assert list(affected(graph, {"ticket-router"}).producers) == ["ticket-router"]


def test_a_summary_of_replies_would_close_a_cycle() -> None:
    graph = build(TICKETS)
    (cycle,) = would_close_cycle(graph, {"ticket-summary": ["reply"]})
    assert str(cycle) == "ticket-summary → ticket-router → reply → ticket-summary"
    assert cycle.prompts == ("reply", "ticket-router", "ticket-summary")
    assert not would_close_cycle(graph, {"reply": ["ticket-summary"]})
    assert not cycles(graph), "nothing has moved"


def test_two_moves_close_or_open_a_cycle_together() -> None:
    graph = build({"a": [], "b": [], "c": ["a"]})
    assert not would_close_cycle(graph, {"a": ["b"]})
    assert not would_close_cycle(graph, {"b": ["a"]})
    assert [str(c) for c in would_close_cycle(graph, {"a": ["b"], "b": ["a"]})] == ["a → b → a"]
    assert would_close_cycle(graph, {"a": ["c"]})
    assert not would_close_cycle(graph, {"a": ["c"], "c": []})


def test_a_cycle_that_a_move_has_no_part_in_is_not_its_fault() -> None:
    graph = build({"a": ["b"], "b": ["a"], "c": []})
    assert not would_close_cycle(graph, {"c": ["a"]})
    assert not would_close_cycle(graph, {"b": None})


def test_a_prompt_may_feed_itself() -> None:
    (cycle,) = cycles(build({"a": ["a"], "b": ["a"]}))
    assert str(cycle) == "a → a"
    assert cycle.prompts == ("a",)


def test_a_long_cycle_is_told_in_few_words() -> None:
    ring = {f"p{i:02}": [f"p{(i - 1) % 40:02}"] for i in range(40)}
    (cycle,) = cycles(build(ring))
    text = str(cycle)
    assert text.startswith("p00 → p01 → ")
    assert " → … 25 more … → " in text
    assert text.endswith(" → p39 → p00")
    assert len(cycle.path) == 41


# Any graph, with networkx as judge


@given(many, some)
def test_downstream_is_all_that_depends_in_a_valid_order(
    consumes: Consumes, start: set[str]
) -> None:
    whole = judge(consumes)
    whole.add_nodes_from(start)
    part = set(start).union(*(nx.descendants(whole, prompt) for prompt in start))
    order = in_order(whole.subgraph(part))
    assert list(downstream(build(consumes), start)) == [p for p in order if p not in start]


@given(many, some)
def test_upstream_is_all_that_it_rests_on(consumes: Consumes, start: set[str]) -> None:
    whole = judge(consumes)
    whole.add_nodes_from(start)
    part = set(start).union(*(nx.ancestors(whole, prompt) for prompt in start))
    order = in_order(whole.subgraph(part))
    assert list(upstream(build(consumes), start)) == [p for p in order if p not in start]


@given(many, some)
def test_affected_is_that_part_of_the_graph(consumes: Consumes, moved: set[str]) -> None:
    whole = judge(consumes)
    whole.add_nodes_from(moved)
    part = whole.subgraph(set(moved).union(*(nx.descendants(whole, prompt) for prompt in moved)))
    found = affected(build(consumes), moved)
    assert list(found.producers) == in_order(part)
    assert sorted(found.edges()) == sorted(part.edges)
    assert found == build({prompt: list(part.predecessors(prompt)) for prompt in part})


@given(many)
def test_without_cycles_it_is_the_plain_topological_order(consumes: Consumes) -> None:
    sound = {prompt: [u for u in names if u < prompt] for prompt, names in consumes.items()}
    order = nx.lexicographical_topological_sort(judge(sound))
    found = affected(build(sound), judge(sound).nodes)
    assert list(found.producers) == list(order)


@given(many)
def test_cycles_are_the_strong_components(consumes: Consumes) -> None:
    found = cycles(build(consumes))
    assert [list(cycle.prompts) for cycle in found] == groups(consumes)
    for cycle in found:
        assert cycle.path[0] == cycle.prompts[0]
        assert is_shortest_way_round(cycle, judge(consumes))


@given(many)
def test_missing_is_what_is_consumed_and_not_served(consumes: Consumes) -> None:
    expected = {p: {u for u in names if u not in consumes} for p, names in consumes.items()}
    found = missing(build(consumes))
    assert found == {p: tuple(sorted(names)) for p, names in expected.items() if names}
    assert list(found) == sorted(found)


@given(many, moves, moves)
def test_a_proposal_equals_a_graph_that_is_built_anew(
    consumes: Consumes, first: Moves, second: Moves
) -> None:
    served_now = build(consumes)
    once = propose(served_now, first)
    twice = propose(once, second)
    assert served_now == build(consumes), "a proposal leaves what it proposes to change"
    for graph, expected in [
        (once, after(consumes, first)),
        (twice, after(after(consumes, first), second)),
    ]:
        anew = build(expected)
        assert graph == anew
        assert sorted(graph.edges()) == sorted(anew.edges())
        assert len(graph.producers) == len(anew.producers)
        assert len(graph.consumers) == len(anew.consumers)
        assert cycles(graph) == cycles(anew)
        assert missing(graph) == missing(anew)
        assert dot(graph) == dot(anew)


@given(many, moves)
def test_a_move_closes_the_cycles_that_it_is_in(consumes: Consumes, changes: Moves) -> None:
    expected = after(consumes, changes)
    found = would_close_cycle(build(consumes), changes)
    assert [list(cycle.prompts) for cycle in found] == [
        group for group in groups(expected) if not changes.keys().isdisjoint(group)
    ]
    for cycle in found:
        assert cycle.path[0] == min(changes.keys() & set(cycle.prompts))
        assert is_shortest_way_round(cycle, judge(expected))


@given(many, st.randoms())
def test_the_order_of_what_is_read_changes_nothing(consumes: Consumes, random: Random) -> None:
    items = [(prompt, random.sample(names, len(names))) for prompt, names in consumes.items()]
    random.shuffle(items)
    one, other = build(consumes), build(dict(items))
    assert one == other
    assert cycles(one) == cycles(other)
    assert list(affected(one, {"a", "b"}).producers) == list(affected(other, {"a", "b"}).producers)
    assert mermaid(one) == mermaid(other)


def test_every_process_gives_the_same_order() -> None:
    """Sets of strings are in another order in each process."""
    program = (
        "from promptrelease.release.graph import *\n"
        "names = [f'p{i}' for i in range(40)]\n"
        "g = build({n: [names[i * 7 % 40], names[i * 3 % 40]] for i, n in enumerate(names)})\n"
        "print(cycles(g), upstream(g, {'p5'}), list(affected(g, {'p1'}).producers), dot(g))\n"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": "operator", "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(results) == 1


# Size


def test_a_long_chain_needs_no_recursion() -> None:
    names = [f"p{i:05}" for i in range(LONG)]
    graph = build({name: names[max(i - 1, 0) : i] for i, name in enumerate(names)})
    assert downstream(graph, {names[0]}) == tuple(names[1:])
    assert upstream(graph, {names[-1]}) == tuple(names[:-1])
    assert cycles(graph) == ()
    assert len(affected(graph, {names[0]}).producers) == LONG
    (cycle,) = would_close_cycle(graph, {names[0]: [names[-1]]})
    assert cycle.path == (*names, names[0])
    (cycle,) = cycles(propose(graph, {names[0]: [names[-1]]}))
    assert cycle.prompts == tuple(names)
    assert tree(graph, names[0]).count("\n") == MAX_DEPTH
    assert tree(graph, names[0]).endswith(f"{names[MAX_DEPTH]} …")


class Untouchable(dict[str, tuple[str, ...]]):
    """A mapping to ask, and not to go through."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("somebody goes through all prompts")

    keys = values = items = __iter__  # type: ignore[assignment]


def test_a_proposal_does_not_go_through_all_prompts() -> None:
    graph = build(TICKETS)
    guarded = Graph(Untouchable(graph.producers), Untouchable(graph.consumers))
    proposed = propose(propose(guarded, {"reply": ["tone"]}), {"tone": []})
    assert downstream(proposed, {"tone"}) == ("reply", "weekly-report")
    assert not would_close_cycle(guarded, {"reply": ["tone"]})


# Pictures


def test_a_tree_for_the_terminal() -> None:
    graph = build(
        {
            "summary": [],
            "router": ["summary"],
            "reply": ["router", "tone"],
            "report": ["router", "summary"],
            "digest": ["report", "summary"],
        }
    )
    assert tree(graph, "summary").splitlines() == [
        "summary",
        "├─ digest",
        "├─ report",
        "│  └─ digest",
        "└─ router",
        "   ├─ reply",
        "   └─ report (above)",
    ]
    assert tree(graph, "tone").splitlines() == ["tone (not served)", "└─ reply"]


def test_a_tree_of_a_cycle_ends() -> None:
    graph = build({"a": ["b", "a"], "b": ["a"], "c": ["b"]})
    assert tree(graph, "a").splitlines() == [
        "a",
        "├─ a (cycle)",
        "└─ b",
        "   ├─ a (cycle)",
        "   └─ c",
    ]


@given(many, served)
def test_a_tree_shows_each_arrow_once(consumes: Consumes, root: str) -> None:
    whole = judge(consumes)
    whole.add_node(root)
    part = whole.subgraph({root, *nx.descendants(whole, root)})
    lines = tree(build(consumes), root).splitlines()
    assert len(lines) == 1 + part.number_of_edges()
    assert any("(cycle)" in line for line in lines) is not nx.is_directed_acyclic_graph(part)


def test_a_picture_for_graphviz() -> None:
    assert dot(build({"router": ["summary", "tone"], "summary": []})).splitlines() == [
        "digraph prompts {",
        "  rankdir=LR;",
        "  node [shape=box];",
        '  "router";',
        '  "summary";',
        '  "tone" [style=dashed];',
        '  "summary" -> "router";',
        '  "tone" -> "router";',
        "}",
    ]


def test_a_picture_for_mermaid() -> None:
    assert mermaid(build({"end": ["summary", "tone"], "summary": []})).splitlines() == [
        "flowchart LR",
        '  p0["end"]',
        '  p1["summary"]',
        '  p2["tone"]:::missing',
        "  p1 --> p0",
        "  p2 --> p0",
        "  classDef missing stroke-dasharray: 4 4",
    ]


any_name = st.text(st.sampled_from('ab"\\\n#;<[]{}`é'), min_size=1, max_size=4)
strange = st.dictionaries(any_name, st.lists(any_name, max_size=3), max_size=4)


@given(strange)
def test_graphviz_reads_any_name(consumes: Consumes) -> None:
    string = r'"(?:[^"\\]|\\.)*"'
    lines = dot(build(consumes)).splitlines()[3:-1]
    arrows = {tuple(re.findall(string, line)) for line in lines if " -> " in line}
    assert all(re.fullmatch(rf"  {string}( \[style=dashed\]| -> {string})?;", x) for x in lines)
    unquoted = {tuple(_unquoted(text) for text in arrow) for arrow in arrows}
    assert unquoted == set(judge(consumes).edges)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text[1:-1])


@given(strange)
def test_mermaid_reads_any_name(consumes: Consumes) -> None:
    text = mermaid(build(consumes))
    nodes = dict(re.findall(r'^  (p\d+)\["([^"]+)"\](?::::missing)?$', text, re.MULTILINE))
    names = {i: re.sub(r"#(\d+);", lambda m: chr(int(m[1])), nodes[i]) for i in nodes}
    arrows = re.findall(r"^  (p\d+) --> (p\d+)$", text, re.MULTILINE)
    assert {(names[a], names[b]) for a, b in arrows} == set(judge(consumes).edges)
    assert set(names.values()) == set(judge(consumes))
    assert len(text.splitlines()) == 1 + len(nodes) + len(arrows) + (":::missing" in text)


def test_mermaid_codes_what_it_would_take_for_markup() -> None:
    picture = mermaid(build({'`#"<br>': []}))
    assert picture.splitlines()[1] == '  p0["#96;#35;#34;#60;br#62;"]'
