"""``/metrics``: what was counted and what there is, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Mapping

from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from promptrelease.controller import series
from promptrelease.controller.gauges import State
from promptrelease.controller.metrics import REGISTRY

OPENMETRICS = "application/openmetrics-text"
END = b"# EOF\n"
"""Of OpenMetrics; the older format just ends."""

COMPRESSION = 1
"""The fastest: it already makes a thirtieth of it."""


async def exposed(state: State, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The answer to a scrape, and its headers.

    Args:
        state: what there is.
        headers: of the request: format (OpenMetrics or text) and compression are as it asks.

    """
    encode, content_type = choose_encoder(headers.get("Accept", ""))
    text = encode(_Collected((*REGISTRY.collect(), *state.collect())))
    if state.each_release:
        openmetrics = content_type.startswith(OPENMETRICS)
        more = await series.written(state.store, openmetrics=openmetrics)
        text = text.removesuffix(END) + more.encode() + (END if openmetrics else b"")
    answer = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if gzip_accepted(headers.get("Accept-Encoding", "")):
        text = await asyncio.to_thread(gzip.compress, text, COMPRESSION)
        answer["Content-Encoding"] = "gzip"
    return text, answer


class _Collected(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
