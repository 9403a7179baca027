"""The part of Langfuse's public API that is about prompts, in memory.

Routes, bodies and rules are those of its API reference: pages from 1, a label at one version at
most, ``latest`` at the newest, names with a slash percent-encoded, basic authentication.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
PUBLIC_KEY, SECRET_KEY = "pk-lf-test", "sk-lf-test"
TIME = "2026-03-{day:02d}T08:00:00.000Z"
PAGE = 50
_PROMPTS = "/api/public/v2/prompts"


class LangfuseServer(ThreadingHTTPServer):
    """A project's prompts, on loopback.

    Attributes:
        prompts: name to versions, ascending.
        writes: requests that changed something, since the start.
        user: who creates what comes in.

    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prompts: dict[str, list[Json]] = {}
        self.writes = 0
        self.user = "API"
        self.lock = threading.Lock()

    @property
    def environment(self) -> dict[str, str]:
        """What the client reads."""
        return {
            "LANGFUSE_BASE_URL": f"http://127.0.0.1:{self.server_port}",
            "LANGFUSE_PUBLIC_KEY": PUBLIC_KEY,
            "LANGFUSE_SECRET_KEY": SECRET_KEY,
        }

    def create(self, body: Json) -> Json:
        """The next version of a prompt."""
        versions = self.prompts.setdefault(body["name"], [])
        number = len(versions) + 1
        row = {
            "id": f"{body['name']}-{number}",
            "name": body["name"],
            "version": number,
            "type": body.get("type") or "text",
            "prompt": body["prompt"],
            "config": body.get("config") if body.get("config") is not None else {},
            "labels": [],
            "tags": body.get("tags") or [],
            "commitMessage": body.get("commitMessage"),
            "createdAt": TIME.format(day=number),
            "updatedAt": TIME.format(day=number),
            "createdBy": self.user,
            "isActive": None,
            "resolutionGraph": None,
        }
        versions.append(row)
        self.set_labels(body["name"], number, [*(body.get("labels") or []), "latest"])
        return row

    def set_labels(self, name: str, number: int, labels: list[str]) -> Json:
        """Point labels at a version, and away from the others."""
        for row in self.prompts[name]:
            kept = set(row["labels"]) - set(labels)
            row["labels"] = sorted(kept | set(labels) if row["version"] == number else kept)
        return self.prompts[name][number - 1]


@contextmanager
def langfuse_server() -> Iterator[LangfuseServer]:
    """An empty project."""
    server = LangfuseServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def langfuse(self) -> LangfuseServer:
        return cast(LangfuseServer, self.server)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if not self._allowed():
            return
        if url.path == _PROMPTS:
            self._answer(200, self._list(query))
            return
        name = unquote(url.path.removeprefix(f"{_PROMPTS}/"))
        if query.get("resolve") != "false":
            self._answer(400, {"message": "only the raw prompt is here: resolve=false"})
            return
        for row in self.langfuse.prompts.get(name, []):
            if str(row["version"]) == query.get("version") or query.get("label") in row["labels"]:
                self._answer(200, row)
                return
        self._answer(404, {"error": "LangfuseNotFoundError", "message": "Prompt not found"})

    def do_POST(self) -> None:
        body = self._body()
        if self._allowed():
            with self.langfuse.lock:
                self.langfuse.writes += 1
                self._answer(201, self.langfuse.create(body))

    def do_PATCH(self) -> None:
        body = self._body()
        found = re.fullmatch(rf"{_PROMPTS}/([^/]+)/versions/([0-9]+)", urlsplit(self.path).path)
        if not found:
            self._answer(404, {"message": "no such route"})
        elif self._allowed():
            name, number = unquote(found[1]), int(found[2])
            if "latest" in body["newLabels"]:
                self._answer(400, {"message": "latest is reserved"})
                return
            with self.langfuse.lock:
                self.langfuse.writes += 1
                self._answer(200, self.langfuse.set_labels(name, number, body["newLabels"]))

    def _list(self, query: dict[str, str]) -> Json:
        limit, page = int(query.get("limit", PAGE)), int(query.get("page", 1))
        names = [n for n in sorted(self.langfuse.prompts) if query.get("name") in (None, n)]
        metas = []
        for name in names[(page - 1) * limit : page * limit]:
            rows = self.langfuse.prompts[name]
            metas.append(
                {
                    "name": name,
                    "type": rows[-1]["type"],
                    "versions": [row["version"] for row in rows],
                    "labels": sorted({label for row in rows for label in row["labels"]}),
                    "tags": rows[-1]["tags"],
                    "lastUpdatedAt": rows[-1]["updatedAt"],
                    "lastConfig": rows[-1]["config"],
                }
            )
        pages = -(-len(names) // limit)
        meta = {"page": page, "limit": limit, "totalItems": len(names), "totalPages": pages}
        return {"data": metas, "meta": meta}

    def _allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        wanted = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
        if given == f"Basic {wanted}":
            return True
        self._answer(401, {"error": "Unauthorized", "message": "Invalid credentials"})
        return False

    def _body(self) -> Json:
        body: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _answer(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass
