"""The API server, as the person at the terminal.

The official client finds the kubeconfig, signs and sends; its models are left out, since all that
is read here is shown or judged as plain JSON.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from promptrelease.api import GROUP
from promptrelease.api.resources import Resource
from promptrelease.views.failures import Conflict, Failure, Forbidden, NotFound, Unreachable

if TYPE_CHECKING:
    from kubernetes.client.rest import RESTResponse

Json = dict[str, Any]

MANAGER = "kubectl-prompt"
"""Field manager of all that the command line writes."""

CONNECT_SECONDS = 5
ANSWER_SECONDS = 30
PAGE = 500


class Cluster:
    """One namespace of a cluster, for one person.

    Args:
        kubeconfig: a file; none for ``$KUBECONFIG`` or ``~/.kube/config``, and, where neither is
            and this runs in a pod, the pod's service account.
        context: of the kubeconfig; none for the current one.
        namespace: none for the context's.

    Raises:
        Unreachable: there is no such kubeconfig or context.

    """

    def __init__(
        self,
        kubeconfig: str | None = None,
        context: str | None = None,
        namespace: str | None = None,
    ) -> None:
        # A third of a second, which commands on files alone need not wait for.
        from kubernetes import config
        from kubernetes.client import ApiClient, Configuration

        configuration = Configuration()
        configuration.retries = False
        given = kubeconfig or os.environ.get("KUBECONFIG") or config.KUBE_CONFIG_DEFAULT_LOCATION
        self.namespace = namespace or "default"
        self.context = context or ""
        try:
            if not os.environ.get("KUBERNETES_SERVICE_HOST") or _is_there(given) or context:
                contexts, active = config.list_kube_config_contexts(given)
                chosen = active
                if context is not None:
                    chosen = next((c for c in contexts if c["name"] == context), None)
                    if chosen is None:
                        known = ", ".join(sorted(c["name"] for c in contexts))
                        raise Unreachable(
                            f"the kubeconfig has no context {context!r}", f"it has: {known}"
                        )
                self.context = chosen["name"]
                self.namespace = namespace or chosen["context"].get("namespace") or "default"
                config.load_kube_config(
                    given, context=self.context, client_configuration=configuration
                )
            else:
                config.load_incluster_config(client_configuration=configuration)
        except (config.ConfigException, OSError) as error:
            raise Unreachable(
                f"no cluster to talk to: {error}",
                "point KUBECONFIG or --kubeconfig to the cluster's kubeconfig",
            ) from error
        self.server = str(configuration.host)
        self._client = ApiClient(configuration)

    # Reading

    def get(self, resource: Resource, name: str) -> Json:
        """Read an object. Raises NotFound, and what ``request`` does."""
        return self.request("GET", self.path(resource, name))

    def find(self, resource: Resource, name: str) -> Json | None:
        """Read an object; none when there is no such thing."""
        try:
            return self.get(resource, name)
        except NotFound:
            return None

    def list(
        self, resource: Resource, *, fields: str = "", labels: str = "", everywhere: bool = False
    ) -> list[Json]:
        """Read all objects of a kind in the namespace, or in all of them, page by page."""
        path = f"{resource.prefix}/{resource.plural}" if everywhere else self.path(resource)
        query = {"limit": str(PAGE)}
        if fields:
            query["fieldSelector"] = fields
        if labels:
            query["labelSelector"] = labels
        found: list[Json] = []
        while True:
            page = self.request("GET", path, query=query)
            kind = {"apiVersion": page["apiVersion"], "kind": resource.singular}
            found += [{**kind, **item} for item in page["items"] or ()]
            query["continue"] = page["metadata"].get("continue") or ""
            if not query["continue"]:
                return found

    def watch(
        self, resource: Resource, *, name: str = "", since: str = "", seconds: float = 60
    ) -> Iterator[tuple[str, Json]]:
        """Event type and object as things change; ends after so many seconds, or before.

        ``since`` is a resource version; without it, what is there comes first as ADDED.
        """
        query = {"watch": "1", "timeoutSeconds": str(max(1, int(seconds)))}
        if since:
            query["resourceVersion"] = since
        if name:
            query["fieldSelector"] = f"metadata.name={name}"
        response = self._send("GET", self.path(resource), query=query, answer=seconds + 10)
        stream = response.response
        try:
            rest = b""
            for chunk in stream.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        return  # too old, or the server goes away: look afresh
                    yield event["type"], event["object"]
        except _broken():
            return
        finally:
            stream.release_conn()

    def may(self, verb: str, resource: Resource, name: str = "", subresource: str = "") -> bool:
        """Whether the person at the terminal may do something."""
        group = resource.prefix.split("/")[2] if resource.prefix.startswith("/apis/") else ""
        attributes = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": resource.plural,
            "name": name,
            "subresource": subresource,
        }
        answer = self.request(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        return bool(answer["status"].get("allowed"))

    def whoami(self) -> str:
        """The name by which the API server knows the person at the terminal."""
        answer = self.request(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            body={"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        )
        return str(answer["status"]["userInfo"].get("username", ""))

    # Writing

    def create(self, resource: Resource, body: Json, *, dry_run: bool = False) -> Json:
        """Create an object. Raises Conflict when its name is taken."""
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return self.request("POST", self.path(resource), query=query, body=body)

    def merge(self, resource: Resource, name: str, patch: Json, *, dry_run: bool = False) -> Json:
        """Change an object by a JSON merge patch."""
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return self.request(
            "PATCH",
            self.path(resource, name),
            query=query,
            body=patch,
            content_type="application/merge-patch+json",
        )

    def delete(self, resource: Resource, name: str) -> Json:
        """Delete an object."""
        return self.request("DELETE", self.path(resource, name))

    # The wire

    def path(self, resource: Resource, name: str = "", subresource: str = "") -> str:
        """Path of a collection, an object, or an object's subresource in the namespace."""
        parts = [resource.prefix, "namespaces", self.namespace, resource.plural]
        parts += [quote(name, safe="")] if name else []
        return "/".join([*parts, *([subresource] if subresource else [])])

    def request(
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
            Failure: of the kind that the answer is; Unreachable when there is none.

        """
        response = self._send(method, path, query=query or {}, body=body, content_type=content_type)
        try:
            answer: Json = json.loads(response.read())
        except _broken() as error:
            raise Unreachable(f"the answer of {self.server} broke off: {error}") from error
        return answer

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: Json | None = None,
        content_type: str = "application/json",
        answer: float = ANSWER_SECONDS,
    ) -> RESTResponse:
        signed = self._client.param_serialize(
            method=method,
            resource_path=path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*signed, _request_timeout=(CONNECT_SECONDS, answer))
        except _broken() as error:
            raise Unreachable(
                f"no answer from {self.server}: {_cause(error)}",
                "is the cluster up, and is this the right context? (kubectl config get-contexts)",
            ) from error
        if response.status >= 400:
            raise self._refused(path, response)
        return response

    def _refused(self, path: str, response: RESTResponse) -> Failure:
        text = (response.read() or b"").decode(errors="replace")
        try:
            status = json.loads(text)
        except ValueError:
            status = {}
        message = str(status.get("message") or text.strip() or f"HTTP {response.status}")
        reason = status.get("reason", "")
        if response.status == 401:
            return Forbidden("the cluster does not know you", "sign in again, or renew the token")
        if response.status == 404 and "details" not in status:
            return Unreachable(
                f"promptrelease is not installed in this cluster ({path} is not there)"
                if f"/apis/{GROUP}/" in path
                else f"{self.server} has no {path}",
                "install it: kubectl apply --server-side -k manifests/base",
            )
        if response.status == 404:
            return NotFound(
                message, "kubectl prompt list shows what there is; -n names a namespace"
            )
        if response.status == 403:
            return Forbidden(
                message,
                "kubectl prompt doctor shows what you may do; whoever runs the platform helps",
            )
        if response.status == 409:
            return Conflict(message, "look at what is there now, and try again")
        if response.status in (429, 503, 504) or response.status >= 500:
            return Unreachable(f"the API server can't answer now: {message}", "try again")
        return Failure(f"{reason}: {message}" if reason and reason not in message else message)


def _is_there(paths: str) -> bool:
    return any(Path(path).expanduser().exists() for path in paths.split(os.pathsep))


def _broken() -> tuple[type[Exception], ...]:
    """What the client's HTTP library raises when there is no answer, or half of one."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    return (HTTPError, ApiException, OSError, ValueError)


def _cause(error: BaseException) -> str:
    """The innermost reason, which says most."""
    reason = getattr(error, "reason", None)
    while isinstance(reason, BaseException):
        error, reason = reason, getattr(reason, "reason", None)
    text = str(reason or error)
    # What urllib3 puts before it is its own object, in one way or the other.
    return re.sub(r"^(<.*?>|HTTPS?Connection\w*\(.*?\)): ", "", text)
