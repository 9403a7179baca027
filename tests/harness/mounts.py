"""Mounts as kubelet makes them, and as it should not."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptrelease.content.files import Content, Metadata, to_files

_numbers = itertools.count(1)


def files_of(
    version: int,
    *,
    prompt: str = "ticket-summary",
    label: str = "production",
    revision: int | None = None,
    **content: Any,
) -> dict[str, str]:
    """The files of one version, every one of which says its number, unless ``content`` differs."""
    made = Content(
        **{
            "text": None if "messages" in content else f"v{version}: {{{{ticket}}}}",
            "variables": {"ticket": {"type": "string", "default": f"v{version}"}},
            "model": {"provider": "openai", "name": "m", "parameters": {"seed": version}},
            "tools": [{"name": f"tool_{version}"}],
            **content,
        }
    )
    metadata = Metadata(
        prompt=prompt,
        version=version,
        label=label,
        digest=made.digest,
        revision=version if revision is None else revision,
        reason=f"try {version}",
        by="ada@example.com",
        since="2026-08-06T12:00:00Z",
    )
    return to_files(made, metadata)


def write_plain(directory: Path, files: Mapping[str, str]) -> None:
    """A directory without kubelet's links, as ``promptrelease render --out`` makes it."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_bytes(text.encode())


def swap(mount: Path, files: Mapping[str, str], *, mode: int = 0o644) -> None:
    """What kubelet's AtomicWriter does for each change of a ConfigMap.

    A new directory, ``..data`` swung over to it by a rename, the links of single files, and the old
    directory removed.
    """
    point(mount, new_data(mount, files, mode=mode))
    for name in files:
        if not (mount / name).is_symlink():
            (mount / name).symlink_to(f"..data/{name}")
    for link in mount.iterdir():
        if link.is_symlink() and link.name != "..data" and link.name not in files:
            link.unlink()
    remove_old_data(mount)


def new_data(mount: Path, files: Mapping[str, str], *, mode: int = 0o644) -> Path:
    """The timestamped directory, which nothing points to yet."""
    data = mount / f"..2026_08_06_12_00_00.{next(_numbers):09d}"
    data.mkdir(parents=True)
    for name, text in files.items():
        (data / name).write_bytes(text.encode())
        (data / name).chmod(mode)
    return data


def point(mount: Path, data: Path) -> None:
    """Swing ``..data`` over, in one rename."""
    temporary = mount / "..data_tmp"
    temporary.symlink_to(data.name)
    temporary.rename(mount / "..data")


def remove_old_data(mount: Path) -> None:
    """Remove every timestamped directory but the one that is served."""
    served = (mount / "..data").readlink()
    for old in mount.glob("..2026*"):
        if old.name != served.name:
            shutil.rmtree(old)


def swap_link_first(mount: Path, files: Mapping[str, str]) -> None:
    """Badly: ``..data`` points to a directory that is filled only afterwards, byte by byte."""
    data = mount / f"..2026_08_06_12_00_00.{next(_numbers):09d}"
    point(mount, data)
    data.mkdir()
    for name, text in files.items():
        with (data / name).open("wb", buffering=0) as file:
            half = len(text.encode()) // 2
            file.write(text.encode()[:half])
            file.write(text.encode()[half:])
    remove_old_data(mount)
