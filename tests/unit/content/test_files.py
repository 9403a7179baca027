"""The files of a ConfigMap: written and read back, and never of two versions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptrelease.content.files import (
    Content,
    ContentError,
    Metadata,
    from_files,
    to_files,
)

_text = st.text(st.characters(exclude_categories=["Cs"]))
_names = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
_messages = st.lists(
    st.fixed_dictionaries({"role": _names, "content": _text})
    | st.fixed_dictionaries({"placeholder": _names}),
    max_size=3,
)
_rest = {
    "variables": st.dictionaries(_names, st.dictionaries(_names, _json, max_size=2), max_size=3),
    "model": st.dictionaries(_names, _json, max_size=3),
    "tools": st.lists(st.dictionaries(_names, _json, max_size=2), max_size=2),
    "output": st.none() | st.dictionaries(_names, _json, max_size=2),
}
contents = st.builds(Content, text=_text, **_rest) | st.builds(
    Content, text=st.none(), messages=_messages, **_rest
)


def metadata_of(content: Content) -> Metadata:
    return Metadata("p", 7, "production", content.digest, 31, 'say "why"', "ada", "2026-08-06")


@given(contents)
def test_round_trip(content: Content) -> None:
    files = to_files(content, metadata_of(content))
    assert from_files(files) == (content, metadata_of(content))
    assert to_files(*from_files(files)) == files


@given(contents, contents)
def test_files_of_two_versions_are_never_taken_for_a_third(one: Content, other: Content) -> None:
    mixed = {
        **to_files(one, metadata_of(one)),
        "metadata.json": to_files(other, metadata_of(other))["metadata.json"],
    }
    try:
        content, _ = from_files(mixed)
    except ContentError:
        return
    # They may differ in nothing but the contract, which is in metadata.json itself.
    assert content == other


@given(contents, st.data())
def test_a_truncated_or_missing_file_is_refused(content: Content, data: st.DataObject) -> None:
    files = to_files(content, metadata_of(content))
    name = data.draw(st.sampled_from(sorted(files)))
    cut = data.draw(st.integers(0, max(0, len(files[name].rstrip()) - 1)))
    shorter = {**files, name: files[name][:cut]}
    if shorter != files:
        with pytest.raises(ContentError):
            from_files(shorter)
    del shorter[name]
    with pytest.raises(ContentError):
        from_files(shorter)


@pytest.mark.parametrize(
    ("name", "value"),
    [("version", "7"), ("version", True), ("revision", None), ("prompt", 1), ("since", 2026)],
)
def test_facts_of_another_type(name: str, value: Any) -> None:
    content = Content(text="x", model={"name": "m"})
    files = to_files(content, replace(metadata_of(content), **{name: value}))
    with pytest.raises(ContentError, match=f"metadata.json has {name} "):
        from_files(files)


def test_text_and_messages_together() -> None:
    content = Content(text="x", model={"name": "m"})
    files = {**to_files(content, metadata_of(content)), "messages.json": "[]"}
    with pytest.raises(ContentError, match="exactly one of"):
        from_files(files)


def test_what_is_for_people_to_read() -> None:
    content = Content(text="é\r\n", model={"name": "m", "parameters": {"temperature": 1.0}})
    files = to_files(content, metadata_of(content))
    assert files["prompt.txt"] == "é\r\n"
    assert json.loads(files["config.json"])["model"]["parameters"] == {"temperature": 1}
    assert sorted(files) == ["config.json", "metadata.json", "prompt.txt"]
