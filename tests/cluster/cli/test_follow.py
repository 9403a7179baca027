"""`graph` and `watch` on a real API server."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cluster.cli.command import COMMAND
from cluster.cli.conftest import Call, P, Shop
from cluster.cli.terminal import Terminal
from harness.api import RELEASES, condition, release, version, wait_for

ROUTER = "router"


@pytest.fixture
def chain(greeting: Shop) -> Shop:
    """Router consumes greeting, and something that nobody serves."""
    greeting.api.create(version(ROUTER, 1, consumes=[P, "gone"]))
    greeting.api.create(release(ROUTER, production=(1, "begin")))
    greeting.api.ready(ROUTER)
    return greeting


class TestGraph:
    def test_it_draws_who_consumes_whom(self, chain: Shop, call: Call) -> None:
        _, out, _ = call("admin", "graph")
        assert out.splitlines() == [
            "gone (not served)",
            f"└─ {ROUTER} v1  ! broken",
            f"{P} v1",
            f"└─ {ROUTER} v1  ! broken",
            "",
            f"! {ROUTER}: production serves no gone",
        ]

    def test_it_marks_what_needs_to_be_evaluated_again(self, chain: Shop, call: Call) -> None:
        chain.api.move(P, "production", 2, "shorter")

        def told() -> bool:
            return bool(condition(chain.api.get(RELEASES, ROUTER), "NeedsReevaluation"))

        wait_for(told, "the operator to doubt the router")
        _, out, _ = call("admin", "graph", P)
        assert f"└─ {ROUTER} v1  ! broken, re-evaluate" in out
        assert f"! {ROUTER}: {P} moved to v2 after {ROUTER} did" in out

    def test_others_can_draw_it(self, chain: Shop, call: Call) -> None:
        assert f'"{P}" -> "{ROUTER}";' in call("admin", "graph", "--format", "dot")[1]
        assert call("admin", "graph", "--format", "mermaid")[1].startswith("flowchart LR")
        told = json.loads(call("admin", "graph", "-o", "json")[1])
        assert told["missing"] == {ROUTER: ["gone"]}

    def test_what_is_not_served_there_is_told(self, chain: Shop, call: Call) -> None:
        code, _, err = call("admin", "graph", ROUTER, "-l", "staging")
        assert (code, f"staging of {ROUTER} serves nothing" in err) == (3, True)
        code, _, err = call("admin", "graph", "nobody")
        assert (code, "there is no prompt nobody" in err) == (3, True)


class Watching:
    """A `watch` that runs, and the lines that it has written."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, words: str) -> None:
        wait_for(lambda: any(words in line for line in self.lines), f"watch to say {words!r}")

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self._reader.join(5)
        return code


@contextmanager
def watching(shop: Shop, *args: str) -> Iterator[Watching]:
    """Run it until it hears of what happens: nobody says when it begins to listen."""
    with subprocess.Popen(
        [*COMMAND, "watch", *args], stdout=subprocess.PIPE, text=True, env=shop.environment()
    ) as process:
        try:
            found = Watching(process)
            reasons = (f"probe {n}" for n in range(10_000))

            def heard() -> bool:
                shop.api.move(P, "probe", 1, next(reasons))
                return bool(found.lines)

            wait_for(heard, "watch to listen")
            yield found
        finally:
            process.kill()


class TestWatch:
    def test_a_line_for_each_change(self, four_eyes: Shop) -> None:
        with watching(four_eyes) as found:
            four_eyes.api.move(P, "staging", 3, "newer")
            found.said(f"{P}  staging: v2 -> v3, Promotion by admin: newer")
            four_eyes.api.move(P, "production", 2, "shorter")
            found.said(f"{P}  production: v2 waits for 1 approval of sha256:")
            found.said(f"{P}  is waiting: production stays at v1")
            four_eyes.api.delete(RELEASES, P)
            found.said(f"{P}  the release was deleted")
            assert found.end() == 0

    def test_a_script_gets_an_object_a_line(self, greeting: Shop) -> None:
        with watching(greeting, P, "-o", "json") as found:
            greeting.api.move(P, "staging", 3, "newer")
            found.said("staging: v2 -> v3")
            found.end()
            told = [json.loads(line) for line in found.lines]
        assert {one["prompt"] for one in told} == {P}
        assert all(one["time"].endswith("Z") for one in told)

    def test_a_terminal_has_the_state_below_and_is_left_by_ctrl_c(self, greeting: Shop) -> None:
        with Terminal(["watch", P], greeting.environment(), columns=100) as terminal:
            terminal.until("PODS TOLD")
            greeting.api.move(P, "staging", 3, "newer")
            terminal.until("staging: v2 -> v3, Promotion by admin: newer")
            terminal.interrupt()
            assert terminal.until_the_end() == 0
        assert "Traceback" not in terminal.text

    def test_it_ends_when_it_was_told_to(self, greeting: Shop, call: Call) -> None:
        assert call("admin", "watch", "--for", "1") == (0, "", "")

    def test_a_prompt_that_is_not_there_is_told(self, shop: Shop, call: Call) -> None:
        code, _, err = call("admin", "watch", "nobody", "--for", "1")
        assert (code, "there is no release of nobody" in err) == (3, True)
