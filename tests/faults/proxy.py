"""Between an operator and the API server: passes everything on, unless a fault says otherwise.

Each operator has a gate of its own, a port with TLS, so that a request is known to be its. It ends
TLS with the API server's own certificate, and sends the token on as it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import aiohttp
from aiohttp import web

from faults.calls import BOOKMARK, Answer, Call, Cut, Fault, Over
from harness.components import free_port
from harness.controlplane import ControlPlane

LONGEST_LINE = 1 << 24  # bytes of one watch event
# What belongs to one connection, or is said anew here.
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "host", "date", "server"}
EXPIRED = {
    "kind": "Status",
    "code": 410,
    "reason": "Expired",
    "message": "too old resource version",
}
PAUSE = 0.05  # seconds between the pieces of a body
READS = ("GET", "HEAD", "OPTIONS")
LEASES = "leases"


class Gate:
    """The way of one operator to the API server.

    Attributes:
        fault: what goes wrong from now on.
        done: writes that the API server has taken, in order.
        heard: resources of the events that were on their way to the operator, in order.
        last: event loop's time of the last request that was no watch, and of no Lease.
        closed: whether every connection is refused.
        witness: told of each write that the API server has taken, those of Leases included.

    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.fault = Fault()
        self.closed = False
        self.witness: Callable[[Gate, Call], None] = lambda gate, call: None
        self.done: list[Call] = []
        self.heard: list[str] = []
        self.last = 0.0
        self.port = free_port()
        self._session = session
        self._url = url
        self._number = 0
        self._busy = 0
        self._transports: set[asyncio.BaseTransport] = set()
        self._due: set[str] = set()  # kinds whose next watch is ended at once
        self._streams: dict[web.StreamResponse, tuple[str, aiohttp.ClientResponse]] = {}
        self._watching: set[asyncio.Task[web.StreamResponse]] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._runner: web.ServerRunner | None = None

    async def open(self, context: ssl.SSLContext) -> None:
        """Listen."""
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context)
        await site.start()

    async def close(self) -> None:
        """End all connections."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    def kubeconfig(self, file: Path, ca_file: Path, token: str, namespace: str) -> Path:
        """Write a kubeconfig whose server is this gate."""
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": str(ca_file),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "operator", "user": {"token": token}}],
            "contexts": [
                {
                    "name": "test",
                    "context": {"cluster": "test", "user": "operator", "namespace": namespace},
                }
            ],
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(config))
        return file

    def begin(self, fault: Fault | None = None) -> None:
        """Count writes from here on, and let a fault have its way."""
        self._number = 0
        self.done = []
        self.heard = []
        self.fault = fault or Fault()
        self.fault.begin(self)

    def follow(self, fault: Fault) -> None:
        """Another fault from here on, for which writes are counted anew."""
        self._number = 0
        self.fault = fault

    def quiet(self, seconds: float) -> bool:
        """Whether for so long nothing was asked, and nothing is on its way."""
        return not self._busy and asyncio.get_running_loop().time() - self.last >= seconds

    def cut(self) -> None:
        """Reset all connections."""
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        self._transports.clear()
        for task in self._watching:
            task.cancel()  # nobody would tell it, and the next event may be far

    def expire(self, resource: str) -> None:
        """End the watches of a kind with 410, as the API server does with one that is too old.

        Where there is none at the moment, the next.
        """
        self._due.add(resource)
        for stream, (watched, response) in list(self._streams.items()):
            if watched == resource:
                self._due.discard(resource)
                task = asyncio.create_task(self._end(stream, response))
                self._endings.add(task)
                task.add_done_callback(self._endings.discard)

    async def _end(self, stream: web.StreamResponse, response: aiohttp.ClientResponse) -> None:
        del self._streams[stream]
        error = {"type": "ERROR", "object": EXPIRED}
        with contextlib.suppress(ConnectionError):
            await stream.write(json.dumps(error).encode() + b"\n")
        response.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        self._transports.add(request.transport)
        call = self._call(request, await request.read())
        counts = not call.watch and call.resource != LEASES
        if counts:
            self._busy += 1
        try:
            passing = asyncio.ensure_future(self._pass_on(request, call))
            if call.watch:
                self._watching.add(passing)
                passing.add_done_callback(self._watching.discard)
            return await passing
        except (Cut, aiohttp.ClientError, ConnectionError, asyncio.CancelledError):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=502)
        finally:
            if counts:
                self._busy -= 1
                self.last = asyncio.get_running_loop().time()

    def _call(self, request: web.BaseRequest, body: bytes) -> Call:
        write = request.method not in READS and f"/{LEASES}" not in request.path
        self._number += write
        parts = request.path.strip("/").split("/")
        after = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else parts[-1:]
        resource, name, below = (*after, "", "", "")[:3]
        return Call(
            method=request.method,
            url=request.path_qs,
            number=self._number if write else 0,
            resource=f"{resource}/{below}" if below else resource,
            name=name,
            watch=bool(request.query.get("watch")),
            body=body,
            at=asyncio.get_running_loop().time(),
        )

    async def _pass_on(self, request: web.BaseRequest, call: Call) -> web.StreamResponse:
        if self.closed:
            raise Cut
        answer = await self.fault.asked(self, call)
        if answer is not None:
            return await self._send(request, answer)
        _check(request)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP}
        headers = self.fault.headers(call, headers)
        async with self._session.request(
            call.method,
            f"{self._url}{self.fault.url(self, call)}",
            data=call.body or None,
            headers=headers,
        ) as response:
            kept = {k: v for k, v in response.headers.items() if k.lower() not in HOP}
            if call.watch and response.status == 200:
                return await self._stream(request, call, response, kept)
            answer = Answer(response.status, await response.read(), kept)
        if call.method not in READS and answer.status < 300:
            self.witness(self, call)
            if call.write:
                self.done.append(call)
        _check(request)
        return await self._send(request, await self.fault.answered(self, call, answer))

    async def _send(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        result = web.StreamResponse(status=answer.status, headers=answer.headers)
        result.content_length = len(answer.body)
        await result.prepare(request)
        body = answer.body[: len(answer.body) - answer.missing]
        size = max(1, -(-len(body) // answer.pieces))
        for start in range(0, len(body), size):
            if start:
                await asyncio.sleep(PAUSE)
            await result.write(body[start : start + size])
        if answer.missing:
            raise Cut
        await result.write_eof()
        return result

    async def _stream(
        self,
        request: web.BaseRequest,
        call: Call,
        response: aiohttp.ClientResponse,
        headers: Mapping[str, str],
    ) -> web.StreamResponse:
        result = web.StreamResponse(status=200, headers=headers)
        result.enable_chunked_encoding()
        await result.prepare(request)
        self._streams[result] = (call.resource, response)
        if call.resource in self._due:
            self.expire(call.resource)
        try:
            while line := await response.content.readline():
                if not line.startswith(BOOKMARK):
                    self.heard.append(call.resource)
                async for event in self.fault.streamed(self, call, line):
                    await result.write(event)
        except Over:
            pass
        except aiohttp.ClientError:
            if result in self._streams:
                raise
        finally:
            self._streams.pop(result, None)
        await result.write_eof()
        return result


def _check(request: web.BaseRequest) -> None:
    """Raises Cut when nobody is there any more who asked."""
    if request.transport is None or request.transport.is_closing():
        raise Cut


class Proxy:
    """Opens gates. An asynchronous context manager."""

    def __init__(self, control_plane: ControlPlane) -> None:
        folder = control_plane.ca_file.parent
        self.ca_file = control_plane.ca_file
        self._url = control_plane.url
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(control_plane.ca_file, folder / "apiserver.key")
        self.client_context = ssl.create_default_context(cafile=str(control_plane.ca_file))

    async def __aenter__(self) -> Proxy:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.client_context),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=LONGEST_LINE,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def gate(self) -> Gate:
        """A new gate, open."""
        gate = Gate(self._session, self._url)
        await gate.open(self._server)
        return gate
