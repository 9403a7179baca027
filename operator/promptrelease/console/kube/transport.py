"""How requests to the API server travel: httpx asks, aiohttp carries.

A page asks the API server many small things at once, for many people. httpx's own pool looks at all
its connections for each request, and parses answers in Python, which took longer than the API
server's work.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

IDLE_SECONDS = 60.0
"""How long a connection that nobody needs is kept."""


class Transport(httpx.AsyncBaseTransport):
    """Connections to the API server, as many as are needed; made in the event loop that uses them.

    Args:
        trust: whose certificates are believed.

    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its timeouts ``connect`` and ``read`` hold."""
        seconds = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=seconds.get("connect"), sock_read=seconds.get("read")
        )
        body = await request.aread()
        with _told(request):
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[
                    (name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
                    for name, value in request.headers.raw
                ],
                data=body or None,
                skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding"),
                allow_redirects=False,
                timeout=timeout,
            )
        return httpx.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=_Stream(request, answer),
            request=request,
        )

    async def aclose(self) -> None:
        """End all connections."""
        await self._session.close()


class _Stream(httpx.AsyncByteStream):
    """An answer's body, as it comes."""

    def __init__(self, request: httpx.Request, answer: aiohttp.ClientResponse) -> None:
        self._request = request
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _told(self._request):
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


@contextmanager
def _told(request: httpx.Request) -> Iterator[None]:
    """What goes wrong, as httpx tells it."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout(str(error), request=request) from error
    except (aiohttp.ServerTimeoutError, asyncio.TimeoutError) as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as error:
        raise httpx.RemoteProtocolError(str(error), request=request) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error) or repr(error), request=request) from error
