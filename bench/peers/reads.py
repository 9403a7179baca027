"""Reads of one prompt, each client's from its own warm cache, all in one process and by turns.

Runs in the peers' environment, with our reader in PYTHONPATH. The Langfuse SDK gets the prompt from
a stub server, MLflow from SQLite, we from a mount: once each. Prints as its last line
``{"read, 1 thread": {"dict lookup": nanoseconds, "promptrelease": …, …}, …}``: wall time by reads,
the median of the rounds.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
import timeit
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.mounts import files_of, swap
from promptrelease import Prompts

KEY = "ticket-summary"
TEXT = "Summarize the ticket below for {{product}} in two sentences.\n\n{{ticket}}\n\nBe brief."
FORMAT = TEXT.replace("{{", "{").replace("}}", "}")
VARIABLES = {"ticket": "My invoice of {{month}} is wrong. " * 5, "product": "Acme"}
ROUNDS = 9
SAMPLE = 0.1  # seconds

READS = {
    "dict lookup": "plain['ticket-summary']",
    "promptrelease": "prompts['ticket-summary']",
    "Langfuse": "langfuse.get_prompt('ticket-summary', label='production')",
    "MLflow": "load_prompt('prompts:/ticket-summary@production')",
}
COMPILES = {
    "dict lookup": "plain['ticket-summary'].format(ticket=ticket, product=product)",
    "promptrelease": READS["promptrelease"] + ".compile(ticket=ticket, product=product)",
    "Langfuse": READS["Langfuse"] + ".compile(ticket=ticket, product=product)",
    "MLflow": READS["MLflow"] + ".format(ticket=ticket, product=product)",
}


def main() -> None:
    """Measure every case and print the medians."""
    measured = {}
    with contextlib.ExitStack() as stack:
        names = _clients(stack)
        _check(names)
        for case, statements in (("read", READS), ("read and compile", COMPILES)):
            for threads in (1, 8):
                plural = "s" if threads > 1 else ""
                name = f"{case}, {threads} thread{plural}"
                print(f"bench: {name}", file=sys.stderr, flush=True)
                measured[name] = _measure(statements, names, threads)
    print(json.dumps(measured))


def _measure(statements: dict[str, str], names: dict[str, Any], threads: int) -> dict[str, float]:
    """Nanoseconds a statement; the rounds take turns, so that all see the same machine."""
    timers = {client: timeit.Timer(text, globals=names) for client, text in statements.items()}
    numbers = {client: _calibrated(timer) // threads for client, timer in timers.items()}
    samples: dict[str, list[float]] = {client: [] for client in timers}
    for _ in range(ROUNDS):
        for client, number in numbers.items():
            seconds = _in_threads(statements[client], names, number, threads)
            samples[client].append(seconds / (number * threads) * 1e9)
    return {client: statistics.median(values) for client, values in samples.items()}


def _calibrated(timer: timeit.Timer) -> int:
    number, seconds = timer.autorange()
    return max(8, int(number * SAMPLE / seconds))


def _in_threads(statement: str, names: dict[str, Any], number: int, threads: int) -> float:
    """Seconds until all threads have run the statement ``number`` times each."""
    if threads == 1:
        return timeit.Timer(statement, globals=names).timeit(number)
    ready = threading.Barrier(threads + 1)

    def work(timer: timeit.Timer) -> None:
        ready.wait()
        timer.timeit(number)

    workers = [
        threading.Thread(target=work, args=(timeit.Timer(statement, globals=names),))
        for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


def _clients(stack: contextlib.ExitStack) -> dict[str, Any]:
    """The names that the statements use, every client's cache warm."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    swap(
        folder / "mount",
        files_of(
            7,
            text=TEXT,
            variables={"ticket": {"type": "string"}, "product": {"type": "string"}},
        ),
    )
    return {
        "plain": {KEY: FORMAT},
        "prompts": stack.enter_context(Prompts(folder / "mount")),
        "langfuse": stack.enter_context(_langfuse()),
        "load_prompt": _mlflow(folder),
        **VARIABLES,
    }


def _check(names: dict[str, Any]) -> None:
    """All must give the same text, or the comparison means nothing."""
    texts = {client: eval(statement, names) for client, statement in COMPILES.items()}
    if len(set(texts.values())) != 1:
        raise SystemExit(f"the clients disagree: {texts}")


@contextlib.contextmanager
def _langfuse() -> Iterator[Any]:
    """The SDK's client, and the stub that it got its prompt from."""
    os.environ["LANGFUSE_PROMPT_CACHE_DEFAULT_TTL_SECONDS"] = "3600"  # read by the import
    from langfuse import Langfuse

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Langfuse(
        public_key="pk-bench",
        secret_key="sk-bench",
        base_url=f"http://127.0.0.1:{server.server_port}",
        tracing_enabled=False,
    )
    client.get_prompt(KEY, label="production")
    yield client
    client.shutdown()
    server.shutdown()


class _Stub(BaseHTTPRequestHandler):
    """``GET /api/public/v2/prompts/<name>``."""

    def do_GET(self) -> None:
        body = json.dumps(
            {
                "type": "text",
                "name": KEY,
                "version": 7,
                "prompt": TEXT,
                "config": {},
                "labels": ["production"],
                "tags": [],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def _mlflow(folder: Path) -> Callable[..., Any]:
    """MLflow's ``load_prompt`` with a registered prompt in SQLite."""
    os.environ["MLFLOW_ALIAS_PROMPT_CACHE_TTL_SECONDS"] = "3600"
    logging.disable(logging.INFO)
    # It warns that mlflow.load_prompt has moved, whichever of the two is called.
    warnings.simplefilter("ignore", FutureWarning)
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    # Unset, MLflow looks for a Spark session at each read: five times as slow without one.
    mlflow.set_registry_uri(f"sqlite:///{folder}/mlflow.db")
    version = mlflow.genai.register_prompt(name=KEY, template=TEXT)
    mlflow.genai.set_prompt_alias(name=KEY, alias="production", version=version.version)
    mlflow.genai.load_prompt(f"prompts:/{KEY}@production")
    load: Callable[..., Any] = mlflow.genai.load_prompt
    return load


if __name__ == "__main__":
    main()
