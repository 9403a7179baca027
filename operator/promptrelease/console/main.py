"""``promptrelease-console``: the program."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import uvicorn

from promptrelease.console.app import create
from promptrelease.console.settings import Settings


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="promptrelease-console", description=__doc__)
    parser.add_argument("--server", required=True, help="the API server's URL")
    parser.add_argument("--ca-file", default="", help="who signed its certificate, PEM")
    parser.add_argument("--url", required=True, help="where people reach the console")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    settings = Settings(
        server=given.server,
        ca_file=given.ca_file,
        secret=os.environ["PROMPTRELEASE_CONSOLE_SECRET"],
        url=given.url,
        namespace=given.namespace,
        secure=given.url.startswith("https:"),
    )
    uvicorn.run(create(settings), host=given.host, port=given.port, server_header=False)


if __name__ == "__main__":
    main()
