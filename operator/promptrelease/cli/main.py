"""``promptrelease``: the command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from promptrelease.cli import chain, render
from promptrelease.cli.manifests import ManifestError


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(
        prog="promptrelease", description="Prompts, released the way Kubernetes releases."
    )
    commands = result.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser(
        "render",
        help="write the files that workloads mount, from manifests alone",
        description=(
            "Write, for every label of every PromptRelease in the manifests, the files that the "
            "operator would serve, into DIR/<release>.<label>/. Prompts without a release are "
            "written under their latest version. With the output of `kubectl get prel,pver -o "
            "yaml` the files are those of the cluster, to the byte."
        ),
    )
    one.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="YAML or JSON; a folder; - for input"
    )
    one.add_argument("--out", required=True, type=Path, metavar="DIR", help="where to write")
    one.add_argument(
        "--since",
        metavar="TIME",
        help="RFC 3339 time of first moves in metadata.json (default: $SOURCE_DATE_EPOCH, or now)",
    )
    one.set_defaults(run=render.run)
    one = commands.add_parser(
        "chain",
        help="which versions were served together at a moment, and what has moved since",
        description=(
            "Ask the change log: kubectl get pchg,pver -o json | promptrelease chain NAME --at TIME"
        ),
    )
    one.add_argument("prompt", metavar="NAME", help="any prompt of the chain")
    one.add_argument(
        "-f",
        "--file",
        dest="files",
        action="append",
        type=Path,
        metavar="FILE",
        help="PromptChanges and PromptVersions, YAML or JSON (default: input)",
    )
    one.add_argument("-l", "--label", default="production", help="default: production")
    one.add_argument("-n", "--namespace", help="of the objects in the files, if there are several")
    when = one.add_mutually_exclusive_group()
    when.add_argument("--at", metavar="TIME", help="RFC 3339 (default: now)")
    when.add_argument(
        "--digest", help="when this was served last, as in metadata.json; may be cut short"
    )
    one.add_argument("-o", "--output", choices=["text", "json"], default="text")
    one.set_defaults(run=chain.run)
    return result


def main(argv: list[str] | None = None) -> int:
    """Run a command; 1 when the manifests are at fault, 2 when the command line is."""
    args = parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except ManifestError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
