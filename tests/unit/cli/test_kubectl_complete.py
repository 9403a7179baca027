"""What kubectl gets when somebody presses Tab after `kubectl prompt`, and no cluster is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptrelease.cli.kubectl_complete import AS_EVER, NO_FILES, answer


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    for name in ("_PROMPTRELEASE_COMPLETE", "COMP_WORDS", "COMP_CWORD"):
        monkeypatch.setenv(name, "")  # so that they are put back


def test_commands_and_options_are_completed() -> None:
    assert answer(["st"]) == ["status", NO_FILES]
    assert {"list", "diff", "doctor", "lint"} <= set(answer([""]))
    assert answer(["graph", "--fo"]) == ["--format", NO_FILES]
    assert answer(["graph", "--format", "d"]) == ["dot", NO_FILES]


def test_files_are_the_shells_business() -> None:
    assert answer(["lint", ""]) == [AS_EVER]


def test_without_a_cluster_there_are_no_names_and_no_complaints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert answer(["status", ""]) == [AS_EVER]
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


def test_words_are_no_shell_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    answer([f"$(touch {mark})", "';", '"', ""])
    assert not mark.exists()
