"""A small service that answers with the prompt it would send to a model.

``GET /`` answers in JSON, from one snapshot. ``GET /healthz`` is its readiness: 503 while a prompt
can't be read. PROMPTS names the folder of mounts, PROMPT one of them (the first when it is absent),
PORT where to listen.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from promptrelease import Prompts

PROMPTS = Prompts(os.environ.get("PROMPTS", "/prompts"))
NAME = os.environ.get("PROMPT") or next(iter(PROMPTS))


def answer() -> dict[str, Any]:
    """What would be sent now, and where it comes from."""
    prompt = PROMPTS[NAME]
    return {
        "text": prompt.compile(ticket="Order 1042 never arrived."),
        "model": prompt.model.name,
        "name": prompt.name,
        "version": prompt.version,
        "label": prompt.label,
        "digest": prompt.digest,
        "revision": prompt.revision,
    }


class Handler(BaseHTTPRequestHandler):
    """Answers with HTTP/1.1, so that a client can keep its connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/healthz":
            health = PROMPTS.health()
            self._send(200 if not health.problems else 503, {"problems": len(health.problems)})
        elif self.path == "/":
            self._send(200, answer())
        else:
            self._send(404, {})

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: a line for each request would be most of what it does."""

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    """Serve until SIGTERM."""
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler)
    server.daemon_threads = True
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop.wait()
    PROMPTS.close()
    sys.exit(0)


if __name__ == "__main__":
    main()
