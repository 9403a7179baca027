from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="promptrelease-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def in_fork() -> Callable[..., Any]:
    return run_in_fork


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], None]:
    return wait_until


def run_in_fork(function: Callable[[], Any], *, as_nobody: bool = False) -> Any:
    """What ``function`` returns in a forked child, its exception included."""
    return collect(start_in_fork(function, as_nobody=as_nobody))


def start_in_fork(function: Callable[[], Any], *, as_nobody: bool = False) -> tuple[int, int]:
    """The child's process id, and the descriptor that its result comes from.

    With ``as_nobody`` the child gives up root, to which no permission is denied.
    """
    result, outcome = os.pipe()
    child = os.fork()
    if child:
        os.close(outcome)
        return child, result
    try:
        if as_nobody and os.geteuid() == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
        returned: Any = function()
    except BaseException as error:
        returned = error
    with os.fdopen(outcome, "wb") as file:
        pickle.dump(returned, file)
    os._exit(0)


def collect(started: tuple[int, int]) -> Any:
    child, result = started
    with os.fdopen(result, "rb") as file:
        pickled = file.read()
    os.waitpid(child, 0)
    returned = pickle.loads(pickled)
    if isinstance(returned, BaseException):
        raise returned
    return returned


def wait_until(condition: Callable[[], Any]) -> None:
    """Fail after a time that only a hang reaches."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.005)
