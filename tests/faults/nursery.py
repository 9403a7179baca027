"""A process that has imported the operator and forks it: a start takes 0.1 s and not a second.

Each line of standard input asks for one: ``{"arguments": [...], "log": "...", "format": 0}``. The
answers are ``{"pid": 7}`` and, when one has ended, ``{"ended": 7, "code": -9}``. What is forked is
the shipped command, ``promptrelease.controller.main``. All of them end when this process does.

With a ``format`` the operator writes files of that format, as an earlier release of it would.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import sys
from typing import Any

from promptrelease.content import files
from promptrelease.controller import main as operator
from promptrelease.release import render

PR_SET_PDEATHSIG = 1


def serve() -> None:
    """Fork until standard input ends."""
    libc = ctypes.CDLL(None)
    wakeup, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    gc.collect()
    gc.freeze()
    say({"ready": os.getpid()})
    unread = b""
    while True:
        readable, _, _ = select.select([0, wakeup], [], [])
        if wakeup in readable:
            os.read(wakeup, 512)
            reap()
        if 0 in readable:
            more = os.read(0, 1 << 16)
            if not more:
                return
            *lines, unread = (unread + more).split(b"\n")
            for line in lines:
                say({"pid": fork(json.loads(line), libc)})


def fork(request: dict[str, Any], libc: ctypes.CDLL) -> int:
    """Start one operator; returns its process id."""
    parent = os.getpid()
    if pid := os.fork():
        return pid
    code = 1
    try:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it ended before it could be heard
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if (number := request.get("format")) is not None:
            for module in (files, render):
                vars(module)["FORMAT"] = number
        sys.argv = ["promptrelease-operator", *request["arguments"]]
        code = operator.main()
    finally:
        os._exit(code)


def reap() -> None:
    """Tell of all that have ended."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def say(what: dict[str, int]) -> None:
    """One line of standard output."""
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve()
