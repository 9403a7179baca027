"""`diff` on a real API server."""

from __future__ import annotations

import json
import re

from cluster.cli.conftest import Call, P, Shop
from cluster.cli.test_look import on_terminal


def test_versions_that_differ_end_with_1(greeting: Shop, call: Call) -> None:
    code, out, err = call("admin", "diff", P, "v1", "staging")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        f"--- {P}-v1: try 1",
        f"+++ {P}-v2: try 2",
        "@@ text @@",
        "Hello [-1-]{+2+}",
        "Greet {{who}}",
    ]


def test_versions_that_behave_the_same_end_with_0(greeting: Shop, call: Call) -> None:
    code, out, err = call("admin", "diff", P, "1", "production")
    assert (code, out) == (0, "")
    assert "behave the same" in err


def test_a_script_gets_words_and_digests(greeting: Shop, call: Call) -> None:
    code, out, _ = call("admin", "diff", P, "1", "latest", "-o", "json")
    told = json.loads(out)
    assert (code, told["same"]) == (1, False)
    assert (told["old"]["version"], told["new"]["version"]) == (1, 3)
    assert told["old"]["digest"].startswith("sha256:")
    assert told["parts"] == [
        {
            "path": "text",
            "words": [["=", "Hello "], ["-", "1"], ["+", "3"], ["=", "\nGreet {{who}}"]],
        }
    ]


def test_what_is_not_there_ends_with_3(greeting: Shop, call: Call) -> None:
    code, out, err = call("admin", "diff", P, "1", "v12")
    assert (code, out) == (3, "")
    assert "there is no v12" in err


def test_a_process_ends_with_the_same_code(greeting: Shop) -> None:
    assert greeting.run("admin", "diff", P, "1", "2").returncode == 1
    assert greeting.run("admin", "diff", P, "1", "1").returncode == 0


def test_a_narrow_terminal_gets_one_column_and_a_wide_one_two(
    greeting: Shop,
) -> None:
    narrow = on_terminal(greeting, "diff", P, "1", "2", columns=80, code=1)
    assert uncoloured(narrow).splitlines()[:4] == [
        f"--- {P}-v1: try 1",
        f"+++ {P}-v2: try 2",
        "@@ text @@",
        "Hello [-1-]{+2+}",  # there is no colour to tell them apart
    ]
    wide = on_terminal(greeting, "diff", P, "1", "2", columns=160, code=1)
    wide = uncoloured(wide)
    assert wide.splitlines()[0].split() == [f"{P}-v1:", "try", "1", f"{P}-v2:", "try", "2"]
    assert ["Hello", "1", "Hello", "2"] in [line.split() for line in wide.splitlines()]


def uncoloured(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
