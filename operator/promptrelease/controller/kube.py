"""The few calls to the API server that are needed, in plain JSON.

``kubernetes.aio`` signs and sends them. Its models are left out: parsing each answer into one
costs more than the request.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration

from promptrelease.api import GROUP, VERSION
from promptrelease.controller import metrics
from promptrelease.release.render import MANAGER

Json = dict[str, Any]

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=30)
# The server ends a watch after so many seconds, with a bookmark right before that, so that longer
# silence means a dead connection. Going on costs a request; nothing is listed again.
WATCH_SECONDS = 25
SILENCE_SECONDS = 30
WATCH_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE_SECONDS)
PAGE = 500
LONGEST_PAGE = 8 * 1024 * 1024
"""Bytes of a page of a list: of one that gets longer, fewer objects are asked for at once."""

MAX_RETRY_AFTER = 30.0
"""Seconds of a ``Retry-After`` that are waited for at most: nobody may stop us for an hour."""


class ApiError(Exception):
    """The API server refused.

    Attributes:
        status: HTTP status.
        reason: the API's own word, such as ``AlreadyExists``.
        retry_after: seconds for which the server asks to be left alone, bounded.

    """

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class Fenced(Exception):
    """A write was not sent: somebody else may be the one to write by now."""

    def __str__(self) -> str:
        return "not the leader any more"


FAILURES = (ApiError, Fenced, aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What can go wrong on the way to the API server, and right at the next try."""


def asked_pause(error: Exception) -> float:
    """Seconds for which the server asks to be left alone; 0 where it says nothing of that."""
    return error.retry_after if isinstance(error, ApiError) else 0.0


@dataclass(frozen=True)
class Resource:
    """A kind, as the API's paths name it."""

    prefix: str
    plural: str

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """Path of the collection, of an object, or of an object's subresource."""
        parts = [self.prefix]
        if namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts += [self.plural, quote(name, safe=""), subresource]
        return "/".join(part for part in parts if part)


RELEASES = Resource(f"/apis/{GROUP}/{VERSION}", "promptreleases")
VERSIONS = Resource(f"/apis/{GROUP}/{VERSION}", "promptversions")
POLICIES = Resource(f"/apis/{GROUP}/{VERSION}", "promptpolicies")
APPROVALS = Resource(f"/apis/{GROUP}/{VERSION}", "promptapprovals")
CHANGES = Resource(f"/apis/{GROUP}/{VERSION}", "promptchanges")
SUITES = Resource(f"/apis/{GROUP}/{VERSION}", "promptsuites")
EVALUATIONS = Resource(f"/apis/{GROUP}/{VERSION}", "promptevaluations")
JOBS = Resource("/apis/batch/v1", "jobs")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
PODS = Resource("/api/v1", "pods")
EVENTS = Resource("/apis/events.k8s.io/v1", "events")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")

Fence = Callable[[], bool]
"""Whether a write may be sent."""

_fence: ContextVar[Fence] = ContextVar("fence", default=lambda: True)
"""Of the request that is being sent."""

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# With a parameter the client leaves the body to us; the API server looks at what is before it.
_APPLY = "application/apply-patch+yaml; charset=utf-8"
_MAX_NESTING = 200
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{}]')
_NOT_PLAIN_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class Kube:
    """Calls as one identity.

    Args:
        fence: asked right before each write is sent; where it says no, Fenced is raised. It is
            asked once more when the bytes leave, of a client that is ``fenced``.

    """

    def __init__(self, client: ApiClient, fence: Fence = lambda: True) -> None:
        self._client = client
        self._may_write = fence

    def behind(self, fence: Fence) -> Kube:
        """The same, writing only while the fence says so."""
        return Kube(self._client, fence)

    async def get(self, path: str, *, maybe_old: bool = False) -> Json | None:
        """Read one object; none when there is no such thing.

        Args:
            path: of the object.
            maybe_old: take what the API server has in its cache, where it costs least; it may
                be of some time ago, and what is new may be missing.

        """
        try:
            return await self._json("GET", f"{path}?resourceVersion=0" if maybe_old else path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def pages(
        self,
        path: str,
        *,
        selector: str = "",
        fields: str = "",
        metadata_only: bool = False,
        limit: int = PAGE,
    ) -> AsyncIterator[Json]:
        """List, page by page, from one consistent snapshot.

        Args:
            path: of the collection.
            selector: by labels.
            fields: the same by fields.
            metadata_only: leave out spec, status and data.
            limit: objects of a page.

        """
        accept = _METADATA_ONLY if metadata_only else "application/json"
        query = {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        size = limit
        while True:
            url = f"{path}?{urlencode({**query, 'limit': str(size)})}"
            page = await self._page(url, accept, most=LONGEST_PAGE if size > 1 else None)
            if page is None:
                size = max(1, size // 4)
                continue
            page["items"] = page["items"] or []  # of metadata alone, an empty list is null
            yield page
            more = page["metadata"].get("continue")
            if not more:
                return
            query["continue"] = more
            size = min(limit, 2 * size)

    async def watch(
        self, path: str, resource_version: str, *, selector: str = ""
    ) -> AsyncIterator[bytes]:
        """Events as JSON lines, until the server ends the stream.

        Raises:
            ApiError: 410 when ``resource_version`` is too old; others as they come.

        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS),
        } | ({"labelSelector": selector} if selector else {})
        url = f"{path}?{urlencode(query)}"
        response = await self._send("GET", url, timeout=WATCH_TIMEOUT)
        try:
            while line := await response.content.readline():
                yield line
        finally:
            response.close()

    async def apply(self, path: str, body: Json, *, force: bool) -> Json:
        """Server-side apply: the whole intent of this manager."""
        query = urlencode({"fieldManager": MANAGER, "force": "true" if force else "false"})
        return await self._json("PATCH", f"{path}?{query}", body=_yaml(body), content_type=_APPLY)

    async def create(self, path: str, body: Json) -> Json:
        """Create."""
        return await self._json("POST", f"{path}?fieldManager={MANAGER}", body=body)

    async def replace(self, path: str, body: Json) -> Json:
        """Replace an object, if it still is in the state that ``body`` names."""
        return await self._json("PUT", f"{path}?fieldManager={MANAGER}", body=body)

    async def merge(self, path: str, body: Json) -> Json:
        """JSON merge patch, RFC 7386."""
        return await self._json(
            "PATCH",
            f"{path}?fieldManager={MANAGER}",
            body=body,
            content_type="application/merge-patch+json",
        )

    async def delete(self, path: str, *, uid: str, resource_version: str) -> None:
        """Delete, if it still is the very object in the very state that was seen."""
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        await self._json("DELETE", path, body={"preconditions": preconditions})

    async def remove(self, path: str, *, uid: str) -> None:
        """Delete the very object that was seen, in whatever state, and what it owns after it."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._json("DELETE", path, body=body)

    async def _json(
        self,
        method: str,
        url: str,
        *,
        body: Json | bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        response = await self._send(
            method, url, body=body, content_type=content_type, accept=accept
        )
        try:
            result: Json = parse(await response.read())
        except ValueError as error:
            # Nobody knows whether a write was made; it is tried again, as after a lost answer.
            raise aiohttp.ClientPayloadError(f"{method} {url}: the answer is no JSON") from error
        return result

    async def _page(self, url: str, accept: str, most: int | None) -> Json | None:
        """A page of a list; none when it has more bytes than ``most``: memory is bounded."""
        response = await self._send("GET", url, accept=accept)
        text = bytearray()
        async for chunk in response.content.iter_any():
            text += chunk
            if most is not None and len(text) > most:
                response.close()
                return None
        result: Json = parse(bytes(text))
        return result

    async def _send(
        self,
        method: str,
        url: str,
        *,
        body: Json | bytes | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: aiohttp.ClientTimeout = REQUEST_TIMEOUT,
    ) -> aiohttp.ClientResponse:
        headers = {
            "Accept": accept,
            "Content-Type": content_type,
            # Compressing a long list takes the API server as long again as all the rest of it.
            "Accept-Encoding": "identity",
            "User-Agent": self._client.user_agent,
        }
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], url, method, body)
        if method != "GET" and not self._may_write():
            raise Fenced
        code = "error"
        began = time.monotonic()
        _fence.set(self._may_write)
        try:
            answer = await self._client.call_api(
                method,
                self._client.configuration.host + url,
                header_params=headers,
                body=body,
                _request_timeout=timeout,
            )
            response: aiohttp.ClientResponse = answer.response
            code = str(response.status)
        finally:
            verb = "WATCH" if timeout is WATCH_TIMEOUT else method
            metrics.requested(verb, url, code, time.monotonic() - began)
        if response.status >= 400:
            told = response.headers.get("Retry-After", "")
            raise _error(response.status, await response.read(), told)
        return response


def fenced(client: Configuration) -> None:
    """Have the fence asked once more when the body of a request leaves.

    The library sends it in a later turn of the event loop, after a connection may have been made.
    A process that is stopped in between would write when it goes on, however long after.
    """

    async def leaves(*_: object) -> None:
        if not _fence.get()():
            raise Fenced  # the library closes the connection, of which it has sent nothing

    traces = aiohttp.TraceConfig()
    traces.on_request_chunk_sent.append(leaves)
    client.trace_configs = [traces]


def parse(text: bytes) -> Any:
    """Read JSON; what nests beyond what Python reads is cut off, far below where it is refused.

    The API server takes JSON that is 10,000 levels deep, and one such object in a list must not
    keep us from all others.
    """
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(_cut(text))


def _cut(text: bytes) -> bytes:
    kept, end, depth = [], 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in (b"{", b"["):
            depth += 1
            if depth == _MAX_NESTING:
                kept.append(text[end : token.start()])
        elif token[0] in (b"}", b"]"):
            if depth == _MAX_NESTING:
                kept.append(b"null")
                end = token.end()
            depth -= 1
    return b"".join([*kept, text[end:]])


def _yaml(body: Json) -> bytes:
    """JSON that reads the same as YAML, which is what the API server takes an apply for.

    YAML knows no escapes in pairs, as JSON writes an emoji, and would fold or refuse some
    characters that JSON lets stand, such as U+2028 or U+FFFE.
    """
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_PLAIN_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _error(status: int, body: bytes, told: str) -> ApiError:
    pause = _retry_after(told) if status in (429, 503) else 0.0
    try:
        answer: Mapping[str, Any] = json.loads(body)
        reason, message = str(answer.get("reason", "")), str(answer.get("message", ""))
    except (ValueError, AttributeError):  # a proxy's page; JSON that is no object
        return ApiError(status, "", body[:200].decode(errors="replace"), pause)
    return ApiError(status, reason, message, pause)


def _retry_after(text: str) -> float:
    """Seconds; 0 for a date, which the API server never sends."""
    return min(MAX_RETRY_AFTER, float(text)) if text.isdecimal() else 0.0
