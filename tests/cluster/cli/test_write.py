"""New versions by the command line: from options, and from an editor in a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.cli.conftest import Call, P, Shop
from cluster.cli.terminal import Terminal
from harness.api import RELEASES, VERSIONS, Refused, version
from promptrelease.cli.cluster import Cluster


def test_from_a_file_to_staging(greeting: Shop, call: Call, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes("Grüße {{who}}\r\n".encode())
    args = ("--text", text, "-m", "greet in German", "--stage", "--wait")
    code, out, err = call("alice", "new", P, *args)
    assert code == 0, err
    assert f"created {P}-v4" in out
    made = greeting.api.get(VERSIONS, f"{P}-v4")
    assert made["spec"]["text"] == "Grüße {{who}}\r\n"
    assert made["spec"]["model"] == {"provider": "openai", "name": "gpt-5-2026-08-06"}
    assert made["metadata"]["annotations"]["promptrelease.dev/author"] == "alice"
    assert greeting.api.get(RELEASES, P)["status"]["labels"]["staging"]["version"] == 4


def test_from_input_and_from_another_version(greeting: Shop) -> None:
    done = greeting.run(
        "alice", "new", P, "--text", "-", "-m", "short", "--from", "v1", stdin="Hi {{who}}"
    )
    assert done.returncode == 0, done.stderr
    assert greeting.api.get(VERSIONS, f"{P}-v4")["spec"]["text"] == "Hi {{who}}"


def test_parameters(greeting: Shop, call: Call) -> None:
    args = ("--model", "anthropic/claude-1", "--set-parameter", "temperature=0.3", "-m", "calm")
    assert call("alice", "new", P, *args)[0] == 0
    model = greeting.api.get(VERSIONS, f"{P}-v4")["spec"]["model"]
    assert model == {
        "provider": "anthropic",
        "name": "claude-1",
        "parameters": {"temperature": 0.3},
    }


def test_printed_and_not_created(greeting: Shop, call: Call) -> None:
    code, out, _ = call("alice", "new", P, "--model", "x-2026-01-01", "-m", "x", "-o", "json")
    assert code == 0
    assert greeting.api.get(VERSIONS, f"{P}-v4") == {}
    greeting.api.create(json.loads(out))
    code, _, _ = call("alice", "new", P, "--model", "y", "-m", "y", "--dry-run")
    assert code == 0
    assert greeting.api.get(VERSIONS, f"{P}-v5") == {}


def test_mistakes_are_found_before_it_is_sent(greeting: Shop, call: Call, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Hi {{whom}}")
    code, _, err = call("alice", "new", P, "--text", text, "-m", "x")
    assert code == 1
    assert "UndeclaredVariable: {{whom}}" in err
    assert "UnusedVariable" in err
    code, _, err = call("alice", "new", P, "--text", text)
    assert code == 2
    assert "--message is missing" in err
    assert greeting.api.get(VERSIONS, f"{P}-v4") == {}


def test_includes_are_read_from_the_cluster(greeting: Shop, call: Call) -> None:
    greeting.api.create(version("tone", 1))
    uses = {"t": {"prompt": "tone", "version": 1}}
    greeting.api.create(version("reply", 1, text="{{> t}}", includes=uses))
    assert call("alice", "new", "reply", "--model", "m-2026-01-01", "-m", "x")[0] == 0
    lost = {"t": {"prompt": "lost", "version": 1}}
    greeting.api.create(version("other", 1, text="{{> t}}", includes=lost))
    code, _, err = call("alice", "new", "other", "--model", "m-2026-01-01", "-m", "x")
    assert code == 1
    assert "IncludeMissing" in err


def test_a_number_that_somebody_else_took(
    greeting: Shop, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Cluster.create

    def late(self: Cluster, *args: object, **more: object) -> object:
        greeting.api.create(version(P, 4))
        return create(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Cluster, "create", late)
    code, _, err = call("alice", "new", P, "--model", "m", "-m", "x")
    assert code == 5
    assert f"{P}-v4 is there already" in err
    with pytest.raises(Refused):
        greeting.api.create(version(P, 4))


EDITOR = """\
#!/bin/sh
# The first time a mistake, the second time without it.
cat "$1" >> "$SEEN"
if grep -q '^#!' "$1"; then sed -i 's/{{oops}} //' "$1"
else sed -i "s/message: ''/message: edited/; s/Hello/{{oops}} Hello/" "$1"; fi
"""


def test_the_editor_comes_back_with_the_mistakes(greeting: Shop, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text(EDITOR)
    editor.chmod(0o755)
    seen = tmp_path / "seen"
    environment = {**greeting.environment("alice"), "EDITOR": str(editor), "SEEN": str(seen)}
    with Terminal(("new", P), environment) as terminal:
        assert terminal.until_the_end() == 0, terminal.text
    assert f"created {P}-v4" in terminal.text
    made = greeting.api.get(VERSIONS, f"{P}-v4")["spec"]
    assert (made["message"], made["text"]) == ("edited", "Hello 3\nGreet {{who}}")
    assert "UndeclaredVariable: {{oops}}" in seen.read_text()


def test_what_was_written_is_kept_where_it_can_not_be_created(
    greeting: Shop, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/message: \'\'/message: mine/" "$1"\n')
    editor.chmod(0o755)
    environment = {
        **greeting.environment("dave"),
        "VISUAL": str(editor),
        "TMPDIR": str(tmp_path),
    }
    with Terminal(("new", P), environment, columns=400) as terminal:
        assert terminal.until_the_end() == 4, terminal.text
    (draft,) = tmp_path.glob("kubectl-prompt-*/*.yaml")
    assert "message: mine" in draft.read_text()
    assert str(draft) in terminal.text


def test_an_editor_that_changes_nothing_creates_nothing(greeting: Shop, tmp_path: Path) -> None:
    environment = {**greeting.environment("alice"), "EDITOR": "true", "TMPDIR": str(tmp_path)}
    with Terminal(("new", P), environment) as terminal:
        assert terminal.until_the_end() == 1
    assert "the draft is as it was" in terminal.text
    assert list(tmp_path.glob("kubectl-prompt-*")) == []
