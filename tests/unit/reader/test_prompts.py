"""Prompts: which are found, how they are kept fresh, what becomes of trouble."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.mounts import files_of, new_data, point, swap, write_plain
from promptrelease import (
    AmbiguousPromptError,
    ChatPrompt,
    Problem,
    Prompt,
    PromptError,
    PromptKindError,
    PromptNotFoundError,
    Prompts,
    PromptsUnavailableError,
    TextPrompt,
)

Eventually = Callable[[Callable[[], Any]], None]
CHAT = [{"role": "user", "content": "{{ticket}}"}, {"placeholder": "history"}]


def test_a_single_mount_and_a_folder_of_mounts(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(3))
    swap(tmp_path / "b", files_of(8, prompt="ticket-router", messages=CHAT))
    with Prompts(tmp_path / "a") as single, Prompts(str(tmp_path)) as folder:
        assert dict(single) == {"ticket-summary": single["ticket-summary"]}
        assert sorted(folder) == ["ticket-router", "ticket-summary"]
        assert folder["ticket-summary"] == single["ticket-summary"]
        assert folder["ticket-router@production"] is folder["ticket-router"]
        assert len(folder) == 2
        assert "ticket-summary@production" in folder
        assert "ticket-summary@staging" not in folder
        assert folder.get("nothing") is None


def test_everything_of_a_version(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7, output={"type": "object"}))
    with Prompts(tmp_path) as prompts:
        prompt = prompts["ticket-summary"]
    assert (prompt.name, prompt.version, prompt.label) == ("ticket-summary", 7, "production")
    assert (prompt.revision, prompt.reason, prompt.by) == (7, "try 7", "ada@example.com")
    assert prompt.since == "2026-08-06T12:00:00Z"
    assert prompt.digest.startswith("sha256:")
    assert (prompt.model.provider, prompt.model.name) == ("openai", "m")
    assert prompt.model.parameters == {"seed": 7}
    assert prompt.tools == [{"name": "tool_7"}]
    assert prompt.output == {"type": "object"}
    assert prompt.text == "v7: {{ticket}}"
    assert prompt.messages is None
    assert not prompt.is_fallback


def test_text_and_chat_by_kind(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(1))
    swap(tmp_path / "b", files_of(1, prompt="ticket-router", messages=CHAT))
    with Prompts(tmp_path) as prompts:
        assert isinstance(prompts.text("ticket-summary"), TextPrompt)
        assert isinstance(prompts.chat("ticket-router"), ChatPrompt)
        with pytest.raises(PromptKindError, match="is a chat prompt"):
            prompts.text("ticket-router")
        with pytest.raises(PromptKindError, match="is a text prompt"):
            prompts.chat("ticket-summary")


def test_an_unknown_name_says_what_there_is(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(1))
    with (
        Prompts(tmp_path) as prompts,
        pytest.raises(PromptNotFoundError) as raised,
    ):
        prompts["ticket"]
    assert str(raised.value) == "no prompt 'ticket' is mounted; there is ticket-summary"
    assert isinstance(raised.value, KeyError)
    assert isinstance(raised.value, PromptError)


def test_two_labels_of_one_prompt(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    swap(tmp_path / "b", files_of(8, label="staging"))
    with Prompts(tmp_path) as prompts:
        assert sorted(prompts) == ["ticket-summary@production", "ticket-summary@staging"]
        assert prompts["ticket-summary@staging"].version == 8
        with pytest.raises(AmbiguousPromptError, match="ticket-summary@production, ticket-summary"):
            prompts["ticket-summary"]


def test_a_name_in_use_keeps_its_label_when_another_comes(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        swap(tmp_path / "b", files_of(8, label="staging"))
        prompts.refresh()
        assert prompts["ticket-summary"].label == "production"
        assert sorted(prompts) == ["ticket-summary", "ticket-summary@staging"]


def test_one_label_mounted_twice_gives_the_newer_revision(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(6, revision=31))
    swap(tmp_path / "b", files_of(7, revision=30))
    with Prompts(tmp_path) as prompts:
        assert prompts["ticket-summary"].version == 6


def test_a_swap_is_noticed_in_the_background(tmp_path: Path, eventually: Eventually) -> None:
    swap(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        held = prompts["ticket-summary"]
        swap(tmp_path / "a", files_of(8))
        eventually(lambda: prompts["ticket-summary"].version == 8)
        assert held.version == 7
        assert held.compile(ticket="x") == "v7: x"


def test_a_text_prompt_becomes_a_chat_prompt(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        swap(tmp_path / "a", files_of(8, messages=CHAT))
        prompts.refresh()
        assert prompts["ticket-summary"].text is None
        assert prompts["ticket-summary"].messages == CHAT


def test_a_new_mount_is_found(tmp_path: Path, eventually: Eventually) -> None:
    swap(tmp_path / "a", files_of(7))
    (tmp_path / "b").mkdir()
    (tmp_path / "lost+found").mkdir()
    with Prompts(tmp_path) as prompts:
        swap(tmp_path / "b", files_of(1, prompt="ticket-router"))
        eventually(lambda: "ticket-router" in prompts)
        swap(tmp_path / "c", files_of(1, prompt="tone-of-voice"))
        eventually(lambda: "tone-of-voice" in prompts)
        assert prompts.health().ok


def test_volumes_of_other_kinds_are_no_prompts(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    swap(tmp_path / "tls", {"tls.crt": "...", "tls.key": "..."})
    (tmp_path / "readme.txt").write_text("not a folder")
    with Prompts(tmp_path) as prompts:
        assert list(prompts) == ["ticket-summary"]
        assert prompts.health().ok


def test_a_plain_directory(tmp_path: Path) -> None:
    write_plain(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        assert prompts["ticket-summary"].version == 7
        write_plain(tmp_path / "a", files_of(8))
        prompts.refresh()
        assert prompts["ticket-summary"].version == 8


@pytest.mark.parametrize("repeats", range(20))
def test_a_plain_directory_written_twice_within_a_tick(tmp_path: Path, repeats: int) -> None:
    write_plain(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        write_plain(tmp_path / "a", files_of(8))
        prompts.refresh()
        write_plain(tmp_path / "a", files_of(9))
        prompts.refresh()
        assert prompts["ticket-summary"].version == 9


def truncated(mount: Path) -> None:
    files = files_of(8)
    swap(mount, {**files, "config.json": files["config.json"][:-9]})


def mixed(mount: Path) -> None:
    swap(mount, {**files_of(8), "config.json": files_of(7)["config.json"]})


def without_tools(mount: Path) -> None:
    swap(mount, {name: text for name, text in files_of(8).items() if name != "tools.json"})


def without_metadata(mount: Path) -> None:
    swap(mount, {name: text for name, text in files_of(8).items() if name != "metadata.json"})


def not_utf8(mount: Path) -> None:
    data = new_data(mount, files_of(8))
    (data / "prompt.txt").write_bytes(b"\xff")
    point(mount, data)


def of_the_future(mount: Path) -> None:
    files = files_of(8)
    swap(
        mount,
        {**files, "metadata.json": files["metadata.json"].replace('"format": 1', '"format": 2')},
    )


def too_deep(mount: Path) -> None:
    swap(mount, {**files_of(8), "tools.json": "[" * 100_000})


def of_a_strange_shape(mount: Path) -> None:
    swap(mount, files_of(8, model=["gpt"]))


def withdrawn(mount: Path) -> None:
    swap(mount, {})


def link_lost(mount: Path) -> None:
    (mount / "..data").unlink()


def link_dangling(mount: Path) -> None:
    point(mount, mount / "..2026_nothing")


def gone(mount: Path) -> None:
    mount.rename(mount.with_name(".." + mount.name))


def a_directory_for_a_file(mount: Path) -> None:
    data = new_data(mount, {})
    (data / "metadata.json").mkdir()
    point(mount, data)


TROUBLES = [
    (truncated, "corrupt", "config.json is not JSON"),
    (mixed, "corrupt", "not of one version"),
    (without_tools, "corrupt", "not of one version"),
    (without_metadata, "corrupt", "metadata.json is missing"),
    (not_utf8, "corrupt", "not UTF-8"),
    (of_the_future, "corrupt", "update the promptrelease package"),
    (too_deep, "corrupt", "tools.json is not JSON"),
    (of_a_strange_shape, "corrupt", "a model that is not provider"),
    (withdrawn, "withdrawn", "the label was withdrawn"),
    (link_lost, "corrupt", "metadata.json is missing"),
    (link_dangling, "absent", "does not exist"),
    (gone, "absent", "does not exist"),
    (a_directory_for_a_file, "unreadable", "metadata.json"),
]


@pytest.mark.parametrize(("trouble", "reason", "message"), TROUBLES)
def test_in_trouble_the_last_good_snapshot_is_served(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[[Path], None],
    reason: str,
    message: str,
) -> None:
    swap(tmp_path / "a", files_of(7))
    told: list[Problem] = []
    with Prompts(tmp_path) as prompts:
        prompts.on_problem(told.append)
        trouble(tmp_path / "a")
        prompts.refresh()
        prompts.refresh()
        assert prompts["ticket-summary"].version == 7

        (problem,) = prompts.health().problems
        assert not prompts.health().ok
        assert problem.reason == reason
        assert message in problem.message
        assert problem.path == str(tmp_path / "a")
        assert problem.prompt == "ticket-summary@production"
        assert told == [problem]
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "still serving ticket-summary@production" in record.getMessage()

        if trouble is gone:
            (tmp_path / "..a").rename(tmp_path / "a")
        swap(tmp_path / "a", files_of(9))
        prompts.refresh()
        assert prompts["ticket-summary"].version == 9
        assert prompts.health().ok


def test_a_problem_that_turns_into_another_keeps_its_beginning(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    told: list[Problem] = []
    with Prompts(tmp_path) as prompts:
        prompts.on_problem(told.append)
        truncated(tmp_path / "a")
        prompts.refresh()
        withdrawn(tmp_path / "a")
        prompts.refresh()
    assert [problem.reason for problem in told] == ["corrupt", "withdrawn"]
    assert told[0].since == told[1].since


def test_a_problem_that_was_there_first_is_told_to_who_asks_later(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    truncated(tmp_path / "b")
    told: list[Problem] = []
    with Prompts(tmp_path) as prompts:
        prompts.on_problem(told.append)
        assert tuple(told) == prompts.health().problems
        assert [problem.prompt for problem in told] == [None]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_permission_denied(open_folder: Path, in_fork: Callable[..., Any]) -> None:
    swap(open_folder / "a", files_of(7))
    swap(open_folder / "b", files_of(1, prompt="ticket-router"), mode=0o000)

    def read() -> tuple[int, list[str]]:
        with Prompts(open_folder) as prompts:
            problems: list[str] = [each.reason for each in prompts.health().problems]
            return prompts["ticket-summary"].version, problems

    assert in_fork(read, as_nobody=True) == (7, ["unreadable"])


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (lambda mount: None, "does not exist"),
        (lambda mount: mount.mkdir(), "holds no prompt"),
        (lambda mount: swap(mount, {}), "the label was withdrawn, or was never set"),
        (truncated, "config.json is not JSON"),
    ],
)
def test_a_first_start_with_nothing_readable(
    tmp_path: Path, trouble: Callable[[Path], None], message: str
) -> None:
    trouble(tmp_path / "a")
    with pytest.raises(PromptsUnavailableError, match=message) as raised:
        Prompts(tmp_path / "a")
    assert str(tmp_path / "a") in str(raised.value)


def test_the_packaged_fallback_until_a_mount_comes(tmp_path: Path) -> None:
    write_plain(tmp_path / "packaged" / "a", files_of(5))
    write_plain(tmp_path / "packaged" / "b", files_of(5, prompt="ticket-router"))
    changes: list[tuple[Prompt | None, Prompt]] = []
    with Prompts(tmp_path / "mounts", fallback=tmp_path / "packaged") as prompts:
        prompts.on_change(lambda old, new: changes.append((old, new)))
        assert prompts["ticket-summary"].is_fallback
        assert prompts["ticket-summary"].attributes["promptrelease.prompt.fallback"] is True
        reasons = sorted(problem.reason for problem in prompts.health().problems)
        assert reasons == ["absent", "fallback", "fallback"]

        swap(tmp_path / "mounts" / "a", files_of(7, label="staging"))
        prompts.refresh()
        assert prompts["ticket-summary"].version == 7
        assert not prompts["ticket-summary"].is_fallback
        assert "ticket-summary@production" not in prompts
        assert prompts["ticket-router"].is_fallback
        (problem,) = prompts.health().problems
        assert problem.prompt == "ticket-router@production"
        assert changes == [(None, prompts["ticket-summary"])]


def test_a_fallback_that_cannot_be_read_is_a_mistake_of_the_program(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    with pytest.raises(PromptsUnavailableError, match="fallback"):
        Prompts(tmp_path / "a", fallback=tmp_path / "packaged")


def test_on_change_gets_old_and_new(tmp_path: Path, eventually: Eventually) -> None:
    swap(tmp_path / "a", files_of(7))
    swap(tmp_path / "b", files_of(1, prompt="ticket-router"))
    changes: list[tuple[int | None, int, str]] = []
    with Prompts(tmp_path) as prompts:

        @prompts.on_change
        def changed(old: Prompt | None, new: Prompt) -> None:
            thread = threading.current_thread().name
            changes.append((old.version if old else None, new.version, thread))

        swap(tmp_path / "a", files_of(8))
        eventually(lambda: changes)
        swap(tmp_path / "a", files_of(8))
        prompts.refresh()
    assert changes == [(7, 8, "promptrelease-watcher")]


def test_a_callback_that_fails_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    swap(tmp_path / "a", files_of(7))
    seen = []
    with Prompts(tmp_path) as prompts:

        @prompts.on_change
        def fails(old: object, new: object) -> None:
            raise RuntimeError("on purpose")

        prompts.on_change(lambda old, new: seen.append(new))
        swap(tmp_path / "a", files_of(8))
        prompts.refresh()
        assert prompts["ticket-summary"].version == 8
    assert len(seen) == 1
    assert "fails" in caplog.text


def test_the_watcher_survives_what_it_does_not_know(
    tmp_path: Path, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        attempts = []

        def fail() -> None:
            attempts.append(1)
            raise RuntimeError("on purpose")

        with monkeypatch.context() as patched:
            patched.setattr(prompts, "refresh", fail)
            eventually(lambda: len(attempts) > 1)
        swap(tmp_path / "a", files_of(8))
        eventually(lambda: prompts["ticket-summary"].version == 8)


def test_closed_it_still_serves_and_says_that_it_is_closed(tmp_path: Path) -> None:
    swap(tmp_path / "a", files_of(7))
    prompts = Prompts(tmp_path)
    prompts.close()
    prompts.close()
    assert prompts["ticket-summary"].version == 7
    assert [problem.reason for problem in prompts.health().problems] == ["stale"]
    assert watchers() == []


def test_closed_from_a_callback(tmp_path: Path, eventually: Eventually) -> None:
    swap(tmp_path / "a", files_of(7))
    prompts = Prompts(tmp_path)
    prompts.on_change(lambda old, new: prompts.close())
    swap(tmp_path / "a", files_of(8))
    eventually(lambda: not watchers())


def test_a_forgotten_reader_ends_its_thread(tmp_path: Path, eventually: Eventually) -> None:
    swap(tmp_path / "a", files_of(7))
    prompts = Prompts(tmp_path)
    assert len(watchers()) == 1
    del prompts
    gc.collect()
    eventually(lambda: not watchers())


def test_stale_when_nobody_looked_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swap(tmp_path / "a", files_of(7))
    with Prompts(tmp_path) as prompts:
        assert prompts.health().ok
        monkeypatch.setattr("promptrelease.reader._prompts._STALE_AFTER", -1)
        (problem,) = prompts.health().problems
        assert problem.reason == "stale"


def test_a_look_that_fails_unforeseen_is_told_once_and_serving_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    swap(tmp_path / "a", files_of(7))
    told: list[Problem] = []
    with Prompts(tmp_path) as prompts:
        prompts.on_problem(told.append)

        def fail() -> None:
            raise MemoryError("no more")

        monkeypatch.setattr(prompts, "refresh", fail)
        eventually(lambda: bool(told))
        assert [problem.reason for problem in told] == ["stale"]
        assert "no more" in told[0].message
        assert "no more" in caplog.text
        assert prompts["ticket-summary"].version == 7


def watchers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "promptrelease-watcher"]
