"""``kubectl prompt``, which is also ``promptrelease``: all commands, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click
import typer

from promptrelease.cli.failures import CODES, Failure
from promptrelease.cli.manifests import ManifestError
from promptrelease.cli.output import complain

GROUPS = ("files",)
"""Modules of ``promptrelease.cli.commands``, in the order of ``--help``."""


def app() -> typer.Typer:
    """The command line. Each module of ``commands`` has an ``add(app)``."""
    made = typer.Typer(
        name="kubectl prompt",
        help="Prompts, released the way Kubernetes people release everything else.",
        epilog=CODES,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    for group in GROUPS:
        import_module(f"promptrelease.cli.commands.{group}").add(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: see ``failures``."""
    program = Path(sys.argv[0]).name
    name = "kubectl prompt" if program.startswith("kubectl-prompt") else "promptrelease"
    try:
        code = app()(
            args=list(argv) if argv is not None else None, prog_name=name, standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("stopped; nothing more is done")
        return 130
    except Failure as error:
        complain(str(error), error.hint)
        return error.code
    except ManifestError as error:
        complain(str(error))
        return 1
    except BrokenPipeError:
        # Whoever read the output has enough of it; there is nobody to tell.
        sys.stderr.close()
        return 0
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return 1
    return code if isinstance(code, int) else 0


def run() -> None:
    """Entry point of the executables."""
    sys.exit(main())


if __name__ == "__main__":
    run()
