"""``promptrelease-operator``: the command."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from kubernetes.aio import config
from kubernetes.aio.client import ApiClient

from promptrelease.controller.client import configuration
from promptrelease.controller.kube import Kube
from promptrelease.controller.operate import operate

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
        "--health-port", type=int, default=8080, help="for the probes; 0 for none (default: 8080)"
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
    return result


def main() -> int:
    """Run until SIGTERM or SIGINT; 1 when something failed that a restart may mend."""
    args = parser().parse_args()
    logging.basicConfig(
        level=args.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if args.log_level != "debug":
        logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(_run(args))
    except config.ConfigException as error:
        print(f"no cluster to talk to: {error}", file=sys.stderr)
        return 2
    except Exception:
        logger.exception("stopping; a restart begins anew from what is on the cluster")
        return 1
    return 0


async def _run(args: argparse.Namespace) -> None:
    client = await configuration(args.kubeconfig, args.context)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with ApiClient(client) as api:
        await operate(Kube(api), client, args, stop)


if __name__ == "__main__":
    sys.exit(main())
