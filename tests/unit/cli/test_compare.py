"""What `diff` says, from two specs."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from promptrelease.cli.look import diffview
from promptrelease.views.look import briefly, comparing
from promptrelease.views.look.comparing import Value, Words, differences
from promptrelease.views.look.words import (
    COME,
    GONE,
    SAME,
    Piece,
    beside,
    differs,
    inline,
    pieces,
    shown,
)

TEXTS = st.text(st.sampled_from("ab {}\n\t.ä"), max_size=60)


def one_side(found: list[Piece], absent: str) -> str:
    return "".join(text for mark, text in found if mark != absent)


class TestWords:
    @given(old=TEXTS, new=TEXTS)
    def test_both_texts_are_in_it_to_the_character(self, old: str, new: str) -> None:
        found = pieces(old, new)
        assert one_side(found, COME) == old
        assert one_side(found, GONE) == new
        assert all(text for _, text in found)
        assert (old == new) == all(mark == SAME for mark, _ in found)

    @given(old=TEXTS, new=TEXTS)
    def test_side_by_side_has_every_line_of_both(self, old: str, new: str) -> None:
        rows = beside(pieces(old, new))
        for side, text in ((0, old), (1, new)):
            lines = [row[side] for row in rows]
            told = ["".join(t for _, t in line) for line in lines if line is not None]
            assert told == text.removesuffix("\n").split("\n") or (
                text == "" and told in ([], [""])
            )

    @given(old=TEXTS, new=TEXTS)
    def test_no_difference_is_left_out(self, old: str, new: str) -> None:
        lines = inline(pieces(old, new))
        changed = [differs(line) for line in lines]
        told = {i for begin, end in shown(changed, 1) for i in range(begin, end)}
        assert {i for i, it in enumerate(changed) if it} <= told

    def test_words_and_not_letters_are_compared(self) -> None:
        found = pieces("Keep its urgency.\nBe brief.\n", "Keep the urgency.\nBe brief.\n")
        assert found == [
            (SAME, "Keep "),
            (GONE, "its"),
            (COME, "the"),
            (SAME, " urgency.\nBe brief.\n"),
        ]

    def test_a_variable_is_one_word(self) -> None:
        found = pieces("To {{a_name}}, hi", "To {{the_name}}, hi")
        assert (GONE, "{{a_name}}") in found
        assert (COME, "{{the_name}}") in found

    def test_neighbours_that_differ_read_as_one_stretch(self) -> None:
        assert pieces("a b c d", "a x y d") == [
            (SAME, "a "),
            (GONE, "b c"),
            (COME, "x y"),
            (SAME, " d"),
        ]

    def test_stretches_meet_where_they_are_close(self) -> None:
        changed = [False] * 20
        changed[5] = changed[10] = changed[19] = True
        assert list(shown(changed)) == [(2, 14), (16, 20)]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("\n" * 300_000, "\n" * 150_000 + "x" + "\n" * 149_000),
            ("a " * 150_000, "b a " * 80_000),
            (" ".join(map(str, range(60_000))), " ".join(map(str, range(60_000, 0, -1)))),
            ("\n".join(map(str, range(60_000))), "\n".join(map(str, range(60_000, 0, -1)))),
        ],
    )
    def test_the_longest_texts_take_no_minutes(self, old: str, new: str) -> None:
        begin = time.monotonic()
        found = pieces(old, new)
        assert time.monotonic() - begin < 20
        assert (one_side(found, COME), one_side(found, GONE)) == (old, new)


BASE: dict[str, Any] = {
    "prompt": "p",
    "version": 1,
    "message": "first",
    "text": "Summarize {{ticket}}.",
    "variables": {"ticket": {"type": "string"}},
    "model": {"provider": "openai", "name": "m1", "parameters": {"temperature": 0.2}},
    "consumes": ["b", "a"],
}


class TestDifferences:
    def test_number_and_message_are_none(self) -> None:
        assert differences(BASE, {**BASE, "version": 2, "message": "second"}) == []
        assert differences(BASE, {**BASE, "consumes": ["a", "b"]}) == []

    def test_each_part_is_told_by_its_path(self) -> None:
        new = {
            **BASE,
            "text": "Sum up {{ticket}}.",
            "variables": {"ticket": {"type": "string", "default": "x"}, "who": {}},
            "model": {"provider": "openai", "name": "m2", "parameters": {"maxTokens": 9}},
            "tools": [{"name": "look", "description": "it up"}],
            "output": {"type": "object"},
            "includes": {"tone": {"prompt": "tone", "version": 2}},
            "consumes": [],
        }
        found = differences(BASE, new)
        assert [part.path for part in found] == [
            "text",
            "model.name",
            "model.parameters.maxTokens",
            "model.parameters.temperature",
            "variables.ticket",
            "variables.who",
            "tools.look",
            "output",
            "includes.tone",
            "consumes",
        ]
        values = {p.path: (p.old, p.new) for p in found if isinstance(p, Value)}
        assert values["model.name"] == ("m1", "m2")
        assert values["model.parameters.maxTokens"] == (None, "9")
        assert values["variables.ticket"] == ("{type: string}", "{default: x, type: string}")
        assert values["consumes"] == ("[a, b]", None)

    def test_messages_are_paired(self) -> None:
        one = {"role": "system", "content": "Be kind."}
        two = {"role": "user", "content": "{{x}}"}
        new = [one, {"placeholder": "history"}, {"role": "user", "content": "Say {{x}}"}]
        found = differences({"messages": [one, two]}, {"messages": new})
        assert [part.path for part in found] == [
            "messages[1].role",
            "messages[1] (placeholder)",
            "messages[2].role",
            "messages[2] (user)",
        ]
        assert differences({"messages": [one, two]}, {"messages": [two]}) == [
            Value("messages[0].role", "system", None),
            Words("messages[0] (system)", ((GONE, "Be kind."),)),
        ]

    def test_a_script_gets_all_of_it(self) -> None:
        found = comparing.plain(differences(BASE, {**BASE, "text": "x", "consumes": []}))
        assert found == [
            {"path": "text", "words": [["-", "Summarize {{ticket}}."], ["+", "x"]]},
            {"path": "consumes", "old": "[a, b]", "new": None},
        ]


class TestView:
    PARTS = differences(
        {**BASE, "text": "1\n2\n3\n4\n5\nold word\n"},
        {**BASE, "text": "1\n2\n3\n4\n5\nnew word\n", "model": {"provider": "o", "name": "m1"}},
    )

    def test_a_pipe_gets_what_git_writes(self) -> None:
        assert list(briefly.plain(self.PARTS)) == [
            "@@ text @@",
            "... 2 lines the same ...",
            "3",
            "4",
            "5",
            "[-old-]{+new+} word",
            "model.provider: [-openai-]{+o+}",
            "model.parameters.temperature: [-0.2-]",
        ]

    def test_a_terminal_gets_the_same_words(self) -> None:
        text = "\n".join(line.plain for line in diffview.unified(self.PARTS))
        assert "oldnew word" in text
        assert "model.provider: openai -> o" in text

    def test_side_by_side_keeps_lines_beside_each_other(self) -> None:
        console = Console(file=io.StringIO(), width=80)
        console.print(diffview.side_by_side(self.PARTS, ("left", "right")))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        rows = [line.split() for line in text.splitlines()]
        assert ["left", "right"] in rows
        assert ["5", "5"] in rows
        assert ["old", "word", "new", "word"] in rows

    def test_no_view_lets_a_prompt_command_the_terminal(self) -> None:
        evil = "\x1b[31m[red]{{x}}\x07\u202e"
        parts = differences(
            {"text": evil, "model": {"name": evil}, "variables": {"x": {"default": evil}}},
            {"text": f"{evil} b", "model": {"name": "m"}, "variables": {}},
        )
        console = Console(file=io.StringIO(), width=200)
        console.print(diffview.side_by_side(parts, (evil, evil)))
        told = [
            console.file.getvalue(),  # type: ignore[attr-defined]
            "\n".join(briefly.plain(parts)),
            "\n".join(line.plain for line in diffview.unified(parts)),
        ]
        for text in told:
            assert not {"\x1b", "\x07", "\u202e"} & set(text)
            assert "[red]" in text
