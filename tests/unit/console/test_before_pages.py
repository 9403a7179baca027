"""What stands before the pages: limits, bodies, time, and what nobody foresaw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from promptrelease.console.settings import Settings
from promptrelease.console.web import names, templates
from promptrelease.console.web.bodies import Bounded
from promptrelease.console.web.headers import Catch, TellBrowsers
from promptrelease.console.web.limits import KNOWN, Buckets, NotForEver
from promptrelease.views.failures import NotFound

SETTINGS = Settings(server="https://a", secret="x" * 40, url="http://a")


async def breaks(_: Request) -> Response:
    raise RuntimeError("the text of a prompt")


async def hangs(_: Request) -> Response:
    await asyncio.sleep(60)
    return PlainTextResponse("late")


async def streams(_: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for number in range(5):
            yield f"{number}\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(parts())


async def echoes(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


def app() -> Starlette:
    made = Starlette(
        routes=[
            Route("/breaks", breaks),
            Route("/hangs", hangs),
            Route("/streams", streams),
            Route("/echoes", echoes, methods=["POST"]),
        ],
        middleware=[
            Middleware(TellBrowsers, settings=SETTINGS),
            Middleware(Catch),
            Middleware(Bounded, limit=1000),
            Middleware(NotForEver, seconds=0.2),
        ],
    )
    made.state.console = SimpleNamespace(templates=templates.environment())
    return made


def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app())
    return httpx.AsyncClient(transport=transport, base_url="http://a")


async def test_what_nobody_foresaw_is_a_page_too() -> None:
    async with client() as browser:
        answer = await browser.get("/breaks")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "prompt</" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


async def test_an_answer_that_does_not_begin() -> None:
    async with client() as browser:
        answer = await browser.get("/hangs")
    assert answer.status_code == 504
    assert "took too long" in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


async def test_an_answer_that_has_begun_may_go_on() -> None:
    async with client() as browser:
        answer = await browser.get("/streams")
    assert answer.text == "0\n1\n2\n3\n4\n"


@pytest.mark.parametrize(("length", "status"), [(0, 200), (1000, 200), (1001, 413), (9000, 413)])
async def test_bodies(length: int, status: int) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(length):
            yield b"x"

    async with client() as browser:
        announced = await browser.post("/echoes", content=b"x" * length)
        streamed = await browser.post("/echoes", content=parts())
    assert announced.status_code == streamed.status_code == status


def test_a_minutes_worth_at_once_and_then_evenly() -> None:
    now = [0.0]
    buckets = Buckets(6, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(6)] == [0] * 6
    assert buckets.take("a") == pytest.approx(10)
    assert buckets.take("b") == 0
    now[0] = 9.9
    assert buckets.take("a") > 0
    now[0] = 10.1
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0
    now[0] = 10_000
    assert [buckets.take("a") for _ in range(6)] == [0] * 6
    assert buckets.take("a") > 0


def test_no_limit() -> None:
    buckets = Buckets(0)
    assert not any(buckets.take("a") for _ in range(1000))


def test_it_remembers_so_many_and_no_more() -> None:
    buckets = Buckets(1)
    for number in range(KNOWN + 100):
        buckets.take(str(number))
    assert len(buckets._left) == KNOWN
    assert buckets.take(str(KNOWN + 99)) > 0


@pytest.mark.parametrize("name", ["a", "greeting", "a-b", "a.b-v7", "0"])
def test_names(name: str) -> None:
    names.check({"prompt": name, "number": 7})


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "a-", "A", "a/b", "a%2fb", "a b", "a\n", "ä", "a" * 254, "a?b"]
)
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(NotFound, match="no prompt of that name"):
        names.check({"prompt": name})
