"""`promptrelease chain`: what was served together, from the log alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptrelease.cli.main import main
from promptrelease.release.model import Change
from promptrelease.release.wire_policy import change_manifest

DAY = "2026-11-20T{}:00Z"


def digest(prompt: str, version: int) -> str:
    return f"sha256:{prompt}{version}"


def change(prompt: str, revision: int, before: int | None, to: int | None, at: str) -> Change:
    return Change(
        release=prompt,
        label="production",
        revision=revision,
        kind="Promotion" if to else "Withdrawal",
        before=before,
        to=to,
        digest=digest(prompt, to) if to else "",
        reason=f"reason {revision}",
        by="alice",
        at=DAY.format(at),
    )


def version(prompt: str, number: int, *consumes: str) -> dict[str, Any]:
    return {
        "apiVersion": "promptrelease.dev/v1alpha1",
        "kind": "PromptVersion",
        "metadata": {"name": f"{prompt}-v{number}"},
        "spec": {
            "prompt": prompt,
            "version": number,
            "text": "hi",
            "model": {"provider": "o", "name": "m"},
            "message": "why",
            **({"consumes": list(consumes)} if consumes else {}),
        },
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    changes = [
        change("summary", 1, None, 6, "08:00"),
        change("router", 1, None, 3, "08:00"),
        change("reply", 1, None, 5, "08:00"),
        change("other", 1, None, 1, "08:00"),
        change("summary", 2, 6, 7, "09:00"),
        change("reply", 2, 5, 6, "10:00"),
        change("other", 2, 1, 2, "10:00"),
        change("reply", 2, 6, None, "11:00"),
    ]
    items = [change_manifest("team", one) for one in changes]
    items += [version("router", 3, "summary"), version("reply", 5, "router")]
    items += [version("reply", 6, "router")]
    for item in items:
        item["metadata"]["namespace"] = "team"
    file = tmp_path / "log.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return file


def asked(log: Path, capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    assert main(["chain", *args, "-f", str(log), "-o", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def together(found: Any) -> dict[str, int]:
    return {member["release"]: member["to"] for member in found["members"]}


def test_the_whole_chain_at_a_time(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(log, capsys, "router", "--at", DAY.format("08:30"))
    assert list(together(found).items()) == [("summary", 6), ("router", 3), ("reply", 5)]
    since = [(c["release"], c.get("from"), c.get("to")) for c in found["since"]]
    assert since == [("summary", 6, 7), ("reply", 5, 6), ("reply", 6, None)]


def test_the_chain_around_a_digest(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(log, capsys, "reply", "--digest", digest("reply", 6))
    assert together(found) == {"summary": 7, "router": 3, "reply": 6}
    assert found["at"] == DAY.format("10:00")
    assert [c["kind"] for c in found["since"]] == ["Withdrawal"]


def test_now_is_the_default(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(log, capsys, "summary")
    assert together(found) == {"summary": 7, "router": 3}
    assert found["since"] == []


def test_words_for_people(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chain", "router", "-f", str(log), "--at", DAY.format("09:00")]) == 0
    out = capsys.readouterr().out
    assert "production at 2026-11-20T09:00:00Z" in out
    assert "summary  v7" in out
    assert "by alice" in out
    assert "reply  v6 -> nothing  Withdrawal" in out


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["reply", "--at", DAY.format("07:00")], 3, "its first move there was at"),
        (["reply", "--at", DAY.format("12:00")], 3, "served nothing of reply"),
        (["nobody"], 3, "it has never moved there"),
        (["reply", "--digest", "sha256:else"], 3, "has never served sha256:else"),
        (["reply", "--at", "yesterday"], 2, "is not an RFC 3339 time"),
        (["reply", "-n", "elsewhere"], 1, "no PromptChange there"),
    ],
)
def test_mistakes(
    log: Path, capsys: pytest.CaptureFixture[str], args: list[str], code: int, words: str
) -> None:
    assert main(["chain", *args, "-f", str(log)]) == code
    assert words in capsys.readouterr().err
