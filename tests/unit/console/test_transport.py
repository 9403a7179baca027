"""Requests to a server that answers as we like: what comes back, and what goes wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from promptrelease.api.resources import RELEASES
from promptrelease.console.identity.person import Person
from promptrelease.console.kube.client import Expired, Kube
from promptrelease.console.kube.transport import Transport
from promptrelease.views.failures import NotFound, Unreachable

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def served(answer: Answer, seconds: float = 5) -> AsyncIterator[tuple[Kube, list[bytes]]]:
    """Somebody's requests to a server that answers so, and what was asked."""
    asked: list[bytes] = []
    open_ones: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        await answer(writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = Transport(ssl.create_default_context())
    async with (
        server,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=seconds
        ) as http,
    ):
        try:
            yield Kube(http, Person("jürgen", ("a", "b"), token=""), "shop", "own"), asked
        finally:
            for writer in open_ones:
                writer.transport.abort()
            await asyncio.sleep(0)


def saying(text: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return answer


async def test_headers_go_out_as_they_are() -> None:
    async with served(saying(HEAD + b"Content-Length: 2\r\n\r\n{}")) as (kube, asked):
        assert await kube.request("GET", "/x y", query={"a": "ü&="}) == {}
    (text,) = asked
    lines = text.split(b"\r\n")
    assert lines[0] == b"GET /x%20y?a=%C3%BC%26%3D HTTP/1.1"
    assert b"Impersonate-User: j\xc3\xbcrgen" in lines
    assert [line for line in lines if line.startswith(b"Impersonate-Group")] == [
        b"Impersonate-Group: a",
        b"Impersonate-Group: b",
    ]
    assert b"Accept-Encoding: identity" in lines


async def test_an_answer_that_breaks_off() -> None:
    async with served(saying(HEAD + b"Content-Length: 200\r\n\r\n{")) as (kube, _):
        with pytest.raises(Unreachable, match="the cluster does not answer"):
            await kube.request("GET", "/")


async def test_no_answer_at_all() -> None:
    async with served(saying(b"")) as (kube, _):
        with pytest.raises(Unreachable):
            await kube.request("POST", "/", body={})


async def test_silence() -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)

    async with served(silent, seconds=0.2) as (kube, _):
        with pytest.raises(Unreachable, match="the cluster does not answer"):
            await kube.request("GET", "/")


async def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    async with served(saying(b"")) as (kube, _):
        pass
    async with httpx.AsyncClient(
        base_url=kube.http.base_url, transport=Transport(ssl.create_default_context())
    ) as http:
        with pytest.raises(Unreachable) as raised:
            await Kube(http, kube.person, "shop").request("GET", "/")
    assert (str(raised.value), raised.value.hint) == (
        "the cluster does not answer",
        "it is tried again when you reload",
    )
    assert "ConnectError" in caplog.text  # what it comes from is for the log


@pytest.mark.parametrize(("namespace", "name"), [("shop", "."), ("shop", ".."), ("..", "a")])
async def test_a_name_that_would_lead_elsewhere(namespace: str, name: str) -> None:
    async with served(saying(HEAD + b"Content-Length: 2\r\n\r\n{}")) as (kube, asked):
        with pytest.raises(NotFound, match="there is no PromptRelease of that name"):
            await kube.within(namespace).get(RELEASES, name)
    assert not asked


async def test_a_watch_that_breaks_off_and_one_that_is_too_old() -> None:
    event = b'{"type":"ADDED","object":{"metadata":{"name":"a\xc2\x85b"}}}\n'
    chunk = f"{len(event):x}\r\n".encode() + event + b"\r\n"
    seen: list[tuple[str, str]] = []

    async def look(kube: Kube) -> None:
        async for kind, obj in kube.events(RELEASES):
            seen.append((kind, obj["metadata"]["name"]))

    async with served(saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)) as (kube, _):
        with pytest.raises(Unreachable):
            await look(kube)
    assert seen == [("ADDED", "a\x85b")]

    gone = b'{"type":"ERROR","object":{"code":410,"message":"too old"}}\n'
    async with served(saying(HEAD + b"\r\n" + gone)) as (kube, _):
        with pytest.raises(Expired, match="too old"):
            await look(kube)
    async with served(saying(HEAD + b"\r\n" + gone)) as (kube, _):
        assert [event async for event in kube.watch(RELEASES)] == []
