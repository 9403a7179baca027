"""`list`, `status`, `history` and `show` on a real API server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.cli.conftest import SECONDS, Call, P, Shop
from cluster.cli.terminal import Terminal
from harness.api import RELEASES, Json, approval, release, version, wait_for

EVIL = "\x1b[31mred\x1b[0m [bold]bold[/bold]"


def answer(call: Call, *args: str) -> Any:
    """What a script gets, from JSON and YAML alike."""
    code, out, err = call("frank", *args, "-o", "json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert yaml.safe_load(call("frank", *args, "-o", "yaml")[1]) == told
    return told


def hold(shop: Shop) -> Json:
    """Ask for v2 in production, where an approval is missing; what is pending."""
    shop.api.move(P, "production", 2, "shorter")

    def pending() -> Json:
        labels = shop.api.get(RELEASES, P)["status"]["labels"]
        found: Json = labels["production"].get("pending") or {}
        return found if found.get("digest") else {}

    return wait_for(pending, "the move to be held back")


def reader(shop: Shop, who: str = "frank") -> None:
    """Let somebody look at the namespace, and at nothing else."""
    shop.plane.kubectl(
        *("create", "rolebinding", f"{who}-looks", "-n", shop.namespace),
        *(f"--user={who}", "--clusterrole=promptrelease-viewer"),
    )


class TestList:
    def test_it_has_a_column_for_each_label(self, greeting: Shop, call: Call) -> None:
        reader(greeting)
        code, out, _ = call("frank", "list")
        heads, row = out.splitlines()
        assert code == 0
        assert heads.split() == ["NAME", "PRODUCTION", "STAGING", "LATEST", "STATE", "MOVED"]
        assert row.split()[:5] == [P, "v1", "v2", "v3", "ready"]
        (told,) = answer(call, "list")
        assert {its["label"]: its["version"] for its in told["labels"]} == {
            "production": 1,
            "staging": 2,
            "latest": 3,
        }

    def test_one_label_is_shown_with_who_and_why(self, greeting: Shop, call: Call) -> None:
        greeting.api.create(release("other", canary=(1, "x")))
        _, out, _ = call("admin", "list", "--label", "staging")
        heads, row = out.splitlines()
        assert heads.split()[:2] == ["NAME", "STAGING"]
        assert row.split()[:2] == [P, "v2"]
        assert row.endswith("try")

    def test_all_namespaces_are_shown_to_who_may_see_them(self, greeting: Shop, call: Call) -> None:
        reader(greeting)
        _, out, _ = call("admin", "list", "-A")
        assert [greeting.namespace, P] in [line.split()[:2] for line in out.splitlines()]
        code, out, err = call("frank", "list", "-A")
        assert (code, out) == (4, "")
        assert "cannot list resource" in err

    def test_nothing_is_no_failure(self, shop: Shop, call: Call) -> None:
        code, out, err = call("admin", "list")
        assert (code, out) == (0, "")
        assert f"no prompt in namespace {shop.namespace}" in err
        assert call("admin", "list", "-o", "json")[1] == "[]\n"


class TestStatus:
    def test_it_says_what_is_served_and_why(self, greeting: Shop, call: Call) -> None:
        _, out, _ = call("admin", "status", P)
        assert out.splitlines()[0].split() == [P, "ready"]
        row = next(line for line in out.splitlines() if line.startswith("production"))
        assert row.split()[1] == "v1"
        assert row.endswith("Promotion: begin")

    def test_it_says_what_a_move_waits_for_and_what_to_do(
        self, four_eyes: Shop, call: Call
    ) -> None:
        reader(four_eyes)
        pending = hold(four_eyes)
        _, out, _ = call("frank", "status", P)
        assert "production -> v2 is held back; asked for by admin: shorter" in out
        assert f"waits for 1 approval of {pending['digest'][:19]}" in out
        assert f"kubectl prompt approve {P} production" in out
        told = answer(call, "status", P)
        assert told["state"] == "waiting"
        production = next(its for its in told["labels"] if its["label"] == "production")
        (waits,) = production["pending"]["waitingFor"]
        assert waits["what"].startswith("1 approval of")

    def test_a_prompt_without_a_release_is_told_apart(self, shop: Shop, call: Call) -> None:
        shop.api.create(version(P, 1))
        code, _, err = call("admin", "status", P)
        assert code == 3
        assert "has versions, up to v1, and no PromptRelease" in err
        assert f"kubectl prompt promote {P} staging v1" in err
        code, _, err = call("admin", "status", "nobody")
        assert (code, "there is no prompt nobody" in err) == (3, True)


class TestHistory:
    def test_it_tells_who_moved_what_and_who_approved(self, four_eyes: Shop, call: Call) -> None:
        pending = hold(four_eyes)
        four_eyes.plane.kubectl(
            *("create", "-n", four_eyes.namespace, "-f", "-"),
            user="dave",
            stdin=json.dumps(
                approval("yes", pending, "dave", release=P, label="production", decision="approve")
            ),
        )
        four_eyes.api.served(P, "production", "Hello 2\nGreet {{who}}")
        reader(four_eyes)

        def entries() -> Any:
            found = answer(call, "history", P, "-l", "production")
            return found if len(found) == 2 else []

        newest, first = wait_for(entries, "the log")
        assert (newest["from"], newest["to"], newest["by"]) == (1, 2, "admin")
        assert newest["approvals"] == [{"name": "yes", "by": "dave"}]
        assert (first["to"], first["reason"]) == (1, "begin")
        _, out, _ = call("frank", "history", P, "-l", "production")
        rows = out.splitlines()
        assert rows[0].split() == ["TIME", "LABEL", "KIND", "MOVE", "BY", "WHY"]
        assert rows[1].endswith("shorter  (approved by dave)")
        assert "- -> v1" in rows[2]

    def test_it_can_be_cut_short(self, greeting: Shop, call: Call) -> None:
        wait_for(lambda: len(json.loads(call("admin", "history", P, "-o", "json")[1])) >= 3, "log")
        _, out, err = call("admin", "history", P, "--limit", "1")
        assert len(out.splitlines()) == 2
        assert "older; --limit 0 shows all" in err
        assert call("admin", "history", P, "--since", "2030-01-01T00:00:00Z")[1] == ""
        assert call("admin", "history", P, "--since", "soon")[0] == 2

    def test_the_log_outlives_the_release(self, greeting: Shop, call: Call) -> None:
        wait_for(lambda: len(json.loads(call("admin", "history", P, "-o", "json")[1])) >= 3, "log")
        greeting.api.delete(RELEASES, P)
        assert call("admin", "status", P)[0] == 3
        assert "begin" in call("admin", "history", P)[1]


class TestShow:
    def test_it_shows_what_a_label_serves(self, greeting: Shop, call: Call) -> None:
        _, out, _ = call("admin", "show", f"{P}@staging")
        assert out.splitlines()[0] == f"{P}-v2"
        assert "staging since 20" in out
        assert out.endswith("--- text ---\nHello 2\nGreet {{who}}\n")
        assert call("admin", "show", P)[1].splitlines()[0] == f"{P}-v1"
        assert call("admin", "show", f"{P}@v3")[1].splitlines()[0] == f"{P}-v3"

    def test_its_manifest_can_be_applied(self, greeting: Shop, call: Call) -> None:
        _, out, _ = call("admin", "show", f"{P}@v1", "-o", "yaml")
        assert "  text: |-\n    Hello 1\n    Greet {{who}}\n" in out
        made = yaml.safe_load(out)
        made["metadata"]["name"] = "copy-v1"
        made["spec"]["prompt"] = "copy"
        greeting.api.create(made)
        digests = [
            greeting.api.version_with(name, "True")["status"]["digest"]
            for name in (f"{P}-v1", "copy-v1")
        ]
        assert digests[0] == digests[1]

    def test_what_is_not_there_is_told_with_what_is(self, greeting: Shop, call: Call) -> None:
        code, _, err = call("admin", "show", f"{P}@v9")
        assert code == 3
        assert f"there is no v9 of {P}" in err
        assert "v1, v2, v3" in err
        code, _, err = call("admin", "show", f"{P}@canary")
        assert code == 3
        assert "latest, production, staging" in err
        assert call("admin", "show", "No@v1")[0] == 2


class TestHostileText:
    """Prompts are written by many, and shown on the terminals of others."""

    def prepare(self, shop: Shop) -> None:
        shop.api.create(version(P, 1, text=f"{EVIL} one", message=EVIL))
        shop.api.create(version(P, 2, text=f"{EVIL} two", message=EVIL))
        shop.api.create(release(P, production=(1, EVIL)))
        shop.api.ready(P)

    def test_it_commands_nothing(self, shop: Shop, call: Call) -> None:
        self.prepare(shop)
        shown = [
            call("admin", *command.split())[1]
            for command in (
                f"show {P}",
                f"status {P}",
                "list -l production",
                f"history {P}",
                f"diff {P} 1 2",
                f"diff {P} 1 2 --side-by-side",
            )
        ]
        for out in shown:
            assert "\x1b" not in out
            assert r"\x1b[31mred\x1b[0m [bold]" in out

    def test_a_terminal_gets_our_colours_and_not_its_own(self, shop: Shop) -> None:
        self.prepare(shop)
        out = on_terminal(shop, "show", P)
        assert "\x1b[31mred" not in out
        assert r"\x1b[31mred" in out
        assert "\x1b[1m" in out, "the heading is bold"

    def test_a_script_gets_it_as_it_is(self, shop: Shop, call: Call) -> None:
        self.prepare(shop)
        told = json.loads(call("admin", "show", P, "-o", "json")[1])
        assert told["spec"]["text"] == f"{EVIL} one"


class TestPlugin:
    """kubectl itself finds the two executables by their names."""

    @pytest.fixture
    def kubectl(self, greeting: Shop, tmp_path: Path) -> Callable[..., str]:
        for name, module in (("kubectl-prompt", "main"), ("kubectl_complete-prompt", "complete")):
            code = _SCRIPTS[module].format(python=sys.executable)
            (tmp_path / name).write_text(code)
            (tmp_path / name).chmod(0o755)
        environment = greeting.environment()
        environment["PATH"] = f"{tmp_path}:{environment['PATH']}"

        def run(*args: str) -> str:
            return subprocess.run(
                ["kubectl", *args],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                timeout=SECONDS,
            ).stdout

        return run

    def test_it_is_a_command_of_kubectl(self, kubectl: Callable[..., str]) -> None:
        assert P in kubectl("prompt", "list")
        assert "Usage: kubectl prompt status" in kubectl("prompt", "status", "--help")

    def test_kubectl_completes_names(self, kubectl: Callable[..., str]) -> None:
        assert kubectl("__complete", "prompt", "status", "gr").splitlines() == [P, ":4"]
        found = kubectl("__complete", "prompt", "diff", P, "").splitlines()
        assert found[:3] == ["v3", "v2", "v1"]


_SCRIPTS = {
    "main": """#!{python}
import sys
from promptrelease.cli.main import run
sys.argv[0] = "kubectl-prompt"
run()
""",
    "complete": """#!{python}
from promptrelease.cli.kubectl_complete import run
run()
""",
}


def on_terminal(shop: Shop, *args: str, columns: int = 80, code: int = 0) -> str:
    """What a command writes to a terminal, when it ends with that code."""
    with Terminal(args, shop.environment(), columns=columns) as terminal:
        assert terminal.until_the_end() == code
        return terminal.text
