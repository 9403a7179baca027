"""Bodies of versions, between the watch that brings them and the worker that judges them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from promptrelease.controller.contents import Contents
from promptrelease.controller.kube import Kube, parse
from promptrelease.release.judge import Resolution

NOBODY = cast(Kube, None)  # the body is in memory: nobody is asked for it


def heard(depth: int) -> Contents:
    output = '{"a":' * depth + "1" + "}" * depth
    spec = (
        '{"prompt":"p","version":1,"text":"x","message":"m",'
        f'"model":{{"provider":"o","name":"n"}},"output":{output}}}'
    )
    obj: dict[str, Any] = parse(f'{{"metadata":{{"uid":"u"}},"spec":{spec}}}'.encode())
    contents = Contents(NOBODY)
    contents.heard(obj)
    return contents


def resolved(contents: Contents, frames: int = 0) -> Resolution:
    if frames:
        return resolved(contents, frames - 1)
    return asyncio.run(contents.resolve("ns", "p-v1", "u"))


def test_a_body_that_was_heard_is_judged() -> None:
    assert resolved(heard(10)).verdict.problems == ()


def test_one_that_python_could_just_read_is_judged_with_less_of_its_stack_left() -> None:
    (problem,) = resolved(heard(750), frames=300).verdict.problems
    assert problem.reason == "TooDeep"


def test_one_that_python_can_not_read_is_judged_too() -> None:
    (problem,) = resolved(heard(9000)).verdict.problems
    assert problem.reason == "TooDeep"
