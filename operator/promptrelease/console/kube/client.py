"""Requests to the API server, as one person."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx

from promptrelease.api.resources import Resource
from promptrelease.console.identity.person import Headers, Person
from promptrelease.views.failures import Conflict, Failure, Forbidden, NotFound, Unreachable

logger = logging.getLogger(__name__)

Json = dict[str, Any]

MANAGER = "promptrelease-console"
"""Field manager of all that the console writes."""

PAGE = 500


class SignedOut(Forbidden):
    """The API server does not take the person's token any more."""


class Expired(Failure):
    """The API server has forgotten the state from which on something was asked for."""


@dataclass(frozen=True)
class Kube:
    """One namespace, for one person.

    Attributes:
        http: connections to the API server, with its address and its CA.
        own_token: the console's own, for impersonation; empty where tokens are passed through.

    """

    http: httpx.AsyncClient
    person: Person
    namespace: str
    own_token: str = ""

    def within(self, namespace: str) -> Kube:
        """The same person in another namespace."""
        return replace(self, namespace=namespace)

    async def get(self, resource: Resource, name: str) -> Json:
        """Read an object. Raises NotFound, and what ``request`` does."""
        return await self.request("GET", self.path(resource, name))

    async def find(self, resource: Resource, name: str) -> Json | None:
        """Read an object; none when there is no such thing."""
        try:
            return await self.get(resource, name)
        except NotFound:
            return None

    async def list(self, resource: Resource, *, fields: str = "", labels: str = "") -> list[Json]:
        """Read all objects of a kind in the namespace, page by page."""
        found: list[Json] = []
        async for page in self.pages(resource, fields=fields, labels=labels):
            kind = {"apiVersion": page["apiVersion"], "kind": resource.singular}
            found += [{**kind, **item} for item in page["items"] or ()]
        return found

    async def pages(
        self, resource: Resource, *, fields: str = "", labels: str = "", size: int = PAGE
    ) -> AsyncIterator[Json]:
        """List, page by page, from one consistent snapshot.

        Raises Expired, where reading takes longer than the server remembers.
        """
        query = {"limit": str(size)}
        if fields:
            # Few of many: the API server finds them in memory, and for a page it reads its store.
            query = {"fieldSelector": fields}
        if labels:
            query["labelSelector"] = labels
        while True:
            page = await self.request("GET", self.path(resource), query=query)
            yield page
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return

    async def watch(
        self, resource: Resource, *, name: str = "", since: str = "", seconds: float = 300
    ) -> AsyncIterator[tuple[str, Json]]:
        """Event type and object as things change; ends after so many seconds, or before.

        ``since`` is a resource version; without it, what is there comes first as ADDED.
        """
        events = self.events(resource, name=name, since=since, seconds=seconds)
        try:
            async for kind, obj in events:
                yield kind, obj
        except Expired:
            return
        finally:
            await events.aclose()

    async def events(
        self,
        resource: Resource,
        *,
        name: str = "",
        since: str = "",
        seconds: float = 300,
        bookmarks: bool = False,
        opened: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[tuple[str, Json], None]:
        """As ``watch``, for whoever goes on where it ended.

        Args:
            resource: the kind.
            name: of one object alone.
            since: a resource version; without it, what is there comes first as ADDED.
            seconds: the server ends it after so many.
            bookmarks: whether events BOOKMARK are wanted, which tell a later resource version.
            opened: called once the server has begun to answer: it may have nothing to tell.

        Raises:
            Expired: the server has forgotten what was at ``since``.

        """
        query = {"watch": "1", "timeoutSeconds": str(max(1, int(seconds)))}
        if since:
            query["resourceVersion"] = since
        if name:
            query["fieldSelector"] = f"metadata.name={name}"
        if bookmarks:
            query["allowWatchBookmarks"] = "true"
        request = self.http.build_request(
            "GET",
            self.path(resource),
            params=query,
            headers=self._headers(),
            timeout=httpx.Timeout(10, read=seconds + 10),
        )
        try:
            response = await self.http.send(request, stream=True)
            try:
                if response.status_code >= 400:
                    await response.aread()
                    raise _refused(response)
                opened()
                async for line in _lines(response):
                    event = json.loads(line)
                    if event["type"] == "ERROR":  # too old, or the server goes away
                        raise Expired(str(event["object"].get("message", "")), "look afresh")
                    yield event["type"], event["object"]
            finally:
                await response.aclose()
        except (httpx.HTTPError, ValueError) as error:
            raise _unreachable(self.path(resource), error) from error

    async def may(
        self, verb: str, resource: Resource, name: str = "", subresource: str = ""
    ) -> bool:
        """Whether this person may do something, as the API server says."""
        group = resource.prefix.split("/")[2] if resource.prefix.startswith("/apis/") else ""
        attributes = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": resource.plural,
            "name": name,
            "subresource": subresource,
        }
        answer = await self.request(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        return bool(answer["status"].get("allowed"))

    async def whoami(self) -> Json:
        """``userInfo`` of this person: username, groups, uid, extra."""
        answer = await self.request(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            body={"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        )
        return dict(answer["status"]["userInfo"])

    async def create(self, resource: Resource, body: Json, *, dry_run: bool = False) -> Json:
        """Create an object. Raises Conflict when its name is taken."""
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return await self.request("POST", self.path(resource), query=query, body=body)

    async def merge(
        self, resource: Resource, name: str, patch: Json, *, dry_run: bool = False
    ) -> Json:
        """Change an object by a JSON merge patch."""
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return await self.request(
            "PATCH",
            self.path(resource, name),
            query=query,
            body=patch,
            content_type="application/merge-patch+json",
        )

    def path(self, resource: Resource, name: str = "") -> str:
        """Path of a collection or an object in the namespace. Raises NotFound: no name at all."""
        if {".", ".."} & {self.namespace, name}:  # they would lead to another path
            raise NotFound(f"there is no {resource.singular} of that name", "it may be mistyped")
        parts = [resource.prefix, "namespaces", quote(self.namespace, safe=""), resource.plural]
        return "/".join([*parts, *([quote(name, safe="")] if name else [])])

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """Ask the API server.

        Raises:
            Failure: of the kind that the answer is; SignedOut when the token is not taken;
                Unreachable when there is no answer.

        """
        try:
            response = await self.http.request(
                method,
                path,
                params=query,
                content=None if body is None else json.dumps(body).encode(),
                headers=[*self._headers(), (b"Content-Type", content_type.encode())],
            )
        except httpx.HTTPError as error:
            raise _unreachable(path, error) from error
        if response.status_code >= 400:
            raise _refused(response)
        try:
            answer: Json = response.json()
        except ValueError as error:
            raise _unreachable(path, error) from error
        return answer

    def _headers(self) -> Headers:
        return [
            *self.person.headers(self.own_token),
            (b"Accept", b"application/json"),
            # Nearby, packing and unpacking costs more than sending.
            (b"Accept-Encoding", b"identity"),
        ]


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    """Lines by line feeds alone: a prompt's text may have what else Unicode takes for an end."""
    rest: list[bytes] = []
    async for chunk in response.aiter_bytes():
        first, *others = chunk.split(b"\n")
        rest.append(first)
        for other in others:
            if line := b"".join(rest):
                yield line
            rest = [other]


def _refused(response: httpx.Response) -> Failure:
    try:
        status = response.json()
    except ValueError:
        status = {}
    message = str(status.get("message") or response.text.strip() or f"HTTP {response.status_code}")
    return _failure(response.status_code, message)


def _unreachable(where: str, cause: object) -> Unreachable:
    """For people; what it comes from is for the log."""
    logger.warning("the API server does not answer: %s: %r", where, cause)
    return Unreachable("the cluster does not answer", "it is tried again when you reload")


def _failure(code: int, message: str) -> Failure:
    match code:
        case 401:
            return SignedOut("your sign-in has ended", "sign in again")
        case 403:
            return Forbidden(message, "whoever runs the platform can give you that right")
        case 404:
            return NotFound(message, "it may have been deleted, or the address is mistyped")
        case 409:
            return Conflict(message, "look at what is there now, and try again")
        case 410:
            return Expired(message, "load the page again")
        case 429 | 500 | 502 | 503 | 504:
            return _unreachable(f"HTTP {code}", message)
    return Failure(message)
