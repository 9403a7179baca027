"""``kubectl prompt``, which is also ``promptrelease``: all commands, and how they end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import typer

from promptrelease.cli.manifests import ManifestError
from promptrelease.cli.output import complain
from promptrelease.views.failures import CODES, Failure

GROUPS = (
    *("look", "compare", "follow", "move", "decide", "write", "lint"),
    *("files", "doctor", "exchange"),
)
"""Modules of ``promptrelease.cli.commands``, in the order of ``--help``."""

DEBUG = "PROMPTRELEASE_DEBUG"
COMPLETION = frozenset({"--install-completion", "--show-completion"})


def app() -> typer.Typer:
    """The command line. Each module of ``commands`` has an ``add(app)``."""
    made = typer.Typer(
        name="kubectl prompt",
        help="Prompts, released the way Kubernetes people release everything else.",
        epilog=CODES,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    for group in GROUPS:
        import_module(f"promptrelease.cli.commands.{group}").add(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: see ``failures``."""
    program = Path(sys.argv[0]).name
    arguments = sys.argv[1:] if argv is None else list(argv)
    name = "kubectl-prompt" if program.startswith("kubectl-prompt") else "promptrelease"
    variable = f"_{name.upper().replace('-', '_')}_COMPLETE"
    if not COMPLETION.intersection(arguments):
        # What people type. A shell's completion is of the executable, which is one word.
        name = name.replace("-", " ")
    try:
        app()(args=arguments, prog_name=name, complete_var=variable)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
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
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        complain(f"a bug: {error!r}", f"please report it, with what {DEBUG}=1 shows")
        return 1
    return 0


def run() -> None:
    """Entry point of the executables."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal or a file of another encoding can't hold is spelt out.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())


if __name__ == "__main__":
    run()
