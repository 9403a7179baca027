"""``promptrelease-operator``: the command."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient

from promptrelease.controller import logs
from promptrelease.controller.client import configuration
from promptrelease.controller.kube import Kube, fenced
from promptrelease.controller.leader import LEASE_SECONDS
from promptrelease.controller.operate import operate, stop_on_signals

logger = logging.getLogger("promptrelease")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="promptrelease-operator",
        description="Serve labelled prompt versions through ConfigMaps.",
    )
    result.add_argument(
        "-n",
        "--namespace",
        default=os.environ.get("PROMPTRELEASE_NAMESPACE", ""),
        help="work in this namespace only (default: all; env PROMPTRELEASE_NAMESPACE)",
    )
    result.add_argument("--kubeconfig", type=Path, help="default: in the pod, else $KUBECONFIG")
    result.add_argument("--context", help="context of the kubeconfig (default: its current one)")
    result.add_argument(
        "--health-port",
        type=int,
        default=8080,
        help="for the probes and /metrics; 0 for none (default: 8080)",
    )
    result.add_argument(
        "--release-metrics",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="metrics of single releases: served versions, conditions, moves that wait "
        "(default: yes)",
    )
    result.add_argument(
        "--leader-elect",
        action=argparse.BooleanOptionalAction,
        default=os.environ.get("PROMPTRELEASE_LEADER_ELECT", "").lower() in ("1", "true", "yes"),
        help="write only while holding a Lease, so that several may run "
        "(default: no; env PROMPTRELEASE_LEADER_ELECT)",
    )
    result.add_argument(
        "--lease",
        default=os.environ.get("PROMPTRELEASE_LEASE", ""),
        metavar="NAMESPACE/NAME",
        help="which Lease (default: promptrelease-operator in the pod's own namespace; "
        "env PROMPTRELEASE_LEASE)",
    )
    result.add_argument(
        "--lease-seconds",
        type=int,
        default=LEASE_SECONDS,
        metavar="SECONDS",
        help="after which another may lead when it is not renewed (default: %(default)s)",
    )
    result.add_argument(
        "--identity",
        default=os.environ.get("PROMPTRELEASE_IDENTITY", ""),
        help="as the Lease's holder; of no two that run at once the same "
        "(default: the host's name and a random part; env PROMPTRELEASE_IDENTITY)",
    )
    result.add_argument(
        "--resync",
        type=float,
        default=600,
        metavar="SECONDS",
        help="look at every prompt again this often; 0 for never (default: 600)",
    )
    result.add_argument(
        "--max-jobs",
        type=int,
        default=10,
        metavar="N",
        help="run at most so many evaluations at once, over all namespaces (default: 10)",
    )
    result.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"]
    )
    result.add_argument(
        "--log-format",
        type=_log_format,
        default=os.environ.get("PROMPTRELEASE_LOG_FORMAT") or "text",
        metavar="|".join(logs.FORMATS),
        help="for people, or a JSON object a line (default: text; env PROMPTRELEASE_LOG_FORMAT)",
    )
    return result


def main() -> int:
    """Run until SIGTERM or SIGINT; 1 when something failed that a restart may mend."""
    args = parser().parse_args()
    logs.configure(args.log_format, args.log_level)
    try:
        asyncio.run(_run(args))
    except config.ConfigException as error:
        logger.error("no cluster to talk to: %s", error)  # noqa: TRY400
        return 2
    except Exception:
        logger.exception("stopping; a restart begins anew from what is on the cluster")
        return 1
    return 0


def _log_format(text: str) -> str:
    if text not in logs.FORMATS:
        raise argparse.ArgumentTypeError(f"{' or '.join(logs.FORMATS)}, not {text!r}")
    return text


async def _run(args: argparse.Namespace) -> None:
    client = await configuration(args.kubeconfig, args.context)
    fenced(client)
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with ApiClient(client) as api:
        await operate(Kube(api), client, args, stop)


if __name__ == "__main__":
    sys.exit(main())
