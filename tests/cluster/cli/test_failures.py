"""Every command, and everything that can go wrong between it and the cluster.

What comes out is docs/cli-failures.md: PROMPTRELEASE_WRITE_DOCS=1 writes it, else it is compared.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from cluster.cli.conftest import Call, P, Shop, demand, mount
from cluster.cli.terminal import Terminal
from harness.api import RELEASES, Json, version, wait_for
from harness.controlplane import ControlPlane
from harness.operator import ROOT
from promptrelease.cli.main import app, main

DOCUMENT = ROOT / "docs" / "cli-failures.md"
WRITE = "PROMPTRELEASE_WRITE_DOCS"

COMMANDS = {
    "list": "",
    "status": "{P}",
    "history": "{P}",
    "show": "{P}@v1",
    "diff": "{P} 1 2",
    "graph": "{P}",
    "watch": "{P} --for 1",
    "plan": "{P} production 2",
    "promote": "{P} production 2 -m why -y",
    "rollback": "{P} production -m why -y",
    "withdraw": "{P} staging -m why -y",
    "approve": "{P} production -y",
    "deny": "{P} production -m why",
    "new": "{P} --model gpt-5-2026-08-06 -m why",
    "lint": "{FILE} --server",
    "chain": "{P}",
    "doctor": "",
    "export": "dotprompt --location {FOLDER}",
}
"""What each command is given; P is a prompt, FILE has a manifest, FOLDER is somewhere to write."""

OTHERS = {
    "render": "files alone",
    "import": "files, or another tool's server",
}
"""Commands that ask no cluster, or not first, and what they work on."""

FAILURES = {
    "no kubeconfig": 8,
    "no cluster": 8,
    "not installed": 8,
    "not known": 4,
    "forbidden": 4,
    "no such prompt": 3,
}
"""What goes wrong, and the exit code that says so."""

# What ends otherwise, and why.
OWN_WAY = {
    ("lint", "forbidden"): {1},  # one finding for each manifest
    ("lint", "not known"): {1},
}


@pytest.fixture(scope="module")
def bare() -> Iterator[ControlPlane]:
    """Run a cluster in which nothing is installed."""
    with ControlPlane() as plane:
        yield plane


def test_no_command_is_forgotten() -> None:
    group = typer.main.get_command(app())
    assert set(group.commands) == {*COMMANDS, *OTHERS}  # type: ignore[attr-defined]


def test_every_command_ends_with_a_line_a_hint_and_the_exit_code(
    greeting: Shop,
    bare: ControlPlane,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    greeting.api.move(P, "production", 3, "so that there is a way back")
    greeting.api.ready(P)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(version("other", 1)))
    kubeconfigs = _kubeconfigs(greeting, bare, tmp_path)
    codes: dict[str, dict[str, str]] = {}
    said: dict[str, str] = {}
    for name, pattern in COMMANDS.items():
        codes[name] = {}
        for failure, expected in FAILURES.items():
            if failure == "no such prompt" and "{P}" not in pattern:
                codes[name][failure] = ""
                continue
            prompt = "absent" if failure == "no such prompt" else P
            monkeypatch.setenv("KUBECONFIG", str(kubeconfigs[failure]))
            capsys.readouterr()
            code = main([name, *pattern.format(P=prompt, FILE=manifest, FOLDER=tmp_path).split()])
            told = capsys.readouterr()
            where = f"{name}, {failure}: {code}\n{told.out}{told.err}"
            assert "Traceback" not in told.out + told.err, where
            assert code in OWN_WAY.get((name, failure), {expected}), where
            if code != 0 and (name, failure) not in OWN_WAY:
                error, hint = _error_and_hint(told.err)
                assert error, where
                assert hint, where
                if name == "promote":
                    said[failure] = f"{error}\n  {hint}"
            codes[name][failure] = str(code)
    _compare(_document(codes, {f: _normal(text, greeting) for f, text in said.items()}))


@pytest.mark.parametrize("failure", ["no cluster", "not installed", "forbidden", "no such prompt"])
def test_processes_end_the_same(
    failure: str, greeting: Shop, bare: ControlPlane, tmp_path: Path
) -> None:
    kubeconfig = _kubeconfigs(greeting, bare, tmp_path)[failure]
    done = greeting.run("admin", "status", "absent", "--kubeconfig", kubeconfig)
    assert done.returncode == FAILURES[failure]
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


# Somebody else is first: in between, while the person at the terminal thinks.


def test_promote_is_late(greeting: Shop) -> None:
    with Terminal(("promote", P, "production", "3", "-m", "better"), _as(greeting)) as terminal:
        terminal.until("[y/N]")
        greeting.api.move(P, "production", 2, "mine is better")
        terminal.answer("y")
        assert terminal.until_the_end() == 5, terminal.text
    assert "somebody else was first" in terminal.text
    assert "mine is better" in terminal.text


def test_rollback_is_late(greeting: Shop) -> None:
    greeting.api.move(P, "production", 2, "better")
    greeting.api.ready(P)
    with Terminal(("rollback", P, "production", "-m", "cold"), _as(greeting)) as terminal:
        terminal.until("[y/N]")
        greeting.api.move(P, "production", 3, "mine is better")
        terminal.answer("y")
        assert terminal.until_the_end() == 5, terminal.text


def test_withdraw_is_late(greeting: Shop) -> None:
    with Terminal(("withdraw", P, "production", "-m", "off"), _as(greeting)) as terminal:
        terminal.until("[y/N]")
        greeting.api.move(P, "production", 3, "mine is better")
        terminal.answer("y")
        assert terminal.until_the_end() == 5, terminal.text
    assert "production" in greeting.api.get(RELEASES, P)["spec"]["labels"]


def test_approve_is_late(four_eyes: Shop, call: Call) -> None:
    assert call("bob", "promote", P, "production", "2", "-m", "better", "-y")[0] == 0
    _waits(four_eyes, 2)
    with Terminal(("approve", P, "production"), _as(four_eyes, "dave")) as terminal:
        terminal.until("[y/N]")
        labels = {"production": {"version": 3, "reason": "mine is better", "from": None}}
        four_eyes.api.merge(RELEASES, P, {"spec": {"labels": labels}})
        _waits(four_eyes, 3)
        terminal.answer("y")
        assert terminal.until_the_end() == 5, terminal.text
    assert "it has changed since you looked" in terminal.text


def test_no_is_no_and_ctrl_c_leaves_the_move(four_eyes: Shop) -> None:
    args = ("promote", P, "production", "2", "-m", "better", "--wait")
    with Terminal(args, _as(four_eyes)) as terminal:
        terminal.until("[y/N]")
        terminal.answer("n")
        assert terminal.until_the_end() == 1
    assert "nothing is done" in terminal.text
    with Terminal(args, _as(four_eyes)) as terminal:
        terminal.until("[y/N]: ")
        terminal.interrupt()
        assert terminal.until_the_end() != 0
    assert "Traceback" not in terminal.text
    assert four_eyes.api.get(RELEASES, P)["spec"]["labels"]["production"]["version"] == 1
    with Terminal(args, _as(four_eyes)) as terminal:
        terminal.until("[y/N]")
        terminal.answer("y")
        terminal.until("waits for 1 approval")
        terminal.interrupt()
        assert terminal.until_the_end() == 130, terminal.text
    assert "The move stays asked for" in terminal.text
    assert "Traceback" not in terminal.text
    assert four_eyes.api.get(RELEASES, P)["spec"]["labels"]["production"]["version"] == 2


def test_nothing_waits_forever(greeting: Shop, call: Call) -> None:
    greeting.api.move(P, "production", 2, "better")
    greeting.api.ready(P)
    two = {"approvals": {"count": 2}}
    demand(greeting, "two", labels=["production"], require=two, rollback="gated")
    at_most = ("--wait", "--timeout", "1")
    late = {
        "promote": ("bob", P, "production", "3", "-m", "best", "-y"),
        "approve": ("dave", P, "production", "-y"),
        "rollback": ("bob", P, "production", "-m", "cold", "-y"),
    }
    for name, (who, *args) in late.items():
        code, _, err = call(who, name, *args, *at_most)
        assert code == 6, f"{name}: {err}"
        error, hint = _error_and_hint(err)
        assert "not served after 1 s: waits for 2 approvals" in error
        assert "kubectl prompt status" in hint
    mount(greeting, "app", "staging")
    code, _, err = call("bob", "withdraw", P, "staging", "-m", "off", *at_most)
    assert code == 6, err
    assert "app" in err


def test_a_denial_that_nobody_asks_for_stops_nothing(greeting: Shop, call: Call) -> None:
    frozen = {"start": "2020-01-01T00:00:00Z", "end": "2090-01-01T00:00:00Z", "reason": "feast"}
    demand(greeting, "frozen", labels=["production"], freeze=[frozen])
    assert call("bob", "promote", P, "production", "2", "-m", "better", "-y")[0] == 0
    _waits(greeting, 2)
    args = ("deny", P, "production", "-m", "no", "--wait", "--timeout", "1")
    code, _, err = call("dave", *args)
    assert code == 6, err
    assert "the end of a freeze at 2090-01-01" in err


def _as(shop: Shop, who: str = "bob") -> dict[str, str]:
    return shop.environment(who)


def _waits(shop: Shop, number: int) -> None:
    def probe() -> bool:
        label: Json = shop.api.get(RELEASES, P)["status"]["labels"]["production"]
        return bool(label.get("pending", {}).get("version") == number)

    wait_for(probe, f"v{number} to wait")


def _kubeconfigs(shop: Shop, bare: ControlPlane, folder: Path) -> dict[str, Path]:
    """By failure: one that leads to it."""
    mine = shop.plane.kubeconfig("admin", shop.namespace)
    lost = json.loads(mine.read_text())
    lost["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (folder / "lost").write_text(json.dumps(lost))
    stranger = json.loads(mine.read_text())
    stranger["users"][0]["user"]["token"] = "none"
    (folder / "stranger").write_text(json.dumps(stranger))
    return {
        "no kubeconfig": folder / "absent",
        "no cluster": folder / "lost",
        "not installed": bare.kubeconfig("admin", "default"),
        "not known": folder / "stranger",
        "forbidden": shop.plane.kubeconfig("frank", shop.namespace),
        "no such prompt": mine,
    }


def _error_and_hint(text: str) -> tuple[str, str]:
    """The last error and the line below it."""
    found = re.findall(r"^error: (.*)\n  (\S.*)$", text, re.MULTILINE)
    return found[-1] if found else ("", "")


def _normal(text: str, shop: Shop) -> str:
    text = re.sub(r"https://127\.0\.0\.1:\d+", "https://cluster.example:6443", text)
    return text.replace(shop.namespace, "shop")


def _document(codes: dict[str, dict[str, str]], said: dict[str, str]) -> str:
    heads = ["", *FAILURES]
    lines = [
        "# When a command fails",
        "",
        "Written by `tests/cluster/cli/test_failures.py`, which runs every command of `kubectl",
        "prompt` into every one of these failures, on a real API server. The numbers are exit",
        "codes; a message and a hint go with each, and never a Python traceback.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
    ]
    for name, its in codes.items():
        lines.append(f"| `{name}` | {' | '.join(its[failure] for failure in FAILURES)} |")
    others = ", ".join(f"`{name}` ({why})" for name, why in OTHERS.items())
    lines += [
        "",
        "`lint --server` has one finding for each manifest. No cluster is asked, or not first, by",
        f"{others}.",
        "",
        "Somebody else was first, between the look and the edit: 5, for `promote`, `rollback`,",
        "`withdraw`, `approve`, `deny` and `new`. Not in time, with `--wait`: 6. Held back until",
        "somebody acts: 7. Stopped with Ctrl-C: 130; a move that was asked for stays asked for.",
        "",
        "What is said, of `promote`:",
        "",
    ]
    for failure, text in said.items():
        lines += [f"**{failure}**", "", "```", *(f"error: {text}".splitlines()), "```", ""]
    return "\n".join(lines)


def _compare(text: str) -> None:
    if os.environ.get(WRITE):
        DOCUMENT.write_text(text, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == text, f"{WRITE}=1 writes it anew"
